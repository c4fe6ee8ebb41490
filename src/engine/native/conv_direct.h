/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading convolutions off steps: which layer of the direct kernels one is, with packed weights.
 */
#ifndef TDI_ENGINE_NATIVE_CONV_DIRECT_H
#define TDI_ENGINE_NATIVE_CONV_DIRECT_H

#include "engine/native/backend.h"
#include "engine/native/direct.h"
#include "graph/op.h"

typedef enum tdi_direct_kind {
    TDI_DIRECT_NONE,      /* the kernels cannot */
    TDI_DIRECT_POINTWISE, /* 1x1 without stride and padding */
    TDI_DIRECT_DEPTHWISE,
    TDI_DIRECT_PLANAR /* of few channels */
} tdi_direct_kind;

/* `window` is set where the result is not TDI_DIRECT_NONE. */
tdi_direct_kind tdi_direct_kind_of(const tdi_graph *graph, const tdi_step *step,
                                   tdi_window *window);

/* What the step does to its sums; -1 where the kernels cannot. `addend`: the input, -1: none. */
int tdi_direct_finish_of(const tdi_step *step, tdi_finish *finish, int *addend);

/* Packed weights and bias of the step, added to those of the kernel. */
typedef struct tdi_direct_weights {
    const float *weights, *bias;
} tdi_direct_weights;
td_status tdi_direct_pack(const tdi_compile *compile, const tdi_step *step, tdi_direct_kind kind,
                          tdi_native_kernel *kernel, tdi_direct_weights *out, td_error *err);

/* Floats of a picture in TDI_LAYOUT_NCHW16C. */
size_t tdi_direct_size(const td_shape *shape);

/* Where a part of `count` things begins; it ends where the next one begins. */
static inline int tdi_direct_share(int count, int part, int parts) {
    return (int)((int64_t)count * part / parts);
}

#endif
