/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators that give the same elements another shape or order: Flatten, Reshape, Squeeze,
 * Unsqueeze, Transpose.
 */
#include <string.h>

#include "graph/op_util.h"

td_status tdi_infer_flatten(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 0, TD_RANK_MAX, 0, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int rank = x->shape.rank;
    int64_t axis = tdi_node_int(node, "axis", 1);
    if (axis < -rank || axis > rank)
        return tdi_op_fail(node, err, TD_FORMAT, "axis %lld is outside a tensor of %d axes",
                           (long long)axis, rank);
    if (axis < 0)
        axis += rank;
    TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, (int)axis, err));
    td_shape shape = tdi_shape_of(2, (int64_t[]){tdi_shape_product(&x->shape, 0, (int)axis),
                                                 tdi_shape_product(&x->shape, (int)axis, rank)});
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}

/* Fills in the one dimension that is -1. */
static td_status complete_shape(const tdi_node *node, int64_t elements, td_shape *shape, int wild,
                                td_error *err) {
    char text[96];
    int64_t product;
    if (wild >= 0)
        shape->dim[wild] = 1;
    product = td_shape_elements(shape);
    if (wild >= 0 && product > 0 && elements % product == 0) {
        shape->dim[wild] = elements / product;
        product = elements;
    }
    if (product != elements) {
        td_shape_format(shape, text, sizeof text);
        return tdi_op_fail(node, err, TD_FORMAT, "%lld elements do not fit the constant shape %s",
                           (long long)elements, text);
    }
    return TD_OK;
}

td_status tdi_infer_reshape(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 0, TD_RANK_MAX, 0, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int allowzero = graph->opset >= 14 && tdi_node_int(node, "allowzero", 0) != 0;
    /* A number that is computed may follow the batch. */
    int is_written = tdi_node_input(graph, node, 1)->producer < 0;
    td_shape shape = tdi_shape_of(0, NULL);
    int wild = -1;

    TD_TRY(tdi_op_constant_ints(graph, node, 1, TD_RANK_MAX, shape.dim, &shape.rank, err));
    for (int i = 0; i < shape.rank; i++) {
        int64_t *dim = &shape.dim[i];
        if (*dim > 0 && i == 0 && x->shape.rank > 0 && *dim != x->shape.dim[0] && is_written)
            TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, 0, err));
        if (*dim == 0 && !allowzero) {
            if (i >= x->shape.rank)
                return tdi_op_fail(node, err, TD_FORMAT, "axis %d of the input does not exist", i);
            *dim = x->shape.dim[i];
        } else if (*dim == -1 && wild < 0) {
            wild = i;
        } else if (*dim < 0) {
            return tdi_op_fail(node, err, TD_FORMAT, "the constant shape has %lld at axis %d",
                               (long long)*dim, i);
        }
    }
    TD_TRY(complete_shape(node, td_shape_elements(&x->shape), &shape, wild, err));
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}

/* Marks the axes given, of `rank`; fails on one that is given twice. */
static td_status read_axes(const tdi_node *node, const int64_t *axes, int count, int rank,
                           int marked[TD_RANK_MAX], td_error *err) {
    memset(marked, 0, TD_RANK_MAX * sizeof *marked);
    for (int i = 0; i < count; i++) {
        int axis;
        TD_TRY(tdi_op_axis(node, axes[i], rank, &axis, err));
        if (marked[axis])
            return tdi_op_fail(node, err, TD_FORMAT, "axis %d is given twice", axis);
        marked[axis] = 1;
    }
    return TD_OK;
}

td_status tdi_infer_squeeze(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 0, TD_RANK_MAX, 0, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int64_t axes[TD_RANK_MAX];
    int count, marked[TD_RANK_MAX];
    td_shape shape = tdi_shape_of(0, NULL);

    TD_TRY(tdi_op_ints(graph, node, 13, "axes", 1, TD_RANK_MAX, axes, &count, err));
    TD_TRY(read_axes(node, axes, count, x->shape.rank, marked, err));
    /* Without axes a batch of one disappears, and a larger one does not. */
    if (count < 0 && x->shape.rank > 0 && x->shape.dim[0] != 1)
        TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, 0, err));
    for (int i = 0; i < x->shape.rank; i++) {
        int64_t dim = x->shape.dim[i];
        if (marked[i] && dim != 1)
            return tdi_op_fail(node, err, TD_FORMAT, "axis %d has %lld elements, not 1", i,
                               (long long)dim);
        if (!marked[i] && (count >= 0 || dim != 1))
            shape.dim[shape.rank++] = dim;
    }
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}

td_status tdi_infer_unsqueeze(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 0, TD_RANK_MAX, 0, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int64_t axes[TD_RANK_MAX];
    int count, marked[TD_RANK_MAX];
    td_shape shape = tdi_shape_of(0, NULL);

    TD_TRY(tdi_op_ints(graph, node, 13, "axes", 1, TD_RANK_MAX, axes, &count, err));
    if (count < 0)
        return tdi_op_fail(node, err, TD_FORMAT, "axes are missing");
    if (x->shape.rank + count > TD_RANK_MAX)
        return tdi_op_fail(node, err, TD_LIMIT, "more than %d axes", TD_RANK_MAX);
    shape.rank = x->shape.rank + count;
    TD_TRY(read_axes(node, axes, count, shape.rank, marked, err));
    for (int i = 0, from = 0; i < shape.rank; i++)
        shape.dim[i] = marked[i] ? 1 : x->shape.dim[from++];
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}

td_status tdi_transpose_resolve(const tdi_graph *graph, const tdi_node *node, int perm[TD_RANK_MAX],
                                td_error *err) {
    int rank = tdi_node_input(graph, node, 0)->shape.rank;
    int64_t axes[TD_RANK_MAX];
    int count, seen[TD_RANK_MAX] = {0};

    TD_TRY(tdi_op_attr_ints(node, "perm", TD_RANK_MAX, axes, &count, err));
    if (count >= 0 && count != rank)
        return tdi_op_fail(node, err, TD_FORMAT, "perm has %d axes instead of %d", count, rank);
    for (int i = 0; i < rank; i++) {
        perm[i] = rank - 1 - i;
        if (count >= 0)
            TD_TRY(tdi_op_axis(node, axes[i], rank, &perm[i], err));
        if (seen[perm[i]]++)
            return tdi_op_fail(node, err, TD_FORMAT, "perm has axis %d twice", perm[i]);
    }
    return TD_OK;
}

td_status tdi_infer_transpose(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    int perm[TD_RANK_MAX];
    TD_TRY(tdi_op_check(graph, node, 0, 0, TD_RANK_MAX, 0, err));
    TD_TRY(tdi_transpose_resolve(graph, node, perm, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    td_shape shape = x->shape;
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = x->shape.dim[perm[i]];
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}
