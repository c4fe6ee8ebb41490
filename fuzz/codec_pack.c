/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder of `pack`.
 */
#include "decode.h"

static const fuzz_codec codecs[] = {
    {"uniform:levels=2,min=0,max=1+pack", FEATURES(3, 3, 3)},
    {"uniform:levels=3,min=0,max=1+pack", FEATURES(10, 3, 3)},
    {"uniform:levels=256,min=0,max=1+pack", FEATURES(2, 2, 3)},
    {"uniform:levels=257,min=0,max=1+pack", FEATURES(2, 5, 3)},
    {"uniform:levels=1000,min=0,max=1+pack", FEATURES(2, 5, 3)},
    {"uniform:levels=65536,min=0,max=1+pack", FEATURES(2, 2, 3)},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_decode(codecs, sizeof codecs / sizeof codecs[0], 1, data, size);
    return 0;
}
