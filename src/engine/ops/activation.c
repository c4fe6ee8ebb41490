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

/* Without overflow for large x, and exact for small exp(x). */
static inline float softplus(float x) {
    return (x > 0 ? x : 0) + log1pf(expf(-fabsf(x)));
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
    case TDI_ACTIVATION_CEIL:
        return ceilf(x);
    case TDI_ACTIVATION_CELU:
        return x > 0 ? x : a->alpha * expm1f(x / a->alpha);
    case TDI_ACTIVATION_COS:
        return cosf(x);
    case TDI_ACTIVATION_ERF:
        return erff(x);
    case TDI_ACTIVATION_GELU:
        return 0.5f * x * (1 + erff(x * 0.70710678f));
    case TDI_ACTIVATION_GELU_TANH:
        return 0.5f * x * (1 + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
    case TDI_ACTIVATION_LOG:
        return logf(x);
    case TDI_ACTIVATION_MISH:
        return x * tanhf(softplus(x));
    case TDI_ACTIVATION_RECIPROCAL:
        return 1 / x;
    case TDI_ACTIVATION_SELU:
        return a->beta * (x > 0 ? x : a->alpha * expm1f(x));
    case TDI_ACTIVATION_SIGN:
        return x > 0 ? 1 : x < 0 ? -1 : x;
    case TDI_ACTIVATION_SIN:
        return sinf(x);
    case TDI_ACTIVATION_SOFTPLUS:
        return softplus(x);
    case TDI_ACTIVATION_SOFTSIGN:
        return x / (1 + fabsf(x));
    case TDI_ACTIVATION_THRESHOLDED_RELU:
        return x > a->alpha ? x : 0;
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
