/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look over the bytes of a message before protobuf-c unpacks them. protobuf-c recurses once per
 * level, and makes hundreds of bytes of some two-byte messages; neither has a limit of its own.
 */
#ifndef TDI_GRAPH_ONNX_SCAN_H
#define TDI_GRAPH_ONNX_SCAN_H

#include <protobuf-c/protobuf-c.h>

#include "base/status.h"

/* Most bytes that unpacking may need beyond the size of the message. */
#define TDI_SCAN_EXTRA_MAX ((size_t)256 << 20)

/*
 * Checks that the bytes are a well-formed message of `type`: lengths fit, at most `depth_max`
 * levels, no string with a NUL, no message given twice where the schema has one (protobuf-c would
 * merge them in quadratic time). Unknown fields are allowed, groups are not.
 */
td_status tdi_scan(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t size,
                   int depth_max, td_error *err);

#endif
