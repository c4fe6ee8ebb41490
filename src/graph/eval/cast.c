/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cast. Floating point to integer truncates, integer to integer keeps the low bits.
 */
#include <string.h>

#include "graph/eval/element.h"
#include "graph/eval/eval.h"

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
    int from_float = tdi_dtype_is_float(in->dtype), to_float = tdi_dtype_is_float(out->dtype);
    if (from_float && to_float) {
        tdi_store_float(out->dtype, out->data, i, tdi_load_float(in->dtype, in->data, i));
    } else if (from_float) {
        tdi_store_truncated(out->dtype, out->data, i, tdi_load_float(in->dtype, in->data, i));
    } else if (to_float) {
        tdi_store_float(out->dtype, out->data, i, tdi_load_number(in->dtype, in->data, i));
    } else {
        tdi_store_integer(out->dtype, out->data, i, tdi_load_integer(in->dtype, in->data, i));
    }
}

void tdi_eval_run_cast(const tdi_ops_call *call) {
    const tdi_operand *in = &call->inputs[0], *out = &call->output;
    int64_t count = td_shape_elements(out->shape);
    if (cast_quickly(in, out, count))
        return;
    for (int64_t i = 0; i < count; i++)
        cast_one(in, out, i);
}
