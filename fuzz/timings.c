/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of kernel timings: as it is, and behind the first line that this machine accepts.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/timings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const char *text, size_t size) {
    tdi_timing timing = {0};
    tdi_timings *timings = tdi_timings_new();
    assert(timings);
    assert(tdi_timings_parse(timings, text, size, NULL) == TD_OK);
    if (tdi_timings_find(timings, "a", &timing))
        assert(timing.time >= 0 && timing.in < TDI_FORMS && timing.out < TDI_FORMS);
    tdi_timings_unref(timings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char machine[65], first[96];
    tdi_timings_machine(machine);
    int length = snprintf(first, sizeof first, "tandem-timings 1 %s\n", machine);
    char *text = malloc((size_t)length + size), *bare = malloc(size + !size);
    if (text && bare) {
        memcpy(text, first, (size_t)length);
        if (size) {
            memcpy(text + length, data, size);
            memcpy(bare, data, size);
        }
        parse(bare, size);
        parse(text, (size_t)length + size);
    }
    free(text);
    free(bare);
    return 0;
}
