/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategy strings: what parses is written out, and that parses to the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "codec/strategy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = 0;
    tdi_strategy strategy, again;
    td_error err = {TD_OK, 0, ""};
    if (tdi_strategy_parse(text, &strategy, &err) == TD_OK) {
        char *canonical = tdi_strategy_format(&strategy);
        assert(canonical && tdi_strategy_parse(canonical, &again, &err) == TD_OK);
        char *twice = tdi_strategy_format(&again);
        assert(twice && strcmp(canonical, twice) == 0);
        tdi_free(canonical);
        tdi_free(twice);
    } else {
        assert(err.offset >= 0 && (size_t)err.offset <= size && err.message[0]);
    }
    free(text);
    return 0;
}
