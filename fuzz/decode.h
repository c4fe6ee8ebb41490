/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the targets of the codecs' decoders share: the first byte chooses one of a few codecs, the
 * others are decoded.
 */
#ifndef TDF_DECODE_H
#define TDF_DECODE_H

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/codec.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct fuzz_codec {
    const char *strategy;
    td_layout layout;
} fuzz_codec;

#define FEATURES(c, h, w)                                                                          \
    { TD_DTYPE_F32, TD_ORDER_CHW, c, h, w }
#define PICTURE(c, h, w)                                                                           \
    { TD_DTYPE_U8, TD_ORDER_HWC, c, h, w }

/* What decodes must encode again, and decode to the same where the codec is lossless. */
static inline void fuzz_decode(const fuzz_codec *codecs, size_t count, int lossless,
                               const uint8_t *data, size_t size) {
    if (size < 1)
        return;
    const fuzz_codec *chosen = &codecs[data[0] % count];
    td_codec *codec = NULL;
    td_error err = {TD_OK, 0, ""};
    if (td_codec_open(chosen->strategy, &chosen->layout, NULL, &codec, &err) != TD_OK)
        abort();
    size_t values_bytes = (size_t)td_layout_elements(&chosen->layout) *
                          td_dtype_bytes(chosen->layout.dtype);
    size_t bound = td_codec_bound(codec), written = 0;
    uint8_t *bytes = malloc(size - 1 ? size - 1 : 1), *out = malloc(bound);
    void *values = malloc(values_bytes), *again = malloc(values_bytes);
    assert(bytes && out && values && again);
    memcpy(bytes, data + 1, size - 1);
    td_status status = td_codec_decode(codec, bytes, size - 1, values, &err);
    if (status == TD_OK) {
        if (td_codec_encode(codec, values, out, bound, &written, &err) != TD_OK ||
            td_codec_decode(codec, out, written, again, &err) != TD_OK)
            abort();
        if (lossless && memcmp(values, again, values_bytes))
            abort();
    } else {
        assert((status == TD_FORMAT || status == TD_LIMIT || status == TD_MEMORY) &&
               err.message[0]);
    }
    free(bytes);
    free(out);
    free(values);
    free(again);
    td_codec_close(codec);
}

#endif
