/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting a graph together: for the reader, for passes that add operators, and for tests. Names and
 * attribute contents are copied into the graph's arena. Functions that return an index or a pointer
 * give -1 or NULL when memory runs out. Nothing is checked here: tdi_graph_infer() does that.
 */
#ifndef TDI_GRAPH_BUILD_H
#define TDI_GRAPH_BUILD_H

#include "graph/op.h"

tdi_graph *tdi_graph_new(const char *name, int64_t opset, int64_t ir_version);

/* A value without producer, of unknown shape where `shape` is NULL. */
int tdi_graph_add_value(tdi_graph *graph, const char *name, td_dtype dtype, const td_shape *shape);
/* A constant; takes over the reference to `tensor`, also on failure. */
int tdi_graph_add_constant(tdi_graph *graph, const char *name, tdi_tensor *tensor);
/* A constant scalar of float32. */
int tdi_graph_add_scalar(tdi_graph *graph, const char *name, float value);

/* Appends a node; the outputs' producer is set. The pointer is good until the next node is added.
 */
tdi_node *tdi_graph_add_node(tdi_graph *graph, const tdi_op *op, const char *name,
                             const int *inputs, int input_count, const int *outputs,
                             int output_count);
/* An attribute to be filled in by the caller (name and kind set, the rest zero). */
tdi_attr *tdi_graph_add_attr(tdi_graph *graph, tdi_node *node, const char *name,
                             tdi_attr_kind kind);
/* 0, or -1 when memory runs out. */
int tdi_graph_add_int(tdi_graph *graph, tdi_node *node, const char *name, int64_t value);
int tdi_graph_add_float(tdi_graph *graph, tdi_node *node, const char *name, float value);
int tdi_graph_add_string(tdi_graph *graph, tdi_node *node, const char *name, const char *value);
int tdi_graph_add_ints(tdi_graph *graph, tdi_node *node, const char *name, const int64_t *values,
                       size_t count);
int tdi_graph_add_floats(tdi_graph *graph, tdi_node *node, const char *name, const float *values,
                         size_t count);
/* Takes over the reference, also on failure. */
int tdi_graph_add_tensor(tdi_graph *graph, tdi_node *node, const char *name, tdi_tensor *tensor);
/* Releases what the attributes of a node hold that is taken out. */
void tdi_node_fini(tdi_node *node);

int tdi_graph_set_inputs(tdi_graph *graph, const int *values, int count);
int tdi_graph_set_outputs(tdi_graph *graph, const int *values, int count);

#endif
