/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dense tensor in memory: element type, shape and reference-counted bytes.
 */
#ifndef TDI_TENSOR_TENSOR_H
#define TDI_TENSOR_TENSOR_H

#include <tandem/tensor.h>

#include "base/atomic.h"
#include "base/backing.h"

/* Immutable after it is filled; shared by threads. Data is aligned to TDI_ALIGNMENT, row-major, and
 * may be read TDI_EXTRA_BYTES past the end. Of a backed tensor it is there while it is pinned. */
typedef struct tdi_tensor {
    td_dtype dtype;
    td_shape shape;
    size_t bytes;
    void *data;
    tdi_refcount references;
    struct tdi_backed *backed; /* NULL: data is always there */
} tdi_tensor;

/* Zeroed; one reference. NULL when out of memory or where the shape has no number of elements. */
tdi_tensor *tdi_tensor_new(td_dtype dtype, const td_shape *shape);
/* Around memory from tdi_malloc_aligned() that holds the content already, and that the tensor takes
 * over on success. NULL when out of memory. */
tdi_tensor *tdi_tensor_around(td_dtype dtype, const td_shape *shape, void *data);
tdi_tensor *tdi_tensor_ref(tdi_tensor *tensor);
void tdi_tensor_unref(tdi_tensor *tensor);

/*
 * One whose content lies at `offset` of a file, in the processor's byte order. The range must lie
 * in the file. NULL when out of memory.
 */
tdi_tensor *tdi_tensor_backed(td_dtype dtype, const td_shape *shape, tdi_backing *backing,
                              size_t offset);
/* Has data be there until it is unpinned: reads it unless somebody has pinned it already. Of a
 * tensor that is not backed, nothing to do. Any thread. */
td_status tdi_tensor_pin(tdi_tensor *tensor, td_error *err);
void tdi_tensor_unpin(tdi_tensor *tensor);
/* Copies a part of a backed tensor, which need not be pinned for it. */
td_status tdi_tensor_read(const tdi_tensor *tensor, size_t offset, void *out, size_t bytes,
                          td_error *err);
/* Equal only for equal content: the hash of it, or of where it lies, which needs no reading. */
tdi_hash tdi_tensor_key(const tdi_tensor *tensor);

/* For this folder: without data yet; NULL as for tdi_tensor_new(). */
tdi_tensor *tdi_tensor_hollow(td_dtype dtype, const td_shape *shape);
void tdi_backed_free(struct tdi_backed *backed); /* NULL is allowed */

/* IEEE binary16 and back; nearest, ties to even; NaN stays NaN. */
uint16_t tdi_f16_from_f32(float value);
float tdi_f32_from_f16(uint16_t bits);
float tdi_f32_from_bf16(uint16_t bits);
uint16_t tdi_bf16_from_f32(float value);
/* Arrays. */
void tdi_f16_from_f32_array(uint16_t *out, const float *in, size_t count);
void tdi_f32_from_f16_array(float *out, const uint16_t *in, size_t count);

static inline td_shape tdi_shape_of(int rank, const int64_t *dim) {
    td_shape s = {0, {0}};
    s.rank = rank;
    for (int i = 0; i < rank; i++)
        s.dim[i] = dim[i];
    return s;
}

#endif
