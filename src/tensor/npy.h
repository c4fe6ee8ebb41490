/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NumPy's .npy format, in memory.
 */
#ifndef TDI_TENSOR_NPY_H
#define TDI_TENSOR_NPY_H

#include <tandem/array.h>

/* As td_npy_read() of a file with these bytes. */
td_status tdi_npy_parse(const uint8_t *bytes, size_t size, td_array *out, td_error *err);

/* The file of an array; *bytes is freed with tdi_free(). */
td_status tdi_npy_format(const td_array *array, uint8_t **bytes, size_t *size, td_error *err);

#endif
