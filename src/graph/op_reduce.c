/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators that reduce axes to one number each: ReduceSum and its kin.
 */
#include <string.h>

#include "graph/op_util.h"

td_status tdi_reduce_resolve(const tdi_graph *graph, const tdi_node *node, tdi_reduce *out,
                             td_error *err) {
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int64_t axes[TD_RANK_MAX];
    int count;
    tdi_reduce reduce;

    memset(&reduce, 0, sizeof reduce);
    reduce.keepdims = tdi_node_int(node, "keepdims", 1) != 0;
    int64_t since = strcmp(node->op->type, "ReduceSum") == 0 ? 13 : 18;
    TD_TRY(tdi_op_ints(graph, node, since, "axes", 1, TD_RANK_MAX, axes, &count, err));
    if (count <= 0 && !(graph->opset >= since && tdi_node_int(node, "noop_with_empty_axes", 0)))
        for (int i = 0; i < x->shape.rank; i++)
            reduce.reduced[i] = 1;
    for (int i = 0; i < count; i++) {
        int axis;
        TD_TRY(tdi_op_axis(node, axes[i], x->shape.rank, &axis, err));
        reduce.reduced[axis] = 1;
    }
    if (x->shape.rank > 0 && reduce.reduced[0])
        TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, 0, err));
    *out = reduce;
    return TD_OK;
}

td_status tdi_infer_reduce(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    tdi_reduce reduce;
    TD_TRY(tdi_op_check(graph, node, 0, 0, TD_RANK_MAX, 0, err));
    TD_TRY(tdi_reduce_resolve(graph, node, &reduce, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    td_shape shape = tdi_shape_of(0, NULL);
    for (int i = 0; i < x->shape.rank; i++)
        if (!reduce.reduced[i])
            shape.dim[shape.rank++] = x->shape.dim[i];
        else if (reduce.keepdims)
            shape.dim[shape.rank++] = 1;
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}
