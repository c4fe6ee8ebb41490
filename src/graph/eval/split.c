/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Split: each output is a part of the input along an axis.
 */
#include <string.h>

#include "graph/eval/eval.h"

td_status tdi_eval_prepare_split(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                 const void **args, td_error *err) {
    tdi_split *split = tdi_arena_alloc(arena, sizeof *split);
    if (!split)
        return tdi_fail_memory(err);
    *args = split;
    return tdi_split_resolve(graph, node, arena, split, err);
}

void tdi_eval_run_split(const tdi_ops_call *call) {
    const tdi_split *split = call->args;
    const td_shape *shape = call->inputs[0].shape;
    size_t inner = (size_t)tdi_shape_product(shape, split->axis + 1, shape->rank) *
                   td_dtype_bytes(call->output.dtype);
    int64_t outer = tdi_shape_product(shape, 0, split->axis);
    size_t row = (size_t)shape->dim[split->axis] * inner;
    size_t block = (size_t)call->output.shape->dim[split->axis] * inner;
    const char *from = (const char *)call->inputs[0].data +
                       (size_t)split->start[call->output_index] * inner;
    char *to = call->output.data;
    for (int64_t o = 0; o < outer; o++, from += row, to += block)
        memcpy(to, from, block);
}
