/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shapes as text: what is taken for one is written as it was read, but for zeros in front.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/tensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1), written[TD_RANK_MAX * 24];
    td_shape shape, again;
    td_error err = {TD_OK, 0, ""};
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    if (td_shape_parse(text, &shape, &err) == TD_OK) {
        assert(shape.rank >= 1 && shape.rank <= TD_RANK_MAX);
        td_shape_format(&shape, written, sizeof written);
        assert(td_shape_parse(written, &again, &err) == TD_OK && td_shape_equal(&shape, &again));
    } else {
        assert(err.status == TD_ARGUMENT && err.message[0]);
    }
    free(text);
    return 0;
}
