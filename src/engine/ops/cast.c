/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cast. Floating point to integer truncates; what does not fit becomes the nearest that does, and
 * NaN becomes 0 (ONNX leaves both open). Integer to integer keeps the low bits.
 */
#include <math.h>
#include <string.h>

#include "engine/ops/ops.h"

static int is_float(td_dtype dtype) {
    return dtype == TD_DTYPE_F32 || dtype == TD_DTYPE_F64 || dtype == TD_DTYPE_F16 ||
           dtype == TD_DTYPE_BF16;
}

int tdi_ops_supports_cast(const tdi_graph *graph, const tdi_node *node) {
    return td_dtype_bytes(graph->values[node->inputs[0]].dtype) > 0 &&
           td_dtype_bytes(graph->values[node->outputs[0]].dtype) > 0;
}

static double load_float(td_dtype dtype, const void *data, int64_t i) {
    if (dtype == TD_DTYPE_F32)
        return (double)((const float *)data)[i];
    if (dtype == TD_DTYPE_F64)
        return ((const double *)data)[i];
    uint16_t bits = ((const uint16_t *)data)[i];
    return (double)(dtype == TD_DTYPE_F16 ? tdi_f32_from_f16(bits) : tdi_f32_from_bf16(bits));
}

/* As 64 bits, sign-extended; unsigned 64-bit numbers as their bits. */
static int64_t load_integer(td_dtype dtype, const void *data, int64_t i) {
    switch (dtype) {
    case TD_DTYPE_U8:
    case TD_DTYPE_BOOL:
        return ((const uint8_t *)data)[i];
    case TD_DTYPE_I8:
        return ((const int8_t *)data)[i];
    case TD_DTYPE_U16:
        return ((const uint16_t *)data)[i];
    case TD_DTYPE_I16:
        return ((const int16_t *)data)[i];
    case TD_DTYPE_I32:
        return ((const int32_t *)data)[i];
    case TD_DTYPE_U32:
        return ((const uint32_t *)data)[i];
    default:
        return ((const int64_t *)data)[i];
    }
}

static void store_float(td_dtype dtype, void *data, int64_t i, double value) {
    if (dtype == TD_DTYPE_F32)
        ((float *)data)[i] = (float)value;
    else if (dtype == TD_DTYPE_F64)
        ((double *)data)[i] = value;
    else if (dtype == TD_DTYPE_F16)
        ((uint16_t *)data)[i] = tdi_f16_from_f32((float)value);
    else
        ((uint16_t *)data)[i] = tdi_bf16_from_f32((float)value);
}

static void store_integer(td_dtype dtype, void *data, int64_t i, int64_t value) {
    switch (dtype) {
    case TD_DTYPE_U8:
    case TD_DTYPE_I8:
        ((uint8_t *)data)[i] = (uint8_t)value;
        break;
    case TD_DTYPE_BOOL:
        ((uint8_t *)data)[i] = value != 0;
        break;
    case TD_DTYPE_U16:
    case TD_DTYPE_I16:
        ((uint16_t *)data)[i] = (uint16_t)value;
        break;
    case TD_DTYPE_I32:
    case TD_DTYPE_U32:
        ((uint32_t *)data)[i] = (uint32_t)value;
        break;
    default:
        ((int64_t *)data)[i] = value;
        break;
    }
}

/* Bits of an integer type and whether it has a sign: bounds are -2^(bits-1) or 0 and 2^bits - 1. */
static int64_t truncate_to(td_dtype dtype, double value) {
    int bits = (int)td_dtype_bytes(dtype) * 8;
    int has_sign = dtype == TD_DTYPE_I8 || dtype == TD_DTYPE_I16 || dtype == TD_DTYPE_I32 ||
                   dtype == TD_DTYPE_I64;
    double end = ldexp(1, has_sign ? bits - 1 : bits), low = has_sign ? -end : 0;
    if (value != value)
        return 0;
    if (dtype == TD_DTYPE_BOOL)
        return value != 0;
    if (value <= low)
        return has_sign ? (int64_t)low : 0;
    if (value >= end)
        return (int64_t)(has_sign ? (UINT64_C(1) << (bits - 1)) - 1 : UINT64_MAX >> (64 - bits));
    return value >= 0x1p63 ? (int64_t)(uint64_t)value : (int64_t)value;
}

/* The pairs that quantized features and float16 weights need, without a detour. */
static int cast_quickly(const tdi_operand *in, const tdi_operand *out, int64_t count) {
    if (in->dtype == TD_DTYPE_F16 && out->dtype == TD_DTYPE_F32) {
        tdi_f32_from_f16_array(out->data, in->data, (size_t)count);
        return 1;
    }
    if (in->dtype == TD_DTYPE_F32 && out->dtype == TD_DTYPE_F16) {
        tdi_f16_from_f32_array(out->data, in->data, (size_t)count);
        return 1;
    }
    if (in->dtype == TD_DTYPE_U8 && out->dtype == TD_DTYPE_F32) {
        for (int64_t i = 0; i < count; i++)
            ((float *)out->data)[i] = ((const uint8_t *)in->data)[i];
        return 1;
    }
    if (in->dtype == out->dtype) {
        memcpy(out->data, in->data, (size_t)count * td_dtype_bytes(in->dtype));
        return 1;
    }
    return 0;
}

static void cast_one(const tdi_operand *in, const tdi_operand *out, int64_t i) {
    int from_float = is_float(in->dtype), to_float = is_float(out->dtype);
    if (from_float && to_float) {
        store_float(out->dtype, out->data, i, load_float(in->dtype, in->data, i));
    } else if (from_float) {
        double value = load_float(in->dtype, in->data, i);
        store_integer(out->dtype, out->data, i, truncate_to(out->dtype, value));
    } else if (to_float) {
        int64_t value = load_integer(in->dtype, in->data, i);
        int wide = in->dtype == TD_DTYPE_U64;
        store_float(out->dtype, out->data, i, wide ? (double)(uint64_t)value : (double)value);
    } else {
        store_integer(out->dtype, out->data, i, load_integer(in->dtype, in->data, i));
    }
}

void tdi_ops_run_cast(const tdi_ops_call *call) {
    const tdi_operand *in = &call->inputs[0], *out = &call->output;
    int64_t count = td_shape_elements(out->shape);
    if (cast_quickly(in, out, count))
        return;
    for (int64_t i = 0; i < count; i++)
        cast_one(in, out, i);
}
