# SPDX-License-Identifier: Apache-2.0
"""The models that are measured by default, and inputs for them."""
import array
import os
import pathlib
import random
import subprocess
import sys

from processes import Skipped

ROOT = pathlib.Path(__file__).resolve().parents[2]
# In the evaluation data, or made by its make_random_models.py.
STORED = {"mobilenet_v2": "mobilenet_v2.onnx", "resnet56_cifar10": "resnet56_cifar10.onnx"}
RANDOM = ["resnet18", "resnet34", "resnet50", "vgg16"]
DEFAULT = ["mobilenet_v2", *RANDOM, "resnet56_cifar10"]

INTEGERS = {"int64": "q", "int32": "i", "uint8": "B", "int8": "b", "uint16": "H", "int16": "h", "bool": "B"}


def data_folder():
    folder = pathlib.Path(os.environ.get("TANDEM_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        raise Skipped(f"no evaluation data in {folder} (set TANDEM_DATA)")
    return folder


def random_model(name, cache):
    path = cache / f"{name}_random.onnx"
    if not path.exists():
        script = data_folder() / "make_random_models.py"
        cache.mkdir(parents=True, exist_ok=True)
        print(f"making {path}", file=sys.stderr)
        made = subprocess.run(["/usr/bin/python3", script, cache, name], stdout=subprocess.DEVNULL)
        if made.returncode or not path.exists():
            raise Skipped(f"{script} could not make {name} (it needs python3-onnx and python3-numpy)")
    return path


def find(name, cache):
    """The file of a model of that name, made on demand in the folder `cache`, or the file `name` itself."""
    if name in STORED:
        path = data_folder() / "models" / STORED[name]
    elif name in RANDOM:
        path = random_model(name, cache)
    else:
        path = pathlib.Path(name)
    if not path.is_file():
        raise Skipped(f"there is no file {path}")
    return path.resolve()


def write_input(path, dtype, shape):
    """Deterministic content: floats in -1..1, integers 0 and 1."""
    count = 1
    for dim in shape:
        count *= dim
    generator = random.Random(1)
    if dtype == "float32":
        samples = array.array("h", generator.randbytes(2 * count))
        content = array.array("f", (sample / 32768 for sample in samples))
    elif dtype in INTEGERS:
        content = array.array(INTEGERS[dtype], (byte & 1 for byte in generator.randbytes(count)))
    else:
        raise Skipped(f"no inputs of type {dtype} are made here")
    path.write_bytes(content.tobytes())
