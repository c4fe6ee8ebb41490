/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators about shapes, and those whose output's size is told by numbers: Shape, Size,
 * ConstantOfShape, Range, Expand, Tile, Trilu.
 */
#include <math.h>

#include "graph/op_util.h"

void tdi_shape_resolve(const tdi_graph *graph, const tdi_node *node, int *first, int *end) {
    int64_t rank = tdi_node_input(graph, node, 0)->shape.rank;
    int64_t from = 0, to = rank;
    if (graph->opset >= 15) {
        from = tdi_node_int(node, "start", 0);
        to = tdi_node_int(node, "end", rank);
    }
    from = from < -rank ? 0 : from < 0 ? from + rank : from > rank ? rank : from;
    to = to < -rank ? 0 : to < 0 ? to + rank : to > rank ? rank : to;
    *first = (int)from;
    *end = (int)(to > from ? to : from);
}

td_status tdi_infer_shape(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    int first, end;
    TD_TRY(tdi_op_check(graph, node, 0, 0, TD_RANK_MAX, 0, err));
    tdi_shape_resolve(graph, node, &first, &end);
    td_shape shape = tdi_shape_of(1, (int64_t[]){end - first});
    return tdi_op_output(graph, node, 0, TD_DTYPE_I64, &shape, err);
}

td_status tdi_infer_size(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    td_shape scalar = tdi_shape_of(0, NULL);
    TD_TRY(tdi_op_check(graph, node, 0, 0, TD_RANK_MAX, 0, err));
    return tdi_op_output(graph, node, 0, TD_DTYPE_I64, &scalar, err);
}

td_status tdi_infer_constant_of_shape(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    const tdi_tensor *value = tdi_node_tensor(node, "value");
    td_shape shape = tdi_shape_of(0, NULL);
    if (value && td_shape_elements(&value->shape) != 1)
        return tdi_op_fail(node, err, TD_FORMAT, "attribute value must be one number");
    TD_TRY(tdi_op_constant_ints(graph, node, 0, TD_RANK_MAX, shape.dim, &shape.rank, err));
    return tdi_op_output(graph, node, 0, value ? value->dtype : TD_DTYPE_F32, &shape, err);
}

td_status tdi_infer_expand(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    td_shape shape = tdi_shape_of(0, NULL), target = shape;
    char from[96], to[96];
    TD_TRY(tdi_op_check(graph, node, 0, 0, TD_RANK_MAX, 0, err));
    TD_TRY(tdi_op_constant_ints(graph, node, 1, TD_RANK_MAX, target.dim, &target.rank, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    if (tdi_broadcast(&x->shape, &target, &shape)) {
        td_shape_format(&x->shape, from, sizeof from);
        td_shape_format(&target, to, sizeof to);
        return tdi_op_fail(node, err, TD_FORMAT, "%s cannot be expanded to %s", from, to);
    }
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}

td_status tdi_infer_tile(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    int64_t repeats[TD_RANK_MAX];
    int count;
    TD_TRY(tdi_op_check(graph, node, 0, 1, TD_RANK_MAX, 0, err));
    TD_TRY(tdi_op_constant_ints(graph, node, 1, TD_RANK_MAX, repeats, &count, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    td_shape shape = x->shape;
    if (count != shape.rank)
        return tdi_op_fail(node, err, TD_FORMAT, "there must be %d repeats", shape.rank);
    if (repeats[0] != 1)
        TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, 0, err));
    for (int i = 0; i < count; i++) {
        if (repeats[i] < 1 || repeats[i] > TDI_ELEMENTS_MAX)
            return tdi_op_fail(node, err, TD_UNSUPPORTED, "axis %d is repeated %lld times", i,
                               (long long)repeats[i]);
        shape.dim[i] *= repeats[i];
    }
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}

td_status tdi_infer_range(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    double start, limit, delta;
    for (int i = 0; i < 3; i++) {
        TD_TRY(tdi_op_check(graph, node, i, 0, 1, 0, err));
        TD_TRY(tdi_op_check_same(graph, node, 0, i, err));
    }
    TD_TRY(tdi_op_constant_number(graph, node, 0, &start, err));
    TD_TRY(tdi_op_constant_number(graph, node, 1, &limit, err));
    TD_TRY(tdi_op_constant_number(graph, node, 2, &delta, err));
    double count = ceil((limit - start) / delta);
    if (!(count <= (double)TDI_ELEMENTS_MAX))
        return tdi_op_fail(node, err, TD_LIMIT, "the range is too long");
    td_shape shape = tdi_shape_of(1, (int64_t[]){count > 0 ? (int64_t)count : 0});
    return tdi_op_output(graph, node, 0, tdi_node_input(graph, node, 0)->dtype, &shape, err);
}

td_status tdi_infer_trilu(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    const tdi_value *k = tdi_node_input(graph, node, 1);
    TD_TRY(tdi_op_check(graph, node, 0, 2, TD_RANK_MAX, 0, err));
    if (k && (k->dtype != TD_DTYPE_I64 || td_shape_elements(&k->shape) != 1))
        return tdi_op_fail(node, err, TD_FORMAT, "\"%.100s\" must be one int64", k->name);
    if (tdi_node_input(graph, node, 0)->shape.rank == 2)
        TD_TRY(tdi_op_refuse_batch_axis(graph, node, tdi_node_input(graph, node, 0), 0, err));
    return tdi_infer_unary(graph, node, err);
}
