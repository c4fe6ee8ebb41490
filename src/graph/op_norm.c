/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators that normalize or average along axes: BatchNormalization, Softmax, ReduceMean.
 */
#include <string.h>

#include "graph/op_util.h"

td_status tdi_infer_batch_norm(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 2, TD_RANK_MAX, 1, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    if (tdi_node_int(node, "training_mode", 0) != 0)
        return tdi_op_fail(node, err, TD_UNSUPPORTED,
                           "training mode; export the model for inference");
    if (graph->opset < 9 && tdi_node_int(node, "spatial", 1) != 1)
        return tdi_op_fail(node, err, TD_UNSUPPORTED, "statistics per element (spatial=0)");
    for (int i = 1; i < 5; i++) {
        TD_TRY(tdi_op_check(graph, node, i, 1, 1, 1, err));
        const tdi_value *p = tdi_node_input(graph, node, i);
        if (p->shape.dim[0] != x->shape.dim[1])
            return tdi_op_fail(node, err, TD_FORMAT, "\"%.100s\" does not have %lld elements",
                               p->name, (long long)x->shape.dim[1]);
    }
    return tdi_op_output(graph, node, 0, x->dtype, &x->shape, err);
}

td_status tdi_softmax_resolve(const tdi_graph *graph, const tdi_node *node, tdi_softmax *out,
                              td_error *err) {
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int per_axis = graph->opset >= 13, axis;
    TD_TRY(tdi_op_axis(node, tdi_node_int(node, "axis", per_axis ? -1 : 1), x->shape.rank, &axis,
                       err));
    TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, axis, err));
    /* Before opset 13 all axes from `axis` on are normalized together. */
    int end = per_axis ? axis + 1 : x->shape.rank;
    out->outer = tdi_shape_product(&x->shape, 0, axis);
    out->count = tdi_shape_product(&x->shape, axis, end);
    out->inner = tdi_shape_product(&x->shape, end, x->shape.rank);
    return TD_OK;
}

td_status tdi_infer_softmax(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    tdi_softmax softmax;
    TD_TRY(tdi_op_check(graph, node, 0, 1, TD_RANK_MAX, 1, err));
    TD_TRY(tdi_softmax_resolve(graph, node, &softmax, err));
    return tdi_infer_unary_float(graph, node, err);
}

td_status tdi_reduce_resolve(const tdi_graph *graph, const tdi_node *node, tdi_reduce *out,
                             td_error *err) {
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int64_t axes[TD_RANK_MAX];
    int count;
    tdi_reduce reduce;

    memset(&reduce, 0, sizeof reduce);
    reduce.keepdims = tdi_node_int(node, "keepdims", 1) != 0;
    TD_TRY(tdi_op_ints(graph, node, 18, "axes", 1, TD_RANK_MAX, axes, &count, err));
    if (count <= 0 && !(graph->opset >= 18 && tdi_node_int(node, "noop_with_empty_axes", 0)))
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
