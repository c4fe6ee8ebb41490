/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of matrices, and of stacks of matrices of equal rank.
 */
#include "engine/onednn/onednn.h"

int tdi_onednn_supports_matmul(const tdi_graph *graph, const tdi_node *node) {
    const tdi_value *a = &graph->values[node->inputs[0]], *b = &graph->values[node->inputs[1]];
    return a->dtype == TD_DTYPE_F32 && b->dtype == TD_DTYPE_F32 && a->shape.rank >= 2 &&
           a->shape.rank <= 5 && a->shape.rank == b->shape.rank;
}

td_status tdi_onednn_prepare_matmul(const tdi_compile *compile, const tdi_step *step,
                                    const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    static const int args[2] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS};
    const tdi_value *values = compile->graph->values;
    dnnl_memory_desc_t mds[2], dst;
    dnnl_matmul_desc_t desc;
    (void)at_hand;
    tdi_onednn_dense(&mds[0], &values[step->inputs[0]].shape);
    tdi_onednn_dense(&mds[1], &values[step->inputs[1]].shape);
    tdi_onednn_dense(&dst, &values[step->output].shape);
    dnnl_status_t made = dnnl_matmul_desc_init(&desc, &mds[0], &mds[1], NULL, &dst);
    if (made != dnnl_success)
        return tdi_onednn_fail(err, step->node, "the shapes", made);
    return tdi_onednn_simple(compile, step, &desc, args, mds, out, err);
}
