/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements of any type, one at a time.
 */
#include "graph/eval/element.h"

#include <math.h>

#include "tensor/tensor.h"

int tdi_dtype_is_float(td_dtype dtype) {
    return dtype == TD_DTYPE_F32 || dtype == TD_DTYPE_F16 || dtype == TD_DTYPE_F64 ||
           dtype == TD_DTYPE_BF16;
}

double tdi_load_float(td_dtype dtype, const void *data, int64_t i) {
    if (dtype == TD_DTYPE_F32)
        return (double)((const float *)data)[i];
    if (dtype == TD_DTYPE_F64)
        return ((const double *)data)[i];
    uint16_t bits = ((const uint16_t *)data)[i];
    return (double)(dtype == TD_DTYPE_F16 ? tdi_f32_from_f16(bits) : tdi_f32_from_bf16(bits));
}

int64_t tdi_load_integer(td_dtype dtype, const void *data, int64_t i) {
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

void tdi_store_float(td_dtype dtype, void *data, int64_t i, double value) {
    if (dtype == TD_DTYPE_F32)
        ((float *)data)[i] = (float)value;
    else if (dtype == TD_DTYPE_F64)
        ((double *)data)[i] = value;
    else if (dtype == TD_DTYPE_F16)
        ((uint16_t *)data)[i] = tdi_f16_from_f32((float)value);
    else
        ((uint16_t *)data)[i] = tdi_bf16_from_f32((float)value);
}

void tdi_store_integer(td_dtype dtype, void *data, int64_t i, int64_t value) {
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

void tdi_store_truncated(td_dtype dtype, void *data, int64_t i, double value) {
    tdi_store_integer(dtype, data, i, truncate_to(dtype, value));
}

double tdi_load_number(td_dtype dtype, const void *data, int64_t i) {
    if (tdi_dtype_is_float(dtype))
        return tdi_load_float(dtype, data, i);
    int64_t value = tdi_load_integer(dtype, data, i);
    return dtype == TD_DTYPE_U64 ? (double)(uint64_t)value : (double)value;
}

int tdi_compare_integers(td_dtype dtype, int64_t a, int64_t b) {
    if (dtype == TD_DTYPE_U64)
        return (uint64_t)a < (uint64_t)b ? -1 : (uint64_t)a > (uint64_t)b;
    return a < b ? -1 : a > b;
}

int tdi_compare_elements(td_dtype dtype, const void *data, int64_t i, int64_t j) {
    if (!tdi_dtype_is_float(dtype))
        return tdi_compare_integers(dtype, tdi_load_integer(dtype, data, i),
                                    tdi_load_integer(dtype, data, j));
    double a = tdi_load_float(dtype, data, i), b = tdi_load_float(dtype, data, j);
    if (isnan(a) || isnan(b))
        return isnan(a) - isnan(b);
    return a < b ? -1 : a > b;
}
