/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model as protobuf-c unpacks it, and what the files of this folder share while it becomes a
 * graph.
 */
#ifndef TDI_GRAPH_ONNX_PROTO_H
#define TDI_GRAPH_ONNX_PROTO_H

#include "onnx.pb-c.h"

#include "graph/build.h"

/* Longest name of a tensor, node or operator. */
#define TDI_ONNX_NAME_MAX 4096

/* External data: where it may be, and how many bytes of it there may still be. */
typedef struct tdi_external {
    const char *folder; /* NULL: nowhere */
    size_t budget;
    tdi_backing *own;  /* the file that the model is an outline of; NULL: none */
    tdi_backing *last; /* the file that was opened last, and */
    char *location;    /* what the model calls it */
} tdi_external;

/* Closes the file that was opened last. */
void tdi_external_fini(tdi_external *external);

/*
 * The tensor's content. `name` is for messages (it may differ from the proto's). Large external
 * data stays in its file; raw data is taken out of the proto, which must have been unpacked into
 * memory from tdi_malloc_aligned().
 */
td_status tdi_onnx_tensor(Onnx__TensorProto *proto, const char *name, tdi_external *external,
                          tdi_tensor **out, td_error *err);

/* The file that has the tensor's `size` bytes of external data, which `external` keeps, and where
 * they are in it. TD_UNSUPPORTED or TD_FORMAT for a place outside the folder. */
td_status tdi_onnx_external(const Onnx__TensorProto *proto, const char *name,
                            tdi_external *external, size_t size, tdi_backing **file, size_t *offset,
                            td_error *err);

/* Fails for an empty name where `required`, and for one that cannot be shown: too long, control
 * characters, not UTF-8. */
td_status tdi_onnx_check_name(const char *name, const char *what, int required, td_error *err);

/* The content of a Constant node. */
td_status tdi_onnx_constant(const Onnx__NodeProto *node, const char *name, tdi_external *external,
                            tdi_tensor **out, td_error *err);
/* Copies the attributes of a node. */
td_status tdi_onnx_attributes(const Onnx__NodeProto *proto, tdi_graph *graph, tdi_node *node,
                              td_error *err);

/* Turns the graph of a model into one of ours, unfolded and without shapes. Takes the raw data of
 * constants over: see tdi_onnx_tensor(). */
td_status tdi_onnx_import(Onnx__GraphProto *proto, int64_t opset, int64_t ir_version,
                          tdi_external *external, tdi_graph **out, td_error *err);

/* Takes out Identity nodes, leaving aliases. */
td_status tdi_onnx_fold(tdi_graph *graph, td_error *err);

#endif
