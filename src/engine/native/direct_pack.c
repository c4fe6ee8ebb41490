/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weights in the order in which the kernels read them. Outputs lie in panels of two blocks (the
 * last one may be single), and within a panel one input, or one tap, after the other:
 *
 *     pointwise, planar: [panel][input, tap][output of the panel]
 *     depthwise:         [block][tap][channel of the block]
 */
#include <string.h>

#include "engine/native/direct.h"

size_t tdi_pointwise_pack_size(int inputs, int outputs) {
    return (size_t)inputs * (size_t)tdi_blocks(outputs) * TDI_LANES;
}

size_t tdi_depthwise_pack_size(int channels, int kernel) {
    return (size_t)(kernel * kernel) * (size_t)tdi_blocks(channels) * TDI_LANES;
}

size_t tdi_planar_pack_size(int inputs, int outputs, int kernel) {
    return tdi_pointwise_pack_size(inputs * kernel * kernel, outputs);
}

void tdi_pointwise_pack(const float *weights, int inputs, int outputs, float *packed) {
    int blocks = tdi_blocks(outputs);
    memset(packed, 0, tdi_pointwise_pack_size(inputs, outputs) * sizeof *packed);
    for (int o = 0; o < outputs; o++) {
        int block = o / (2 * TDI_LANES) * 2;
        int panel_width = blocks - block < 2 ? TDI_LANES : 2 * TDI_LANES;
        float *panel = packed + (size_t)(block * TDI_LANES) * (size_t)inputs;
        for (int i = 0; i < inputs; i++)
            panel[(size_t)i * (size_t)panel_width + (size_t)(o - block * TDI_LANES)] =
                weights[(size_t)o * (size_t)inputs + (size_t)i];
    }
}

void tdi_depthwise_pack(const float *weights, int channels, int kernel, float *packed) {
    int taps = kernel * kernel;
    memset(packed, 0, tdi_depthwise_pack_size(channels, kernel) * sizeof *packed);
    for (int c = 0; c < channels; c++)
        for (int t = 0; t < taps; t++)
            packed[(c / TDI_LANES * taps + t) * TDI_LANES + c % TDI_LANES] = weights[c * taps + t];
}

void tdi_planar_pack(const float *weights, int inputs, int outputs, int kernel, float *packed) {
    tdi_pointwise_pack(weights, inputs * kernel * kernel, outputs, packed);
}
