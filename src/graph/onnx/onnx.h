/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ONNX files: reading and writing.
 */
#ifndef TDI_GRAPH_ONNX_ONNX_H
#define TDI_GRAPH_ONNX_ONNX_H

#include "graph/graph.h"

/* Largest file, deepest nesting of messages, and most nodes accepted. */
#define TDI_ONNX_BYTES_MAX ((size_t)2 << 30)
#define TDI_ONNX_DEPTH_MAX 32
#define TDI_ONNX_NODES_MAX 200000

/*
 * Reads a model: opset 7..21, IR up to 10. Initializers are copied, Constant nodes become
 * constants, Identity and Dropout are folded, nodes sorted. `folder` is where external data files
 * are looked for (inside it only); NULL refuses external data. Operators that nobody implements are
 * refused by type and node name. The graph is open: tdi_graph_bind() is next.
 */
td_status tdi_onnx_parse_open(const uint8_t *bytes, size_t size, const char *folder,
                              tdi_graph **out, td_error *err);
/* The same from a file, in which large constants stay (tdi_tensor_backed()). */
td_status tdi_onnx_read_open(tdi_backing *file, const char *folder, tdi_graph **out, td_error *err);
td_status tdi_onnx_load_open(const char *path, tdi_graph **out, td_error *err);

/* Both at once, for files in which only axis 0 of inputs may be open. */
td_status tdi_onnx_parse(const uint8_t *bytes, size_t size, const char *folder, tdi_graph **out,
                         td_error *err);
td_status tdi_onnx_load(const char *path, tdi_graph **out, td_error *err);

/*
 * The graph as an ONNX file: self-contained, its own opset, shapes on inputs and outputs ("N" for a
 * symbolic batch; of an open graph the axes that are open). *bytes is freed with tdi_free().
 */
td_status tdi_onnx_write(const tdi_graph *graph, uint8_t **bytes, size_t *size, td_error *err);

#endif
