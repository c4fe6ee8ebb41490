/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NumPy files; and what is read is written and read back the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tensor/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read_back(const td_array *array) {
    uint8_t *file;
    size_t size;
    td_array back;
    assert(tdi_npy_format(array, &file, &size, NULL) == TD_OK);
    assert(tdi_npy_parse(file, size, &back, NULL) == TD_OK);
    assert(back.dtype == array->dtype && td_shape_equal(&back.shape, &array->shape));
    assert(back.bytes == array->bytes && !memcmp(back.data, array->data, back.bytes));
    td_array_clear(&back);
    tdi_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = malloc(size + !size);
    if (!bytes)
        return 0;
    if (size)
        memcpy(bytes, data, size);
    td_array array;
    td_error err = {TD_OK, 0, ""};
    if (tdi_npy_parse(bytes, size, &array, &err) == TD_OK) {
        assert(array.bytes <= size);
        write_and_read_back(&array);
        td_array_clear(&array);
    } else {
        assert(err.message[0]);
    }
    free(bytes);
    return 0;
}
