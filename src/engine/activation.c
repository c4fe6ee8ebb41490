/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading activations off nodes.
 */
#include "engine/activation.h"

#include <string.h>

#include "graph/op.h"

static int clip_of(const tdi_graph *graph, const tdi_node *node, tdi_activation *out) {
    double min, max;
    if (tdi_clip_resolve(graph, node, &min, &max, NULL) != TD_OK)
        return 0;
    out->kind = TDI_ACTIVATION_CLIP;
    out->alpha = (float)min;
    out->beta = (float)max;
    return 1;
}

const char *tdi_activation_name(tdi_activation_kind kind) {
    static const char *const names[] = {
        [TDI_ACTIVATION_RELU] = "relu",
        [TDI_ACTIVATION_CLIP] = "clip",
        [TDI_ACTIVATION_ELU] = "elu",
        [TDI_ACTIVATION_HARD_SIGMOID] = "hard_sigmoid",
        [TDI_ACTIVATION_HARD_SWISH] = "hard_swish",
        [TDI_ACTIVATION_SIGMOID] = "sigmoid",
        [TDI_ACTIVATION_TANH] = "tanh",
        [TDI_ACTIVATION_EXP] = "exp",
        [TDI_ACTIVATION_SQRT] = "sqrt",
        [TDI_ACTIVATION_FLOOR] = "floor",
        [TDI_ACTIVATION_ROUND] = "round",
        [TDI_ACTIVATION_ABS] = "abs",
        [TDI_ACTIVATION_NEG] = "neg",
    };
    return names[kind];
}

int tdi_activation_of(const tdi_graph *graph, const tdi_node *node, tdi_activation *out) {
    static const struct {
        const char *type;
        tdi_activation_kind kind;
        float alpha, beta; /* defaults of the attributes */
    } table[] = {
        {"Relu", TDI_ACTIVATION_RELU, 0, 0},
        {"LeakyRelu", TDI_ACTIVATION_RELU, 0.01f, 0},
        {"Elu", TDI_ACTIVATION_ELU, 1, 0},
        {"HardSigmoid", TDI_ACTIVATION_HARD_SIGMOID, 0.2f, 0.5f},
        {"HardSwish", TDI_ACTIVATION_HARD_SWISH, 0, 0},
        {"Sigmoid", TDI_ACTIVATION_SIGMOID, 0, 0},
        {"Tanh", TDI_ACTIVATION_TANH, 0, 0},
        {"Exp", TDI_ACTIVATION_EXP, 0, 0},
        {"Sqrt", TDI_ACTIVATION_SQRT, 0, 0},
        {"Floor", TDI_ACTIVATION_FLOOR, 0, 0},
        {"Round", TDI_ACTIVATION_ROUND, 0, 0},
        {"Abs", TDI_ACTIVATION_ABS, 0, 0},
        {"Neg", TDI_ACTIVATION_NEG, 0, 0},
        {"Ceil", TDI_ACTIVATION_CEIL, 0, 0},
        {"Celu", TDI_ACTIVATION_CELU, 1, 0},
        {"Cos", TDI_ACTIVATION_COS, 0, 0},
        {"Erf", TDI_ACTIVATION_ERF, 0, 0},
        {"Gelu", TDI_ACTIVATION_GELU, 0, 0},
        {"Log", TDI_ACTIVATION_LOG, 0, 0},
        {"Mish", TDI_ACTIVATION_MISH, 0, 0},
        {"Reciprocal", TDI_ACTIVATION_RECIPROCAL, 0, 0},
        {"Selu", TDI_ACTIVATION_SELU, 1.67326319217681884765625f, 0},
        {"Sign", TDI_ACTIVATION_SIGN, 0, 0},
        {"Sin", TDI_ACTIVATION_SIN, 0, 0},
        {"Softplus", TDI_ACTIVATION_SOFTPLUS, 0, 0},
        {"Softsign", TDI_ACTIVATION_SOFTSIGN, 0, 0},
        {"ThresholdedRelu", TDI_ACTIVATION_THRESHOLDED_RELU, 1, 0},
    };
    if (strcmp(node->op->type, "Clip") == 0)
        return clip_of(graph, node, out);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(node->op->type, table[i].type) != 0)
            continue;
        out->kind = table[i].kind;
        out->alpha = tdi_node_float(node, "alpha", table[i].alpha);
        out->beta = tdi_node_float(node, "beta", table[i].beta);
        if (out->kind == TDI_ACTIVATION_SELU)
            out->beta = tdi_node_float(node, "gamma", 1.05070102214813232421875f);
        if (out->kind == TDI_ACTIVATION_GELU &&
            strcmp(tdi_node_string(node, "approximate", "none"), "tanh") == 0)
            out->kind = TDI_ACTIVATION_GELU_TANH;
        return 1;
    }
    return 0;
}
