/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gemm and MatMul in all their forms, as plain loops.
 */
#include "engine/ops/ops.h"

/* out (m x n) += a (m x k) * b (k x n), where rows and columns of a and b are any distance apart.
 */
typedef struct product {
    int64_t m, n, k;
    int64_t a_row, a_column, b_row, b_column;
} product;

static void multiply(const product *p, float *out, const float *a, const float *b, float alpha) {
    for (int64_t i = 0; i < p->m; i++) {
        for (int64_t j = 0; j < p->n; j++) {
            double sum = 0;
            for (int64_t l = 0; l < p->k; l++)
                sum += (double)a[i * p->a_row + l * p->a_column] *
                       (double)b[l * p->b_row + j * p->b_column];
            out[i * p->n + j] = (float)((double)alpha * sum);
        }
    }
}

td_status tdi_ops_prepare_gemm(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                               const void **args, td_error *err) {
    tdi_gemm *g = tdi_arena_alloc(arena, sizeof *g);
    if (!g)
        return tdi_fail_memory(err);
    *args = g;
    return tdi_gemm_resolve(graph, node, g, err);
}

void tdi_ops_run_gemm(const tdi_ops_call *call) {
    const tdi_gemm *g = call->args;
    product p = {.m = g->m, .n = g->n, .k = g->k};
    p.a_row = g->trans_a ? 1 : g->k;
    p.a_column = g->trans_a ? g->m : 1;
    p.b_row = g->trans_b ? 1 : g->n;
    p.b_column = g->trans_b ? g->k : 1;
    float *out = call->output.data;
    multiply(&p, out, call->inputs[0].data, call->inputs[1].data, g->alpha);
    if (call->input_count < 3 || !call->inputs[2].data)
        return;
    const float *c = call->inputs[2].data;
    int64_t strides[TD_RANK_MAX];
    tdi_broadcast_strides(call->inputs[2].shape, call->output.shape, strides);
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++)
            out[i * g->n + j] += g->beta * c[i * strides[0] + j * strides[1]];
}

typedef struct stack {
    product matrices;
    int rank; /* of the axes in front of the matrices */
    int64_t count, dim[TD_RANK_MAX], a_step[TD_RANK_MAX], b_step[TD_RANK_MAX];
} stack;

/* The axes in front of the last two; none for a vector. */
static td_shape stack_shape(const td_shape *shape) {
    td_shape s = *shape;
    s.rank = shape->rank > 2 ? shape->rank - 2 : 0;
    return s;
}

td_status tdi_ops_prepare_matmul(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                 const void **args, td_error *err) {
    td_shape a = stack_shape(&graph->values[node->inputs[0]].shape), both;
    td_shape b = stack_shape(&graph->values[node->inputs[1]].shape);
    tdi_matmul m;
    stack *s = tdi_arena_alloc(arena, sizeof *s);
    if (!s)
        return tdi_fail_memory(err);
    TD_TRY(tdi_matmul_resolve(graph, node, &m, err));
    if (tdi_broadcast(&a, &b, &both) != 0)
        return tdi_fail(err, TD_FORMAT, "node \"%s\": the shapes do not fit", node->name);
    s->matrices = (product){.m = m.m, .n = m.n, .k = m.k};
    s->matrices.a_row = m.k, s->matrices.a_column = 1;
    s->matrices.b_row = m.n, s->matrices.b_column = 1;
    s->count = m.batch;
    s->rank = both.rank;
    tdi_broadcast_strides(&a, &both, s->a_step);
    tdi_broadcast_strides(&b, &both, s->b_step);
    for (int i = 0; i < both.rank; i++) {
        s->dim[i] = both.dim[i];
        s->a_step[i] *= m.m * m.k;
        s->b_step[i] *= m.k * m.n;
    }
    *args = s;
    return TD_OK;
}

void tdi_ops_run_matmul(const tdi_ops_call *call) {
    const stack *s = call->args;
    const float *a = call->inputs[0].data, *b = call->inputs[1].data;
    float *out = call->output.data;
    int64_t index[TD_RANK_MAX] = {0};
    for (int64_t i = 0; i < s->count; i++, out += s->matrices.m * s->matrices.n) {
        multiply(&s->matrices, out, a, b, 1);
        for (int axis = s->rank - 1; axis >= 0; axis--) {
            a += s->a_step[axis];
            b += s->b_step[axis];
            if (++index[axis] < s->dim[axis])
                break;
            a -= s->a_step[axis] * s->dim[axis];
            b -= s->b_step[axis] * s->dim[axis];
            index[axis] = 0;
        }
    }
}
