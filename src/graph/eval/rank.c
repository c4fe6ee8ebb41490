/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order along an axis: ArgMax, ArgMin, TopK; and ReduceProd, which multiplies along axes.
 */
#include <string.h>

#include "graph/eval/element.h"
#include "graph/eval/eval.h"

/* Lines of a tensor along an axis: element i of line l is at origin(l) + i * step. */
typedef struct lines {
    int64_t count, length, step;
} lines;

static lines lines_of(const td_shape *shape, int axis) {
    lines l;
    l.step = tdi_shape_product(shape, axis + 1, shape->rank);
    l.length = shape->dim[axis];
    l.count = td_shape_elements(shape) / l.length;
    return l;
}

static int64_t origin(const lines *l, int64_t line, int64_t length) {
    return line / l->step * length * l->step + line % l->step;
}

typedef struct arg {
    int axis, sign, last; /* sign -1: the least */
} arg;

td_status tdi_eval_prepare_arg(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                               const void **args, td_error *err) {
    arg *a = tdi_arena_alloc(arena, sizeof *a);
    if (!a)
        return tdi_fail_memory(err);
    a->sign = strcmp(node->op->type, "ArgMin") == 0 ? -1 : 1;
    a->last = tdi_node_int(node, "select_last_index", 0) != 0;
    *args = a;
    return tdi_axis_resolve(graph, node, 0, &a->axis, err);
}

void tdi_eval_run_arg(const tdi_ops_call *call) {
    const arg *a = call->args;
    const tdi_operand *in = &call->inputs[0];
    lines l = lines_of(in->shape, a->axis);
    for (int64_t line = 0; line < l.count; line++) {
        int64_t from = origin(&l, line, l.length), best = 0;
        for (int64_t i = 1; i < l.length; i++) {
            int order = a->sign * tdi_compare_elements(in->dtype, in->data, from + i * l.step,
                                                       from + best * l.step);
            if (order > 0 || (order == 0 && a->last))
                best = i;
        }
        ((int64_t *)call->output.data)[line] = best;
    }
}

td_status tdi_eval_prepare_topk(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                const void **args, td_error *err) {
    tdi_topk *topk = tdi_arena_alloc(arena, sizeof *topk);
    if (!topk)
        return tdi_fail_memory(err);
    *args = topk;
    return tdi_topk_resolve(graph, node, topk, err);
}

/* Whether element a of a line comes before b: by value, equals by index. */
static int comes_before(const tdi_operand *in, int sign, int64_t a, int64_t b) {
    int order = sign * tdi_compare_elements(in->dtype, in->data, a, b);
    return order ? order > 0 : a < b;
}

/*
 * One pass per place, each looking for what comes next after the one before: needs no memory, and
 * the places asked for are few.
 */
void tdi_eval_run_topk(const tdi_ops_call *call) {
    const tdi_topk *topk = call->args;
    const tdi_operand *in = &call->inputs[0];
    size_t bytes = td_dtype_bytes(in->dtype);
    int sign = topk->largest ? 1 : -1;
    lines l = lines_of(in->shape, topk->axis);
    for (int64_t line = 0; line < l.count; line++) {
        int64_t from = origin(&l, line, l.length), to = origin(&l, line, topk->k), last = -1;
        for (int64_t place = 0; place < topk->k; place++, to += l.step) {
            int64_t best = -1;
            for (int64_t i = 0, at = from; i < l.length; i++, at += l.step)
                if ((last < 0 || comes_before(in, sign, last, at)) &&
                    (best < 0 || comes_before(in, sign, at, best)))
                    best = at;
            last = best;
            if (call->output_index == 0)
                memcpy((char *)call->output.data + (size_t)to * bytes,
                       (const char *)in->data + (size_t)best * bytes, bytes);
            else
                ((int64_t *)call->output.data)[to] = (best - from) / l.step;
        }
    }
}

td_status tdi_eval_prepare_product(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                   const void **args, td_error *err) {
    tdi_reduce *reduce = tdi_arena_alloc(arena, sizeof *reduce);
    if (!reduce)
        return tdi_fail_memory(err);
    *args = reduce;
    return tdi_reduce_resolve(graph, node, reduce, err);
}

void tdi_eval_run_product(const tdi_ops_call *call) {
    const tdi_reduce *reduce = call->args;
    const tdi_operand *in = &call->inputs[0], *out = &call->output;
    int64_t count = td_shape_elements(in->shape), results = td_shape_elements(out->shape);
    int64_t stride = 1;
    int is_float = tdi_dtype_is_float(in->dtype);
    tdi_walk walk;
    tdi_walk_init(&walk, in->shape);
    walk.operands = 1;
    for (int axis = in->shape->rank - 1; axis >= 0; axis--) {
        walk.stride[0][axis] = reduce->reduced[axis] ? 0 : stride;
        stride *= reduce->reduced[axis] ? 1 : in->shape->dim[axis];
    }
    for (int64_t i = 0; i < results; i++)
        if (is_float)
            tdi_store_float(out->dtype, out->data, i, 1);
        else
            tdi_store_integer(out->dtype, out->data, i, 1);
    for (int64_t i = 0; i < count; i++, tdi_walk_next(&walk)) {
        int64_t to = walk.at[0];
        if (is_float) {
            double product = tdi_load_float(out->dtype, out->data, to);
            tdi_store_float(out->dtype, out->data, to,
                            product * tdi_load_float(in->dtype, in->data, i));
        } else {
            uint64_t product = (uint64_t)tdi_load_integer(out->dtype, out->data, to);
            uint64_t factor = (uint64_t)tdi_load_integer(in->dtype, in->data, i);
            tdi_store_integer(out->dtype, out->data, to, (int64_t)(product * factor));
        }
    }
}
