/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 3x3 convolutions with stride 1 by Winograd's minimal filtering: F(4x4, 3x3), which multiplies a
 * quarter as often as the definition, and F(2x2, 3x3) (Lavin, Gray 2015, "Fast Algorithms for
 * Convolutional Neural Networks"). Plain functions on plain structs that know nothing of graphs.
 *
 * A picture is cut into tiles of `tile` x `tile` results. Each tile's (tile + 2)^2 inputs are
 * transformed, which turns the convolution into one matrix product (tiles x channels times channels
 * x outputs) per transformed place, called a point here; its results are transformed back.
 *
 * Tensors lie in TDI_LAYOUT_NCHW16C, channels and outputs are multiples of 16.
 */
#ifndef TDI_ENGINE_NATIVE_WINOGRAD_H
#define TDI_ENGINE_NATIVE_WINOGRAD_H

#include <stddef.h>

#include "engine/native/lanes.h"

/* In the order of the axes. */
typedef struct tdi_winograd_shape {
    int tile; /* 2 or 4 */
    int batch, channels, outputs;
    int height, width, out_height, out_width;
    int pad_top, pad_left;
} tdi_winograd_shape;

typedef struct tdi_winograd {
    tdi_winograd_shape shape;
    int points;        /* (tile + 2)^2 */
    int rows, columns; /* of tiles in one picture */
    int tiles;         /* of all pictures */
    int group;         /* tiles that are worked on together, so that they stay in the cache */
    size_t in_stride, out_stride; /* floats from one point of a group to the next */
    const struct tdi_winograd_kernels *kernels;
    const float *weights; /* tdi_winograd_pack() */
    const float *bias;    /* per output */
    float low, high;      /* min(max(x, low), high) at the end; infinite: none */
} tdi_winograd;

typedef struct tdi_winograd_memory {
    const float *src;
    const float *addend; /* of the result's shape, added before the bounds; may be `dst`; or NULL */
    float *dst;
    float *scratch; /* tdi_winograd_scratch(), aligned to 64 bytes */
} tdi_winograd_memory;

/* Whether the shape can be done. */
int tdi_winograd_fits(const tdi_winograd_shape *shape);
void tdi_winograd_init(tdi_winograd *w, const tdi_winograd_shape *shape, int threads);

/* Floats of packed weights, and of working memory for that many threads. */
size_t tdi_winograd_weights(const tdi_winograd *w);
size_t tdi_winograd_scratch(const tdi_winograd *w, int threads);

/*
 * `kernel`: outputs x channels x 3 x 3. Packed: point x pairs of output blocks x channel x the 32
 * (or last 16) outputs.
 */
void tdi_winograd_pack(const tdi_winograd *w, const float *kernel, float *packed);

/*
 * The work falls into phases that follow each other. tdi_winograd_phase() does what thread `part`
 * of `parts` has to do in one; all parts of a phase must end before the next begins.
 */
int tdi_winograd_phases(const tdi_winograd *w, int parts);
void tdi_winograd_phase(const tdi_winograd *w, const tdi_winograd_memory *memory, int phase,
                        int part, int parts);

/* What a kind of processor has to provide; winograd_kernels.c is compiled for several. */
typedef struct tdi_winograd_kernels {
    const char *name;
    void (*pack)(const tdi_winograd *w, const float *kernel, float *packed);
    /* Tiles first .. first + count - 1, in channel blocks from .. to - 1, into `transformed`:
     * point (w->in_stride) x tile x channel. */
    void (*gather)(const tdi_winograd *w, const float *src, int first, int count, int from, int to,
                   float *transformed);
    /* One point's product: count x channels times channels x outputs. */
    void (*multiply)(int count, int channels, int outputs, const float *transformed,
                     const float *weights, float *product);
    /* Back, with everything that is done to a result, in output blocks from .. to - 1. */
    void (*scatter)(const tdi_winograd *w, const float *product, int first, int count, int from,
                    int to, const float *addend, float *dst);
} tdi_winograd_kernels;

extern const tdi_winograd_kernels tdi_winograd_kernels_c, tdi_winograd_kernels_avx2,
    tdi_winograd_kernels_avx512;

/* The best for this processor: kernels_x86.c or kernels_any.c, whichever is built. */
const tdi_winograd_kernels *tdi_winograd_best(void);

#endif
