/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Softmax and its logarithm over the innermost axis or axes.
 */
#include <string.h>

#include "engine/onednn/onednn.h"
#include "graph/op.h"

int tdi_onednn_supports_softmax(const tdi_graph *graph, const tdi_node *node) {
    tdi_softmax form;
    return graph->values[node->inputs[0]].dtype == TD_DTYPE_F32 &&
           tdi_softmax_resolve(graph, node, &form, NULL) == TD_OK && form.inner == 1;
}

td_status tdi_onednn_prepare_softmax(const tdi_compile *compile, const tdi_step *step,
                                     const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    const int arg = DNNL_ARG_SRC;
    tdi_softmax form;
    dnnl_memory_desc_t md;
    dnnl_softmax_v2_desc_t desc;
    int is_log = strcmp(step->node->op->type, "LogSoftmax") == 0;
    (void)at_hand;
    TD_TRY(tdi_softmax_resolve(compile->graph, step->node, &form, err));
    td_shape matrix = {2, {form.outer, form.count}};
    tdi_onednn_dense(&md, &matrix);
    dnnl_status_t made = dnnl_softmax_v2_forward_desc_init(
        &desc, dnnl_forward_inference, is_log ? dnnl_softmax_log : dnnl_softmax_accurate, &md, &md,
        1);
    if (made != dnnl_success)
        return tdi_onednn_fail(err, step->node, "the shapes", made);
    return tdi_onednn_simple(compile, step, &desc, &arg, &md, out, err);
}
