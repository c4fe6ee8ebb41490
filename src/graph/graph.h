/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The intermediate representation of a network: values (tensors) and nodes (operators) in
 * topological order. graph/onnx/ reads and writes it; engine/ turns it into a program.
 */
#ifndef TDI_GRAPH_GRAPH_H
#define TDI_GRAPH_GRAPH_H

#include "base/memory.h"
#include "base/status.h"
#include "tensor/tensor.h"

typedef enum tdi_attr_kind {
    TDI_ATTR_INT,
    TDI_ATTR_FLOAT,
    TDI_ATTR_STRING,
    TDI_ATTR_INTS,
    TDI_ATTR_TENSOR,
    TDI_ATTR_FLOATS
} tdi_attr_kind; /* what the operators of the table have */

typedef struct tdi_attr {
    const char *name;
    tdi_attr_kind kind;
    int64_t i;
    float f;
    const char *s;
    size_t count; /* of ints or floats */
    const int64_t *ints;
    tdi_tensor *tensor; /* one reference */
    const float *floats;
} tdi_attr;

typedef struct tdi_value {
    const char *name;
    td_dtype dtype;
    td_shape shape;          /* as inferred with the graph's batch bound; rank -1 while unknown */
    const char *const *axes; /* of an input: what the file calls its axes, NULL each for no name; or
                                NULL */
    tdi_tensor *data;        /* a constant's content (one reference); NULL for anything computed */
    int producer;         /* index of the node that writes it; -1 for graph inputs and constants */
    int depends_on_input; /* whether it is an activation: reachable from a graph input */
    int batched;          /* whether axis 0 counts the pictures of a symbolic batch */
} tdi_value;

typedef struct tdi_op tdi_op; /* graph/op.h: shape inference and costs of one operator type */

typedef struct tdi_node {
    const char *name; /* the file's, or one made from the type and the first output */
    const tdi_op *op;
    int input_count, output_count;
    int *inputs;  /* value indices, -1 for an optional input left out */
    int *outputs; /* value indices, -1 for an optional output left out */
    size_t attr_count;
    tdi_attr *attrs;
    int64_t macs; /* per picture (batch 1); 0 for all but convolutions and matrix products */
} tdi_node;

typedef struct tdi_graph {
    tdi_arena arena; /* owns names, attributes and index arrays */
    const char *name;
    int64_t opset, ir_version;
    int symbolic_batch;       /* axis 0 of the inputs had no number in the file */
    int64_t batch;            /* what axis 0 is bound to; 1 after loading */
    const char *batch_reason; /* why a batch that the file leaves open is fixed to 1; or NULL */
    tdi_value *values;
    size_t value_capacity, node_capacity;
    int value_count;
    tdi_node *nodes; /* in topological order */
    int node_count;
    int *inputs, *outputs; /* value indices; inputs without those that have initializers */
    int input_count, output_count;
    const char *
        *aliases;       /* names folded away (Identity, Dropout), in pairs: alias, surviving name */
    size_t alias_count; /* pairs */
} tdi_graph;

void tdi_graph_free(tdi_graph *graph);

/* Index of the value of that name (aliases followed), or -1. */
int tdi_graph_find(const tdi_graph *graph, const char *name);

/* Attribute access with defaults; of an absent attribute, or one of another kind, the default. */
const tdi_attr *tdi_node_attr(const tdi_node *node, const char *name);
int64_t tdi_node_int(const tdi_node *node, const char *name, int64_t fallback);
float tdi_node_float(const tdi_node *node, const char *name, float fallback);
const char *tdi_node_string(const tdi_node *node, const char *name, const char *fallback);
const tdi_tensor *tdi_node_tensor(const tdi_node *node, const char *name); /* or NULL */

/* Most elements of one tensor. */
#define TDI_ELEMENTS_MAX ((int64_t)1 << 31)

/*
 * Infers every shape with axis 0 of symbolic inputs bound to `batch`, checks operators' arguments,
 * counts MACs, marks activations. Called by the reader with 1; again by the engine on its own copy
 * for another batch. A graph whose batch is not symbolic takes only 1. On failure some shapes are
 * of the old batch, some of the new.
 */
td_status tdi_graph_infer(tdi_graph *graph, int64_t batch, td_error *err);

/* The same node by node, for passes that look on: first the inputs, then each node in order. */
td_status tdi_graph_infer_begin(tdi_graph *graph, int64_t batch, td_error *err);
td_status tdi_graph_infer_node(tdi_graph *graph, tdi_node *node, td_error *err);

/*
 * The same with batch 1, once after building; before that, finds out which values follow the batch
 * (`batched`).
 */
td_status tdi_graph_settle(tdi_graph *graph, td_error *err);

/* A deep copy; constants are shared by reference. */
td_status tdi_graph_copy(const tdi_graph *graph, tdi_graph **out, td_error *err);

/*
 * The subgraph that computes `outputs` from `inputs` (value indices in `graph`), as a graph of its
 * own with only the constants it uses. TD_CUT, naming a path, where an output also needs a graph
 * input that is not among `inputs`.
 */
td_status tdi_graph_extract(const tdi_graph *graph, const int *inputs, int input_count,
                            const int *outputs, int output_count, tdi_graph **out, td_error *err);

/* Elements of all constants that are used. */
int64_t tdi_graph_parameters(const tdi_graph *graph);
int64_t tdi_graph_macs(const tdi_graph *graph);

/* Graphviz text; legal single cuts are marked. tdi_free(). */
td_status tdi_graph_dot(const tdi_graph *graph, char **out, td_error *err);

#endif
