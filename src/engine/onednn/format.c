/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory descriptors as formats.
 */
#include <string.h>

#include "engine/onednn/onednn.h"

/* oneDNN has no scalars: rank 0 becomes one element of rank 1. */
static int dims_of(const td_shape *shape, dnnl_dims_t dims) {
    dims[0] = 1;
    for (int i = 0; i < shape->rank; i++)
        dims[i] = shape->dim[i];
    return shape->rank > 0 ? shape->rank : 1;
}

void tdi_onednn_any(dnnl_memory_desc_t *md, const td_shape *shape) {
    dnnl_dims_t dims;
    int rank = dims_of(shape, dims);
    dnnl_memory_desc_init_by_tag(md, rank, dims, dnnl_f32, dnnl_format_tag_any);
}

void tdi_onednn_dense(dnnl_memory_desc_t *md, const td_shape *shape) {
    dnnl_dims_t dims, strides;
    int rank = dims_of(shape, dims);
    dnnl_dim_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
    dnnl_memory_desc_init_by_strides(md, rank, dims, dnnl_f32, strides);
}

void tdi_onednn_desc(dnnl_memory_desc_t *md, const td_shape *shape, const tdi_format *format) {
    if (tdi_format_is_dense(format))
        tdi_onednn_dense(md, shape);
    else
        memcpy(md, format->desc, sizeof *md);
}

/* Whether the bytes are those of the row-major tensor, also where the descriptor looks blocked. */
static int is_dense(const dnnl_memory_desc_t *md) {
    if (md->format_kind != dnnl_blocked || md->offset0 != 0)
        return 0;
    const dnnl_blocking_desc_t *blocking = &md->format_desc.blocking;
    dnnl_dim_t expected = 1;
    int blocked = -1;
    if (blocking->inner_nblks > 1)
        return 0;
    if (blocking->inner_nblks == 1) {
        /* Blocks of one axis lie in order when the axes behind it have one element. */
        blocked = (int)blocking->inner_idxs[0];
        for (int i = blocked + 1; i < md->ndims; i++)
            if (md->dims[i] != 1)
                return 0;
        expected = blocking->inner_blks[0];
    }
    for (int i = md->ndims - 1; i >= 0; i--) {
        if (md->padded_dims[i] != md->dims[i])
            return 0;
        dnnl_dim_t extent = i == blocked ? md->dims[i] / blocking->inner_blks[0] : md->dims[i];
        if (extent != 1 && blocking->strides[i] != expected)
            return 0;
        expected *= extent;
    }
    return 1;
}

int tdi_onednn_format(tdi_format *format, tdi_arena *arena, const dnnl_memory_desc_t *md) {
    format->bytes = dnnl_memory_desc_get_size(md);
    format->backend = NULL;
    format->desc = NULL;
    if (is_dense(md))
        return 0;
    format->backend = &tdi_onednn_backend;
    format->desc = tdi_arena_copy(arena, md, sizeof *md);
    return format->desc ? 0 : -1;
}

int tdi_onednn_same_format(const tdi_format *a, const tdi_format *b) {
    return dnnl_memory_desc_equal(a->desc, b->desc);
}
