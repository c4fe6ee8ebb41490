/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators about places in a tensor: what is where (Gather and its kin, ScatterND), and where the
 * greatest is (ArgMax, ArgMin, TopK, NonZero).
 */
#include <string.h>

#include "graph/op_util.h"

td_status tdi_axis_resolve(const tdi_graph *graph, const tdi_node *node, int64_t fallback,
                           int *axis, td_error *err) {
    return tdi_op_axis(node, tdi_node_int(node, "axis", fallback),
                       tdi_node_input(graph, node, 0)->shape.rank, axis, err);
}

/* Data with at least one axis, and indices of an integer type. */
static td_status check_indexed(const tdi_graph *graph, const tdi_node *node, int rank_min,
                               td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 1, TD_RANK_MAX, 0, err));
    TD_TRY(tdi_op_check(graph, node, 1, rank_min, TD_RANK_MAX, 0, err));
    const tdi_value *indices = tdi_node_input(graph, node, 1);
    if (indices->dtype != TD_DTYPE_I64 && indices->dtype != TD_DTYPE_I32)
        return tdi_op_fail(node, err, TD_FORMAT, "indices \"%.100s\" are %s", indices->name,
                           td_dtype_name(indices->dtype));
    return TD_OK;
}

/* Appends dimensions first .. last-1. */
static td_status append_dims(const tdi_node *node, td_shape *to, const td_shape *from, int first,
                             int last, td_error *err) {
    if (to->rank + last - first > TD_RANK_MAX)
        return tdi_op_fail(node, err, TD_LIMIT, "more than %d axes", TD_RANK_MAX);
    for (int i = first; i < last; i++)
        to->dim[to->rank++] = from->dim[i];
    return TD_OK;
}

td_status tdi_infer_gather(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    int axis;
    td_shape shape = tdi_shape_of(0, NULL);
    TD_TRY(check_indexed(graph, node, 0, err));
    const tdi_value *x = tdi_node_input(graph, node, 0), *indices = tdi_node_input(graph, node, 1);
    TD_TRY(tdi_axis_resolve(graph, node, 0, &axis, err));
    TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, axis, err));
    TD_TRY(append_dims(node, &shape, &x->shape, 0, axis, err));
    TD_TRY(append_dims(node, &shape, &indices->shape, 0, indices->shape.rank, err));
    TD_TRY(append_dims(node, &shape, &x->shape, axis + 1, x->shape.rank, err));
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}

td_status tdi_infer_gather_elements(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    int axis;
    TD_TRY(check_indexed(graph, node, 1, err));
    const tdi_value *x = tdi_node_input(graph, node, 0), *indices = tdi_node_input(graph, node, 1);
    TD_TRY(tdi_axis_resolve(graph, node, 0, &axis, err));
    TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, axis, err));
    int fits = indices->shape.rank == x->shape.rank;
    for (int i = 0; fits && i < x->shape.rank; i++)
        fits = i == axis || indices->shape.dim[i] <= x->shape.dim[i];
    if (!fits)
        return tdi_op_fail(node, err, TD_FORMAT, "indices do not fit into the data");
    return tdi_op_output(graph, node, 0, x->dtype, &indices->shape, err);
}

/* Length of the tuples in the last axis of the indices; the first `common` axes are in both. */
static td_status check_tuples(const tdi_graph *graph, const tdi_node *node, int common, int *length,
                              td_error *err) {
    const td_shape *x = &tdi_node_input(graph, node, 0)->shape,
                   *indices = &tdi_node_input(graph, node, 1)->shape;
    int64_t last = indices->dim[indices->rank - 1];
    if (common >= x->rank || common >= indices->rank || last > x->rank - common)
        return tdi_op_fail(node, err, TD_FORMAT, "tuples of %lld indices do not fit the data",
                           (long long)last);
    for (int i = 0; i < common; i++)
        if (x->dim[i] != indices->dim[i])
            return tdi_op_fail(node, err, TD_FORMAT, "data and indices differ in axis %d", i);
    *length = (int)last;
    return TD_OK;
}

td_status tdi_infer_gather_nd(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    int64_t common = tdi_node_int(node, "batch_dims", 0);
    int length = 0;
    td_shape shape = tdi_shape_of(0, NULL);
    TD_TRY(check_indexed(graph, node, 1, err));
    const tdi_value *x = tdi_node_input(graph, node, 0), *indices = tdi_node_input(graph, node, 1);
    if (common < 0 || common >= TD_RANK_MAX)
        return tdi_op_fail(node, err, TD_FORMAT, "batch_dims must not be %lld", (long long)common);
    TD_TRY(check_tuples(graph, node, (int)common, &length, err));
    if (common == 0)
        TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, 0, err));
    TD_TRY(append_dims(node, &shape, &indices->shape, 0, indices->shape.rank - 1, err));
    TD_TRY(append_dims(node, &shape, &x->shape, (int)common + length, x->shape.rank, err));
    return tdi_op_output(graph, node, 0, x->dtype, &shape, err);
}

td_status tdi_infer_scatter_nd(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    static const char *const reductions[] = {"none", "add", "mul", "max", "min"};
    const char *reduction = tdi_node_string(node, "reduction", "none");
    int length = 0, known = 0;
    td_shape wanted = tdi_shape_of(0, NULL);
    TD_TRY(check_indexed(graph, node, 1, err));
    TD_TRY(tdi_op_check(graph, node, 2, 0, TD_RANK_MAX, 0, err));
    TD_TRY(tdi_op_check_same(graph, node, 0, 2, err));
    for (size_t i = 0; i < sizeof reductions / sizeof reductions[0]; i++)
        known |= !strcmp(reductions[i], reduction);
    if (!known)
        return tdi_op_fail(node, err, TD_UNSUPPORTED, "reduction \"%.20s\"", reduction);
    const tdi_value *x = tdi_node_input(graph, node, 0), *indices = tdi_node_input(graph, node, 1);
    TD_TRY(check_tuples(graph, node, 0, &length, err));
    TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, 0, err));
    TD_TRY(append_dims(node, &wanted, &indices->shape, 0, indices->shape.rank - 1, err));
    TD_TRY(append_dims(node, &wanted, &x->shape, length, x->shape.rank, err));
    if (!td_shape_equal(&wanted, &tdi_node_input(graph, node, 2)->shape))
        return tdi_op_fail(node, err, TD_FORMAT, "updates and indices do not fit");
    return tdi_op_output(graph, node, 0, x->dtype, &x->shape, err);
}

td_status tdi_infer_arg(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    int axis, keepdims = tdi_node_int(node, "keepdims", 1) != 0;
    td_shape shape = tdi_shape_of(0, NULL);
    TD_TRY(tdi_op_check(graph, node, 0, 1, TD_RANK_MAX, 0, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    TD_TRY(tdi_axis_resolve(graph, node, 0, &axis, err));
    TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, axis, err));
    for (int i = 0; i < x->shape.rank; i++)
        if (i != axis || keepdims)
            shape.dim[shape.rank++] = i == axis ? 1 : x->shape.dim[i];
    return tdi_op_output(graph, node, 0, TD_DTYPE_I64, &shape, err);
}

td_status tdi_topk_resolve(const tdi_graph *graph, const tdi_node *node, tdi_topk *out,
                           td_error *err) {
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int64_t k = tdi_node_int(node, "k", 0);
    int count = 1;
    if (graph->opset >= 10)
        TD_TRY(tdi_op_constant_ints(graph, node, 1, 1, &k, &count, err));
    out->largest = tdi_node_int(node, "largest", 1) != 0;
    out->k = k;
    TD_TRY(tdi_axis_resolve(graph, node, -1, &out->axis, err));
    TD_TRY(tdi_op_refuse_batch_axis(graph, node, x, out->axis, err));
    if (count != 1 || k < 1 || k > x->shape.dim[out->axis])
        return tdi_op_fail(node, err, TD_FORMAT, "k must be 1 to %lld",
                           (long long)x->shape.dim[out->axis]);
    return TD_OK;
}

td_status tdi_infer_topk(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    tdi_topk topk;
    TD_TRY(tdi_op_check(graph, node, 0, 1, TD_RANK_MAX, 0, err));
    TD_TRY(tdi_topk_resolve(graph, node, &topk, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    td_shape shape = x->shape;
    shape.dim[topk.axis] = topk.k;
    TD_TRY(tdi_op_output(graph, node, 0, x->dtype, &shape, err));
    return tdi_op_output(graph, node, 1, TD_DTYPE_I64, &shape, err);
}

/* How many there are is known only where the numbers are. */
td_status tdi_infer_nonzero(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 1, TD_RANK_MAX, 0, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int64_t found = 0, count = td_shape_elements(&x->shape);
    if (!x->data)
        return tdi_op_fail(node, err, TD_UNSUPPORTED,
                           "the size of its output depends on what \"%.100s\" holds; only of "
                           "constants it is known",
                           x->name);
    TD_TRY(tdi_tensor_pin(x->data, err));
    for (int64_t i = 0; i < count; i++)
        found += tdi_load_number(x->dtype, x->data->data, i) != 0;
    tdi_tensor_unpin(x->data);
    td_shape shape = tdi_shape_of(2, (int64_t[]){x->shape.rank, found});
    return tdi_op_output(graph, node, 0, TD_DTYPE_I64, &shape, err);
}
