/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels in plain C: what the others must agree with, bit for bit. Sums are chains of fused
 * multiply-adds, inputs and taps in their order, starting at the bias.
 */
#include <math.h>

#include "engine/native/direct.h"

static float finish(const tdi_finish *f, float x) {
    if (f->hard_swish) {
        float gate = fmaf(x, 1.0f / 6, 0.5f);
        gate = gate < 0 ? 0 : gate;
        return x * (gate > 1 ? 1 : gate);
    }
    x = x < f->low ? f->low : x;
    return x > f->high ? f->high : x;
}

static float pointwise_weight(const tdi_pointwise *layer, int output, int input) {
    int block = output / (2 * TDI_LANES) * 2;
    int single = tdi_blocks(layer->outputs) - block < 2;
    const float *panel = layer->weights + (size_t)(block * TDI_LANES) * (size_t)layer->inputs;
    return panel[input * (single ? TDI_LANES : 2 * TDI_LANES) + output - block * TDI_LANES];
}

static void pointwise_pixel(const tdi_pointwise *layer, const tdi_pointwise_task *task,
                            const float *src, size_t place, int output) {
    size_t at = (size_t)(output / TDI_LANES - task->first_output) * task->dst_stride + place +
                (size_t)(output % TDI_LANES);
    int first = task->first_input * TDI_LANES, last = first + task->input_blocks * TDI_LANES;
    if (output >= layer->outputs) {
        task->dst[at] = 0;
        return;
    }
    if (last > layer->inputs)
        last = layer->inputs;
    float sum = first == 0 ? layer->bias[output] : task->dst[at];
    if (first == 0 && task->addend)
        sum += task->addend[at];
    for (int i = 0; i < last - first; i++)
        sum = fmaf(src[(size_t)(i / TDI_LANES) * task->src_stride + (size_t)(i % TDI_LANES)],
                   pointwise_weight(layer, output, first + i), sum);
    task->dst[at] = last == layer->inputs ? finish(&layer->finish, sum) : sum;
}

static void pointwise_c(const tdi_pointwise *layer, const tdi_pointwise_task *task) {
    int last = task->first_output + task->output_blocks;
    if (last > tdi_blocks(layer->outputs))
        last = tdi_blocks(layer->outputs);
    for (int p = 0; p < task->pixels; p++) {
        size_t place = (size_t)(p / task->width * task->pitch + p % task->width) * TDI_LANES;
        for (int o = task->first_output * TDI_LANES; o < last * TDI_LANES; o++)
            pointwise_pixel(layer, task, task->src + (size_t)p * TDI_LANES, place, o);
    }
}

static void depthwise_c(const tdi_depthwise *layer, int block, const float *const *rows, float *dst,
                        int width) {
    int kernel = layer->kernel;
    const float *weights = layer->weights + (size_t)(block * kernel * kernel) * TDI_LANES;
    for (int i = 0; i < width * TDI_LANES; i++) {
        int lane = i % TDI_LANES, x = i / TDI_LANES * layer->stride;
        float sum = layer->bias[block * TDI_LANES + lane];
        for (int t = 0; t < kernel * kernel; t++)
            sum = fmaf(rows[t / kernel][(x + t % kernel) * TDI_LANES + lane],
                       weights[t * TDI_LANES + lane], sum);
        int is_channel = block * TDI_LANES + lane < layer->channels;
        dst[i] = is_channel ? finish(&layer->finish, sum) : 0;
    }
}

static void planar_c(const tdi_planar *layer, const float *const *rows, float *dst,
                     size_t dst_stride, int width) {
    int kernel = layer->kernel, taps = layer->inputs * kernel * kernel;
    const tdi_pointwise weights = {
        .inputs = taps, .outputs = layer->outputs, .weights = layer->weights};
    for (int x = 0; x < width; x++)
        for (int o = 0; o < tdi_blocks(layer->outputs) * TDI_LANES; o++) {
            float sum = o < layer->outputs ? layer->bias[o] : 0;
            for (int t = 0; t < taps && o < layer->outputs; t++)
                sum = fmaf(rows[t / kernel][x * layer->stride + t % kernel],
                           pointwise_weight(&weights, o, t), sum);
            dst[(size_t)(o / TDI_LANES) * dst_stride + (size_t)(x * TDI_LANES + o % TDI_LANES)] =
                o < layer->outputs ? finish(&layer->finish, sum) : 0;
        }
}

const tdi_direct_kernels tdi_direct_c = {"c", pointwise_c, depthwise_c, planar_c};
