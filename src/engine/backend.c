/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of backends, and choosing among them.
 */
#include "engine/backend.h"

#include <string.h>

#include "engine/native/backend.h"
#include "engine/onednn/onednn.h"
#include "engine/ops/ops.h"

static const tdi_backend *const backends[TDI_BACKEND_COUNT] = {
    &tdi_onednn_backend, &tdi_native_backend, &tdi_ops_backend};

const tdi_backend *tdi_backend_at(int index) {
    return backends[index];
}

int tdi_backend_index(const tdi_backend *backend) {
    int index = 0;
    while (backends[index] != backend)
        index++;
    return index;
}

const tdi_backend *tdi_backend_for(const tdi_graph *graph, const tdi_node *node,
                                   tdi_step_kind kind) {
    for (int i = 0; i < TDI_BACKEND_COUNT; i++)
        if (backends[i]->supports(graph, node, kind))
            return backends[i];
    return NULL;
}

const tdi_backend *tdi_backend_between(const tdi_format *from, const tdi_format *to) {
    if (from->backend && to->backend && from->backend != to->backend)
        return NULL;
    if (from->backend || to->backend)
        return from->backend ? from->backend : to->backend;
    for (int i = 0; i < TDI_BACKEND_COUNT; i++)
        if (backends[i]->convert)
            return backends[i];
    return NULL;
}

int tdi_engine_implements(const char *type) {
    for (int i = 0; i < TDI_BACKEND_COUNT; i++)
        if (backends[i]->implements(type))
            return 1;
    return tdi_type_is_view(type);
}

int tdi_format_same(const tdi_format *a, const tdi_format *b) {
    if (a->layout != b->layout || a->dtype != b->dtype || a->backend != b->backend ||
        memcmp(&a->scale, &b->scale, sizeof a->scale) != 0)
        return 0;
    return a->layout != TDI_LAYOUT_OWN || a->backend->same_format(a, b);
}

tdi_format tdi_format_in(tdi_layout layout, td_dtype dtype, const td_shape *shape) {
    enum { BLOCK = 16 };
    td_shape whole = *shape;
    if (layout == TDI_LAYOUT_NCHW16C)
        whole.dim[1] = (whole.dim[1] + BLOCK - 1) / BLOCK * BLOCK;
    tdi_format format = tdi_format_dense(dtype, &whole);
    format.layout = layout;
    return format;
}

int tdi_form_of(const tdi_format *format) {
    if (format->layout == TDI_LAYOUT_OWN)
        return -1;
    switch ((int)format->dtype) {
    case TD_DTYPE_F32:
        return TDI_FORM_F32 + (int)format->layout;
    case TD_DTYPE_BF16:
        return TDI_FORM_BF16 + (int)format->layout;
    case TD_DTYPE_U8:
    case TD_DTYPE_I8:
        return TDI_FORM_INT8 + (int)format->layout;
    default:
        return -1;
    }
}

tdi_format tdi_form_format(int form, const tdi_quant *quant, const td_shape *shape) {
    tdi_layout layout = (tdi_layout)(form % (int)TDI_LAYOUT_OWN);
    if (form < TDI_FORM_BF16)
        return tdi_format_in(layout, TD_DTYPE_F32, shape);
    if (form < TDI_FORM_INT8)
        return tdi_format_in(layout, TD_DTYPE_BF16, shape);
    tdi_format format = tdi_format_in(layout, quant->dtype, shape);
    format.scale = quant->scale;
    return format;
}

tdi_format tdi_format_dense(td_dtype dtype, const td_shape *shape) {
    int64_t elements = td_shape_elements(shape);
    tdi_format format = {.layout = TDI_LAYOUT_DENSE, .dtype = dtype};
    format.bytes = elements > 0 ? (size_t)elements * td_dtype_bytes(dtype) : 0;
    return format;
}
