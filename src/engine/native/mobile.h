/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocks of mobile networks in one go: a convolution to many channels, a depthwise one, a 1x1
 * convolution to few, with the wide tensors in between never leaving the caches.
 */
#ifndef TDI_ENGINE_NATIVE_MOBILE_H
#define TDI_ENGINE_NATIVE_MOBILE_H

#include "engine/native/direct.h"

/* Where the depthwise convolution's source comes from. */
typedef enum tdi_mobile_source {
    TDI_MOBILE_TENSOR, /* it is the tensor given */
    TDI_MOBILE_EXPAND, /* a 1x1 convolution of the tensor given */
    TDI_MOBILE_PLANES  /* a convolution of the planes given, with at most two blocks of results */
} tdi_mobile_source;

typedef struct tdi_mobile {
    tdi_mobile_source source;
    tdi_pointwise expand;
    tdi_planar planar;
    int planes_height, planes_width, planes_pad_top, planes_pad_left;
    tdi_depthwise depthwise;
    int height, width;         /* of the depthwise source */
    int pad_top, pad_left;     /* rows and columns of zeros before it */
    int out_height, out_width; /* of the result */
    tdi_pointwise project;     /* inputs 0: none, the depthwise result is the result */
    int step;                  /* rows of depthwise results made at a time */
    int strip;                 /* rows of the result made at a time */
    int chunk;                 /* blocks of depthwise results kept until projected; even */
} tdi_mobile;

/* Sets `step`, `strip` and `chunk` so that what is in between stays in the caches. */
void tdi_mobile_tune(tdi_mobile *mobile);

/* Floats of working memory: for one thread's sources, and for depthwise results of `rows` rows. */
size_t tdi_mobile_ring_size(const tdi_mobile *mobile);
size_t tdi_mobile_kept_size(const tdi_mobile *mobile, int blocks, int rows);

/* A part of the depthwise results of one picture. */
typedef struct tdi_mobile_part {
    int first_block, end_block; /* the first one is even */
    int first_row, end_row;
} tdi_mobile_part;

/*
 * Depthwise results of the part; `dst` is where its first one goes, a block is `stride` floats
 * after the one before. `ring`: tdi_mobile_ring_size() floats, whatever their content.
 */
void tdi_mobile_widen(const tdi_mobile *mobile, const tdi_direct_kernels *kernels, const float *src,
                      const tdi_mobile_part *part, float *dst, size_t stride, float *ring);

/*
 * Rows first .. end-1 of the result of one picture. addend: of the result's shape, added to it;
 * NULL: none. It needs a projection, and may be `dst`. `kept`: for `chunk` blocks of `strip`
 * rows.
 */
void tdi_mobile_run(const tdi_mobile *mobile, const tdi_direct_kernels *kernels, const float *src,
                    const float *addend, float *dst, int first, int end, float *ring, float *kept);

#endif
