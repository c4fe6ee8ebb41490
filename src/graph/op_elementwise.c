/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators that treat every element alike: unary functions, arithmetic with broadcasting, Clip,
 * Cast.
 */
#include <math.h>
#include <string.h>

#include "graph/op_util.h"

td_status tdi_infer_unary(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 0, TD_RANK_MAX, 0, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    return tdi_op_output(graph, node, 0, x->dtype, &x->shape, err);
}

td_status tdi_infer_unary_float(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 0, TD_RANK_MAX, 1, err));
    return tdi_infer_unary(graph, node, err);
}

int tdi_broadcast(const td_shape *a, const td_shape *b, td_shape *out) {
    td_shape shape = a->rank >= b->rank ? *a : *b;
    for (int i = 1; i <= shape.rank; i++) {
        int64_t x = i <= a->rank ? a->dim[a->rank - i] : 1;
        int64_t y = i <= b->rank ? b->dim[b->rank - i] : 1;
        if (x != y && x != 1 && y != 1)
            return -1;
        shape.dim[shape.rank - i] = x == 1 ? y : x;
    }
    *out = shape;
    return 0;
}

/* The common shape of all inputs as the output's. */
static td_status broadcast_inputs(const tdi_graph *graph, const tdi_node *node, td_dtype dtype,
                                  td_error *err) {
    td_shape shape = tdi_node_input(graph, node, 0)->shape;
    for (int i = 1; i < node->input_count; i++) {
        const tdi_value *x = tdi_node_input(graph, node, i);
        if (tdi_broadcast(&shape, &x->shape, &shape)) {
            char a[96], b[96];
            td_shape_format(&shape, a, sizeof a);
            td_shape_format(&x->shape, b, sizeof b);
            return tdi_op_fail(node, err, TD_FORMAT, "shapes %s and %s (\"%.100s\") do not fit", a,
                               b, x->name);
        }
    }
    return tdi_op_output(graph, node, 0, dtype, &shape, err);
}

/* Inputs of one type. */
static td_status check_alike(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    for (int i = 0; i < node->input_count; i++) {
        TD_TRY(tdi_op_check(graph, node, i, 0, TD_RANK_MAX, 0, err));
        TD_TRY(tdi_op_check_same(graph, node, 0, i, err));
    }
    return TD_OK;
}

td_status tdi_infer_broadcast(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(check_alike(graph, node, err));
    return broadcast_inputs(graph, node, tdi_node_input(graph, node, 0)->dtype, err);
}

td_status tdi_infer_compare(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(check_alike(graph, node, err));
    return broadcast_inputs(graph, node, TD_DTYPE_BOOL, err);
}

static td_status check_bool(const tdi_graph *graph, const tdi_node *node, int index,
                            td_error *err) {
    const tdi_value *x = tdi_node_input(graph, node, index);
    if (x && x->dtype != TD_DTYPE_BOOL)
        return tdi_op_fail(node, err, TD_FORMAT, "\"%.100s\" is %s, not bool", x->name,
                           td_dtype_name(x->dtype));
    return TD_OK;
}

td_status tdi_infer_logic(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(check_bool(graph, node, 0, err));
    return tdi_infer_broadcast(graph, node, err);
}

td_status tdi_infer_not(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(check_bool(graph, node, 0, err));
    return tdi_infer_unary(graph, node, err);
}

td_status tdi_infer_where(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    for (int i = 0; i < 3; i++)
        TD_TRY(tdi_op_check(graph, node, i, 0, TD_RANK_MAX, 0, err));
    TD_TRY(check_bool(graph, node, 0, err));
    TD_TRY(tdi_op_check_same(graph, node, 1, 2, err));
    return broadcast_inputs(graph, node, tdi_node_input(graph, node, 1)->dtype, err);
}

td_status tdi_infer_prelu(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    td_shape shape;
    TD_TRY(tdi_infer_broadcast(graph, node, err));
    const tdi_value *x = tdi_node_input(graph, node, 0), *slope = tdi_node_input(graph, node, 1);
    if (tdi_broadcast(&x->shape, &slope->shape, &shape) || !td_shape_equal(&shape, &x->shape))
        return tdi_op_fail(node, err, TD_FORMAT, "the slope \"%.100s\" is larger than the input",
                           slope->name);
    return TD_OK;
}

td_status tdi_infer_pow(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 0, TD_RANK_MAX, 0, err));
    TD_TRY(tdi_op_check(graph, node, 1, 0, TD_RANK_MAX, 0, err));
    /* Since opset 12 the exponent's type is its own. */
    if (graph->opset < 12)
        TD_TRY(tdi_op_check_same(graph, node, 0, 1, err));
    return broadcast_inputs(graph, node, tdi_node_input(graph, node, 0)->dtype, err);
}

static td_status read_bound(const tdi_graph *graph, const tdi_node *node, const char *name,
                            int index, double *out, td_error *err) {
    if (graph->opset >= 11)
        return tdi_op_constant_number(graph, node, index, out, err);
    const tdi_attr *attr = tdi_node_attr(node, name);
    if (attr && attr->kind != TDI_ATTR_FLOAT)
        return tdi_op_fail(node, err, TD_FORMAT, "attribute %s must be a float", name);
    if (attr)
        *out = (double)attr->f;
    return TD_OK;
}

td_status tdi_clip_resolve(const tdi_graph *graph, const tdi_node *node, double *min, double *max,
                           td_error *err) {
    *min = -INFINITY;
    *max = INFINITY;
    TD_TRY(read_bound(graph, node, "min", 1, min, err));
    return read_bound(graph, node, "max", 2, max, err);
}

td_status tdi_infer_clip(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    double min, max;
    TD_TRY(tdi_infer_unary(graph, node, err));
    return tdi_clip_resolve(graph, node, &min, &max, err);
}

td_status tdi_infer_cast(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    TD_TRY(tdi_op_check(graph, node, 0, 0, TD_RANK_MAX, 0, err));
    const tdi_value *x = tdi_node_input(graph, node, 0);
    int64_t to = tdi_node_int(node, "to", 0);
    if (to < 1 || to > TD_DTYPE_BF16 || !td_dtype_bytes((td_dtype)to))
        return tdi_op_fail(node, err, TD_UNSUPPORTED, "element type %lld is not supported",
                           (long long)to);
    return tdi_op_output(graph, node, 0, (td_dtype)to, &x->shape, err);
}
