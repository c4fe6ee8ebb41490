/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking over strided tensors.
 */
#include <string.h>

#include "graph/eval/eval.h"

void tdi_strides(const td_shape *shape, int64_t strides[TD_RANK_MAX]) {
    int64_t stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= shape->dim[i];
    }
}

void tdi_broadcast_strides(const td_shape *shape, const td_shape *result,
                           int64_t strides[TD_RANK_MAX]) {
    int64_t own[TD_RANK_MAX];
    int shift = result->rank - shape->rank;
    tdi_strides(shape, own);
    for (int i = 0; i < result->rank; i++)
        strides[i] = i < shift || shape->dim[i - shift] == 1 ? 0 : own[i - shift];
}

static void copy_row(const tdi_box *box, char *to, const char *from) {
    int axis = box->rank - 1;
    size_t bytes = box->element_bytes, count = (size_t)box->dim[axis];
    if (box->to[axis] == 1 && box->from[axis] == 1) {
        memcpy(to, from, count * bytes);
        return;
    }
    ptrdiff_t to_step = (ptrdiff_t)(box->to[axis] * (int64_t)bytes);
    ptrdiff_t from_step = (ptrdiff_t)(box->from[axis] * (int64_t)bytes);
    for (size_t i = 0; i < count; i++) {
        if (bytes == sizeof(float)) /* spelled out: a call per element otherwise */
            memcpy(to, from, sizeof(float));
        else
            memcpy(to, from, bytes);
        to += to_step;
        from += from_step;
    }
}

void tdi_box_copy(const tdi_box *box, void *to, const void *from) {
    int64_t index[TD_RANK_MAX] = {0}, to_at = 0, from_at = 0;
    if (box->rank == 0) {
        memcpy(to, from, box->element_bytes);
        return;
    }
    for (int i = 0; i < box->rank; i++)
        if (box->dim[i] == 0)
            return;
    for (;;) {
        copy_row(box, (char *)to + to_at * (int64_t)box->element_bytes,
                 (const char *)from + from_at * (int64_t)box->element_bytes);
        int axis = box->rank - 2;
        for (; axis >= 0; axis--) {
            to_at += box->to[axis];
            from_at += box->from[axis];
            if (++index[axis] < box->dim[axis])
                break;
            to_at -= box->to[axis] * box->dim[axis];
            from_at -= box->from[axis] * box->dim[axis];
            index[axis] = 0;
        }
        if (axis < 0)
            return;
    }
}

void tdi_walk_init(tdi_walk *walk, const td_shape *shape) {
    memset(walk, 0, sizeof *walk);
    walk->shape = *shape;
}

void tdi_walk_broadcast(tdi_walk *walk, const td_shape *operand) {
    tdi_broadcast_strides(operand, &walk->shape, walk->stride[walk->operands++]);
}

void tdi_walk_next(tdi_walk *walk) {
    for (int axis = walk->shape.rank - 1; axis >= 0; axis--) {
        int wraps = ++walk->index[axis] == walk->shape.dim[axis];
        for (int i = 0; i < walk->operands; i++)
            walk->at[i] += walk->stride[i][axis] * (wraps ? 1 - walk->shape.dim[axis] : 1);
        if (!wraps)
            return;
        walk->index[axis] = 0;
    }
}
