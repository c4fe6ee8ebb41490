/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backend of our own kernels, seen from within. They take part where measuring finds them the
 * fastest. A kind of kernel is a file that says which steps it can run and makes the kernel.
 */
#ifndef TDI_ENGINE_NATIVE_BACKEND_H
#define TDI_ENGINE_NATIVE_BACKEND_H

#include "engine/backend.h"
#include "engine/packs.h"

extern const tdi_backend tdi_native_backend;

/* State of one program. */
typedef struct tdi_native_state {
    int threads;
} tdi_native_state;

#define TDI_NATIVE_PACKS_MAX (2 * TDI_STAGES_MAX) /* weights and a bias per stage */

typedef struct tdi_native_kernel tdi_native_kernel;
struct tdi_native_kernel {
    tdi_kernel base;
    tdi_format *formats; /* what base.inputs shows to others */
    /* One part of one phase. Phases follow each other; the parts of one run at the same time. */
    void (*work)(const tdi_native_kernel *kernel, const tdi_memory *memory, int phase, int part,
                 int parts);
    int phases;
    const void *layer; /* the kind's own, in the program's arena */
    int threads, input_count;
    tdi_pack *packs[TDI_NATIVE_PACKS_MAX];
    int pack_count;
};

/*
 * A kernel with that many inputs, all without a format yet; `layer_bytes` of zeros in *layer.
 * TD_MEMORY.
 */
td_status tdi_native_kernel_new(const tdi_compile *compile, const tdi_step *step,
                                const char *implementation, size_t layer_bytes, void **layer,
                                tdi_native_kernel **out, td_error *err);
void tdi_native_release(const tdi_compile *compile, tdi_kernel *kernel);

/* The step's folded weights as `fill` lays them out, `floats` long. `form` tells forms apart. */
typedef void (*tdi_native_fill_fn)(const void *user, const float *weights, float *packed);
td_status tdi_native_pack(const tdi_compile *compile, const tdi_step *step, const char *form,
                          size_t floats, tdi_native_fill_fn fill, const void *user,
                          tdi_native_kernel *kernel, const float **out, td_error *err);
/* The folded bias, filled up with zeros to a multiple of 16. */
td_status tdi_native_bias(const tdi_compile *compile, const tdi_step *step,
                          tdi_native_kernel *kernel, const float **out, td_error *err);

/* conv_winograd.c: tile is 2 or 4. TD_UNSUPPORTED where the step is not of that kind. */
td_status tdi_native_winograd(const tdi_compile *compile, const tdi_step *step, int tile,
                              tdi_kernel **out, td_error *err);

/* conv_pointwise.c: a 1x1 convolution. */
td_status tdi_native_pointwise(const tdi_compile *compile, const tdi_step *step, tdi_kernel **out,
                               td_error *err);
/* conv_chain.c: a depthwise convolution, and chains of convolutions around one. */
int tdi_native_chains(const tdi_graph *graph, const tdi_step *const *stages, int count);
td_status tdi_native_chain(const tdi_compile *compile, const tdi_step *step, tdi_kernel **out,
                           td_error *err);

#endif
