/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Float kernels of our own for what networks like MobileNet consist of: 1x1 and depthwise
 * convolutions, and the first convolution, which reads a picture. Plain functions on plain structs
 * that know nothing of graphs.
 *
 * Tensors lie in TDI_LAYOUT_NCHW16C; a *block* is 16 channels of all pixels of one picture:
 *
 *     element (channel c, pixel p) = data[c / 16 * stride + p * 16 + c % 16]
 *
 * Channels that fill up the last block are zero, in results too.
 */
#ifndef TDI_ENGINE_NATIVE_DIRECT_H
#define TDI_ENGINE_NATIVE_DIRECT_H

#include <stddef.h>

#include "engine/native/lanes.h"

/* What is done to a sum before it is stored. */
typedef struct tdi_finish {
    float low, high; /* min(max(x, low), high); infinite: none */
    int hard_swish;  /* x * min(max(x / 6 + 1 / 2, 0), 1), instead */
} tdi_finish;

/* A 1x1 convolution. Packed weights: tdi_pointwise_pack(). */
typedef struct tdi_pointwise {
    int inputs, outputs; /* channels */
    const float *weights;
    const float *bias; /* filled up with zeros to whole blocks */
    tdi_finish finish;
} tdi_pointwise;

/* Consecutive pixels, and which channels of them are read and written. */
typedef struct tdi_pointwise_task {
    const float *src; /* first pixel and first input block */
    size_t src_stride;
    float *dst; /* first pixel and first output block */
    size_t dst_stride;
    const float *addend; /* of the result's geometry, added to the sum; NULL: none */
    int pixels;
    int width, pitch; /* after `width` pixels the result goes on `pitch` after the row's start */
    int first_output, output_blocks; /* the first one is even */
    int first_input, input_blocks;   /* a part of the sum: begins at the bias when it is the first
                                        part, else at `dst`, and is finished when it is the last */
} tdi_pointwise_task;

/* A depthwise convolution with a square window. Packed weights: tdi_depthwise_pack(). */
typedef struct tdi_depthwise {
    int channels, kernel, stride; /* kernel: at most TDI_DEPTHWISE_KERNEL_MAX */
    const float *weights;
    const float *bias; /* filled up with zeros to whole blocks */
    tdi_finish finish;
} tdi_depthwise;

#define TDI_DEPTHWISE_KERNEL_MAX 7

/* A convolution of few planes of floats, with a square window. Packed weights: tdi_planar_pack().
 */
typedef struct tdi_planar {
    int inputs, outputs, kernel, stride; /* inputs * kernel: at most TDI_PLANAR_ROWS_MAX */
    const float *weights;
    const float *bias; /* filled up with zeros to whole blocks */
    tdi_finish finish;
} tdi_planar;

#define TDI_PLANAR_ROWS_MAX 32

/* One implementation for one kind of processor. */
typedef struct tdi_direct_kernels {
    const char *name;
    void (*pointwise)(const tdi_pointwise *layer, const tdi_pointwise_task *task);
    /*
     * A row of `width` results in one block. rows: layer->kernel rows of sources, padding
     * included.
     */
    void (*depthwise)(const tdi_depthwise *layer, int block, const float *const *rows, float *dst,
                      int width);
    /*
     * A row of `width` results in all blocks. rows: for each plane layer->kernel rows of floats,
     * padding included.
     */
    void (*planar)(const tdi_planar *layer, const float *const *rows, float *dst, size_t dst_stride,
                   int width);
} tdi_direct_kernels;

extern const tdi_direct_kernels tdi_direct_c;
extern const tdi_direct_kernels tdi_direct_avx512; /* only where the processor has it */

/* The fastest for this processor. */
const tdi_direct_kernels *tdi_direct_best(void);

/* Floats of packed weights. */
size_t tdi_pointwise_pack_size(int inputs, int outputs);
size_t tdi_depthwise_pack_size(int channels, int kernel);
size_t tdi_planar_pack_size(int inputs, int outputs, int kernel);
/* From ONNX's order: outputs x inputs, channels x window, outputs x inputs x window. */
void tdi_pointwise_pack(const float *weights, int inputs, int outputs, float *packed);
void tdi_depthwise_pack(const float *weights, int channels, int kernel, float *packed);
void tdi_planar_pack(const float *weights, int inputs, int outputs, int kernel, float *packed);

#endif
