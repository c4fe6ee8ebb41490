#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks every #include against the table of layers.

Each folder of src/ may include the public headers, itself, and what the table lists. cli/, examples/ and
bindings/ may include public headers alone. Libraries of the system are not looked at, except that only net/ may
know sockets.
"""
import pathlib
import re
import sys

ALLOWED = {
    "base": [],
    "tensor": ["base"],
    "graph": ["base", "tensor"],
    "engine": ["base", "tensor", "graph"],
    "calib": ["base", "tensor"],
    "codec": ["base", "tensor", "calib"],
    "media": ["base", "tensor"],
    "profile": ["base"],
    "bundle": ["base", "tensor", "graph", "calib", "profile", "media"],
    "pipeline": ["base", "tensor", "graph", "engine", "calib", "codec", "media", "profile", "bundle"],
    "wire": ["base"],
    "crypto": ["base"],
    "session": ["base", "wire", "crypto"],
    "control": ["base", "profile"],
}
OFFLINE = list(ALLOWED)[:10]
ALLOWED["lab"] = OFFLINE
CORE = list(ALLOWED)
CORE.remove("lab")
ALLOWED["device"] = CORE
ALLOWED["server"] = CORE
ALLOWED["net"] = CORE + ["device", "server"]
ALLOWED["sim"] = CORE + ["device", "server"]

PUBLIC_ONLY = ["cli", "examples", "bindings"]
SOCKET_HEADERS = re.compile(r"sys/socket\.h|netinet/|arpa/inet\.h|netdb\.h|^uv\.h")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def includes(path):
    return INCLUDE.findall(path.read_text(encoding="utf-8"))


def check_source(root, path, faults):
    folder = path.relative_to(root / "src").parts[0]
    if folder not in ALLOWED:
        faults.append(f"{path.relative_to(root)}: the folder is not in the table of layers")
        return
    for kind, name in includes(path):
        if SOCKET_HEADERS.search(name) and folder != "net":
            faults.append(f"{path.relative_to(root)}: only net/ may include <{name}>")
        if kind == "<":
            continue
        first = name.split("/")[0]
        if "/" not in name and (path.parent / name).exists():
            faults.append(f'{path.relative_to(root)}: "{name}" should be named by its folder')
        elif first in ALLOWED and first != folder and first not in ALLOWED[folder]:
            faults.append(f'{path.relative_to(root)}: {folder}/ may not include "{name}"')


def check_user(root, path, faults):
    for kind, name in includes(path):
        inside = (path.parent / name).exists()
        if kind == '"' and not inside:
            faults.append(f'{path.relative_to(root)}: only public headers may be included, not "{name}"')


def check_public(root, path, faults):
    for kind, name in includes(path):
        if kind == '"' or ("/" in name and not name.startswith("tandem/")):
            faults.append(f"{path.relative_to(root)}: a public header includes {name}")


def main():
    root = pathlib.Path(sys.argv[1])
    faults = []
    files = 0
    for folder, check in [("src", check_source), ("include", check_public)] + [
        (name, check_user) for name in PUBLIC_ONLY
    ]:
        for path in sorted((root / folder).rglob("*.[ch]")):
            check(root, path, faults)
            files += 1
    for fault in faults:
        print(fault)
    print(f"{files} files, {len(faults)} includes outside the table")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main())
