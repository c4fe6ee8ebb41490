/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoders of `raw` and `f16`.
 */
#include "decode.h"

static const fuzz_codec codecs[] = {
    {"raw", FEATURES(3, 2, 5)},
    {"raw", PICTURE(3, 4, 5)},
    {"f16", FEATURES(3, 2, 5)},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_decode(codecs, sizeof codecs / sizeof codecs[0], 1, data, size);
    return 0;
}
