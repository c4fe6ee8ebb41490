/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matrix products: Gemm and MatMul.
 */
#include <string.h>

#include "graph/op_util.h"

td_status tdi_gemm_resolve(const tdi_graph *graph, const tdi_node *node, tdi_gemm *out,
                           td_error *err) {
    const td_shape *a = &tdi_node_input(graph, node, 0)->shape;
    const td_shape *b = &tdi_node_input(graph, node, 1)->shape;
    tdi_gemm g;
    g.trans_a = tdi_node_int(node, "transA", 0) != 0;
    g.trans_b = tdi_node_int(node, "transB", 0) != 0;
    g.alpha = tdi_node_float(node, "alpha", 1.0f);
    g.beta = tdi_node_float(node, "beta", 1.0f);
    g.m = a->dim[g.trans_a];
    g.k = a->dim[!g.trans_a];
    g.n = b->dim[!g.trans_b];
    if (b->dim[g.trans_b] != g.k)
        return tdi_op_fail(node, err, TD_FORMAT, "matrices of %lldx%lld and %lldx%lld do not fit",
                           (long long)g.m, (long long)g.k, (long long)b->dim[g.trans_b],
                           (long long)g.n);
    *out = g;
    return TD_OK;
}

td_status tdi_infer_gemm(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    tdi_gemm g;
    for (int i = 0; i < 2; i++)
        TD_TRY(tdi_op_check(graph, node, i, 2, 2, 1, err));
    TD_TRY(tdi_op_check_same(graph, node, 0, 1, err));
    TD_TRY(tdi_gemm_resolve(graph, node, &g, err));
    if (g.trans_a)
        TD_TRY(tdi_op_refuse_batch_axis(graph, node, tdi_node_input(graph, node, 0), 0, err));
    td_shape shape = tdi_shape_of(2, (int64_t[]){g.m, g.n}), sum;
    const tdi_value *c = tdi_node_input(graph, node, 2);
    if (c) {
        TD_TRY(tdi_op_check(graph, node, 2, 0, 2, 1, err));
        TD_TRY(tdi_op_check_same(graph, node, 0, 2, err));
        if (tdi_broadcast(&shape, &c->shape, &sum) || !td_shape_equal(&shape, &sum))
            return tdi_op_fail(node, err, TD_FORMAT, "\"%.100s\" does not broadcast to %lldx%lld",
                               c->name, (long long)g.m, (long long)g.n);
    }
    return tdi_op_output(graph, node, 0, tdi_node_input(graph, node, 0)->dtype, &shape, err);
}

int64_t tdi_macs_gemm(const tdi_graph *graph, const tdi_node *node) {
    tdi_gemm g;
    if (tdi_gemm_resolve(graph, node, &g, NULL) != TD_OK)
        return 0;
    return g.m * g.n * g.k; /* m * n and k are below 2^31 each */
}

/* The shape as a stack of matrices: a vector is a row on the left, a column on the right. */
static td_shape as_matrices(const td_shape *shape, int left) {
    if (shape->rank > 1)
        return *shape;
    return tdi_shape_of(2, left ? (int64_t[]){1, shape->dim[0]} : (int64_t[]){shape->dim[0], 1});
}

static td_status multiply(const tdi_graph *graph, const tdi_node *node, tdi_matmul *out,
                          td_shape *product, td_error *err) {
    td_shape a = as_matrices(&tdi_node_input(graph, node, 0)->shape, 1);
    td_shape b = as_matrices(&tdi_node_input(graph, node, 1)->shape, 0);
    out->m = a.dim[a.rank - 2];
    out->k = a.dim[a.rank - 1];
    out->n = b.dim[b.rank - 1];
    int64_t rows = b.dim[b.rank - 2];
    a.rank -= 2;
    b.rank -= 2;
    if (rows != out->k || tdi_broadcast(&a, &b, product))
        return tdi_op_fail(node, err, TD_FORMAT, "the shapes of its inputs do not fit");
    out->batch = tdi_shape_product(product, 0, product->rank);
    return TD_OK;
}

td_status tdi_matmul_resolve(const tdi_graph *graph, const tdi_node *node, tdi_matmul *out,
                             td_error *err) {
    td_shape batch;
    return multiply(graph, node, out, &batch, err);
}

td_status tdi_infer_matmul(const tdi_graph *graph, const tdi_node *node, td_error *err) {
    tdi_matmul m;
    td_shape shape;
    for (int i = 0; i < 2; i++)
        TD_TRY(tdi_op_check(graph, node, i, 1, TD_RANK_MAX, 1, err));
    TD_TRY(tdi_op_check_same(graph, node, 0, 1, err));
    TD_TRY(multiply(graph, node, &m, &shape, err));
    if (tdi_node_input(graph, node, 0)->shape.rank > 1)
        shape.dim[shape.rank++] = m.m;
    if (tdi_node_input(graph, node, 1)->shape.rank > 1)
        shape.dim[shape.rank++] = m.n;
    return tdi_op_output(graph, node, 0, tdi_node_input(graph, node, 0)->dtype, &shape, err);
}

int64_t tdi_macs_matmul(const tdi_graph *graph, const tdi_node *node) {
    tdi_matmul m;
    if (tdi_matmul_resolve(graph, node, &m, NULL) != TD_OK)
        return 0;
    return td_shape_elements(&tdi_node_output(graph, node, 0)->shape) * m.k;
}
