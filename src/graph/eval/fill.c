/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors out of little: shapes as numbers, one number repeated, ranges.
 */
#include <string.h>

#include "graph/eval/element.h"
#include "graph/eval/eval.h"

td_status tdi_eval_prepare_shape(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                 const void **args, td_error *err) {
    int *first = tdi_arena_alloc(arena, sizeof *first);
    int end;
    (void)err;
    if (!first)
        return tdi_fail_memory(err);
    tdi_shape_resolve(graph, node, first, &end);
    *args = first;
    return TD_OK;
}

void tdi_eval_run_shape(const tdi_ops_call *call) {
    int first = *(const int *)call->args;
    memcpy(call->output.data, call->inputs[0].shape->dim + first,
           (size_t)call->output.shape->dim[0] * sizeof(int64_t));
}

void tdi_eval_run_size(const tdi_ops_call *call) {
    int64_t elements = td_shape_elements(call->inputs[0].shape);
    memcpy(call->output.data, &elements, sizeof elements);
}

static void repeat(const tdi_operand *out, const void *element) {
    size_t bytes = td_dtype_bytes(out->dtype), count = (size_t)td_shape_elements(out->shape);
    for (size_t i = 0; i < count; i++)
        memcpy((char *)out->data + i * bytes, element, bytes);
}

td_status tdi_eval_prepare_fill(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                const void **args, td_error *err) {
    static const float zero = 0;
    const tdi_tensor *value = tdi_node_tensor(node, "value");
    (void)graph;
    *args = value ? tdi_arena_copy(arena, value->data, value->bytes) : &zero;
    return *args ? TD_OK : tdi_fail_memory(err);
}

void tdi_eval_run_fill(const tdi_ops_call *call) {
    repeat(&call->output, call->args);
}

void tdi_eval_run_range(const tdi_ops_call *call) {
    const tdi_operand *start = &call->inputs[0], *delta = &call->inputs[2], *out = &call->output;
    int64_t count = out->shape->dim[0];
    for (int64_t i = 0; i < count; i++) {
        if (out->dtype == TD_DTYPE_F32) { /* in the precision that others have, too */
            ((float *)out->data)[i] = *(const float *)start->data +
                                      (float)i * *(const float *)delta->data;
        } else if (tdi_dtype_is_float(out->dtype)) {
            double first = tdi_load_float(out->dtype, start->data, 0);
            double step = tdi_load_float(out->dtype, delta->data, 0);
            tdi_store_float(out->dtype, out->data, i, first + (double)i * step);
        } else {
            uint64_t first = (uint64_t)tdi_load_integer(out->dtype, start->data, 0);
            uint64_t step = (uint64_t)tdi_load_integer(out->dtype, delta->data, 0);
            tdi_store_integer(out->dtype, out->data, i, (int64_t)(first + (uint64_t)i * step));
        }
    }
}

void tdi_eval_run_expand(const tdi_ops_call *call) {
    const td_shape *shape = call->output.shape;
    tdi_box box = {.rank = shape->rank, .element_bytes = td_dtype_bytes(call->output.dtype)};
    memcpy(box.dim, shape->dim, sizeof box.dim);
    tdi_strides(shape, box.to);
    tdi_broadcast_strides(call->inputs[0].shape, shape, box.from);
    tdi_box_copy(&box, call->output.data, call->inputs[0].data);
}

void tdi_eval_run_tile(const tdi_ops_call *call) {
    const td_shape *in = call->inputs[0].shape, *out = call->output.shape;
    size_t bytes = td_dtype_bytes(call->output.dtype);
    int64_t strides[TD_RANK_MAX], count = td_shape_elements(out);
    char *to = call->output.data;
    tdi_walk walk;
    tdi_strides(in, strides);
    tdi_walk_init(&walk, out);
    for (int64_t i = 0; i < count; i++, tdi_walk_next(&walk), to += bytes) {
        int64_t from = 0;
        for (int axis = 0; axis < in->rank; axis++)
            from += walk.index[axis] % in->dim[axis] * strides[axis];
        memcpy(to, (const char *)call->inputs[0].data + (size_t)from * bytes, bytes);
    }
}
