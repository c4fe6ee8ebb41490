/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `raw`: every element as it is. Floats are little-endian binary32, 8-bit pictures their samples.
 */
#include <string.h>

#include "base/memory.h"
#include "codec/stage.h"

typedef struct raw_state {
    size_t elements, element_bytes;
} raw_state;

static td_status raw_open(const tdi_stage_spec *spec, const tdi_stage_context *context,
                          void **state, td_error *err) {
    (void)spec;
    raw_state *s = tdi_malloc(sizeof *s);
    if (!s)
        return tdi_fail_memory(err);
    s->elements = context->elements;
    s->element_bytes = td_dtype_bytes(context->layout.dtype);
    *state = s;
    return TD_OK;
}

static size_t raw_bound(const void *state) {
    const raw_state *s = state;
    return s->elements * s->element_bytes;
}

static td_status raw_encode(void *state, const void *values, uint8_t *out, size_t out_bytes,
                            size_t *written, td_error *err) {
    const raw_state *s = state;
    size_t bytes = raw_bound(s);
    if (bytes > out_bytes)
        return tdi_fail(err, TD_LIMIT, "raw: %zu bytes do not fit into %zu", bytes, out_bytes);
    if (s->element_bytes == 1) {
        memcpy(out, values, bytes);
    } else {
        const uint8_t *in = values;
        for (size_t i = 0; i < s->elements; i++) {
            uint32_t v;
            memcpy(&v, in + 4 * i, 4);
            out[4 * i] = (uint8_t)v;
            out[4 * i + 1] = (uint8_t)(v >> 8);
            out[4 * i + 2] = (uint8_t)(v >> 16);
            out[4 * i + 3] = (uint8_t)(v >> 24);
        }
    }
    *written = bytes;
    return TD_OK;
}

static td_status raw_decode(void *state, const uint8_t *bytes, size_t count, void *values,
                            td_error *err) {
    const raw_state *s = state;
    if (count != raw_bound(s))
        return tdi_fail(err, TD_FORMAT, "raw: %zu bytes where the tensor has %zu", count,
                        raw_bound(s));
    if (s->element_bytes == 1) {
        memcpy(values, bytes, count);
        return TD_OK;
    }
    uint8_t *out = values;
    for (size_t i = 0; i < s->elements; i++) {
        const uint8_t *p = bytes + 4 * i;
        uint32_t v = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                     (uint32_t)p[3] << 24;
        memcpy(out + 4 * i, &v, 4);
    }
    return TD_OK;
}

static void raw_affine(const void *state, tdi_quantizer_affine *out) {
    (void)state;
    tdi_quantizer_affine a = {0, 0, 0};
    *out = a;
}

static const tdi_bytes_ops raw_ops = {raw_bound, raw_encode, raw_decode};

const tdi_stage tdi_stage_raw = {
    .info = {.name = "raw",
             .kind = TD_STAGE_FLOATS,
             .help = "every element as it is: float32, or the samples of the 8-bit picture"},
    .capabilities = TDI_STAGE_TAKES_PICTURE,
    .open = raw_open,
    .close = tdi_free,
    .affine = raw_affine,
    .bytes = &raw_ops,
};
