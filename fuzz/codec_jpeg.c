/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder of `jpeg` on tiled levels.
 */
#include "decode.h"

static const fuzz_codec codecs[] = {
    {"uniform:levels=256,min=0,max=1+jpeg:quality=50", FEATURES(4, 5, 5)},
    {"uniform:levels=7,min=0,max=1+jpeg:quality=50", FEATURES(1, 16, 16)},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_decode(codecs, sizeof codecs / sizeof codecs[0], 0, data, size);
    return 0;
}
