/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd convolution: geometry, weights, and the order of the work.
 */
#include "engine/native/winograd.h"

#include <string.h>

enum {
    /* Fewer tiles than that for each thread are not worth reading all weights for. */
    TILES_PER_THREAD = 20,
    /* What transformed inputs and products of a group may take together. */
    GROUP_FLOATS = 512 * 1024,
    GROUP_MIN = 28
};

int tdi_winograd_fits(const tdi_winograd_shape *s) {
    return (s->tile == 2 || s->tile == 4) && s->channels % TDI_LANES == 0 &&
           s->outputs % TDI_LANES == 0 && s->channels > 0 && s->outputs > 0 && s->out_height > 0 &&
           s->out_width > 0;
}

/* Whether all threads share one group of tiles, and take turns in its phases. */
static int is_shared(const tdi_winograd *w, int parts) {
    return parts > 1 && w->tiles < parts * TILES_PER_THREAD;
}

static int divide_up(int a, int b) {
    return (a + b - 1) / b;
}

/* One vector more than a point needs where it would else fill whole pages: all points of a tile
 * would then meet in one set of the cache. */
static size_t stride_of(int group, int channels) {
    enum { PAGE_FLOATS = 1024 };
    size_t needed = (size_t)group * (size_t)channels;
    return needed % PAGE_FLOATS == 0 ? needed + TDI_LANES : needed;
}

void tdi_winograd_init(tdi_winograd *w, const tdi_winograd_shape *shape, int threads) {
    memset(w, 0, sizeof *w);
    w->shape = *shape;
    w->kernels = tdi_winograd_best();
    w->points = (shape->tile + 2) * (shape->tile + 2);
    w->rows = divide_up(shape->out_height, shape->tile);
    w->columns = divide_up(shape->out_width, shape->tile);
    w->tiles = shape->batch * w->rows * w->columns;
    w->group = w->tiles;
    if (!is_shared(w, threads)) {
        int most = GROUP_FLOATS / (w->points * (shape->channels + shape->outputs));
        int share = divide_up(w->tiles, threads);
        if (most < GROUP_MIN)
            most = GROUP_MIN;
        w->group = divide_up(share, divide_up(share, most));
    }
    w->in_stride = stride_of(w->group, shape->channels);
    w->out_stride = stride_of(w->group, shape->outputs);
}

size_t tdi_winograd_weights(const tdi_winograd *w) {
    return (size_t)w->points * (size_t)w->shape.channels * (size_t)w->shape.outputs;
}

static size_t transformed_floats(const tdi_winograd *w) {
    return (size_t)w->points * w->in_stride;
}

static size_t product_floats(const tdi_winograd *w) {
    return (size_t)w->points * w->out_stride;
}

size_t tdi_winograd_scratch(const tdi_winograd *w, int threads) {
    size_t one = transformed_floats(w) + product_floats(w);
    return is_shared(w, threads) ? one : one * (size_t)threads;
}

void tdi_winograd_pack(const tdi_winograd *w, const float *kernel, float *packed) {
    w->kernels->pack(w, kernel, packed);
}

/* `part` of `parts` shares of 0 .. count - 1. */
static void share(int count, int part, int parts, int *begin, int *end) {
    *begin = (int)((long long)count * part / parts);
    *end = (int)((long long)count * (part + 1) / parts);
}

static void multiply(const tdi_winograd *w, int count, int from, int to, const float *transformed,
                     float *product) {
    const size_t plane = (size_t)w->shape.channels * (size_t)w->shape.outputs;
    for (int p = from; p < to; p++)
        w->kernels->multiply(count, w->shape.channels, w->shape.outputs,
                             transformed + (size_t)p * w->in_stride, w->weights + (size_t)p * plane,
                             product + (size_t)p * w->out_stride);
}

/* Group after group of the thread's own tiles. */
static void work_alone(const tdi_winograd *w, const tdi_winograd_memory *m, int part, int parts) {
    const tdi_winograd_kernels *k = w->kernels;
    float *transformed = m->scratch + (size_t)part * (transformed_floats(w) + product_floats(w));
    float *product = transformed + transformed_floats(w);
    int begin, end;
    share(w->tiles, part, parts, &begin, &end);
    for (int first = begin; first < end; first += w->group) {
        int count = end - first < w->group ? end - first : w->group;
        k->gather(w, m->src, first, count, 0, w->shape.channels / TDI_LANES, transformed);
        multiply(w, count, 0, w->points, transformed, product);
        k->scatter(w, product, first, count, 0, w->shape.outputs / TDI_LANES, m->addend, m->dst);
    }
}

int tdi_winograd_phases(const tdi_winograd *w, int parts) {
    return is_shared(w, parts) ? 3 : 1;
}

void tdi_winograd_phase(const tdi_winograd *w, const tdi_winograd_memory *m, int phase, int part,
                        int parts) {
    float *transformed = m->scratch, *product = m->scratch + transformed_floats(w);
    int begin, end;
    if (!is_shared(w, parts)) {
        work_alone(w, m, part, parts);
        return;
    }
    switch (phase) {
    case 0:
        share(w->shape.channels / TDI_LANES, part, parts, &begin, &end);
        w->kernels->gather(w, m->src, 0, w->tiles, begin, end, transformed);
        break;
    case 1:
        share(w->points, part, parts, &begin, &end);
        multiply(w, w->tiles, begin, end, transformed, product);
        break;
    default:
        share(w->shape.outputs / TDI_LANES, part, parts, &begin, &end);
        w->kernels->scatter(w, product, 0, w->tiles, begin, end, m->addend, m->dst);
    }
}
