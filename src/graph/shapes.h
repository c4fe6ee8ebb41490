/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shape arithmetic: what a network computes from the sizes of its own tensors (Shape, Gather,
 * Concat ... Reshape) becomes constants, so that it does not run, and does not bypass cuts.
 */
#ifndef TDI_GRAPH_SHAPES_H
#define TDI_GRAPH_SHAPES_H

#include "graph/graph.h"

/*
 * Folds in place, for a graph without inferred shapes. Where the batch is symbolic and a size that
 * follows it is used, the user (Reshape, Expand, Slice, Resize) gets arguments that hold for any
 * batch; where there are none, the graph's batch is fixed to 1 and the reason kept in the graph.
 * Chains that end in an output of the graph stay.
 */
td_status tdi_shapes_fold(tdi_graph *graph, td_error *err);

/*
 * Part of it: argument `index` of the node follows the batch. Gives the node constants instead, for
 * any batch. `probes`: what was found with several batches, per value of the graph. Returns 0 where
 * it cannot, -1 where memory runs out.
 */
#define TDI_SHAPE_PROBES 3
typedef struct tdi_probe {
    td_shape *shapes;   /* per value */
    tdi_tensor **known; /* per value; NULL: not known from shapes alone */
} tdi_probe;
int tdi_shapes_generalize(tdi_graph *graph, int node, int index,
                          const tdi_probe probes[TDI_SHAPE_PROBES]);

#endif
