/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of one element that shapes are computed with, and Not.
 */
#include <math.h>
#include <string.h>

#include "graph/eval/element.h"
#include "graph/eval/eval.h"

typedef enum function { ABS, CEIL, FLOOR, NEG, NOT, ROUND, SQRT } function;

td_status tdi_eval_prepare_unary(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                 const void **args, td_error *err) {
    static const char *const names[] = {"Abs", "Ceil", "Floor", "Neg", "Not", "Round", "Sqrt"};
    function *f = tdi_arena_alloc(arena, sizeof *f);
    (void)graph;
    if (!f)
        return tdi_fail_memory(err);
    for (int i = ABS; i <= SQRT; i++)
        if (strcmp(names[i], node->op->type) == 0)
            *f = (function)i;
    *args = f;
    return TD_OK;
}

static double on_float(function f, double x) {
    switch (f) {
    case ABS:
        return fabs(x);
    case CEIL:
        return ceil(x);
    case FLOOR:
        return floor(x);
    case NEG:
        return -x;
    case ROUND:
        return nearbyint(x);
    default:
        return sqrt(x);
    }
}

static int64_t on_integer(function f, td_dtype dtype, int64_t x) {
    int negative = tdi_compare_integers(dtype, x, 0) < 0;
    if (f == NOT)
        return !x;
    return f == NEG || (f == ABS && negative) ? (int64_t)(0 - (uint64_t)x) : x;
}

void tdi_eval_run_unary(const tdi_ops_call *call) {
    function f = *(const function *)call->args;
    const tdi_operand *in = &call->inputs[0], *out = &call->output;
    int64_t count = td_shape_elements(out->shape);
    int is_float = tdi_dtype_is_float(in->dtype);
    for (int64_t i = 0; i < count; i++)
        if (is_float)
            tdi_store_float(out->dtype, out->data, i,
                            on_float(f, tdi_load_float(in->dtype, in->data, i)));
        else
            tdi_store_integer(out->dtype, out->data, i,
                              on_integer(f, in->dtype, tdi_load_integer(in->dtype, in->data, i)));
}
