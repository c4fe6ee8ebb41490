#!/usr/bin/env python3
"""Write Fashion-MNIST pictures as greyscale PNG files with an index.csv.

    python3 export_pictures.py                renew pictures/ and calibration/
    python3 export_pictures.py --all DIR      all 10,000 test pictures into DIR

pictures/ holds the first 4 test pictures of each class, calibration/ the first
10 training pictures of each class, both in the order of the data set.
"""

import argparse
import csv
import pathlib
import re

import numpy as np
from PIL import Image

import dataset

HERE = pathlib.Path(__file__).parent
TEST_PER_CLASS = 4
CALIBRATION_PER_CLASS = 10


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Write Fashion-MNIST pictures as PNG files with an index.csv."
    )
    parser.add_argument(
        "--all",
        metavar="DIR",
        help="write all 10,000 test pictures to DIR instead of the two small sets",
    )
    parser.add_argument(
        "--data",
        default=dataset.DEFAULT_FOLDER,
        help="folder of the four IDX files (default: %(default)s)",
    )
    return parser.parse_args()


def file_stem(class_name):
    return re.sub(r"[^a-z0-9]+", "_", class_name.lower())


def first_of_each_class(classes, count):
    """Positions of the first `count` pictures of each class, ascending."""
    positions = [np.flatnonzero(classes == c)[:count] for c in np.unique(classes)]
    return np.sort(np.concatenate(positions))


def write_pictures(folder, pictures, classes):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stems = [file_stem(name) for name in dataset.class_names()]
    digits = max(3, len(str(len(pictures) - 1)))
    with open(folder / "index.csv", "w", encoding="utf-8", newline="") as stream:
        index = csv.writer(stream, lineterminator="\n")
        index.writerow(["file", "class"])
        for number, (pixels, c) in enumerate(zip(pictures, classes)):
            name = f"{number:0{digits}d}_{stems[c]}.png"
            Image.fromarray(pixels, mode="L").save(folder / name, optimize=True)
            index.writerow([name, c])
    print(f"{folder}: {len(pictures)} pictures")


def write_small_set(folder, pictures, classes, count):
    chosen = first_of_each_class(classes, count)
    write_pictures(folder, pictures[chosen], classes[chosen])


def main():
    options = parse_arguments()
    test = dataset.load(options.data, "t10k")
    if options.all:
        write_pictures(options.all, *test)
        return
    write_small_set(HERE / "pictures", *test, TEST_PER_CLASS)
    training = dataset.load(options.data, "train")
    write_small_set(HERE / "calibration", *training, CALIBRATION_PER_CLASS)


if __name__ == "__main__":
    main()
