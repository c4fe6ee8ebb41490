/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes that every primitive gets.
 */
#include "base/memory.h"
#include "engine/onednn/onednn.h"

/* Whether f(x / unit) = f(x) / unit, with bounds of f divided likewise. */
static int keeps_unit(const tdi_activation *activation) {
    return activation->kind == TDI_ACTIVATION_RELU || activation->kind == TDI_ACTIVATION_CLIP ||
           activation->kind == TDI_ACTIVATION_ABS;
}

/* In which unit a layer's posts compute: that of the result, or 1 where one of them needs it. */
static float unit_of(const tdi_step *step, const tdi_onednn_numbers *numbers) {
    for (int i = 0; i < step->post_count; i++)
        if (step->posts[i].kind == TDI_POST_ACTIVATION && !keeps_unit(&step->posts[i].activation))
            return 1;
    return numbers->dst_scale;
}

static dnnl_status_t append_sum(dnnl_post_ops_t ops, const tdi_onednn_numbers *numbers,
                                float unit) {
    if (!numbers)
        return dnnl_post_ops_append_sum(ops, 1);
    return dnnl_post_ops_append_sum_v2(ops, numbers->addend_scale / unit,
                                       tdi_onednn_type(numbers->addend));
}

static dnnl_status_t append(dnnl_post_ops_t ops, const tdi_post *post,
                            const tdi_onednn_numbers *numbers, float unit) {
    dnnl_alg_kind_t algorithm;
    float alpha = post->activation.alpha, beta = post->activation.beta;
    if (post->kind == TDI_POST_ADD)
        return append_sum(ops, numbers, unit);
    if (!tdi_onednn_algorithm(&post->activation, &algorithm))
        return dnnl_unimplemented;
    if (post->activation.kind == TDI_ACTIVATION_CLIP) {
        alpha /= unit;
        beta /= unit;
    }
    return dnnl_post_ops_append_eltwise(ops, 1, algorithm, alpha, beta);
}

static dnnl_status_t set_posts(dnnl_primitive_attr_t attr, const tdi_step *step,
                               const tdi_onednn_numbers *numbers) {
    dnnl_post_ops_t ops = NULL;
    float unit = numbers ? unit_of(step, numbers) : 1;
    dnnl_status_t status = dnnl_post_ops_create(&ops);
    for (int i = 0; i < step->post_count && status == dnnl_success; i++)
        status = append(ops, &step->posts[i], numbers, unit);
    if (status == dnnl_success && numbers && unit != numbers->dst_scale)
        status = dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_linear, 1 / numbers->dst_scale,
                                              0);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(attr, ops);
    dnnl_post_ops_destroy(ops);
    return status;
}

/* From integer sums to the posts' unit. The outputs are the result's second axis. */
static dnnl_status_t set_scales(dnnl_primitive_attr_t attr, const tdi_step *step,
                                const tdi_onednn_numbers *numbers) {
    int64_t outputs = step->weights.outputs;
    float unit = unit_of(step, numbers);
    float *factors = tdi_malloc((size_t)outputs * sizeof *factors);
    if (!factors)
        return dnnl_out_of_memory;
    for (int64_t o = 0; o < outputs; o++)
        factors[o] = numbers->src_scale * numbers->weights_scale[o] / unit;
    dnnl_status_t status = dnnl_primitive_attr_set_output_scales(attr, outputs, 1 << 1, factors);
    tdi_free(factors);
    return status;
}

td_status tdi_onednn_attr(const tdi_step *step, const tdi_onednn_numbers *numbers,
                          dnnl_primitive_attr_t *out, td_error *err) {
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_fpmath_mode(attr, dnnl_fpmath_mode_strict);
    if (status == dnnl_success && numbers && numbers->weights_scale)
        status = set_scales(attr, step, numbers);
    if (status == dnnl_success && step && step->post_count > 0)
        status = set_posts(attr, step, numbers);
    if (status != dnnl_success) {
        dnnl_primitive_attr_destroy(attr);
        return tdi_onednn_fail(err, step ? step->node : NULL, "attributes", status);
    }
    *out = attr;
    return TD_OK;
}
