/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bits per number in layers with weights. With 8 bits
 *
 *     result = posts(src_scale * weights_scale[output] * (sum of integer products + bias))
 *
 * where the bias is in the unit of the sums, and float32.
 */
#include <math.h>
#include <string.h>

#include "engine/onednn/onednn.h"

enum { WEIGHT_LEVELS = 127 };
#define WEIGHT_MIN 1e-15f

int tdi_onednn_computes(td_precision precision) {
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    unsigned bf16 = dnnl_cpu_isa_avx512_core_bf16, vnni = dnnl_cpu_isa_avx512_core_vnni;
    switch (precision) {
    case TD_PRECISION_F32:
        return 1;
    case TD_PRECISION_BF16:
        return (isa & bf16) == bf16;
    case TD_PRECISION_INT8:
        /* Without these instructions pairs of products are added with saturation. */
        return (isa & vnni) == vnni;
    }
    return 0;
}

static float larger(float max, float x) {
    return fabsf(x) > max ? fabsf(x) : max;
}

/* The largest magnitude of each output, in the order in which the weights lie. */
static void find_largest(const tdi_weights *weights, float *max) {
    const float *kernel = weights->kernel->data;
    size_t outputs = (size_t)weights->outputs, inputs = (size_t)weights->inputs;
    memset(max, 0, outputs * sizeof *max);
    if (weights->transposed)
        for (size_t i = 0; i < inputs; i++)
            for (size_t o = 0; o < outputs; o++)
                max[o] = larger(max[o], kernel[i * outputs + o]);
    else
        for (size_t o = 0; o < outputs; o++)
            for (size_t i = 0; i < inputs; i++)
                max[o] = larger(max[o], kernel[o * inputs + i]);
}

/* 127 steps from 0 to the largest magnitude of each output; where that is next to nothing, the
 * weights are zero. */
static td_status set_weights_scale(const tdi_weights *weights, float *scale, td_error *err) {
    TD_TRY(tdi_tensor_pin(weights->kernel, err));
    find_largest(weights, scale);
    tdi_tensor_unpin(weights->kernel);
    for (int64_t o = 0; o < weights->outputs; o++) {
        float bound = (float)(fabs(weights->scale[o]) * (double)scale[o]);
        scale[o] = bound > WEIGHT_MIN && isfinite(bound) ? bound / WEIGHT_LEVELS : 1;
    }
    return TD_OK;
}

static int set_tensor(const tdi_compile *compile, int value, td_precision kind, td_dtype *dtype,
                      float *scale) {
    *scale = 1;
    *dtype = kind == TD_PRECISION_F32 ? TD_DTYPE_F32 : TD_DTYPE_BF16;
    if (kind != TD_PRECISION_INT8)
        return 1;
    if (!compile->quants || compile->quants[value].dtype == TD_DTYPE_NONE)
        return 0;
    *dtype = compile->quants[value].dtype;
    *scale = compile->quants[value].scale;
    return 1;
}

td_status tdi_onednn_numbers_init(const tdi_compile *compile, const tdi_step *step,
                                  td_precision src, td_precision dst, tdi_onednn_numbers *out,
                                  td_error *err) {
    *out = (tdi_onednn_numbers){.addend = TD_DTYPE_F32, .addend_scale = 1};
    /* oneDNN has kernels that imitate the instructions, slowly. */
    if ((src == TD_PRECISION_BF16 || dst == TD_PRECISION_BF16) &&
        !tdi_onednn_computes(TD_PRECISION_BF16))
        return tdi_onednn_fail(err, step->node, "bfloat16", dnnl_unimplemented);
    int known = set_tensor(compile, step->inputs[0], src, &out->src, &out->src_scale) &&
                set_tensor(compile, step->output, dst, &out->dst, &out->dst_scale);
    for (int i = 0; i < step->post_count && known; i++)
        if (step->posts[i].kind == TDI_POST_ADD)
            known = set_tensor(compile, step->inputs[step->posts[i].input], dst, &out->addend,
                               &out->addend_scale);
    if (!known)
        return tdi_onednn_fail(err, step->node, "8 bits", dnnl_unimplemented);
    out->weights = out->src;
    if (src != TD_PRECISION_INT8)
        return TD_OK;
    out->weights = TD_DTYPE_I8;
    out->weights_scale = tdi_arena_alloc(compile->arena,
                                         (size_t)step->weights.outputs * sizeof(float));
    if (!out->weights_scale)
        return tdi_fail_memory(err);
    if (!compile->trial)
        return set_weights_scale(&step->weights, out->weights_scale, err);
    for (int64_t o = 0; o < step->weights.outputs; o++)
        out->weights_scale[o] = 1;
    return TD_OK;
}
