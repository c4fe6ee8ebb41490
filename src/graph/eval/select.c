/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing by a condition: Where, Trilu, NonZero.
 */
#include <string.h>

#include "graph/eval/element.h"
#include "graph/eval/eval.h"

void tdi_eval_run_where(const tdi_ops_call *call) {
    const tdi_operand *inputs = call->inputs;
    size_t bytes = td_dtype_bytes(call->output.dtype);
    int64_t count = td_shape_elements(call->output.shape);
    char *out = call->output.data;
    tdi_walk walk;
    tdi_walk_init(&walk, call->output.shape);
    for (int i = 0; i < 3; i++)
        tdi_walk_broadcast(&walk, inputs[i].shape);
    for (int64_t i = 0; i < count; i++, tdi_walk_next(&walk), out += bytes) {
        int chosen = ((const uint8_t *)inputs[0].data)[walk.at[0]] ? 1 : 2;
        memcpy(out, (const char *)inputs[chosen].data + (size_t)walk.at[chosen] * bytes, bytes);
    }
}

td_status tdi_eval_prepare_trilu(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                 const void **args, td_error *err) {
    int *upper = tdi_arena_alloc(arena, sizeof *upper);
    (void)graph;
    if (!upper)
        return tdi_fail_memory(err);
    *upper = tdi_node_int(node, "upper", 1) != 0;
    *args = upper;
    return TD_OK;
}

void tdi_eval_run_trilu(const tdi_ops_call *call) {
    int upper = *(const int *)call->args;
    const td_shape *shape = call->output.shape;
    size_t bytes = td_dtype_bytes(call->output.dtype);
    int64_t rows = shape->dim[shape->rank - 2], columns = shape->dim[shape->rank - 1], k = 0;
    int64_t count = td_shape_elements(shape);
    if (call->input_count > 1 && call->inputs[1].data)
        k = *(const int64_t *)call->inputs[1].data;
    /* Any diagonal farther out is the same as one just outside. */
    k = k < -rows ? -rows : k > columns ? columns : k;
    for (int64_t i = 0; i < count; i++) {
        int64_t distance = i % columns - i / columns % rows - k;
        char *to = (char *)call->output.data + (size_t)i * bytes;
        if (upper ? distance >= 0 : distance <= 0)
            memcpy(to, (const char *)call->inputs[0].data + (size_t)i * bytes, bytes);
        else
            memset(to, 0, bytes);
    }
}

void tdi_eval_run_nonzero(const tdi_ops_call *call) {
    const tdi_operand *in = &call->inputs[0];
    int64_t count = td_shape_elements(in->shape), columns = call->output.shape->dim[1], found = 0;
    tdi_walk walk;
    tdi_walk_init(&walk, in->shape);
    for (int64_t i = 0; i < count && found < columns; i++, tdi_walk_next(&walk)) {
        if (tdi_load_number(in->dtype, in->data, i) == 0)
            continue;
        for (int axis = 0; axis < in->shape->rank; axis++)
            ((int64_t *)call->output.data)[axis * columns + found] = walk.index[axis];
        found++;
    }
}
