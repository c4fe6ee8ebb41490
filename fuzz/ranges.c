/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of ranges: what parses is written back byte for byte.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tensor/ranges.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = malloc(size ? size : 1), *again = NULL;
    size_t again_size = 0;
    tdi_ranges ranges;
    td_error err = {TD_OK, 0, ""};
    if (!bytes)
        return 0;
    if (size)
        memcpy(bytes, data, size);
    if (tdi_ranges_parse(bytes, size, &ranges, &err) == TD_OK) {
        if (tdi_ranges_write(&ranges, &again, &again_size, &err) != TD_OK)
            abort();
        assert(again_size == size && memcmp(again, bytes, size) == 0);
        tdi_free(again);
        tdi_ranges_clear(&ranges);
    } else {
        assert(err.offset >= 0 && (size_t)err.offset <= size && err.message[0]);
    }
    free(bytes);
    return 0;
}
