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

static void by_tag(dnnl_memory_desc_t *md, const td_shape *shape, dnnl_format_tag_t tag) {
    dnnl_dims_t dims;
    int rank = dims_of(shape, dims);
    dnnl_memory_desc_init_by_tag(md, rank, dims, dnnl_f32, tag);
}

dnnl_data_type_t tdi_onednn_type(td_dtype dtype) {
    switch ((int)dtype) {
    case TD_DTYPE_F32:
        return dnnl_f32;
    case TD_DTYPE_BF16:
        return dnnl_bf16;
    case TD_DTYPE_U8:
        return dnnl_u8;
    case TD_DTYPE_I8:
        return dnnl_s8;
    default:
        return dnnl_data_type_undef;
    }
}

static td_dtype dtype_of(dnnl_data_type_t type) {
    static const td_dtype known[] = {TD_DTYPE_F32, TD_DTYPE_BF16, TD_DTYPE_U8, TD_DTYPE_I8};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (tdi_onednn_type(known[i]) == type)
            return known[i];
    return TD_DTYPE_NONE;
}

void tdi_onednn_layout(dnnl_memory_desc_t *md, const td_shape *shape, tdi_layout layout,
                       td_dtype dtype) {
    if (layout == TDI_LAYOUT_NHWC)
        by_tag(md, shape, dnnl_nhwc);
    else if (layout == TDI_LAYOUT_NCHW16C)
        by_tag(md, shape, dnnl_nChw16c);
    else
        tdi_onednn_dense(md, shape);
    /* Strides count elements. */
    md->data_type = tdi_onednn_type(dtype);
}

void tdi_onednn_desc(dnnl_memory_desc_t *md, const td_shape *shape, const tdi_format *format) {
    if (format->layout == TDI_LAYOUT_OWN)
        memcpy(md, format->desc, sizeof *md);
    else
        tdi_onednn_layout(md, shape, format->layout, format->dtype);
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

static tdi_layout layout_of(const dnnl_memory_desc_t *md) {
    static const tdi_layout common[] = {TDI_LAYOUT_NHWC, TDI_LAYOUT_NCHW16C};
    if (is_dense(md))
        return TDI_LAYOUT_DENSE;
    if (md->ndims != 4)
        return TDI_LAYOUT_OWN;
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
        td_shape shape = {4, {md->dims[0], md->dims[1], md->dims[2], md->dims[3]}};
        dnnl_memory_desc_t wanted;
        tdi_onednn_layout(&wanted, &shape, common[i], dtype_of(md->data_type));
        if (dnnl_memory_desc_equal(&wanted, md))
            return common[i];
    }
    return TDI_LAYOUT_OWN;
}

int tdi_onednn_format(tdi_format *format, tdi_arena *arena, const dnnl_memory_desc_t *md) {
    memset(format, 0, sizeof *format);
    format->bytes = dnnl_memory_desc_get_size(md);
    format->dtype = dtype_of(md->data_type);
    format->layout = format->dtype == TD_DTYPE_NONE ? TDI_LAYOUT_OWN : layout_of(md);
    if (format->layout != TDI_LAYOUT_OWN)
        return 0;
    format->backend = &tdi_onednn_backend;
    format->desc = tdi_arena_copy(arena, md, sizeof *md);
    return format->desc ? 0 : -1;
}

int tdi_onednn_same_format(const tdi_format *a, const tdi_format *b) {
    return dnnl_memory_desc_equal(a->desc, b->desc);
}
