/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Picking elements by index: Gather, GatherElements, GatherND, ScatterND. Negative indices count
 * from the end; one outside of its axis, which ONNX forbids, takes the nearest that there is.
 */
#include <string.h>

#include "graph/eval/element.h"
#include "graph/eval/eval.h"

static int64_t index_at(const tdi_operand *indices, int64_t i, int64_t dim) {
    int64_t index = tdi_load_integer(indices->dtype, indices->data, i);
    if (index < 0)
        index = index < -dim ? 0 : index + dim;
    return index < dim ? index : dim - 1;
}

td_status tdi_eval_prepare_gather(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                  const void **args, td_error *err) {
    int *axis = tdi_arena_alloc(arena, sizeof *axis);
    if (!axis)
        return tdi_fail_memory(err);
    *args = axis;
    return tdi_axis_resolve(graph, node, 0, axis, err);
}

void tdi_eval_run_gather(const tdi_ops_call *call) {
    int axis = *(const int *)call->args;
    const tdi_operand *data = &call->inputs[0], *indices = &call->inputs[1];
    const td_shape *shape = data->shape;
    int64_t outer = tdi_shape_product(shape, 0, axis), dim = shape->dim[axis];
    size_t block = (size_t)tdi_shape_product(shape, axis + 1, shape->rank) *
                   td_dtype_bytes(data->dtype);
    int64_t count = td_shape_elements(indices->shape);
    char *out = call->output.data;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < count; i++, out += block) {
            int64_t from = o * dim + index_at(indices, i, dim);
            memcpy(out, (const char *)data->data + (size_t)from * block, block);
        }
}

void tdi_eval_run_gather_elements(const tdi_ops_call *call) {
    int axis = *(const int *)call->args;
    const tdi_operand *data = &call->inputs[0], *indices = &call->inputs[1];
    size_t bytes = td_dtype_bytes(data->dtype);
    int64_t count = td_shape_elements(call->output.shape);
    char *out = call->output.data;
    tdi_walk walk;
    tdi_walk_init(&walk, call->output.shape);
    tdi_strides(data->shape, walk.stride[walk.operands++]);
    int64_t stride = walk.stride[0][axis];
    walk.stride[0][axis] = 0;
    for (int64_t i = 0; i < count; i++, tdi_walk_next(&walk), out += bytes) {
        int64_t from = walk.at[0] + stride * index_at(indices, i, data->shape->dim[axis]);
        memcpy(out, (const char *)data->data + (size_t)from * bytes, bytes);
    }
}

/*
 * Tuples of indices into axes first .. first + length - 1; axes before are common to both tensors,
 * axes behind are moved as a block.
 */
typedef struct tuples {
    int first, length;
    int64_t per_batch, count; /* tuples */
    int64_t block;            /* elements */
} tuples;

static tuples tuples_of(const td_shape *data, const td_shape *indices, int first) {
    tuples t;
    t.first = first;
    t.length = (int)indices->dim[indices->rank - 1];
    t.count = tdi_shape_product(indices, 0, indices->rank - 1);
    t.per_batch = tdi_shape_product(indices, first, indices->rank - 1);
    t.block = tdi_shape_product(data, first + t.length, data->rank);
    return t;
}

/* Where the block of tuple `i` begins. */
static int64_t locate(const tuples *t, const td_shape *data, const tdi_operand *indices,
                      int64_t i) {
    int64_t at = i / t->per_batch;
    for (int k = 0; k < t->length; k++) {
        int64_t dim = data->dim[t->first + k];
        at = at * dim + index_at(indices, i * t->length + k, dim);
    }
    return at * t->block;
}

td_status tdi_eval_prepare_gather_nd(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                     const void **args, td_error *err) {
    tuples *t = tdi_arena_alloc(arena, sizeof *t);
    if (!t)
        return tdi_fail_memory(err);
    *t = tuples_of(&tdi_node_input(graph, node, 0)->shape, &tdi_node_input(graph, node, 1)->shape,
                   (int)tdi_node_int(node, "batch_dims", 0));
    *args = t;
    return TD_OK;
}

void tdi_eval_run_gather_nd(const tdi_ops_call *call) {
    const tuples *t = call->args;
    const tdi_operand *data = &call->inputs[0];
    size_t bytes = td_dtype_bytes(data->dtype), block = (size_t)t->block * bytes;
    char *out = call->output.data;
    for (int64_t i = 0; i < t->count; i++, out += block) {
        size_t from = (size_t)locate(t, data->shape, &call->inputs[1], i) * bytes;
        memcpy(out, (const char *)data->data + from, block);
    }
}

typedef enum reduction { NONE, ADD, MUL, MAX, MIN } reduction;

typedef struct scatter {
    tuples tuples;
    reduction reduction;
} scatter;

td_status tdi_eval_prepare_scatter_nd(const tdi_graph *graph, const tdi_node *node,
                                      tdi_arena *arena, const void **args, td_error *err) {
    static const char *const names[] = {"none", "add", "mul", "max", "min"};
    scatter *s = tdi_arena_alloc(arena, sizeof *s);
    if (!s)
        return tdi_fail_memory(err);
    s->tuples = tuples_of(&tdi_node_input(graph, node, 0)->shape,
                          &tdi_node_input(graph, node, 1)->shape, 0);
    for (int i = NONE; i <= MIN; i++)
        if (strcmp(tdi_node_string(node, "reduction", "none"), names[i]) == 0)
            s->reduction = (reduction)i;
    *args = s;
    return TD_OK;
}

static double reduce_float(reduction r, double a, double b) {
    return r == ADD ? a + b : r == MUL ? a * b : r == MAX ? (a > b ? a : b) : (a < b ? a : b);
}

static int64_t reduce_integer(reduction r, td_dtype dtype, int64_t a, int64_t b) {
    int order = tdi_compare_integers(dtype, a, b);
    return r == ADD   ? (int64_t)((uint64_t)a + (uint64_t)b)
           : r == MUL ? (int64_t)((uint64_t)a * (uint64_t)b)
           : r == MAX ? (order > 0 ? a : b)
                      : (order < 0 ? a : b);
}

static void reduce_one(reduction r, const tdi_operand *out, int64_t to, const tdi_operand *updates,
                       int64_t from) {
    td_dtype dtype = out->dtype;
    if (tdi_dtype_is_float(dtype)) {
        double update = tdi_load_float(dtype, updates->data, from);
        tdi_store_float(dtype, out->data, to,
                        reduce_float(r, tdi_load_float(dtype, out->data, to), update));
    } else {
        int64_t update = tdi_load_integer(dtype, updates->data, from);
        tdi_store_integer(dtype, out->data, to,
                          reduce_integer(r, dtype, tdi_load_integer(dtype, out->data, to), update));
    }
}

void tdi_eval_run_scatter_nd(const tdi_ops_call *call) {
    const scatter *s = call->args;
    const tuples *t = &s->tuples;
    const tdi_operand *out = &call->output, *updates = &call->inputs[2];
    size_t bytes = td_dtype_bytes(out->dtype);
    memcpy(out->data, call->inputs[0].data, (size_t)td_shape_elements(out->shape) * bytes);
    for (int64_t i = 0; i < t->count; i++) {
        int64_t to = locate(t, out->shape, &call->inputs[1], i), from = i * t->block;
        if (s->reduction == NONE)
            memcpy((char *)out->data + (size_t)to * bytes,
                   (const char *)updates->data + (size_t)from * bytes, (size_t)t->block * bytes);
        for (int64_t k = 0; s->reduction != NONE && k < t->block; k++)
            reduce_one(s->reduction, out, to + k, updates, from + k);
    }
}
