/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators that normalize: BatchNormalization and its kin, LRN, Softmax.
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

/* One number per channel; `count` of them. */
static td_status check_vector(const tdi_graph *graph, const tdi_node *node, int index,
                              int64_t count, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, index, 1, 1, 1, err));
    TD_TRY(tdi_op_check_same(graph, node, 0, index, err));
    const tdi_value *p = tdi_node_input(graph, node, index);
    if (p->shape.dim[0] != count)
        return tdi_op_fail(node, err, TD_FORMAT, "\"%.100s\" does not have %lld elements", p->name,
                           (long long)count);
    return TD_OK;
}

td_status tdi_infer_instance_norm(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 3, TD_RANK_MAX, 1, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    for (int i = 1; i < 3; i++)
        TD_TRY(check_vector(graph, node, i, x->shape.dim[1], err));
    return tdi_op_output(graph, node, 0, x->dtype, &x->shape, err);
}

td_status tdi_infer_group_norm(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 3, TD_RANK_MAX, 1, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int64_t groups = tdi_node_int(node, "num_groups", 0), channels = x->shape.dim[1];
    if (groups < 1 || channels % groups)
        return tdi_op_fail(node, err, TD_FORMAT, "%lld groups of %lld channels", (long long)groups,
                           (long long)channels);
    /* Scale and shift are per group at first, per channel since opset 21. */
    for (int i = 1; i < 3; i++)
        TD_TRY(check_vector(graph, node, i, graph->opset < 21 ? groups : channels, err));
    return tdi_op_output(graph, node, 0, x->dtype, &x->shape, err);
}

td_status tdi_layer_norm_resolve(const tdi_graph *graph, const tdi_node *node, tdi_layer_norm *out,
                                 td_error *err) {
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int axis;
    TD_TRY(tdi_op_axis(node, tdi_node_int(node, "axis", -1), x->shape.rank, &axis, err));
    TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, axis, err));
    out->axis = axis;
    out->rows = tdi_shape_product(&x->shape, 0, axis);
    out->count = tdi_shape_product(&x->shape, axis, x->shape.rank);
    out->epsilon = tdi_node_float(node, "epsilon", 1e-5f);
    return TD_OK;
}

td_status tdi_infer_layer_norm(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    tdi_layer_norm norm;
    TD_TRY(tdi_op_check(graph, node, 0, 1, TD_RANK_MAX, 1, err));
    TD_TRY(tdi_layer_norm_resolve(graph, node, &norm, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    for (int i = 1; i < 3; i++) {
        td_shape shape;
        const tdi_value *p = tdi_node_input(graph, node, i);
        if (!p && i == 2)
            break;
        TD_TRY(tdi_op_check(graph, node, i, 0, x->shape.rank, 1, err));
        TD_TRY(tdi_op_check_same(graph, node, 0, i, err));
        /* Fitting the input and of a row's elements: it has the last axes' shape. */
        if (tdi_broadcast(&x->shape, &p->shape, &shape) || !td_shape_equal(&shape, &x->shape) ||
            td_shape_elements(&p->shape) != norm.count)
            return tdi_op_fail(node, err, TD_UNSUPPORTED,
                               "\"%.100s\" does not have the shape of what is normalized", p->name);
    }
    td_shape statistics = x->shape; /* of the optional outputs */
    for (int i = norm.axis; i < x->shape.rank; i++)
        statistics.dim[i] = 1;
    for (int i = 1; i < node->output_count; i++)
        TD_TRY(tdi_op_output(graph, node, i, x->dtype, &statistics, err));
    return tdi_op_output(graph, node, 0, x->dtype, &x->shape, err);
}

td_status tdi_infer_lrn(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 2, TD_RANK_MAX, 1, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    if (tdi_node_int(node, "size", 0) < 1)
        return tdi_op_fail(node, err, TD_FORMAT, "attribute size must be positive");
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
