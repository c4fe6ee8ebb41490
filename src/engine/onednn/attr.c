/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes that every primitive gets.
 */
#include "engine/onednn/onednn.h"

static dnnl_status_t append(dnnl_post_ops_t ops, const tdi_post *post) {
    dnnl_alg_kind_t algorithm;
    if (post->kind == TDI_POST_ADD)
        return dnnl_post_ops_append_sum(ops, 1);
    if (!tdi_onednn_algorithm(&post->activation, &algorithm))
        return dnnl_unimplemented;
    return dnnl_post_ops_append_eltwise(ops, 1, algorithm, post->activation.alpha,
                                        post->activation.beta);
}

static dnnl_status_t set_posts(dnnl_primitive_attr_t attr, const tdi_step *step) {
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t status = dnnl_post_ops_create(&ops);
    for (int i = 0; i < step->post_count && status == dnnl_success; i++)
        status = append(ops, &step->posts[i]);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(attr, ops);
    dnnl_post_ops_destroy(ops);
    return status;
}

td_status tdi_onednn_attr(const tdi_step *step, dnnl_primitive_attr_t *out, td_error *err) {
    dnnl_primitive_attr_t attr = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_fpmath_mode(attr, dnnl_fpmath_mode_strict);
    if (status == dnnl_success && step && step->post_count > 0)
        status = set_posts(attr, step);
    if (status != dnnl_success) {
        dnnl_primitive_attr_destroy(attr);
        return tdi_onednn_fail(err, step ? step->node : NULL, "attributes", status);
    }
    *out = attr;
    return TD_OK;
}
