/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes what the cases of the command line run on into a folder: tiny.onnx, open.onnx, which is
 * the same with height and width left open, the records a.bin and b.bin, and the arrays one.npy and
 * two.npy, of one and two pictures.
 */
#include "../pipeline/tiny_model.h"

static void write_array(const char *folder, const char *name, int64_t batch) {
    char path[512];
    td_array array = {TD_DTYPE_F32, {4, {batch, 3, TINY_SIDE, TINY_SIDE}}, NULL, 0};
    array.bytes = (size_t)td_shape_elements(&array.shape) * sizeof(float);
    float *values = tdi_calloc(array.bytes, 1);
    for (size_t i = 0; i < array.bytes / sizeof *values; i++)
        values[i] = (float)(i % 7) / 7;
    array.data = values;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    must(td_npy_write(path, &array, err));
    td_array_clear(&array);
}

int main(int argc, char **argv) {
    char path[512];
    if (argc != 2)
        return 2;
    tiny_write(argv[1], (tiny_settings){3, 0}, path);
    tiny_write_open(argv[1], path);
    tiny_records(argv[1], "a.bin", 5, 12, path);
    tiny_records(argv[1], "b.bin", 6, 8, path);
    write_array(argv[1], "one.npy", 1);
    write_array(argv[1], "two.npy", 2);
    return 0;
}
