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
size_t tdi_op_count(void);
const tdi_op *tdi_op_at(size_t index);

/* Input or output number `index`, NULL where it is left out. */
const tdi_value *tdi_node_input(const tdi_graph *graph, const tdi_node *node, int index);
tdi_value *tdi_node_output(const tdi_graph *graph, const tdi_node *node, int index);

/*
 * The functions below resolve arguments. They fail where infer fails; on a graph that went through
 * tdi_graph_infer() they succeed.
 */

/* Spatial window of Conv and pooling: kernel, strides, dilations, pads (auto_pad resolved), for 1
 * or 2 spatial axes. With ceil_mode the last window may reach beyond in + pad_end. */
typedef struct tdi_window {
    int axes;
    int64_t kernel[2], stride[2], dilation[2], pad_begin[2], pad_end[2], in[2], out[2];
} tdi_window;

/* `kernel`: one size per spatial axis (Conv: of its weights); NULL: the attribute kernel_shape. */
td_status tdi_window_resolve(const tdi_graph *graph, const tdi_node *node, const int64_t *kernel,
                             tdi_window *out, td_error *err);

/* Slice, for every axis of the input: out[i] = in[start + i * step]; how many is the output's
 * shape. */
typedef struct tdi_slice {
    int64_t start[TD_RANK_MAX], step[TD_RANK_MAX], count[TD_RANK_MAX];
} tdi_slice;
td_status tdi_slice_resolve(const tdi_graph *graph, const tdi_node *node, tdi_slice *out,
                            td_error *err);

typedef enum tdi_pad_mode { TDI_PAD_CONSTANT, TDI_PAD_REFLECT, TDI_PAD_EDGE } tdi_pad_mode;
typedef struct tdi_pad {
    tdi_pad_mode mode;
    int64_t begin[TD_RANK_MAX], end[TD_RANK_MAX]; /* never negative */
    double value;                                 /* of TDI_PAD_CONSTANT */
} tdi_pad;
td_status tdi_pad_resolve(const tdi_graph *graph, const tdi_node *node, tdi_pad *out,
                          td_error *err);

/* Clip; -INFINITY and INFINITY where a bound is left out. */
td_status tdi_clip_resolve(const tdi_graph *graph, const tdi_node *node, double *min, double *max,
                           td_error *err);

/* ReduceMean: whether each axis of the input is reduced; no axis at all copies the input. */
typedef struct tdi_reduce {
    int reduced[TD_RANK_MAX];
    int keepdims;
} tdi_reduce;
td_status tdi_reduce_resolve(const tdi_graph *graph, const tdi_node *node, tdi_reduce *out,
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
