/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic on two tensors (Max, Min, Sum and Mean: any number), with numpy's broadcasting.
 */
#include <math.h>
#include <string.h>

#include "engine/ops/ops.h"

typedef enum operation { ADD, SUB, MUL, DIV, MAX, MIN, POW, PRELU } operation;

typedef struct arithmetic {
    operation op;
    int is_mean;
} arithmetic;

typedef struct operand {
    const float *data;
    int64_t stride[TD_RANK_MAX];
} operand;

td_status tdi_ops_prepare_arithmetic(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                     const void **args, td_error *err) {
    static const struct {
        const char *type;
        operation op;
    } table[] = {
        {"Add", ADD}, {"Div", DIV}, {"Max", MAX},     {"Mean", ADD}, {"Min", MIN},
        {"Mul", MUL}, {"Pow", POW}, {"PRelu", PRELU}, {"Sub", SUB},  {"Sum", ADD},
    };
    arithmetic *a = tdi_arena_alloc(arena, sizeof *a);
    (void)graph;
    if (!a)
        return tdi_fail_memory(err);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].type, node->op->type) == 0)
            a->op = table[i].op;
    a->is_mean = strcmp(node->op->type, "Mean") == 0;
    *args = a;
    return TD_OK;
}

/* The greater, the lesser; NaN where either is NaN. */
static inline float greater(float a, float b) {
    return a > b || a != a ? a : b;
}
static inline float lesser(float a, float b) {
    return a < b || a != a ? a : b;
}

static void row(operation op, float *out, const float *a, int64_t a_step, const float *b,
                int64_t b_step, int64_t count) {
    switch (op) {
    case ADD:
        for (int64_t i = 0; i < count; i++)
            out[i] = a[i * a_step] + b[i * b_step];
        break;
    case SUB:
        for (int64_t i = 0; i < count; i++)
            out[i] = a[i * a_step] - b[i * b_step];
        break;
    case MUL:
        for (int64_t i = 0; i < count; i++)
            out[i] = a[i * a_step] * b[i * b_step];
        break;
    case DIV:
        for (int64_t i = 0; i < count; i++)
            out[i] = a[i * a_step] / b[i * b_step];
        break;
    case MAX:
        for (int64_t i = 0; i < count; i++)
            out[i] = greater(a[i * a_step], b[i * b_step]);
        break;
    case MIN:
        for (int64_t i = 0; i < count; i++)
            out[i] = lesser(a[i * a_step], b[i * b_step]);
        break;
    case POW:
        for (int64_t i = 0; i < count; i++)
            out[i] = powf(a[i * a_step], b[i * b_step]);
        break;
    case PRELU:
        for (int64_t i = 0; i < count; i++)
            out[i] = a[i * a_step] < 0 ? a[i * a_step] * b[i * b_step] : a[i * a_step];
        break;
    }
}

/* Joins each axis to the one before it where both operands step through the two as through one. */
static td_shape join_axes(const td_shape *shape, operand *a, operand *b) {
    td_shape joined = {1, {1}};
    int64_t last_a = 0, last_b = 0;
    int at = -1;
    for (int i = 0; i < shape->rank; i++) {
        int64_t dim = shape->dim[i], step_a = a->stride[i], step_b = b->stride[i];
        if (at >= 0 && last_a == step_a * dim && last_b == step_b * dim) {
            joined.dim[at] *= dim;
        } else {
            at++;
            joined.dim[at] = dim;
        }
        a->stride[at] = last_a = step_a;
        b->stride[at] = last_b = step_b;
    }
    joined.rank = at >= 0 ? at + 1 : 1;
    if (at < 0)
        a->stride[0] = b->stride[0] = 0;
    return joined;
}

static void combine(operation op, const td_shape *result, float *out, operand a, operand b) {
    td_shape shape = join_axes(result, &a, &b);
    int last = shape.rank - 1;
    int64_t index[TD_RANK_MAX] = {0}, count = shape.dim[last];
    int64_t rows = td_shape_elements(&shape) / (count > 0 ? count : 1);
    for (int64_t r = 0; r < rows; r++) {
        row(op, out + r * count, a.data, a.stride[last], b.data, b.stride[last], count);
        for (int axis = last - 1; axis >= 0; axis--) {
            a.data += a.stride[axis];
            b.data += b.stride[axis];
            if (++index[axis] < shape.dim[axis])
                break;
            a.data -= a.stride[axis] * shape.dim[axis];
            b.data -= b.stride[axis] * shape.dim[axis];
            index[axis] = 0;
        }
    }
}

static operand operand_of(const tdi_ops_call *call, const tdi_operand *input) {
    operand o;
    o.data = input->data;
    tdi_broadcast_strides(input->shape, call->output.shape, o.stride);
    return o;
}

static void scale(float *out, int64_t count, float factor) {
    for (int64_t i = 0; i < count; i++)
        out[i] *= factor;
}

void tdi_ops_run_arithmetic(const tdi_ops_call *call) {
    const arithmetic *args = call->args;
    const tdi_operand *inputs = call->inputs;
    const td_shape *shape = call->output.shape;
    float *out = call->output.data;
    if (call->input_count == 1) {
        memcpy(out, inputs[0].data, (size_t)td_shape_elements(shape) * sizeof *out);
        return;
    }
    combine(args->op, shape, out, operand_of(call, &inputs[0]), operand_of(call, &inputs[1]));
    for (int i = 2; i < call->input_count; i++)
        combine(args->op, shape, out, operand_of(call, &call->output),
                operand_of(call, &inputs[i]));
    if (args->is_mean)
        scale(out, td_shape_elements(shape), 1 / (float)call->input_count);
}
