/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Normalizations by the mean and variance of the tensor itself: InstanceNormalization,
 * GroupNormalization, LayerNormalization. All see rows that are contiguous in memory.
 */
#include <math.h>
#include <string.h>

#include "engine/ops/ops.h"

#define LANES 16

/* How scale and shift are laid out: one for `run` elements in a row, `period` of them in all. */
typedef struct standardize {
    int64_t rows, count, run, period;
    double epsilon;
} standardize;

td_status tdi_ops_prepare_standardize(const tdi_graph *graph, const tdi_node *node,
                                      tdi_arena *arena, const void **args, td_error *err) {
    const td_shape *shape = &graph->values[node->inputs[0]].shape;
    standardize *s = tdi_arena_alloc(arena, sizeof *s);
    if (!s)
        return tdi_fail_memory(err);
    *args = s;
    s->epsilon = (double)tdi_node_float(node, "epsilon", 1e-5f);
    if (strcmp(node->op->type, "LayerNormalization") == 0) {
        tdi_layer_norm norm;
        TD_TRY(tdi_layer_norm_resolve(graph, node, &norm, err));
        s->rows = norm.rows;
        s->count = s->period = norm.count;
        s->run = 1;
        return TD_OK;
    }
    int64_t elements = td_shape_elements(shape), planes = shape->dim[0] * shape->dim[1];
    int64_t groups = tdi_node_int(node, "num_groups", shape->dim[1]);
    s->rows = shape->dim[0] * groups;
    s->count = elements / s->rows;
    s->period = graph->values[node->inputs[1]].shape.dim[0];
    s->run = elements / planes * (shape->dim[1] / s->period);
    return TD_OK;
}

static double mean_of(const float *x, int64_t count) {
    double lanes[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++)
            lanes[l] += (double)x[i + l];
    for (; i < count; i++)
        sum += (double)x[i];
    for (int l = 0; l < LANES; l++)
        sum += lanes[l];
    return sum / (double)count;
}

static double variance_of(const float *x, int64_t count, double mean) {
    double lanes[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++)
            lanes[l] += ((double)x[i + l] - mean) * ((double)x[i + l] - mean);
    for (; i < count; i++)
        sum += ((double)x[i] - mean) * ((double)x[i] - mean);
    for (int l = 0; l < LANES; l++)
        sum += lanes[l];
    return sum / (double)count;
}

/* A run that shares one scale and shift. */
static void write_run(float *out, const float *x, int64_t count, float factor, float offset,
                      float mean) {
    for (int64_t i = 0; i < count; i++)
        out[i] = (x[i] - mean) * factor + offset;
}

/* A row in which every element has its own; `shift` may be NULL. */
static void write_each(float *out, const float *x, int64_t count, float mean, float inverse,
                       const float *scale, const float *shift) {
    for (int64_t i = 0; i < count; i++)
        out[i] = (x[i] - mean) * inverse * scale[i];
    for (int64_t i = 0; shift && i < count; i++)
        out[i] += shift[i];
}

/* LayerNormalization's further outputs: the rows' means, or the inverse deviations. */
static void write_statistics(const standardize *s, const tdi_ops_call *call) {
    const float *in = call->inputs[0].data;
    float *out = call->output.data;
    for (int64_t row = 0; row < s->rows; row++, in += s->count) {
        double mean = mean_of(in, s->count);
        out[row] = (float)(call->output_index == 1
                               ? mean
                               : 1 / sqrt(variance_of(in, s->count, mean) + s->epsilon));
    }
}

void tdi_ops_run_standardize(const tdi_ops_call *call) {
    const standardize *s = call->args;
    const float *in = call->inputs[0].data, *scale = call->inputs[1].data;
    const float *shift = call->input_count > 2 ? call->inputs[2].data : NULL;
    float *out = call->output.data;
    int64_t parameter = 0;
    if (call->output_index > 0) {
        write_statistics(s, call);
        return;
    }
    for (int64_t row = 0; row < s->rows; row++, in += s->count, out += s->count) {
        double mean = mean_of(in, s->count);
        double inverse = 1 / sqrt(variance_of(in, s->count, mean) + s->epsilon);
        if (s->run == 1 && s->period == s->count) {
            write_each(out, in, s->count, (float)mean, (float)inverse, scale, shift);
            continue;
        }
        for (int64_t at = 0; at < s->count; at += s->run) {
            float factor = (float)((double)scale[parameter] * inverse);
            write_run(out + at, in + at, s->run, factor, shift[parameter], (float)mean);
            parameter = (parameter + 1) % s->period;
        }
    }
}
