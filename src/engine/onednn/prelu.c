/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PRelu with constant slopes.
 */
#include "engine/onednn/onednn.h"
#include "graph/op.h"

int tdi_onednn_supports_prelu(const tdi_graph *graph, const tdi_node *node) {
    const tdi_value *in = &graph->values[node->inputs[0]], *slope = &graph->values[node->inputs[1]];
    return in->dtype == TD_DTYPE_F32 && slope->dtype == TD_DTYPE_F32 && !slope->depends_on_input &&
           in->depends_on_input && in->shape.rank >= 2 && in->shape.rank <= 5;
}

/* The slopes with as many axes as the input has. */
static td_shape widened(const td_shape *slope, int rank) {
    td_shape shape = {rank, {0}};
    int shift = rank - slope->rank;
    for (int i = 0; i < rank; i++)
        shape.dim[i] = i < shift ? 1 : slope->dim[i - shift];
    return shape;
}

static td_status add_args(const tdi_compile *compile, const tdi_step *step,
                          const tdi_format *at_hand, const dnnl_memory_desc_t *plain,
                          const_dnnl_primitive_desc_t pd, tdi_onednn_kernel *kernel,
                          td_error *err) {
    const dnnl_memory_desc_t *weights = dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    tdi_weights recipe = {0};
    tdi_pack *pack;
    TD_TRY(tdi_onednn_kernel_input(compile, kernel, 0, DNNL_ARG_SRC,
                                   dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0), err));
    kernel->formats[1] = at_hand[1];
    if (tdi_weights_init(&recipe, compile->arena, compile->graph->values[step->inputs[1]].data, 0,
                         NULL, 1, 1) != 0)
        return tdi_fail_memory(err);
    TD_TRY(tdi_onednn_pack_kernel(compile, &recipe, plain, weights, NULL, &pack, err));
    tdi_onednn_kernel_pack(kernel, DNNL_ARG_WEIGHTS, weights, pack);
    return TD_OK;
}

td_status tdi_onednn_prepare_prelu(const tdi_compile *compile, const tdi_step *step,
                                   const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    const tdi_onednn *state = compile->state;
    const tdi_value *values = compile->graph->values;
    const td_shape *shape = &values[step->inputs[0]].shape;
    td_shape slopes = widened(&values[step->inputs[1]].shape, shape->rank);
    dnnl_memory_desc_t src, plain, weights;
    dnnl_prelu_desc_t desc;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    tdi_onednn_kernel *kernel = NULL;
    tdi_onednn_desc(&src, shape, &at_hand[0]);
    tdi_onednn_dense(&plain, &slopes);
    tdi_onednn_any(&weights, &slopes);
    TD_TRY(tdi_onednn_attr(step, NULL, &attr, err));
    dnnl_status_t made = dnnl_prelu_forward_desc_init(&desc, dnnl_forward_inference, &src,
                                                      &weights);
    if (made == dnnl_success)
        made = dnnl_primitive_desc_create(&pd, &desc, attr, state->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    if (made != dnnl_success)
        return tdi_onednn_fail(err, step->node, "the shapes", made);
    td_status status = tdi_onednn_kernel_new(compile, pd, step->input_count, &kernel, err);
    if (status == TD_OK)
        status = add_args(compile, step, at_hand, &plain, pd, kernel, err);
    dnnl_primitive_desc_destroy(pd);
    if (status == TD_OK)
        *out = &kernel->base;
    else if (kernel)
        tdi_onednn_release(compile, &kernel->base);
    return status;
}
