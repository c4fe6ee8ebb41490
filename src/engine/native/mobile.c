/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two blocks of wide channels at a time go through the expansion and the depthwise convolution:
 * source rows of the latter wait in a ring with columns of zeros at both ends, so that no kernel
 * needs to know about borders. Its results are kept for a chunk of blocks, which is then added to
 * the projection's sums.
 */
#include "engine/native/mobile.h"

#include <string.h>

#define PAIR 2
/* Floats: half of a first level cache of 48 KB, and a good part of the second level's 1 MB. */
#define RING_MAX  ((size_t)40 << 8)
#define CHUNK_MAX ((size_t)256 << 8)
/* Rows at a time where all channels are in one pair, so that no source is made twice. */
#define STRIP 8

typedef struct ring {
    int rows, pitch;
    size_t stride; /* floats from a block to the next */
    float *data, *zeros;
    float *lines; /* padded rows of the planes, and one of zeros */
    int have;     /* source rows below this one have been put in */
} ring;

/* The rows and columns that make the results of a row. */
static int ring_rows(const tdi_mobile *m) {
    int needed = (m->step - 1) * m->depthwise.stride + m->depthwise.kernel;
    return needed < m->height ? needed : m->height;
}

static int ring_pitch(const tdi_mobile *m) {
    int read = (m->out_width - 1) * m->depthwise.stride + m->depthwise.kernel;
    int written = m->pad_left + m->width;
    return read > written ? read : written;
}

/* A padded row of a plane, in whole vectors. */
static size_t line_size(const tdi_mobile *m) {
    size_t read = (size_t)((m->width - 1) * m->planar.stride + m->planar.kernel);
    size_t written = (size_t)(m->planes_pad_left + m->planes_width);
    return ((read > written ? read : written) + TDI_LANES - 1) / TDI_LANES * TDI_LANES;
}

static size_t row_size(const tdi_mobile *m) {
    return (size_t)ring_pitch(m) * TDI_LANES;
}

size_t tdi_mobile_ring_size(const tdi_mobile *m) {
    size_t size = (size_t)(PAIR * ring_rows(m) + 1) * row_size(m);
    if (m->source == TDI_MOBILE_PLANES)
        size += (size_t)(m->planar.inputs * m->planar.kernel + 1) * line_size(m);
    return size;
}

size_t tdi_mobile_kept_size(const tdi_mobile *m, int blocks, int rows) {
    return m->project.inputs ? (size_t)(blocks * rows * m->out_width) * TDI_LANES : 0;
}

void tdi_mobile_tune(tdi_mobile *m) {
    int blocks = tdi_blocks(m->depthwise.channels);
    m->step = m->out_height;
    while (m->step > 1 && tdi_mobile_ring_size(m) > RING_MAX)
        m->step = (m->step + 1) / 2;
    m->strip = m->out_height;
    m->chunk = blocks < PAIR ? PAIR : blocks;
    if (blocks <= PAIR) {
        if (m->step < STRIP)
            m->step = STRIP / 2;
        m->strip = STRIP;
        return;
    }
    while (m->chunk > PAIR && tdi_mobile_kept_size(m, m->chunk, m->strip) > CHUNK_MAX)
        m->chunk = (m->chunk / 2 + 1) / PAIR * PAIR;
}

/* Zeroes everything that is padding, for all blocks to come. */
static void ring_init(ring *r, const tdi_mobile *m, float *memory) {
    r->rows = ring_rows(m);
    r->pitch = ring_pitch(m);
    r->stride = (size_t)(r->rows * r->pitch) * TDI_LANES;
    r->zeros = memory;
    r->data = memory + (size_t)r->pitch * TDI_LANES;
    memset(r->zeros, 0, (size_t)r->pitch * TDI_LANES * sizeof(float));
    r->lines = r->data + PAIR * r->stride;
    if (m->source == TDI_MOBILE_PLANES)
        memset(r->lines, 0,
               (size_t)(m->planar.inputs * m->planar.kernel + 1) * line_size(m) * sizeof(float));
    int right = r->pitch - m->pad_left - m->width;
    for (int i = 0; i < PAIR * r->rows; i++) {
        float *row = r->data + (size_t)(i * r->pitch) * TDI_LANES;
        memset(row, 0, (size_t)m->pad_left * TDI_LANES * sizeof(float));
        memset(row + (size_t)(r->pitch - right) * TDI_LANES, 0,
               (size_t)right * TDI_LANES * sizeof(float));
    }
}

/* Source row `y`, made of the planes. */
static void put_planar(ring *r, const tdi_mobile *m, const tdi_direct_kernels *kernels,
                       const float *src, int y, float *to) {
    const float *rows[TDI_PLANAR_ROWS_MAX];
    int kernel = m->planar.kernel, count = m->planar.inputs * kernel;
    const float *zeros = r->lines + (size_t)count * line_size(m);
    for (int i = 0; i < count; i++) {
        int row = y * m->planar.stride - m->planes_pad_top + i % kernel;
        float *line = r->lines + (size_t)i * line_size(m);
        rows[i] = zeros;
        if (row < 0 || row >= m->planes_height)
            continue;
        memcpy(line + m->planes_pad_left,
               src + ((size_t)(i / kernel) * (size_t)m->planes_height + (size_t)row) *
                         (size_t)m->planes_width,
               (size_t)m->planes_width * sizeof(float));
        rows[i] = line;
    }
    kernels->planar(&m->planar, rows, to, r->stride, m->width);
}

static void put_expanded(const ring *r, const tdi_mobile *m, const tdi_direct_kernels *kernels,
                         const float *src, int block, int blocks, int count, float *to) {
    tdi_pointwise_task task = {.src = src + (size_t)(r->have * m->width) * TDI_LANES,
                               .src_stride = (size_t)(m->height * m->width) * TDI_LANES,
                               .dst = to,
                               .dst_stride = r->stride,
                               .pixels = count * m->width,
                               .width = m->width,
                               .pitch = r->pitch,
                               .first_output = block,
                               .output_blocks = blocks,
                               .input_blocks = tdi_blocks(m->expand.inputs)};
    kernels->pointwise(&m->expand, &task);
}

static void put_copied(const ring *r, const tdi_mobile *m, const float *src, int block, int blocks,
                       int count, float *to) {
    for (int b = 0; b < blocks; b++)
        for (int y = 0; y < count; y++)
            memcpy(to + (size_t)b * r->stride + (size_t)y * row_size(m),
                   src + (size_t)(((block + b) * m->height + r->have + y) * m->width) * TDI_LANES,
                   (size_t)m->width * TDI_LANES * sizeof(float));
}

static void put_rows(ring *r, const tdi_mobile *m, const tdi_direct_kernels *kernels,
                     const float *src, int block, int blocks, int count) {
    float *to = r->data + (size_t)(r->have % r->rows) * row_size(m) +
                (size_t)m->pad_left * TDI_LANES;
    if (m->source == TDI_MOBILE_EXPAND)
        put_expanded(r, m, kernels, src, block, blocks, count, to);
    else if (m->source == TDI_MOBILE_TENSOR)
        put_copied(r, m, src, block, blocks, count, to);
    else
        for (int y = 0; y < count; y++)
            put_planar(r, m, kernels, src, r->have + y, to + (size_t)y * row_size(m));
}

/* Source rows up to `end`, in runs that do not wrap around. */
static void fill(ring *r, const tdi_mobile *m, const tdi_direct_kernels *kernels, const float *src,
                 int block, int blocks, int end) {
    while (r->have < end) {
        int count = r->rows - r->have % r->rows;
        if (count > end - r->have)
            count = end - r->have;
        put_rows(r, m, kernels, src, block, blocks, count);
        r->have += count;
    }
}

static void depthwise_row(const ring *r, const tdi_mobile *m, const tdi_direct_kernels *kernels,
                          int block, int offset, int y, float *dst) {
    const float *rows[TDI_DEPTHWISE_KERNEL_MAX];
    for (int k = 0; k < m->depthwise.kernel; k++) {
        int row = y * m->depthwise.stride - m->pad_top + k;
        int is_inside = row >= 0 && row < m->height;
        rows[k] = is_inside ? r->data + (size_t)offset * r->stride +
                                  (size_t)(row % r->rows * r->pitch) * TDI_LANES
                            : r->zeros;
    }
    kernels->depthwise(&m->depthwise, block, rows, dst, m->out_width);
}

/* Up to two blocks of the part. */
static void make_pair(ring *r, const tdi_mobile *m, const tdi_direct_kernels *kernels,
                      const float *src, const tdi_mobile_part *part, int block, int blocks,
                      float *dst, size_t stride) {
    int first = part->first_row, end = part->end_row;
    for (int y = first; y < end; y += m->step) {
        int count = end - y < m->step ? end - y : m->step;
        int needed = (y + count - 1) * m->depthwise.stride - m->pad_top + m->depthwise.kernel;
        fill(r, m, kernels, src, block, blocks, needed < m->height ? needed : m->height);
        for (int b = 0; b < blocks; b++)
            for (int i = 0; i < count; i++)
                depthwise_row(r, m, kernels, block + b, b, y + i,
                              dst + (size_t)b * stride +
                                  (size_t)((y - first + i) * m->out_width) * TDI_LANES);
    }
}

/* Where the sources of a row of results begin. */
static int source_row(const tdi_mobile *m, int row) {
    int begin = row * m->depthwise.stride - m->pad_top;
    return begin > 0 ? begin : 0;
}

static void widen(ring *r, const tdi_mobile *m, const tdi_direct_kernels *kernels, const float *src,
                  const tdi_mobile_part *part, float *dst, size_t stride) {
    for (int block = part->first_block; block < part->end_block; block += PAIR) {
        int left = part->end_block - block;
        /* A single pair goes on with the rows that it has from the strip before. */
        if (tdi_blocks(m->depthwise.channels) > PAIR)
            r->have = source_row(m, part->first_row);
        make_pair(r, m, kernels, src, part, block, left < PAIR ? left : PAIR,
                  dst + (size_t)(block - part->first_block) * stride, stride);
    }
}

void tdi_mobile_widen(const tdi_mobile *m, const tdi_direct_kernels *kernels, const float *src,
                      const tdi_mobile_part *part, float *dst, size_t stride, float *memory) {
    ring r;
    ring_init(&r, m, memory);
    r.have = source_row(m, part->first_row);
    widen(&r, m, kernels, src, part, dst, stride);
}

/* Adds the part to the sums of its rows. */
static void project(const tdi_mobile *m, const tdi_direct_kernels *kernels,
                    const tdi_mobile_part *part, const float *kept, const float *addend,
                    float *dst) {
    int pixels = (part->end_row - part->first_row) * m->out_width;
    size_t begin = (size_t)(part->first_row * m->out_width) * TDI_LANES;
    tdi_pointwise_task task = {.src = kept,
                               .src_stride = (size_t)pixels * TDI_LANES,
                               .dst = dst + begin,
                               .dst_stride = (size_t)(m->out_height * m->out_width) * TDI_LANES,
                               .addend = addend ? addend + begin : NULL,
                               .pixels = pixels,
                               .width = pixels,
                               .pitch = pixels,
                               .output_blocks = tdi_blocks(m->project.outputs),
                               .first_input = part->first_block,
                               .input_blocks = part->end_block - part->first_block};
    kernels->pointwise(&m->project, &task);
}

void tdi_mobile_run(const tdi_mobile *m, const tdi_direct_kernels *kernels, const float *src,
                    const float *addend, float *dst, int first, int end, float *memory,
                    float *kept) {
    int all = tdi_blocks(m->depthwise.channels);
    tdi_mobile_part part = {0, all, first, end};
    if (!m->project.inputs) {
        tdi_mobile_widen(m, kernels, src, &part, dst + (size_t)(first * m->out_width) * TDI_LANES,
                         (size_t)(m->out_height * m->out_width) * TDI_LANES, memory);
        return;
    }
    ring r;
    ring_init(&r, m, memory);
    r.have = source_row(m, first);
    for (int row = first; row < end; row += m->strip) {
        part.first_row = row;
        part.end_row = end - row < m->strip ? end : row + m->strip;
        for (int block = 0; block < all; block += m->chunk) {
            part.first_block = block;
            part.end_block = all - block < m->chunk ? all : block + m->chunk;
            widen(&r, m, kernels, src, &part, kept,
                  (size_t)((part.end_row - part.first_row) * m->out_width) * TDI_LANES);
            project(m, kernels, &part, kept, addend, dst);
        }
    }
}
