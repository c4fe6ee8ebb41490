/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of single elements.
 */
#include <math.h>

#include "engine/ops/ops.h"

td_status tdi_ops_prepare_activation(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                     const void **args, td_error *err) {
    tdi_activation *activation = tdi_arena_alloc(arena, sizeof *activation);
    if (!activation)
        return tdi_fail_memory(err);
    if (!tdi_activation_of(graph, node, activation))
        return tdi_fail(err, TD_UNSUPPORTED, "operator %s (node \"%s\") is no known function",
                        node->op->type, node->name);
    *args = activation;
    return TD_OK;
}

/* NaN passes through, as in numpy. */
static inline float clamp(float x, float low, float high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}

static float value_of(const tdi_activation *a, float x) {
    switch (a->kind) {
    case TDI_ACTIVATION_RELU:
        return x > 0 ? x : a->alpha * x;
    case TDI_ACTIVATION_CLIP:
        return clamp(x, a->alpha, a->beta);
    case TDI_ACTIVATION_ELU:
        return x > 0 ? x : a->alpha * expm1f(x);
    case TDI_ACTIVATION_HARD_SIGMOID:
        return clamp(a->alpha * x + a->beta, 0, 1);
    case TDI_ACTIVATION_HARD_SWISH:
        return x * clamp(x / 6 + 0.5f, 0, 1);
    case TDI_ACTIVATION_SIGMOID:
        return 1 / (1 + expf(-x));
    case TDI_ACTIVATION_TANH:
        return tanhf(x);
    case TDI_ACTIVATION_EXP:
        return expf(x);
    case TDI_ACTIVATION_SQRT:
        return sqrtf(x);
    case TDI_ACTIVATION_FLOOR:
        return floorf(x);
    case TDI_ACTIVATION_ROUND:
        return nearbyintf(x);
    case TDI_ACTIVATION_ABS:
        return fabsf(x);
    case TDI_ACTIVATION_NEG:
        return -x;
    }
    return x;
}

void tdi_ops_run_activation(const tdi_ops_call *call) {
    const tdi_activation *activation = call->args;
    const float *in = call->inputs[0].data;
    float *out = call->output.data;
    int64_t count = td_shape_elements(call->output.shape);
    for (int64_t i = 0; i < count; i++)
        out[i] = value_of(activation, in[i]);
}
