/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays: dense tensors with their elements, and NumPy's file format for them.
 */
#ifndef TANDEM_ARRAY_H
#define TANDEM_ARRAY_H

#include <tandem/base.h>
#include <tandem/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Elements in row-major order, as this machine has them in memory. */
typedef struct td_array {
    td_dtype dtype;
    td_shape shape; /* no symbolic dimensions */
    void *data;
    size_t bytes; /* of all elements */
} td_array;

/* Largest .npy file that is read, in bytes. */
#define TD_NPY_BYTES_MAX ((size_t)2 << 30)

/*
 * Reads a .npy file of version 1.0, 2.0 or 3.0. On success the caller owns out->data, and frees it
 * with td_array_clear(). TD_UNSUPPORTED, with the remedy, for Fortran order, big-endian elements
 * and element types that td_dtype lacks; TD_FORMAT for damaged files, TD_LIMIT above
 * TD_NPY_BYTES_MAX. bfloat16 is what the Python package ml_dtypes makes of it ("V2"). Blocks while
 * reading.
 */
TD_API td_status td_npy_read(const char *path, td_array *out, td_error *err);

/* Writes a .npy file of version 1.0, under another name first and renamed when whole. */
TD_API td_status td_npy_write(const char *path, const td_array *array, td_error *err);

/* Frees the data and zeroes the array. */
TD_API void td_array_clear(td_array *array);

#ifdef __cplusplus
}
#endif

#endif
