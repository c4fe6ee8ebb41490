/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elementwise functions of one tensor with constant parameters: what a backend may compute on the
 * fly while it writes the result of another operator.
 */
#ifndef TDI_ENGINE_ACTIVATION_H
#define TDI_ENGINE_ACTIVATION_H

#include "graph/graph.h"

typedef enum tdi_activation_kind {
    TDI_ACTIVATION_RELU,         /* x > 0 ? x : alpha * x */
    TDI_ACTIVATION_CLIP,         /* min(max(x, alpha), beta) */
    TDI_ACTIVATION_ELU,          /* x > 0 ? x : alpha * (exp(x) - 1) */
    TDI_ACTIVATION_HARD_SIGMOID, /* min(max(alpha * x + beta, 0), 1) */
    TDI_ACTIVATION_HARD_SWISH,   /* x * min(max(x / 6 + 1 / 2, 0), 1) */
    TDI_ACTIVATION_SIGMOID,
    TDI_ACTIVATION_TANH,
    TDI_ACTIVATION_EXP,
    TDI_ACTIVATION_SQRT,
    TDI_ACTIVATION_FLOOR,
    TDI_ACTIVATION_ROUND, /* half to even */
    TDI_ACTIVATION_ABS,
    TDI_ACTIVATION_NEG,
    TDI_ACTIVATION_CEIL,
    TDI_ACTIVATION_CELU, /* max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0) */
    TDI_ACTIVATION_COS,
    TDI_ACTIVATION_ERF,
    TDI_ACTIVATION_GELU,      /* x * (1 + erf(x / sqrt(2))) / 2 */
    TDI_ACTIVATION_GELU_TANH, /* x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2 */
    TDI_ACTIVATION_LOG,
    TDI_ACTIVATION_MISH, /* x * tanh(log(1 + exp(x))) */
    TDI_ACTIVATION_RECIPROCAL,
    TDI_ACTIVATION_SELU, /* beta * (x > 0 ? x : alpha * (exp(x) - 1)) */
    TDI_ACTIVATION_SIGN,
    TDI_ACTIVATION_SIN,
    TDI_ACTIVATION_SOFTPLUS,        /* log(1 + exp(x)) */
    TDI_ACTIVATION_SOFTSIGN,        /* x / (1 + |x|) */
    TDI_ACTIVATION_THRESHOLDED_RELU /* x > alpha ? x : 0 */
} tdi_activation_kind;

typedef struct tdi_activation {
    tdi_activation_kind kind;
    float alpha, beta;
} tdi_activation;

/* As "relu". */
const char *tdi_activation_name(tdi_activation_kind kind);

/* Whether the node is such a function of its input 0, and which. */
int tdi_activation_of(const tdi_graph *graph, const tdi_node *node, tdi_activation *out);

#endif
