/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic, comparison and logic on two tensors (Max and Min: any number), with numpy's
 * broadcasting. Integers wrap around.
 */
#include <math.h>
#include <string.h>

#include "graph/eval/element.h"
#include "graph/eval/eval.h"

typedef enum operation {
    ADD,
    SUB,
    MUL,
    DIV,
    MAX,
    MIN,
    POW,
    MOD, /* the sign of the divisor */
    EQUAL,
    GREATER,
    GREATER_EQUAL,
    LESS,
    LESS_EQUAL,
    AND,
    OR,
    XOR,
    FMOD /* the sign of the dividend */
} operation;

td_status tdi_eval_prepare_binary(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                  const void **args, td_error *err) {
    static const char *const names[] = {"Add",
                                        "Sub",
                                        "Mul",
                                        "Div",
                                        "Max",
                                        "Min",
                                        "Pow",
                                        "Mod",
                                        "Equal",
                                        "Greater",
                                        "GreaterOrEqual",
                                        "Less",
                                        "LessOrEqual",
                                        "And",
                                        "Or",
                                        "Xor"};
    operation *op = tdi_arena_alloc(arena, sizeof *op);
    (void)graph;
    if (!op)
        return tdi_fail_memory(err);
    for (int i = ADD; i <= XOR; i++)
        if (strcmp(names[i], node->op->type) == 0)
            *op = (operation)i;
    if (*op == MOD && tdi_node_int(node, "fmod", 0))
        *op = FMOD;
    *args = op;
    return TD_OK;
}

/* Quotient and remainder, rounded to zero; 0 and the dividend where the divisor is 0. */
static int64_t divide(td_dtype dtype, int64_t a, int64_t b, int64_t *rest) {
    if (b == 0) {
        *rest = a;
        return 0;
    }
    if (dtype == TD_DTYPE_U64) {
        *rest = (int64_t)((uint64_t)a % (uint64_t)b);
        return (int64_t)((uint64_t)a / (uint64_t)b);
    }
    if (b == -1) { /* INT64_MIN has no positive counterpart */
        *rest = 0;
        return (int64_t)(0 - (uint64_t)a);
    }
    *rest = a % b;
    return a / b;
}

static int64_t modulo(td_dtype dtype, int64_t a, int64_t b, int floor) {
    int64_t rest;
    divide(dtype, a, b, &rest);
    if (floor && dtype != TD_DTYPE_U64 && rest != 0 && b != 0 && (rest < 0) != (b < 0))
        rest += b;
    return rest;
}

static int64_t power(int64_t base, int64_t exponent) {
    if (exponent < 0)
        return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
    uint64_t result = 1, factor = (uint64_t)base;
    for (; exponent > 0; exponent /= 2, factor *= factor)
        if (exponent % 2)
            result *= factor;
    return (int64_t)result;
}

static int64_t on_integers(operation op, td_dtype dtype, int64_t a, int64_t b) {
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    int order = tdi_compare_integers(dtype, a, b);
    int64_t rest;
    switch (op) {
    case ADD:
        return (int64_t)(x + y);
    case SUB:
        return (int64_t)(x - y);
    case MUL:
        return (int64_t)(x * y);
    case DIV:
        return divide(dtype, a, b, &rest);
    case MOD:
    case FMOD:
        return modulo(dtype, a, b, op == MOD);
    case POW:
        return power(a, b);
    case MAX:
        return order > 0 ? a : b;
    case MIN:
        return order < 0 ? a : b;
    case EQUAL:
        return order == 0;
    case GREATER:
        return order > 0;
    case GREATER_EQUAL:
        return order >= 0;
    case LESS:
        return order < 0;
    case LESS_EQUAL:
        return order <= 0;
    case AND:
        return a && b;
    case OR:
        return a || b;
    case XOR:
        return !a != !b;
    }
    return 0;
}

static double floats_to_float(operation op, double a, double b) {
    switch (op) {
    case ADD:
        return a + b;
    case SUB:
        return a - b;
    case MUL:
        return a * b;
    case DIV:
        return a / b;
    case POW:
        return pow(a, b);
    case MAX:
        return a > b || isnan(a) ? a : b;
    case MIN:
        return a < b || isnan(a) ? a : b;
    case MOD:
        return a - b * floor(a / b);
    default:
        return fmod(a, b);
    }
}

static int floats_to_bool(operation op, double a, double b) {
    switch (op) {
    case EQUAL:
        return a == b;
    case GREATER:
        return a > b;
    case GREATER_EQUAL:
        return a >= b;
    case LESS:
        return a < b;
    default:
        return a <= b;
    }
}

static void combine(operation op, const tdi_operand *out, const tdi_operand *a,
                    const tdi_operand *b) {
    int64_t count = td_shape_elements(out->shape);
    int floats = tdi_dtype_is_float(a->dtype) || tdi_dtype_is_float(b->dtype);
    tdi_walk walk;
    tdi_walk_init(&walk, out->shape);
    tdi_walk_broadcast(&walk, a->shape);
    tdi_walk_broadcast(&walk, b->shape);
    for (int64_t i = 0; i < count; i++, tdi_walk_next(&walk)) {
        if (!floats) {
            int64_t x = tdi_load_integer(a->dtype, a->data, walk.at[0]);
            int64_t y = tdi_load_integer(b->dtype, b->data, walk.at[1]);
            tdi_store_integer(out->dtype, out->data, i, on_integers(op, a->dtype, x, y));
            continue;
        }
        double x = tdi_load_number(a->dtype, a->data, walk.at[0]);
        double y = tdi_load_number(b->dtype, b->data, walk.at[1]);
        if (out->dtype == TD_DTYPE_BOOL)
            tdi_store_integer(out->dtype, out->data, i, floats_to_bool(op, x, y));
        else if (tdi_dtype_is_float(out->dtype))
            tdi_store_float(out->dtype, out->data, i, floats_to_float(op, x, y));
        else
            tdi_store_truncated(out->dtype, out->data, i, floats_to_float(op, x, y));
    }
}

void tdi_eval_run_binary(const tdi_ops_call *call) {
    operation op = *(const operation *)call->args;
    const tdi_operand *inputs = call->inputs;
    /* One input: the greatest and the least of one are the one. */
    combine(op, &call->output, &inputs[0], &inputs[call->input_count > 1 ? 1 : 0]);
    for (int i = 2; i < call->input_count; i++)
        combine(op, &call->output, &call->output, &inputs[i]);
}
