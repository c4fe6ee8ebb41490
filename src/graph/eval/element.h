/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements of any type, one at a time: floating-point numbers as double, all others as 64-bit
 * integers.
 */
#ifndef TDI_GRAPH_EVAL_ELEMENT_H
#define TDI_GRAPH_EVAL_ELEMENT_H

#include <tandem/tensor.h>

int tdi_dtype_is_float(td_dtype dtype);

double tdi_load_float(td_dtype dtype, const void *data, int64_t i);
void tdi_store_float(td_dtype dtype, void *data, int64_t i, double value);

/* Sign-extended; unsigned 64-bit numbers as their bits. */
int64_t tdi_load_integer(td_dtype dtype, const void *data, int64_t i);
/* Keeps the low bits; of bool, whether there are any. */
void tdi_store_integer(td_dtype dtype, void *data, int64_t i, int64_t value);
/* What does not fit becomes the nearest that does, and NaN becomes 0 (ONNX leaves both open). */
void tdi_store_truncated(td_dtype dtype, void *data, int64_t i, double value);

/* Of any type; integers beyond 2^53 lose their low bits. */
double tdi_load_number(td_dtype dtype, const void *data, int64_t i);

/* Below, equal to or above 0; unsigned 64-bit numbers by their bits. */
int tdi_compare_integers(td_dtype dtype, int64_t a, int64_t b);
/* Of two elements of one array; NaN is above all numbers. */
int tdi_compare_elements(td_dtype dtype, const void *data, int64_t i, int64_t j);

#endif
