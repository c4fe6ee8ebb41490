"""Reading Fashion-MNIST as the Debian package dataset-fashion-mnist installs it."""

import gzip
import pathlib

import numpy as np

DEFAULT_FOLDER = pathlib.Path("/usr/share/datasets/fashion-mnist")
LABELS_FILE = pathlib.Path(__file__).with_name("labels.txt")

IMAGE_MAGIC = 0x0803
LABEL_MAGIC = 0x0801


def class_names():
    """The ten class names; the position of a name is its class number."""
    return LABELS_FILE.read_text(encoding="utf-8").splitlines()


def read_idx(path, magic):
    """Read one gzip-compressed IDX file of bytes into an array of its shape."""
    with gzip.open(path, "rb") as stream:
        data = stream.read()
    if int.from_bytes(data[:4], "big") != magic:
        raise ValueError(f"{path}: not an IDX file of the expected kind")
    dimensions = magic & 0xFF
    shape = np.frombuffer(data, dtype=">u4", count=dimensions, offset=4)
    values = np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * dimensions)
    return values.reshape([int(size) for size in shape])


def load(folder, part):
    """Return (pictures, classes) of part "train" or "t10k".

    Pictures are uint8 of shape [count, 28, 28], white garment on black.
    """
    folder = pathlib.Path(folder)
    pictures = read_idx(folder / f"{part}-images-idx3-ubyte.gz", IMAGE_MAGIC)
    classes = read_idx(folder / f"{part}-labels-idx1-ubyte.gz", LABEL_MAGIC)
    if len(pictures) != len(classes):
        raise ValueError(f"{folder}: {part} has unequal pictures and labels")
    return pictures, classes
