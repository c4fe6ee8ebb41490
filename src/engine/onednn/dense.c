/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dense layers as inner products.
 */
#include "engine/onednn/onednn.h"

/* Ways after the first: what the source is made of. The result is float32, for it is small. */
static const td_precision sources[] = {TD_PRECISION_F32, TD_PRECISION_BF16, TD_PRECISION_INT8};

int tdi_onednn_variants_dense(const tdi_step *step) {
    return 1 + (int)step->precision;
}

/* In float32 the primitive chooses the layouts. */
static void put(dnnl_memory_desc_t *md, const td_shape *shape, td_precision from, td_dtype dtype) {
    if (from == TD_PRECISION_F32)
        tdi_onednn_any(md, shape);
    else
        tdi_onednn_layout(md, shape, TDI_LAYOUT_DENSE, dtype);
}

td_status tdi_onednn_prepare_dense(const tdi_compile *compile, const tdi_step *step,
                                   const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    const tdi_onednn *state = compile->state;
    const tdi_graph *graph = compile->graph;
    td_shape weights_shape = {2, {step->weights.outputs, step->weights.inputs}};
    td_shape bias_shape = {1, {step->weights.outputs}};
    dnnl_memory_desc_t src, weights, plain, bias, dst;
    dnnl_inner_product_desc_t desc;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    tdi_onednn_numbers n;
    td_precision from = sources[step->variant];
    (void)at_hand;
    TD_TRY(tdi_onednn_numbers_init(compile, step, from, TD_PRECISION_F32, &n, err));
    put(&src, &graph->values[step->inputs[0]].shape, from, n.src);
    put(&dst, &graph->values[step->output].shape, from, n.dst);
    tdi_onednn_any(&weights, &weights_shape);
    weights.data_type = tdi_onednn_type(n.weights);
    tdi_onednn_dense(&plain, &weights_shape);
    tdi_onednn_dense(&bias, &bias_shape);
    TD_TRY(tdi_onednn_attr(step, from == TD_PRECISION_F32 ? NULL : &n, &attr, err));
    dnnl_status_t made = dnnl_inner_product_forward_desc_init(&desc, dnnl_forward_inference, &src,
                                                              &weights, &bias, &dst);
    if (made == dnnl_success)
        made = dnnl_primitive_desc_create(&pd, &desc, attr, state->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    if (made != dnnl_success)
        return tdi_onednn_fail(err, step->node, "the shapes", made);
    td_status status = tdi_onednn_layer(compile, step, pd, &plain, &n, out, err);
    dnnl_primitive_desc_destroy(pd);
    return status;
}
