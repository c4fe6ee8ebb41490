/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reference-counted tensors, and the 16-bit float formats.
 */
#include "tensor/tensor.h"

#include <string.h>

#include "base/memory.h"

tdi_tensor *tdi_tensor_hollow(td_dtype dtype, const td_shape *shape) {
    int64_t elements = td_shape_elements(shape);
    size_t element_bytes = td_dtype_bytes(dtype);
    if (elements < 0 || !element_bytes || (uint64_t)elements > SIZE_MAX / 2 / element_bytes)
        return NULL;
    tdi_tensor *tensor = tdi_calloc(1, sizeof *tensor);
    if (!tensor)
        return NULL;
    tensor->dtype = dtype;
    tensor->shape = *shape;
    tensor->bytes = (size_t)elements * element_bytes;
    tensor->references = 1;
    return tensor;
}

tdi_tensor *tdi_tensor_new(td_dtype dtype, const td_shape *shape) {
    tdi_tensor *tensor = tdi_tensor_hollow(dtype, shape);
    if (!tensor)
        return NULL;
    tensor->data = tdi_malloc_aligned(tensor->bytes);
    if (!tensor->data) {
        tdi_free(tensor);
        return NULL;
    }
    memset(tensor->data, 0, tensor->bytes + TDI_EXTRA_BYTES);
    return tensor;
}

tdi_tensor *tdi_tensor_around(td_dtype dtype, const td_shape *shape, void *data) {
    tdi_tensor *tensor = tdi_tensor_hollow(dtype, shape);
    if (!tensor)
        return NULL;
    tensor->data = data;
    memset((uint8_t *)data + tensor->bytes, 0, TDI_EXTRA_BYTES);
    return tensor;
}

tdi_tensor *tdi_tensor_ref(tdi_tensor *tensor) {
    if (tensor)
        tdi_refcount_take(&tensor->references);
    return tensor;
}

void tdi_tensor_unref(tdi_tensor *tensor) {
    if (!tensor || tdi_refcount_drop(&tensor->references))
        return;
    tdi_free_aligned(tensor->data);
    tdi_backed_free(tensor->backed);
    tdi_free(tensor);
}

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t tdi_f16_from_f32(float value) {
    uint32_t bits = bits_of(value);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) /* NaN: quiet, top of the payload kept */
        return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x1ff));
    if (magnitude >= 0x477ff000) /* rounds to 65520 or more: infinity */
        return (uint16_t)(sign | 0x7c00);
    if (magnitude < 0x38800000) {
        /* Subnormal: adding 2^-1 * 2^k lets the adder do the rounding, in units of 2^-24. */
        float scaled = float_of(magnitude) + 0.5f;
        return (uint16_t)(sign | (bits_of(scaled) - bits_of(0.5f)));
    }
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | ((rounded - 0x38000000) >> 13));
}

float tdi_f32_from_f16(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    uint32_t magnitude = bits & 0x7fff;
    if (magnitude >= 0x7c00)
        return float_of(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
    if (magnitude < 0x400)
        return float_of(sign | bits_of((float)magnitude * 0x1p-24f));
    return float_of(sign | ((magnitude << 13) + 0x38000000));
}

float tdi_f32_from_bf16(uint16_t bits) {
    return float_of((uint32_t)bits << 16);
}

uint16_t tdi_bf16_from_f32(float value) {
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

void tdi_f16_from_f32_array(uint16_t *out, const float *in, size_t count) {
    for (size_t i = 0; i < count; i++)
        out[i] = tdi_f16_from_f32(in[i]);
}

void tdi_f32_from_f16_array(float *out, const uint16_t *in, size_t count) {
    for (size_t i = 0; i < count; i++)
        out[i] = tdi_f32_from_f16(in[i]);
}
