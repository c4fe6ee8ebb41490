/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder of `png` on tiled levels of every depth.
 */
#include "decode.h"

static const fuzz_codec codecs[] = {
    {"uniform:levels=2,min=0,max=1+png:level=1", FEATURES(3, 3, 3)},
    {"uniform:levels=3,min=0,max=1+png:level=1", FEATURES(3, 3, 3)},
    {"uniform:levels=16,min=0,max=1+png:level=1", FEATURES(3, 3, 3)},
    {"uniform:levels=200,min=0,max=1+png:level=1", FEATURES(3, 3, 3)},
    {"uniform:levels=1000,min=0,max=1+png:level=1", FEATURES(3, 3, 3)},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_decode(codecs, sizeof codecs / sizeof codecs[0], 1, data, size);
    return 0;
}
