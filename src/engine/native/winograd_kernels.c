/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loops of Winograd convolution on vectors of 16 channels, written once with the
 * compiler's vector types and compiled for several kinds of processors: TDI_VARIANT names the one.
 */
#include <string.h>

#include "engine/native/winograd.h"

#define JOIN2(a, b) a##_##b
#define JOIN(a, b)  JOIN2(a, b)

/* Rows of a product whose sums fit into the registers. */
#ifndef TDI_ROWS
#define TDI_ROWS 1
#endif

enum { ROWS_MAX = TDI_ROWS };

typedef float vec __attribute__((vector_size(64)));

static inline vec load(const float *from) {
    vec v;
    memcpy(&v, from, sizeof v);
    return v;
}

static inline void store(float *to, vec v) {
    memcpy(to, &v, sizeof v);
}

static inline vec all(float x) {
    return (vec){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}

#ifdef __AVX512F__
#include <immintrin.h>

/* Keeps a broadcast value in a register, where the compiler would rather load it for each use. */
#define KEEP(x) __asm__("" : "+v"(x))

static inline vec larger(vec a, vec b) {
    return (vec)_mm512_max_ps((__m512)a, (__m512)b);
}

static inline vec smaller(vec a, vec b) {
    return (vec)_mm512_min_ps((__m512)a, (__m512)b);
}
#else
#define KEEP(x) (void)(x)

static inline vec larger(vec a, vec b) {
    for (int i = 0; i < TDI_LANES; i++)
        a[i] = a[i] > b[i] ? a[i] : b[i];
    return a;
}

static inline vec smaller(vec a, vec b) {
    for (int i = 0; i < TDI_LANES; i++)
        a[i] = a[i] < b[i] ? a[i] : b[i];
    return a;
}
#endif

/* One row or column of the input transform, B^T d. */
static inline void forward4(const vec d[6], vec out[6]) {
    const vec p = d[4] - 4 * d[2], q = d[3] - 4 * d[1];
    const vec r = d[4] - d[2], s = 2 * (d[3] - d[1]);
    out[0] = 4 * d[0] - 5 * d[2] + d[4];
    out[1] = p + q;
    out[2] = p - q;
    out[3] = r + s;
    out[4] = r - s;
    out[5] = 4 * d[1] - 5 * d[3] + d[5];
}

static inline void forward2(const vec d[4], vec out[4]) {
    out[0] = d[0] - d[2];
    out[1] = d[1] + d[2];
    out[2] = d[2] - d[1];
    out[3] = d[1] - d[3];
}

/* One row or column of the weights' transform, G k. */
static inline void weights4(const vec k[3], vec out[6]) {
    const vec sum = (k[0] + k[2]) * (1.0f / 6), half = k[1] * (1.0f / 6);
    const vec far = k[0] * (1.0f / 24) + k[2] * (1.0f / 6), near = k[1] * (1.0f / 12);
    out[0] = k[0] * 0.25f;
    out[1] = -sum - half;
    out[2] = half - sum;
    out[3] = far + near;
    out[4] = far - near;
    out[5] = k[2];
}

static inline void weights2(const vec k[3], vec out[4]) {
    const vec sum = (k[0] + k[2]) * 0.5f, half = k[1] * 0.5f;
    out[0] = k[0];
    out[1] = sum + half;
    out[2] = sum - half;
    out[3] = k[2];
}

/* One row or column of the output transform, A^T m. */
static inline void backward4(const vec m[6], vec out[4]) {
    const vec p = m[1] + m[2], q = m[1] - m[2];
    const vec r = m[3] + m[4], s = m[3] - m[4];
    out[0] = m[0] + p + r;
    out[1] = q + 2 * s;
    out[2] = p + 4 * r;
    out[3] = q + 8 * s + m[5];
}

static inline void backward2(const vec m[4], vec out[2]) {
    out[0] = m[0] + m[1] + m[2];
    out[1] = m[1] - m[2] - m[3];
}

/* The weights of 16 outputs for one channel, `stride` apart, to one vector per point. */
static inline void pack_vector(const float *kernel, size_t stride, int size, float *to,
                               size_t plane) {
    vec k[9], half[18], line[3], turned[6];
    for (int lane = 0; lane < TDI_LANES; lane++)
        for (int i = 0; i < 9; i++)
            k[i][lane] = kernel[(size_t)lane * stride + (size_t)i];
    for (int x = 0; x < 3; x++) {
        for (int y = 0; y < 3; y++)
            line[y] = k[y * 3 + x];
        if (size == 6)
            weights4(line, turned);
        else
            weights2(line, turned);
        for (int y = 0; y < size; y++)
            half[y * 3 + x] = turned[y];
    }
    for (int y = 0; y < size; y++) {
        if (size == 6)
            weights4(half + y * 3, turned);
        else
            weights2(half + y * 3, turned);
        for (int x = 0; x < size; x++)
            store(to + (size_t)(y * size + x) * plane, turned[x]);
    }
}

static void pack(const tdi_winograd *w, const float *kernel, float *packed) {
    const size_t channels = (size_t)w->shape.channels, outputs = (size_t)w->shape.outputs;
    const size_t stride = channels * 9;
    for (size_t o = 0; o < outputs; o += TDI_LANES) {
        const size_t pair = o / (2 * TDI_LANES) * 2 * TDI_LANES;
        const size_t width = outputs - pair >= 2 * TDI_LANES ? 2 * TDI_LANES : TDI_LANES;
        for (size_t c = 0; c < channels; c++) {
            float *to = packed + pair * channels + c * width + o - pair;
            const float *from = kernel + o * stride + c * 9;
            if (w->shape.tile == 4)
                pack_vector(from, stride, 6, to, channels * outputs);
            else
                pack_vector(from, stride, 4, to, channels * outputs);
        }
    }
}

/* Where a tile lies. */
typedef struct place {
    int picture, y, x; /* first result */
} place;

static inline place place_of(const tdi_winograd *w, int tile) {
    int per_picture = w->rows * w->columns, in = tile % per_picture;
    place p = {tile / per_picture, in / w->columns * w->shape.tile,
               in % w->columns * w->shape.tile};
    return p;
}

/* The inputs of a tile at `size` x `size`, zero outside of the picture. */
static inline void fetch(const tdi_winograd *w, const float *block, int y0, int x0, int size,
                         vec *out) {
    const tdi_winograd_shape *s = &w->shape;
    for (int y = 0; y < size; y++) {
        const float *row = block + ((ptrdiff_t)(y0 + y) * s->width + x0) * TDI_LANES;
        int inside = y0 + y >= 0 && y0 + y < s->height;
        for (int x = 0; x < size; x++)
            out[y * size + x] = inside && x0 + x >= 0 && x0 + x < s->width
                                    ? load(row + x * TDI_LANES)
                                    : all(0);
    }
}

static inline void gather_tile(const tdi_winograd *w, const float *block, int y0, int x0, int size,
                               float *out, size_t stride) {
    const tdi_winograd_shape *s = &w->shape;
    vec border[36], half[36], line[6], turned[6];
    const float *at = block + ((ptrdiff_t)y0 * s->width + x0) * TDI_LANES;
    size_t pitch = (size_t)s->width * TDI_LANES;
    if (y0 < 0 || x0 < 0 || y0 + size > s->height || x0 + size > s->width) {
        fetch(w, block, y0, x0, size, border);
        at = (const float *)border;
        pitch = (size_t)size * TDI_LANES;
    }
    for (int x = 0; x < size; x++) {
        for (int y = 0; y < size; y++)
            line[y] = load(at + (size_t)y * pitch + (size_t)x * TDI_LANES);
        if (size == 6)
            forward4(line, turned);
        else
            forward2(line, turned);
        for (int y = 0; y < size; y++)
            half[y * size + x] = turned[y];
    }
    for (int y = 0; y < size; y++) {
        if (size == 6)
            forward4(half + y * size, turned);
        else
            forward2(half + y * size, turned);
        for (int x = 0; x < size; x++)
            store(out + (size_t)(y * size + x) * stride, turned[x]);
    }
}

static void gather(const tdi_winograd *w, const float *src, int first, int count, int from, int to,
                   float *transformed) {
    const tdi_winograd_shape *s = &w->shape;
    const size_t plane = (size_t)s->height * (size_t)s->width * TDI_LANES;
    const size_t blocks = (size_t)s->channels / TDI_LANES;
    for (int i = 0; i < count; i++) {
        place p = place_of(w, first + i);
        float *out = transformed + (size_t)i * (size_t)s->channels;
        for (int c = from; c < to; c++) {
            const float *block = src + ((size_t)p.picture * blocks + (size_t)c) * plane;
            if (s->tile == 4)
                gather_tile(w, block, p.y - s->pad_top, p.x - s->pad_left, 6, out + c * TDI_LANES,
                            w->in_stride);
            else
                gather_tile(w, block, p.y - s->pad_top, p.x - s->pad_left, 4, out + c * TDI_LANES,
                            w->in_stride);
        }
    }
}

/* What is asked for from memory meanwhile: `step` floats for each channel. */
typedef struct ahead {
    const float *from;
    size_t step;
} ahead;

/*
 * `rows` tiles times `vectors` vectors of outputs, all sums in registers. The weights of one
 * channel are loaded once for all tiles, the value of a tile once for all vectors.
 */
static inline __attribute__((always_inline)) void product(int rows, int vectors, int channels,
                                                          const float *a, const float *b,
                                                          ahead next, size_t pitch, float *out) {
    vec sum[ROWS_MAX][2];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sum[r][v] = all(0);
    for (int c = 0; c < channels; c++) {
        vec weight[2];
        for (int v = 0; v < vectors; v++)
            weight[v] = load(b + ((size_t)c * (size_t)vectors + (size_t)v) * TDI_LANES);
        __builtin_prefetch(next.from, 0, 2);
        __builtin_prefetch(next.from + next.step / 2, 0, 2);
        next.from += next.step;
#pragma GCC unroll 14
        for (int r = 0; r < rows; r++) {
            vec x = all(a[(size_t)r * (size_t)channels + (size_t)c]);
            KEEP(x);
            for (int v = 0; v < vectors; v++)
                sum[r][v] += x * weight[v];
        }
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            store(out + (size_t)r * pitch + (size_t)v * TDI_LANES, sum[r][v]);
}

#if TDI_ROWS == 14
#define EACH_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#elif TDI_ROWS == 3
#define EACH_COUNT(X) X(1) X(2) X(3)
#else
#define EACH_COUNT(X) X(1)
#endif

static void multiply_strip(int rows, int vectors, int channels, const float *a, const float *b,
                           ahead next, size_t pitch, float *out) {
    switch (rows * 2 + vectors - 1) {
#define CASE(n)                                                                                    \
    case n * 2:                                                                                    \
        product(n, 1, channels, a, b, next, pitch, out);                                           \
        break;                                                                                     \
    case n * 2 + 1:                                                                                \
        product(n, 2, channels, a, b, next, pitch, out);                                           \
        break;
        EACH_COUNT(CASE)
#undef CASE
    }
}

/* The next outputs' weights, which lie behind these, are asked for while these are worked on:
 * evenly, since all the weights of a network come from memory, and that is as slow as the products.
 */
static ahead next_weights(const float *weights, int channels, int vectors, int strip, int strips) {
    const size_t all_of_them = (size_t)channels * (size_t)vectors * TDI_LANES;
    ahead next = {weights + all_of_them, 0};
    if (strip < vectors)
        next.step = strips == 1 ? (size_t)vectors * TDI_LANES : TDI_LANES;
    next.from += (size_t)strip * (size_t)channels * next.step;
    return next;
}

static void multiply(int count, int channels, int outputs, const float *transformed,
                     const float *weights, float *result) {
    const int strips = (count + ROWS_MAX - 1) / ROWS_MAX;
    for (int o = 0; o < outputs;) {
        const int vectors = outputs - o >= 2 * TDI_LANES ? 2 : 1;
        for (int i = 0; i < strips; i++) {
            const int begin = count * i / strips, end = count * (i + 1) / strips;
            multiply_strip(end - begin, vectors, channels,
                           transformed + (size_t)begin * (size_t)channels, weights,
                           next_weights(weights, channels, vectors, i, strips), (size_t)outputs,
                           result + (size_t)begin * (size_t)outputs + o);
        }
        weights += (size_t)channels * (size_t)vectors * TDI_LANES;
        o += vectors * TDI_LANES;
    }
}

static inline vec finish(const tdi_winograd *w, vec x, vec bias, const float *addend) {
    x += bias;
    if (addend)
        x += load(addend);
    return smaller(larger(x, all(w->low)), all(w->high));
}

static inline void scatter_tile(const tdi_winograd *w, const float *product, size_t stride,
                                int size, vec bias, int y0, int x0, const float *addend,
                                float *block) {
    const tdi_winograd_shape *s = &w->shape;
    const int points = size + 2;
    const int height = s->out_height - y0 < size ? s->out_height - y0 : size;
    const int width = s->out_width - x0 < size ? s->out_width - x0 : size;
    vec half[24], line[6], turned[4];
    for (int x = 0; x < points; x++) {
        for (int y = 0; y < points; y++)
            line[y] = load(product + (size_t)(y * points + x) * stride);
        if (size == 4)
            backward4(line, turned);
        else
            backward2(line, turned);
        for (int y = 0; y < size; y++)
            half[y * points + x] = turned[y];
    }
    for (int y = 0; y < height; y++) {
        const size_t at = ((size_t)(y0 + y) * (size_t)s->out_width + (size_t)x0) * TDI_LANES;
        if (size == 4)
            backward4(half + y * points, turned);
        else
            backward2(half + y * points, turned);
        for (int x = 0; x < width; x++)
            store(block + at + x * TDI_LANES,
                  finish(w, turned[x], bias, addend ? addend + at + x * TDI_LANES : NULL));
    }
}

static void scatter(const tdi_winograd *w, const float *product, int first, int count, int from,
                    int to, const float *addend, float *dst) {
    const tdi_winograd_shape *s = &w->shape;
    const size_t plane = (size_t)s->out_height * (size_t)s->out_width * TDI_LANES;
    const size_t blocks = (size_t)s->outputs / TDI_LANES;
    for (int i = 0; i < count; i++) {
        place p = place_of(w, first + i);
        for (int c = from; c < to; c++) {
            const float *in = product + (size_t)i * (size_t)s->outputs + (size_t)c * TDI_LANES;
            const size_t at = ((size_t)p.picture * blocks + (size_t)c) * plane;
            const float *more = addend ? addend + at : NULL;
            vec bias = load(w->bias + c * TDI_LANES);
            if (s->tile == 4)
                scatter_tile(w, in, w->out_stride, 4, bias, p.y, p.x, more, dst + at);
            else
                scatter_tile(w, in, w->out_stride, 2, bias, p.y, p.x, more, dst + at);
        }
    }
}

#define TEXT2(x) #x
#define TEXT(x)  TEXT2(x)
const tdi_winograd_kernels JOIN(tdi_winograd_kernels, TDI_VARIANT) = {
    .name = TEXT(TDI_VARIANT),
    .pack = pack,
    .gather = gather,
    .multiply = multiply,
    .scatter = scatter,
};
