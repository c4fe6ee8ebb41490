/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gelu as one operator, where a graph has it as five.
 */
#ifndef TDI_ENGINE_GELU_H
#define TDI_ENGINE_GELU_H

#include "graph/graph.h"

/* Changes the engine's own copy of a graph, in which constants have their content. Values in
 * between that are outputs, or that others read, stay. */
td_status tdi_gelu_find(tdi_graph *graph, td_error *err);

#endif
