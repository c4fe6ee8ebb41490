/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes what the cases of the command line run on into a folder: tiny.onnx, and the records a.bin
 * and b.bin.
 */
#include "../pipeline/tiny_model.h"

int main(int argc, char **argv) {
    char path[512];
    if (argc != 2)
        return 2;
    tiny_write(argv[1], (tiny_settings){3, 0}, path);
    tiny_records(argv[1], "a.bin", 5, 12, path);
    tiny_records(argv[1], "b.bin", 6, 8, path);
    return 0;
}
