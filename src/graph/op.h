/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of operators: which there are, how their output shapes follow from their inputs, what
 * they cost; and their arguments in one form, whether an opset puts them into attributes or into
 * inputs.
 */
#ifndef TDI_GRAPH_OP_H
#define TDI_GRAPH_OP_H

#include "graph/graph.h"

struct tdi_op {
    const char *type;                                     /* ONNX operator type, default domain */
    int since;                                            /* first opset that has it */
    int inputs_min, inputs_max, outputs_min, outputs_max; /* a maximum of -1: any number */
    /* Sets dtype and shape of the outputs; fails naming node and reason. */
    td_status (*infer)(const tdi_graph *graph, const tdi_node *node, td_error *err);
    /* Multiply-accumulates for the whole bound batch; NULL: none. */
    int64_t (*macs)(const tdi_graph *graph, const tdi_node *node);
};

/* NULL where nobody implements it. */
const tdi_op *tdi_op_find(const char *type);
/* Why an operator is left out on purpose and what to do instead; NULL where there is no such
 * reason.
 */
const char *tdi_op_refused(const char *type);
size_t tdi_op_count(void);
const tdi_op *tdi_op_at(size_t index);

/* Input or output number `index`, NULL where it is left out. */
const tdi_value *tdi_node_input(const tdi_graph *graph, const tdi_node *node, int index);
tdi_value *tdi_node_output(const tdi_graph *graph, const tdi_node *node, int index);

/*
 * The functions below resolve arguments. They fail where infer fails; on a graph that went through
 * tdi_graph_infer() they succeed.
 */

#define TDI_WINDOW_AXES 3

/* Spatial window of Conv, ConvTranspose and pooling: kernel, strides, dilations, pads (auto_pad
 * resolved), for 1 to 3 spatial axes. With ceil_mode the last window may reach beyond in + pad_end.
 */
typedef struct tdi_window {
    int axes;
    int64_t kernel[TDI_WINDOW_AXES], stride[TDI_WINDOW_AXES], dilation[TDI_WINDOW_AXES];
    int64_t pad_begin[TDI_WINDOW_AXES], pad_end[TDI_WINDOW_AXES];
    int64_t in[TDI_WINDOW_AXES], out[TDI_WINDOW_AXES];
} tdi_window;

/* `kernel`: one size per spatial axis (Conv: of its weights); NULL: the attribute kernel_shape. */
td_status tdi_window_resolve(const tdi_graph *graph, const tdi_node *node, const int64_t *kernel,
                             tdi_window *out, td_error *err);
/* ConvTranspose: input i of the window is read by outputs i * stride + k * dilation - pad_begin. */
td_status tdi_conv_transpose_resolve(const tdi_graph *graph, const tdi_node *node, tdi_window *out,
                                     td_error *err);
/* The same window over all three axes: those in front are of one element. */
tdi_window tdi_window_widen(const tdi_window *window);

/* Slice, for every axis of the input: out[i] = in[start + i * step]; how many is the output's
 * shape. */
typedef struct tdi_slice {
    int64_t start[TD_RANK_MAX], step[TD_RANK_MAX], count[TD_RANK_MAX];
} tdi_slice;
td_status tdi_slice_resolve(const tdi_graph *graph, const tdi_node *node, tdi_slice *out,
                            td_error *err);

typedef enum tdi_pad_mode {
    TDI_PAD_CONSTANT,
    TDI_PAD_REFLECT,
    TDI_PAD_EDGE,
    TDI_PAD_WRAP
} tdi_pad_mode;
typedef struct tdi_pad {
    tdi_pad_mode mode;
    int64_t begin[TD_RANK_MAX], end[TD_RANK_MAX]; /* negative: so much is cut off, first */
    double value;                                 /* of TDI_PAD_CONSTANT */
} tdi_pad;
td_status tdi_pad_resolve(const tdi_graph *graph, const tdi_node *node, tdi_pad *out,
                          td_error *err);

/* Clip; -INFINITY and INFINITY where a bound is left out. */
td_status tdi_clip_resolve(const tdi_graph *graph, const tdi_node *node, double *min, double *max,
                           td_error *err);

/* Reduce...: whether each axis of the input is reduced; there may be none. */
typedef struct tdi_reduce {
    int reduced[TD_RANK_MAX];
    int keepdims;
} tdi_reduce;
td_status tdi_reduce_resolve(const tdi_graph *graph, const tdi_node *node, tdi_reduce *out,
                             td_error *err);

/*
 * Resize and Upsample: per axis of the input, how output positions become input positions. `scale`
 * is the file's, or follows from the sizes; `begin` and `end` are the region of
 * TDI_RESIZE_CROP, as shares of the axis.
 */
typedef enum tdi_resize_mode {
    TDI_RESIZE_NEAREST,
    TDI_RESIZE_LINEAR,
    TDI_RESIZE_CUBIC
} tdi_resize_mode;
typedef enum tdi_resize_coordinates {
    TDI_RESIZE_HALF_PIXEL,
    TDI_RESIZE_HALF_PIXEL_SYMMETRIC,
    TDI_RESIZE_PYTORCH_HALF_PIXEL,
    TDI_RESIZE_HALF_PIXEL_FOR_NEAREST, /* of tf_half_pixel_for_nn */
    TDI_RESIZE_ALIGN_CORNERS,
    TDI_RESIZE_ASYMMETRIC,
    TDI_RESIZE_CROP /* of tf_crop_and_resize */
} tdi_resize_coordinates;
typedef enum tdi_resize_rounding {
    TDI_ROUND_PREFER_FLOOR,
    TDI_ROUND_PREFER_CEIL,
    TDI_ROUND_FLOOR,
    TDI_ROUND_CEIL,
    TDI_ROUND_SIMPLE /* Resize of opset 10: up where the axis shrinks, else down */
} tdi_resize_rounding;
typedef struct tdi_resize {
    tdi_resize_mode mode;
    tdi_resize_coordinates coordinates;
    tdi_resize_rounding rounding;
    float cubic_a, outside; /* `outside`: what TDI_RESIZE_CROP has beyond the input */
    int exclude_outside;
    float scale[TD_RANK_MAX], begin[TD_RANK_MAX], end[TD_RANK_MAX];
    float length[TD_RANK_MAX]; /* of the output before it is rounded down */
    int64_t in[TD_RANK_MAX], out[TD_RANK_MAX];
    int rank;
} tdi_resize;
td_status tdi_resize_resolve(const tdi_graph *graph, const tdi_node *node, tdi_resize *out,
                             td_error *err);

/* LayerNormalization: rows of `count` elements are normalized each, from axis `axis` on. */
typedef struct tdi_layer_norm {
    int axis;
    int64_t rows, count;
    float epsilon;
} tdi_layer_norm;
td_status tdi_layer_norm_resolve(const tdi_graph *graph, const tdi_node *node, tdi_layer_norm *out,
                                 td_error *err);

/* Softmax and LogSoftmax as outer x count x inner, normalized over count (before opset 13: inner is
 * 1). */
typedef struct tdi_softmax {
    int64_t outer, count, inner;
} tdi_softmax;
td_status tdi_softmax_resolve(const tdi_graph *graph, const tdi_node *node, tdi_softmax *out,
                              td_error *err);

/* Transpose: axis i of the output is axis perm[i] of the input. */
td_status tdi_transpose_resolve(const tdi_graph *graph, const tdi_node *node, int perm[TD_RANK_MAX],
                                td_error *err);

/* Concat: the axis, 0 .. rank-1. */
td_status tdi_concat_resolve(const tdi_graph *graph, const tdi_node *node, int *axis,
                             td_error *err);

/* Split: the axis, and where each output begins on it. */
typedef struct tdi_split {
    int axis;
    const int64_t *start; /* one more than outputs */
} tdi_split;
td_status tdi_split_resolve(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                            tdi_split *out, td_error *err);

/* Gather, ArgMax and others: attribute axis, 0 .. rank-1 of input 0. */
td_status tdi_axis_resolve(const tdi_graph *graph, const tdi_node *node, int64_t fallback,
                           int *axis, td_error *err);

/* Shape: dimensions first .. end-1 of the input. */
void tdi_shape_resolve(const tdi_graph *graph, const tdi_node *node, int *first, int *end);

typedef struct tdi_topk {
    int axis, largest;
    int64_t k;
} tdi_topk;
td_status tdi_topk_resolve(const tdi_graph *graph, const tdi_node *node, tdi_topk *out,
                           td_error *err);

/* Gemm: m x k times k x n, after transposition. */
typedef struct tdi_gemm {
    int64_t m, n, k;
    int trans_a, trans_b;
    float alpha, beta;
} tdi_gemm;
td_status tdi_gemm_resolve(const tdi_graph *graph, const tdi_node *node, tdi_gemm *out,
                           td_error *err);

/* MatMul: `batch` products of m x k and k x n (vectors are made matrices); batch axes broadcast as
 * numpy does. */
typedef struct tdi_matmul {
    int64_t m, n, k, batch;
} tdi_matmul;
td_status tdi_matmul_resolve(const tdi_graph *graph, const tdi_node *node, tdi_matmul *out,
                             td_error *err);

/* Product of dimensions first .. last-1. */
int64_t tdi_shape_product(const td_shape *shape, int first, int last);

/* The shape that numpy's broadcasting gives; -1 where the two do not fit. */
int tdi_broadcast(const td_shape *a, const td_shape *b, td_shape *out);

#endif
