/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slice and Transpose: the input walked through with other strides.
 */
#include "graph/eval/eval.h"

typedef struct walk {
    tdi_box box;
    int64_t start; /* element of the input that comes first */
} walk;

static walk *walk_new(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena) {
    const tdi_value *out = &graph->values[node->outputs[0]];
    walk *w = tdi_arena_alloc(arena, sizeof *w);
    if (!w)
        return NULL;
    w->box.rank = out->shape.rank;
    w->box.element_bytes = td_dtype_bytes(out->dtype);
    for (int i = 0; i < out->shape.rank; i++)
        w->box.dim[i] = out->shape.dim[i];
    tdi_strides(&out->shape, w->box.to);
    return w;
}

td_status tdi_eval_prepare_slice(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                 const void **args, td_error *err) {
    const td_shape *in = &graph->values[node->inputs[0]].shape;
    int64_t strides[TD_RANK_MAX];
    tdi_slice slice;
    walk *w = walk_new(graph, node, arena);
    if (!w)
        return tdi_fail_memory(err);
    TD_TRY(tdi_slice_resolve(graph, node, &slice, err));
    tdi_strides(in, strides);
    for (int i = 0; i < in->rank; i++) {
        w->start += slice.start[i] * strides[i];
        /* One element needs no step, and a huge one would overflow. */
        w->box.from[i] = slice.count[i] > 1 ? slice.step[i] * strides[i] : 0;
    }
    *args = w;
    return TD_OK;
}

void tdi_eval_run_slice(const tdi_ops_call *call) {
    const walk *w = call->args;
    tdi_box_copy(&w->box, call->output.data,
                 (const char *)call->inputs[0].data + w->start * (int64_t)w->box.element_bytes);
}

td_status tdi_eval_prepare_transpose(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                     const void **args, td_error *err) {
    const td_shape *in = &graph->values[node->inputs[0]].shape;
    int64_t strides[TD_RANK_MAX];
    int perm[TD_RANK_MAX];
    walk *w = walk_new(graph, node, arena);
    if (!w)
        return tdi_fail_memory(err);
    TD_TRY(tdi_transpose_resolve(graph, node, perm, err));
    tdi_strides(in, strides);
    for (int i = 0; i < in->rank; i++)
        w->box.from[i] = strides[perm[i]];
    *args = w;
    return TD_OK;
}

void tdi_eval_run_transpose(const tdi_ops_call *call) {
    tdi_eval_run_slice(call);
}
