/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Concatenation along an axis.
 */
#include <string.h>

#include "graph/eval/eval.h"

td_status tdi_eval_prepare_concat(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                  const void **args, td_error *err) {
    int *axis = tdi_arena_alloc(arena, sizeof *axis);
    if (!axis)
        return tdi_fail_memory(err);
    *args = axis;
    return tdi_concat_resolve(graph, node, axis, err);
}

void tdi_eval_run_concat(const tdi_ops_call *call) {
    int axis = *(const int *)call->args;
    const td_shape *shape = call->output.shape;
    size_t bytes = td_dtype_bytes(call->output.dtype), inner = bytes;
    int64_t outer = 1;
    for (int i = 0; i < axis; i++)
        outer *= shape->dim[i];
    for (int i = axis + 1; i < shape->rank; i++)
        inner *= (size_t)shape->dim[i];
    char *out = call->output.data;
    for (int64_t o = 0; o < outer; o++) {
        for (int i = 0; i < call->input_count; i++) {
            size_t block = (size_t)call->inputs[i].shape->dim[axis] * inner;
            memcpy(out, (const char *)call->inputs[i].data + (size_t)o * block, block);
            out += block;
        }
    }
}
