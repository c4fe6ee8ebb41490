/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an open graph, as a file has it, to one that can be cut and run. In an open graph nothing is
 * inferred, shape arithmetic is not folded, and inputs may have axes of TD_DIM_SYMBOLIC.
 */
#ifndef TDI_GRAPH_BIND_H
#define TDI_GRAPH_BIND_H

#include "graph/graph.h"

/*
 * A graph with the inputs' sizes bound to `shapes`; an axis left open has the size of
 * another of its name. Axis 0 may
 * stay open: it counts pictures. TD_ARGUMENT, naming them, where other axes are left open;
 * TD_MISMATCH where a shape does not fit the file. Constants are shared with `open`, which stays.
 */
td_status tdi_graph_bind(const tdi_graph *open, const td_input_shape *shapes, size_t shape_count,
                         tdi_graph **out, td_error *err);

/* Drops what the outputs do not need; *graph is another afterwards, NULL on failure. */
td_status tdi_graph_prune(tdi_graph **graph, td_error *err);

#endif
