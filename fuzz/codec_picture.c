/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The picture codecs at the cut `input`.
 */
#include "decode.h"

static const fuzz_codec codecs[] = {
    {"picture+jpeg:quality=50", PICTURE(3, 17, 9)},
    {"picture+jpeg:quality=50", PICTURE(1, 17, 9)},
    {"picture+png:level=1", PICTURE(3, 17, 9)},
    {"picture+png:level=1", PICTURE(1, 17, 9)},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_decode(codecs, sizeof codecs / sizeof codecs[0], 0, data, size);
    return 0;
}
