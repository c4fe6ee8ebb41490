/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators that nobody implements on purpose, and what to do about each.
 */
#include <string.h>

#include "graph/op.h"

static const char control[] =
    "control flow is not run; export the network for inference with fixed "
    "sizes, so that loops are unrolled and branches are decided";
static const char recurrent[] =
    "recurrent layers are not run; cut them off when exporting, and run "
    "them elsewhere";
static const char quantized[] = "quantized models are not run; use the float32 model";
static const char random[] =
    "results would differ between the two machines; export the network for "
    "inference";

static const struct {
    const char *type, *reason;
} refused[] = {
    {"Bernoulli", random},
    {"ConvInteger", quantized},
    {"DequantizeLinear", quantized},
    {"DynamicQuantizeLinear", quantized},
    {"GRU", recurrent},
    {"If", control},
    {"LSTM", recurrent},
    {"Loop", control},
    {"MatMulInteger", quantized},
    {"Multinomial", random},
    {"QLinearConv", quantized},
    {"QLinearMatMul", quantized},
    {"QuantizeLinear", quantized},
    {"RNN", recurrent},
    {"RandomNormal", random},
    {"RandomNormalLike", random},
    {"RandomUniform", random},
    {"RandomUniformLike", random},
    {"Scan", control},
};

const char *tdi_op_refused(const char *type) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(refused[i].type, type) == 0)
            return refused[i].reason;
    return NULL;
}
