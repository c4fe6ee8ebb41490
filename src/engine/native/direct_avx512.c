/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels with vectors of 16 floats: one vector is one pixel of one block. Compiled for
 * processors with AVX-512F, and called only there.
 *
 * A tile of results stays in registers while the sum runs: up to 14 pixels x 2 blocks, which leaves
 * room for two vectors of weights and one broadcast source. Each sum is one chain of fused
 * multiply-adds in the order of the reference, so that results are equal bit for bit.
 */
#include <immintrin.h>

#include "engine/native/direct.h"

#define INLINE static inline __attribute__((always_inline))

#define PIXELS_MAX 14

/* Sums are in registers only where the loops over them are gone. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define ROLL   _Pragma("clang loop unroll(disable)")
#else
#define UNROLL _Pragma("GCC unroll 33")
#define ROLL   _Pragma("GCC unroll 1")
#endif

/* How far before their use weights are asked for; panels follow each other. */
#define AHEAD_BYTES 4096
#define LINE_BYTES  64

/*
 * Compilers rather load a vector anew for each of its uses, and keep one address per element in a
 * register than one per row: these make them forget where a value came from.
 */
#define KEEP_VECTOR(x)  __asm__("" : "+v"(x))
#define KEEP_POINTER(x) __asm__("" : "+r"(x))

typedef struct finisher {
    __m512 low, high;
    int hard_swish;
} finisher;

INLINE finisher finisher_of(const tdi_finish *finish) {
    return (finisher){_mm512_set1_ps(finish->low), _mm512_set1_ps(finish->high),
                      finish->hard_swish};
}

/* Other lanes than `lanes` become zero. The bound is the first operand: so NaN stays NaN. */
INLINE __m512 clip(finisher f, __mmask16 lanes, __m512 x) {
    return _mm512_maskz_min_ps(lanes, f.high, _mm512_max_ps(f.low, x));
}

INLINE __m512 hard_swish(__mmask16 lanes, __m512 x) {
    __m512 gate = _mm512_fmadd_ps(x, _mm512_set1_ps(1.0f / 6), _mm512_set1_ps(0.5f));
    gate = _mm512_min_ps(_mm512_set1_ps(1), _mm512_max_ps(_mm512_setzero_ps(), gate));
    return _mm512_maskz_mul_ps(lanes, x, gate);
}

/* The lanes of a block that are channels. */
static __mmask16 lanes_of(int channels, int block) {
    int left = channels - block * TDI_LANES;
    return left >= TDI_LANES ? (__mmask16)0xffff : (__mmask16)((1u << left) - 1);
}

/* How many pixels to take so that tiles are of about equal size. */
static int next_pixels(int left) {
    int tiles = (left + PIXELS_MAX - 1) / PIXELS_MAX;
    return (left + tiles - 1) / tiles;
}

/* What a tile needs to know besides its size. */
typedef struct pointwise {
    const tdi_pointwise_task *task;
    const float *weights; /* of the panel, from its first input on */
    const float *bias;
    float *dst; /* the panel's first block */
    const float *addend;
    int inputs; /* channels to sum up */
    int begins, ends;
    finisher finisher;
    __mmask16 lanes[2];
} pointwise;

INLINE void sum_input(__m512 (*sum)[2], const float *src, const float *weights, int pixels,
                      int blocks) {
    __m512 w[2];
    UNROLL
    for (int b = 0; b < blocks; b++)
        w[b] = _mm512_load_ps(weights + b * TDI_LANES);
    UNROLL
    for (int p = 0; p < pixels; p++) {
        __m512 x = _mm512_set1_ps(src[p * TDI_LANES]);
        UNROLL
        for (int b = 0; b < blocks; b++)
            sum[p][b] = _mm512_fmadd_ps(x, w[b], sum[p][b]);
    }
}

INLINE void pointwise_begin(const pointwise *c, __m512 (*sum)[2], const float *dst,
                            const float *addend, int pixels, int blocks) {
    size_t stride = c->task->dst_stride;
    if (c->begins) {
        UNROLL
        for (int p = 0; p < pixels; p++) {
            UNROLL
            for (int b = 0; b < blocks; b++)
                sum[p][b] = _mm512_loadu_ps(c->bias + b * TDI_LANES);
        }
    } else {
        addend = dst;
        UNROLL
        for (int p = 0; p < pixels; p++) {
            UNROLL
            for (int b = 0; b < blocks; b++)
                sum[p][b] = _mm512_setzero_ps();
        }
    }
    if (!addend)
        return;
    UNROLL
    for (int p = 0; p < pixels; p++) {
        UNROLL
        for (int b = 0; b < blocks; b++)
            sum[p][b] = _mm512_add_ps(sum[p][b],
                                      _mm512_loadu_ps(addend + p * TDI_LANES + (size_t)b * stride));
    }
}

INLINE void pointwise_end(const pointwise *c, __m512 (*sum)[2], float *dst, int pixels,
                          int blocks) {
    size_t stride = c->task->dst_stride;
    finisher f = c->finisher;
    __mmask16 lanes[2] = {c->lanes[0], c->lanes[1]};
    if (c->ends && f.hard_swish) {
        UNROLL
        for (int p = 0; p < pixels; p++) {
            UNROLL
            for (int b = 0; b < blocks; b++)
                sum[p][b] = hard_swish(lanes[b], sum[p][b]);
        }
    } else if (c->ends) {
        UNROLL
        for (int p = 0; p < pixels; p++) {
            UNROLL
            for (int b = 0; b < blocks; b++)
                _mm512_storeu_ps(dst + p * TDI_LANES + (size_t)b * stride,
                                 clip(f, lanes[b], sum[p][b]));
        }
        return;
    }
    UNROLL
    for (int p = 0; p < pixels; p++) {
        UNROLL
        for (int b = 0; b < blocks; b++)
            _mm512_storeu_ps(dst + p * TDI_LANES + (size_t)b * stride, sum[p][b]);
    }
}

INLINE void pointwise_tile(const pointwise *c, const float *src, float *dst, const float *addend,
                           int pixels, int blocks) {
    __m512 sum[PIXELS_MAX][2];
    pointwise_begin(c, sum, dst, addend, pixels, blocks);
    const float *weights = c->weights;
    int left = c->inputs;
    for (; left >= TDI_LANES; left -= TDI_LANES, src += c->task->src_stride)
        for (int k = 0; k < TDI_LANES; k++, weights += blocks * TDI_LANES) {
            UNROLL
            for (int b = 0; b < blocks; b++)
                _mm_prefetch((const char *)weights + AHEAD_BYTES + b * LINE_BYTES, _MM_HINT_T0);
            sum_input(sum, src + k, weights, pixels, blocks);
        }
    for (int k = 0; k < left; k++, weights += blocks * TDI_LANES)
        sum_input(sum, src + k, weights, pixels, blocks);
    pointwise_end(c, sum, dst, pixels, blocks);
}

typedef void (*pointwise_tile_fn)(const pointwise *c, const float *src, float *dst,
                                  const float *addend);

#define TILE(pixels, blocks)                                                                       \
    static void pointwise_##pixels##x##blocks(const pointwise *c, const float *src, float *dst,    \
                                              const float *addend) {                               \
        pointwise_tile(c, src, dst, addend, pixels, blocks);                                       \
    }
#define TILES(pixels) TILE(pixels, 1) TILE(pixels, 2)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
TILES(7)
TILES(8)
TILES(9)
TILES(10)
TILES(11)
TILES(12)
TILES(13)
TILES(14)

#define NAMES(pixels)                                                                              \
    { pointwise_##pixels##x1, pointwise_##pixels##x2 }
static const pointwise_tile_fn pointwise_tiles[PIXELS_MAX][2] = {
    NAMES(1), NAMES(2), NAMES(3),  NAMES(4),  NAMES(5),  NAMES(6),  NAMES(7),
    NAMES(8), NAMES(9), NAMES(10), NAMES(11), NAMES(12), NAMES(13), NAMES(14)};

/* Tiles do not cross the ends of rows. */
static void pointwise_panel(const pointwise *c, const float *src, int blocks) {
    const tdi_pointwise_task *task = c->task;
    size_t gap = (size_t)(task->pitch - task->width) * TDI_LANES, at = 0;
    int run = gap ? task->width : task->pixels;
    for (int done = 0; done < task->pixels; done += run, at += gap)
        for (int left = run, pixels; left > 0; left -= pixels) {
            pixels = next_pixels(left);
            pointwise_tiles[pixels - 1][blocks - 1](c, src, c->dst + at,
                                                    c->addend ? c->addend + at : NULL);
            src += (size_t)pixels * TDI_LANES;
            at += (size_t)pixels * TDI_LANES;
        }
}

static void pointwise_avx512(const tdi_pointwise *layer, const tdi_pointwise_task *task) {
    int last = task->first_output + task->output_blocks;
    int first_channel = task->first_input * TDI_LANES;
    int channels = task->input_blocks * TDI_LANES;
    if (channels > layer->inputs - first_channel)
        channels = layer->inputs - first_channel;
    pointwise c = {.task = task,
                   .inputs = channels,
                   .begins = task->first_input == 0,
                   .ends = first_channel + channels == layer->inputs,
                   .finisher = finisher_of(&layer->finish)};
    for (int block = task->first_output; block < last; block += 2) {
        int blocks = tdi_blocks(layer->outputs) - block < 2 ? 1 : 2;
        size_t panel = (size_t)block * TDI_LANES * (size_t)layer->inputs;
        c.weights = layer->weights + panel + (size_t)(first_channel * blocks * TDI_LANES);
        c.bias = layer->bias + block * TDI_LANES;
        size_t skip = (size_t)(block - task->first_output) * task->dst_stride;
        c.dst = task->dst + skip;
        c.addend = task->addend && c.begins ? task->addend + skip : NULL;
        for (int b = 0; b < blocks; b++)
            c.lanes[b] = lanes_of(layer->outputs, block + b);
        pointwise_panel(&c, task->src, blocks);
    }
}

INLINE void store_row(finisher f, __mmask16 lanes, __m512 *sum, float *dst, int pixels) {
    if (f.hard_swish) {
        UNROLL
        for (int p = 0; p < pixels; p++)
            _mm512_storeu_ps(dst + p * TDI_LANES, hard_swish(lanes, sum[p]));
        return;
    }
    UNROLL
    for (int p = 0; p < pixels; p++)
        _mm512_storeu_ps(dst + p * TDI_LANES, clip(f, lanes, sum[p]));
}

typedef struct depthwise {
    const float *weights, *bias;
    finisher finisher;
    __mmask16 lanes;
} depthwise;

/* Each source vector of a row is loaded once and goes to all results that it is part of. */
INLINE void depthwise_tile(const depthwise *c, const float *const *rows, size_t offset, float *dst,
                           int pixels, int kernel, int stride) {
    __m512 sum[PIXELS_MAX], w[TDI_DEPTHWISE_KERNEL_MAX];
    __m512 bias = _mm512_loadu_ps(c->bias);
    UNROLL
    for (int p = 0; p < pixels; p++)
        sum[p] = bias;
    for (int y = 0; y < kernel; y++) {
        const float *src = rows[y] + offset;
        KEEP_POINTER(src);
        UNROLL
        for (int x = 0; x < kernel; x++)
            w[x] = _mm512_load_ps(c->weights + (y * kernel + x) * TDI_LANES);
        UNROLL
        for (int i = 0; i < (pixels - 1) * stride + kernel; i++) {
            __m512 v = _mm512_loadu_ps(src + i * TDI_LANES);
            KEEP_VECTOR(v);
            UNROLL
            for (int x = kernel - 1; x >= 0; x--)
                if (i >= x && (i - x) % stride == 0 && (i - x) / stride < pixels)
                    sum[(i - x) / stride] = _mm512_fmadd_ps(v, w[x], sum[(i - x) / stride]);
        }
    }
    store_row(c->finisher, c->lanes, sum, dst, pixels);
}

INLINE void depthwise_row(const depthwise *c, const float *const *rows, float *dst, int width,
                          int kernel, int stride) {
    int x = 0;
    for (; width - x >= 14; x += 14)
        depthwise_tile(c, rows, (size_t)(x * stride) * TDI_LANES, dst + (size_t)x * TDI_LANES, 14,
                       kernel, stride);
    for (; width - x >= 7; x += 7)
        depthwise_tile(c, rows, (size_t)(x * stride) * TDI_LANES, dst + (size_t)x * TDI_LANES, 7,
                       kernel, stride);
    for (; width - x >= 4; x += 4)
        depthwise_tile(c, rows, (size_t)(x * stride) * TDI_LANES, dst + (size_t)x * TDI_LANES, 4,
                       kernel, stride);
    for (; x < width; x++)
        depthwise_tile(c, rows, (size_t)(x * stride) * TDI_LANES, dst + (size_t)x * TDI_LANES, 1,
                       kernel, stride);
}

static void depthwise_avx512(const tdi_depthwise *layer, int block, const float *const *rows,
                             float *dst, int width) {
    int kernel = layer->kernel, stride = layer->stride;
    depthwise c = {.weights = layer->weights + (size_t)(block * kernel * kernel) * TDI_LANES,
                   .bias = layer->bias + block * TDI_LANES,
                   .finisher = finisher_of(&layer->finish),
                   .lanes = lanes_of(layer->channels, block)};
    if (kernel == 3 && stride == 1)
        depthwise_row(&c, rows, dst, width, 3, 1);
    else if (kernel == 3 && stride == 2)
        depthwise_row(&c, rows, dst, width, 3, 2);
    else if (kernel == 5 && stride == 1)
        depthwise_row(&c, rows, dst, width, 5, 1);
    else if (kernel == 5 && stride == 2)
        depthwise_row(&c, rows, dst, width, 5, 2);
    else
        for (int x = 0; x < width; x++)
            depthwise_tile(&c, rows, (size_t)(x * stride) * TDI_LANES, dst + (size_t)x * TDI_LANES,
                           1, kernel, stride);
}

typedef struct planar {
    const tdi_planar *layer;
    const float *weights, *bias;
    size_t dst_stride;
    finisher finisher;
    __mmask16 lanes[2];
} planar;

INLINE void planar_tile(const planar *c, const float *const *rows, int x, float *dst, int pixels,
                        int blocks, int kernel, int stride) {
    __m512 sum[2][PIXELS_MAX];
    const float *weights = c->weights;
    UNROLL
    for (int p = 0; p < pixels; p++) {
        UNROLL
        for (int b = 0; b < blocks; b++)
            sum[b][p] = _mm512_loadu_ps(c->bias + b * TDI_LANES);
    }
    for (int r = 0; r < c->layer->inputs * kernel; r++) {
        const float *src = rows[r] + x * stride;
        /* Unrolled, the sums would no longer fit into the registers. */
        ROLL for (int k = 0; k < kernel; k++, weights += blocks * TDI_LANES, src++) {
            __m512 w[2];
            UNROLL
            for (int b = 0; b < blocks; b++)
                w[b] = _mm512_load_ps(weights + b * TDI_LANES);
            KEEP_POINTER(src);
            UNROLL
            for (int p = 0; p < pixels; p++) {
                __m512 v = _mm512_set1_ps(src[p * stride]);
                UNROLL
                for (int b = 0; b < blocks; b++)
                    sum[b][p] = _mm512_fmadd_ps(v, w[b], sum[b][p]);
            }
        }
    }
    UNROLL
    for (int b = 0; b < blocks; b++)
        store_row(c->finisher, c->lanes[b], sum[b], dst + (size_t)b * c->dst_stride, pixels);
}

INLINE void planar_row(const planar *c, const float *const *rows, float *dst, int width, int blocks,
                       int kernel, int stride) {
    int x = 0;
    for (; width - x >= PIXELS_MAX; x += PIXELS_MAX)
        planar_tile(c, rows, x, dst + (size_t)x * TDI_LANES, PIXELS_MAX, blocks, kernel, stride);
    for (; width - x >= 4; x += 4)
        planar_tile(c, rows, x, dst + (size_t)x * TDI_LANES, 4, blocks, kernel, stride);
    for (; x < width; x++)
        planar_tile(c, rows, x, dst + (size_t)x * TDI_LANES, 1, blocks, kernel, stride);
}

static void planar_avx512(const tdi_planar *layer, const float *const *rows, float *dst,
                          size_t dst_stride, int width) {
    int kernel = layer->kernel, stride = layer->stride, all = tdi_blocks(layer->outputs);
    planar c = {.layer = layer, .dst_stride = dst_stride, .finisher = finisher_of(&layer->finish)};
    for (int block = 0; block < all; block += 2) {
        int blocks = all - block < 2 ? 1 : 2;
        c.weights = layer->weights + (size_t)(block * layer->inputs * kernel * kernel) * TDI_LANES;
        c.bias = layer->bias + block * TDI_LANES;
        for (int b = 0; b < blocks; b++)
            c.lanes[b] = lanes_of(layer->outputs, block + b);
        float *at = dst + (size_t)block * dst_stride;
        if (kernel == 3 && stride == 2 && blocks == 2)
            planar_row(&c, rows, at, width, 2, 3, 2);
        else if (blocks == 2)
            planar_row(&c, rows, at, width, 2, kernel, stride);
        else
            planar_row(&c, rows, at, width, 1, kernel, stride);
    }
}

const tdi_direct_kernels tdi_direct_avx512 = {"avx512", pointwise_avx512, depthwise_avx512,
                                              planar_avx512};
