/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What shape inference of the operators shares: messages, checked access to arguments, setting
 * outputs. Used by op_*.c and infer.c only.
 */
#ifndef TDI_GRAPH_OP_UTIL_H
#define TDI_GRAPH_OP_UTIL_H

#include "graph/eval/element.h"
#include "graph/op.h"

/* "Conv node "name": <message>". */
td_status tdi_op_fail(const tdi_node *node, td_error *err, td_status status, const char *format,
                      ...) TD_PRINTF(4, 5);

/* Sets an output's dtype and shape; refuses empty and huge ones. */
td_status tdi_op_output(const tdi_graph *graph, const tdi_node *node, int index, td_dtype dtype,
                        const td_shape *shape, td_error *err);

/* Fails unless input `index` is there with a rank in min..max and, where `floating`, a
 * floating-point type. */
td_status tdi_op_check(const tdi_graph *graph, const tdi_node *node, int index, int rank_min,
                       int rank_max, int floating, td_error *err);
/* Fails unless both inputs have the same type. */
td_status tdi_op_check_same(const tdi_graph *graph, const tdi_node *node, int a, int b,
                            td_error *err);

/* Integers of a constant input (int32 or int64), at most `max`; left out: count -1. */
td_status tdi_op_constant_ints(const tdi_graph *graph, const tdi_node *node, int index, int max,
                               int64_t *out, int *count, td_error *err);
/* Integers of an attribute; absent: count -1. */
td_status tdi_op_attr_ints(const tdi_node *node, const char *name, int max, int64_t *out,
                           int *count, td_error *err);
/* The first by opset: an attribute before `since`, input `index` from then on. */
td_status tdi_op_ints(const tdi_graph *graph, const tdi_node *node, int64_t since, const char *name,
                      int index, int max, int64_t *out, int *count, td_error *err);
/* Floats of a constant input, and of an attribute; left out: count -1. */
td_status tdi_op_constant_floats(const tdi_graph *graph, const tdi_node *node, int index, int max,
                                 float *out, int *count, td_error *err);
td_status tdi_op_attr_floats(const tdi_node *node, const char *name, int max, float *out,
                             int *count, td_error *err);
/* One number from a constant input; left out: unchanged. */
td_status tdi_op_constant_number(const tdi_graph *graph, const tdi_node *node, int index,
                                 double *out, td_error *err);

/* Makes a negative axis count from the end; fails unless 0 <= axis < rank. */
td_status tdi_op_axis(const tdi_node *node, int64_t axis, int rank, int *out, td_error *err);

/* Fails where `axis` is the batch's and several pictures are bound: the operator would mix them. */
td_status tdi_op_refuse_batch_axis(const tdi_graph *graph, const tdi_node *node,
                                   const tdi_value *value, int axis, td_error *err);

/* Entries of the table, by file. */
td_status tdi_infer_conv(const tdi_graph *graph, const tdi_node *node, td_error *err);
int64_t tdi_macs_conv(const tdi_graph *graph, const tdi_node *node);
td_status tdi_infer_pool(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_global_pool(const tdi_graph *graph, const tdi_node *node, td_error *err);

td_status tdi_infer_conv_transpose(const tdi_graph *graph, const tdi_node *node, td_error *err);
int64_t tdi_macs_conv_transpose(const tdi_graph *graph, const tdi_node *node);

td_status tdi_infer_unary(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_unary_float(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_broadcast(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_prelu(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_pow(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_clip(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_cast(const tdi_graph *graph, const tdi_node *node, td_error *err);

td_status tdi_infer_gemm(const tdi_graph *graph, const tdi_node *node, td_error *err);
int64_t tdi_macs_gemm(const tdi_graph *graph, const tdi_node *node);
td_status tdi_infer_matmul(const tdi_graph *graph, const tdi_node *node, td_error *err);
int64_t tdi_macs_matmul(const tdi_graph *graph, const tdi_node *node);

td_status tdi_infer_batch_norm(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_group_norm(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_instance_norm(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_layer_norm(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_lrn(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_softmax(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_reduce(const tdi_graph *graph, const tdi_node *node, td_error *err);

td_status tdi_infer_flatten(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_reshape(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_squeeze(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_unsqueeze(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_transpose(const tdi_graph *graph, const tdi_node *node, td_error *err);

td_status tdi_infer_depth_to_space(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_space_to_depth(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_resize(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_upsample(const tdi_graph *graph, const tdi_node *node, td_error *err);

td_status tdi_infer_concat(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_slice(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_pad(const tdi_graph *graph, const tdi_node *node, td_error *err);

td_status tdi_infer_split(const tdi_graph *graph, const tdi_node *node, td_error *err);

td_status tdi_infer_compare(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_logic(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_not(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_where(const tdi_graph *graph, const tdi_node *node, td_error *err);

td_status tdi_infer_constant_of_shape(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_expand(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_range(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_shape(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_size(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_tile(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_trilu(const tdi_graph *graph, const tdi_node *node, td_error *err);

td_status tdi_infer_arg(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_gather(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_gather_elements(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_gather_nd(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_nonzero(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_scatter_nd(const tdi_graph *graph, const tdi_node *node, td_error *err);
td_status tdi_infer_topk(const tdi_graph *graph, const tdi_node *node, td_error *err);

#endif
