/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model's file without its large constants: they are left where they are, to be read when they
 * are needed.
 */
#ifndef TDI_GRAPH_ONNX_OUTLINE_H
#define TDI_GRAPH_ONNX_OUTLINE_H

#include "base/backing.h"

/* Constants from this size on are left in the file. */
#define TDI_OUTLINE_BYTES_MIN ((size_t)64 << 10)

/* The location of external data that stands for the model's own file. No file is called so. */
#define TDI_OUTLINE_LOCATION ""

/*
 * The model with raw data of initializers and Constant nodes from `bytes_min` on replaced by
 * external data at TDI_OUTLINE_LOCATION. *out is freed with tdi_free(). TD_FORMAT, without a
 * message, for bytes that are not a well-formed message: whoever reads them whole finds out what is
 * wrong.
 */
td_status tdi_outline(const tdi_backing *file, size_t bytes_min, uint8_t **out, size_t *size,
                      td_error *err);

#endif
