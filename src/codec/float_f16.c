/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `f16`: every element as little-endian IEEE binary16, nearest, ties to even. It is finite on the
 * wire: magnitudes above 65504 become 65504, NaN becomes 0.
 */
#include <string.h>

#include "base/memory.h"
#include "codec/stage.h"
#include "tensor/tensor.h"

#define F16_MAX        65504.0f
#define CHUNK_ELEMENTS 256

typedef struct f16_state {
    size_t elements;
} f16_state;

static td_status f16_open(const tdi_stage_spec *spec, const tdi_stage_context *context,
                          void **state, td_error *err) {
    (void)spec;
    f16_state *s = tdi_malloc(sizeof *s);
    if (!s)
        return tdi_fail_memory(err);
    s->elements = context->elements;
    *state = s;
    return TD_OK;
}

static size_t f16_bound(const void *state) {
    return ((const f16_state *)state)->elements * 2;
}

static void saturate(float *out, const float *in, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float v = in[i];
        v = v == v ? v : 0.0f;
        v = v < F16_MAX ? v : F16_MAX;
        out[i] = v > -F16_MAX ? v : -F16_MAX;
    }
}

static td_status f16_encode(void *state, const void *values, uint8_t *out, size_t out_bytes,
                            size_t *written, td_error *err) {
    const f16_state *s = state;
    const float *in = values;
    size_t bytes = f16_bound(s);
    if (bytes > out_bytes)
        return tdi_fail(err, TD_LIMIT, "f16: %zu bytes do not fit into %zu", bytes, out_bytes);
    for (size_t at = 0; at < s->elements; at += CHUNK_ELEMENTS) {
        float finite[CHUNK_ELEMENTS];
        uint16_t half[CHUNK_ELEMENTS];
        size_t n = s->elements - at < CHUNK_ELEMENTS ? s->elements - at : CHUNK_ELEMENTS;
        saturate(finite, in + at, n);
        tdi_f16_from_f32_array(half, finite, n);
        for (size_t i = 0; i < n; i++) {
            out[2 * (at + i)] = (uint8_t)half[i];
            out[2 * (at + i) + 1] = (uint8_t)(half[i] >> 8);
        }
    }
    *written = bytes;
    return TD_OK;
}

static td_status f16_decode(void *state, const uint8_t *bytes, size_t count, void *values,
                            td_error *err) {
    const f16_state *s = state;
    float *out = values;
    if (count != f16_bound(s))
        return tdi_fail(err, TD_FORMAT, "f16: %zu bytes where the tensor has %zu", count,
                        f16_bound(s));
    for (size_t at = 0; at < s->elements; at += CHUNK_ELEMENTS) {
        uint16_t half[CHUNK_ELEMENTS];
        size_t n = s->elements - at < CHUNK_ELEMENTS ? s->elements - at : CHUNK_ELEMENTS;
        int infinite = 0;
        for (size_t i = 0; i < n; i++) {
            half[i] = (uint16_t)(bytes[2 * (at + i)] | bytes[2 * (at + i) + 1] << 8);
            infinite |= (half[i] & 0x7fff) >= 0x7c00;
        }
        if (infinite)
            return tdi_fail_at(
                err, TD_FORMAT, (int64_t)(2 * at),
                "f16: a value after byte %zu is infinite or NaN, which an encoder never writes",
                2 * at);
        tdi_f32_from_f16_array(out + at, half, n);
    }
    return TD_OK;
}

static void f16_affine(const void *state, tdi_quantizer_affine *out) {
    (void)state;
    tdi_quantizer_affine a = {1, 0, 0};
    *out = a;
}

static const tdi_bytes_ops f16_ops = {f16_bound, f16_encode, f16_decode};

const tdi_stage tdi_stage_f16 = {
    .info = {.name = "f16",
             .kind = TD_STAGE_FLOATS,
             .help = "every element as float16; magnitudes above 65504 become 65504"},
    .open = f16_open,
    .close = tdi_free,
    .affine = f16_affine,
    .bytes = &f16_ops,
};
