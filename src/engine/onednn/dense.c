/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dense layers as inner products.
 */
#include "engine/onednn/onednn.h"

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
    (void)at_hand;
    tdi_onednn_any(&src, &graph->values[step->inputs[0]].shape);
    tdi_onednn_any(&dst, &graph->values[step->output].shape);
    tdi_onednn_any(&weights, &weights_shape);
    tdi_onednn_dense(&plain, &weights_shape);
    tdi_onednn_dense(&bias, &bias_shape);
    TD_TRY(tdi_onednn_attr(step, &attr, err));
    dnnl_status_t made = dnnl_inner_product_forward_desc_init(&desc, dnnl_forward_inference, &src,
                                                              &weights, &bias, &dst);
    if (made == dnnl_success)
        made = dnnl_primitive_desc_create(&pd, &desc, attr, state->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    if (made != dnnl_success)
        return tdi_onednn_fail(err, step->node, "the shapes", made);
    td_status status = tdi_onednn_layer(compile, step, pd, &plain, out, err);
    dnnl_primitive_desc_destroy(pd);
    return status;
}
