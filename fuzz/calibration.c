/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calibration files: what parses is written back byte for byte.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "calib/calib.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = malloc(size ? size : 1);
    if (!bytes)
        return 0;
    if (size)
        memcpy(bytes, data, size);
    tdi_calibration_set set;
    td_error err = {TD_OK, 0, ""};
    if (tdi_calibration_set_parse(bytes, size, &set, &err) == TD_OK) {
        uint8_t *again = NULL;
        size_t again_size = 0;
        tdi_hash hash = set.hash;
        if (tdi_calibration_set_write(&set, &again, &again_size, &err) != TD_OK)
            abort();
        assert(again_size == size && memcmp(again, bytes, size) == 0);
        assert(tdi_hash_equal(&hash, &set.hash));
        tdi_free(again);
        tdi_calibration_set_clear(&set);
    } else {
        assert(err.offset >= 0 && (size_t)err.offset <= size && err.message[0]);
    }
    free(bytes);
    return 0;
}
