/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of matrices, and of stacks of matrices. A stack times one matrix is one product of all
 * rows.
 */
#include "engine/onednn/onednn.h"

#define RANK_MAX 6

typedef struct shapes {
    td_shape a, b, out;
} shapes;

/* Whether all axes before the last two have one element. */
static int is_one_matrix(const td_shape *shape) {
    for (int i = 0; i < shape->rank - 2; i++)
        if (shape->dim[i] != 1)
            return 0;
    return 1;
}

static td_shape with_rank(const td_shape *shape, int rank) {
    td_shape wide = {rank, {0}};
    for (int i = 0; i < rank; i++)
        wide.dim[i] = i < rank - shape->rank ? 1 : shape->dim[i - (rank - shape->rank)];
    return wide;
}

/* All rows of a stack one below the other. */
static td_shape as_rows(const td_shape *shape) {
    int64_t rows = 1;
    for (int i = 0; i < shape->rank - 1; i++)
        rows *= shape->dim[i];
    return (td_shape){2, {rows, shape->dim[shape->rank - 1]}};
}

static shapes shapes_of(const tdi_graph *graph, const tdi_node *node) {
    shapes s = {graph->values[node->inputs[0]].shape, graph->values[node->inputs[1]].shape,
                graph->values[node->outputs[0]].shape};
    int rank = s.a.rank > s.b.rank ? s.a.rank : s.b.rank;
    if (is_one_matrix(&s.b)) {
        s.b = (td_shape){2, {s.b.dim[s.b.rank - 2], s.b.dim[s.b.rank - 1]}};
        s.a = as_rows(&s.a);
        s.out = as_rows(&s.out);
        return s;
    }
    s.a = with_rank(&s.a, rank);
    s.b = with_rank(&s.b, rank);
    return s;
}

int tdi_onednn_supports_matmul(const tdi_graph *graph, const tdi_node *node) {
    const tdi_value *a = &graph->values[node->inputs[0]], *b = &graph->values[node->inputs[1]];
    if (a->dtype != TD_DTYPE_F32 || b->dtype != TD_DTYPE_F32 || a->shape.rank < 2 ||
        b->shape.rank < 2)
        return 0;
    return shapes_of(graph, node).a.rank <= RANK_MAX;
}

td_status tdi_onednn_prepare_matmul(const tdi_compile *compile, const tdi_step *step,
                                    const tdi_format *at_hand, tdi_kernel **out, td_error *err) {
    static const int args[2] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS};
    shapes s = shapes_of(compile->graph, step->node);
    dnnl_memory_desc_t mds[2], dst;
    dnnl_matmul_desc_t desc;
    (void)at_hand;
    tdi_onednn_dense(&mds[0], &s.a);
    tdi_onednn_dense(&mds[1], &s.b);
    tdi_onednn_dense(&dst, &s.out);
    dnnl_status_t made = dnnl_matmul_desc_init(&desc, &mds[0], &mds[1], NULL, &dst);
    if (made != dnnl_success)
        return tdi_onednn_fail(err, step->node, "the shapes", made);
    return tdi_onednn_simple(compile, step, &desc, args, mds, out, err);
}
