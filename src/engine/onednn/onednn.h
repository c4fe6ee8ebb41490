/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oneDNN backend (2.x C API), seen from within. A format is a dnnl_memory_desc_t. Every
 * primitive uses scratchpad memory of ours: with oneDNN's own, threads that share a primitive get
 * wrong results.
 */
#ifndef TDI_ENGINE_ONEDNN_ONEDNN_H
#define TDI_ENGINE_ONEDNN_ONEDNN_H

#include <dnnl.h>

#include "engine/backend.h"
#include "engine/packs.h"

extern const tdi_backend tdi_onednn_backend;

/* backend.c: state of one program */
typedef struct tdi_onednn {
    dnnl_engine_t engine;
    int threads;
} tdi_onednn;

/* Makes the kernel of one kind of operator. */
typedef td_status (*tdi_onednn_prepare_fn)(const tdi_compile *compile, const tdi_step *step,
                                           const tdi_format *at_hand, tdi_kernel **out,
                                           td_error *err);

td_status tdi_onednn_prepare_conv(const tdi_compile *compile, const tdi_step *step,
                                  const tdi_format *at_hand, tdi_kernel **out, td_error *err);
td_status tdi_onednn_prepare_dense(const tdi_compile *compile, const tdi_step *step,
                                   const tdi_format *at_hand, tdi_kernel **out, td_error *err);
td_status tdi_onednn_prepare_pool(const tdi_compile *compile, const tdi_step *step,
                                  const tdi_format *at_hand, tdi_kernel **out, td_error *err);
td_status tdi_onednn_prepare_eltwise(const tdi_compile *compile, const tdi_step *step,
                                     const tdi_format *at_hand, tdi_kernel **out, td_error *err);
td_status tdi_onednn_prepare_binary(const tdi_compile *compile, const tdi_step *step,
                                    const tdi_format *at_hand, tdi_kernel **out, td_error *err);
td_status tdi_onednn_prepare_norm(const tdi_compile *compile, const tdi_step *step,
                                  const tdi_format *at_hand, tdi_kernel **out, td_error *err);
td_status tdi_onednn_prepare_softmax(const tdi_compile *compile, const tdi_step *step,
                                     const tdi_format *at_hand, tdi_kernel **out, td_error *err);
td_status tdi_onednn_prepare_concat(const tdi_compile *compile, const tdi_step *step,
                                    const tdi_format *at_hand, tdi_kernel **out, td_error *err);
td_status tdi_onednn_prepare_deconv(const tdi_compile *compile, const tdi_step *step,
                                    const tdi_format *at_hand, tdi_kernel **out, td_error *err);
td_status tdi_onednn_prepare_prelu(const tdi_compile *compile, const tdi_step *step,
                                   const tdi_format *at_hand, tdi_kernel **out, td_error *err);
td_status tdi_onednn_prepare_resample(const tdi_compile *compile, const tdi_step *step,
                                      const tdi_format *at_hand, tdi_kernel **out, td_error *err);
td_status tdi_onednn_prepare_matmul(const tdi_compile *compile, const tdi_step *step,
                                    const tdi_format *at_hand, tdi_kernel **out, td_error *err);
td_status tdi_onednn_convert(const tdi_compile *compile, td_dtype dtype, const td_shape *shape,
                             const tdi_format *from, const tdi_format *to, tdi_kernel **out,
                             td_error *err);

int tdi_onednn_computes(td_precision precision);
int tdi_onednn_variants_conv(const tdi_graph *graph, const tdi_step *step);
int tdi_onednn_variants_dense(const tdi_step *step);
int tdi_onednn_supports_conv(const tdi_graph *graph, const tdi_node *node);
int tdi_onednn_supports_pool(const tdi_graph *graph, const tdi_node *node);
int tdi_onednn_supports_eltwise(const tdi_graph *graph, const tdi_node *node);
int tdi_onednn_supports_binary(const tdi_graph *graph, const tdi_node *node);
int tdi_onednn_supports_norm(const tdi_graph *graph, const tdi_node *node);
int tdi_onednn_supports_softmax(const tdi_graph *graph, const tdi_node *node);
int tdi_onednn_supports_concat(const tdi_graph *graph, const tdi_node *node);
int tdi_onednn_supports_deconv(const tdi_graph *graph, const tdi_node *node);
int tdi_onednn_supports_prelu(const tdi_graph *graph, const tdi_node *node);
int tdi_onednn_supports_resample(const tdi_graph *graph, const tdi_node *node);
int tdi_onednn_supports_matmul(const tdi_graph *graph, const tdi_node *node);

/* eltwise.c: 0 where oneDNN has no such function. */
int tdi_onednn_algorithm(const tdi_activation *activation, dnnl_alg_kind_t *algorithm);

/* format.c */
/* float32 of any format (the primitive chooses), dense; in a common layout; as the format says. */
void tdi_onednn_any(dnnl_memory_desc_t *md, const td_shape *shape);
void tdi_onednn_dense(dnnl_memory_desc_t *md, const td_shape *shape);
void tdi_onednn_layout(dnnl_memory_desc_t *md, const td_shape *shape, tdi_layout layout,
                       td_dtype dtype);
void tdi_onednn_desc(dnnl_memory_desc_t *md, const td_shape *shape, const tdi_format *format);
dnnl_data_type_t tdi_onednn_type(td_dtype dtype);
/* A format for `md`: dense where its bytes are in dense order. Says nothing about the scale of
 * 8-bit elements. 0, or -1: no memory. */
int tdi_onednn_format(tdi_format *format, tdi_arena *arena, const dnnl_memory_desc_t *md);
int tdi_onednn_same_format(const tdi_format *a, const tdi_format *b);

/*
 * numbers.c: what the operands of a layer with weights are made of. Kinds are one of
 * td_precision's: what TD_PRECISION_INT8 is for a tensor, and its scale, its quantization says.
 */
typedef struct tdi_onednn_numbers {
    td_dtype src, weights, dst, addend;
    float src_scale, dst_scale, addend_scale; /* 1 for floats */
    float *weights_scale;                     /* per output; NULL for floats */
} tdi_onednn_numbers;
/* TD_UNSUPPORTED where a tensor has no quantization, or the processor no bfloat16. */
td_status tdi_onednn_numbers_init(const tdi_compile *compile, const tdi_step *step,
                                  td_precision src, td_precision dst, tdi_onednn_numbers *out,
                                  td_error *err);

/* attr.c: strict float32, our scratchpad, and the step's posts. numbers NULL: all is float32. */
td_status tdi_onednn_attr(const tdi_step *step, const tdi_onednn_numbers *numbers,
                          dnnl_primitive_attr_t *out, td_error *err);

/* kernel.c */
/* Which memory an argument of a primitive is. */
typedef enum tdi_onednn_source {
    TDI_ONEDNN_INPUT, /* input `index` of the step */
    TDI_ONEDNN_OUTPUT,
    TDI_ONEDNN_PACK, /* pack `index` of the kernel */
    TDI_ONEDNN_SCRATCH
} tdi_onednn_source;

typedef struct tdi_onednn_arg {
    int arg; /* DNNL_ARG_... */
    tdi_onednn_source source;
    int index;
    dnnl_memory_desc_t md;
} tdi_onednn_arg;

#define TDI_ONEDNN_PACKS_MAX 4

/* What moves less data is done by one thread. */
#define TDI_ONEDNN_SHARED_BYTES ((size_t)8 << 20)

typedef struct tdi_onednn_kernel {
    tdi_kernel base;
    tdi_format *formats; /* what base.inputs shows to others */
    dnnl_primitive_t primitive;
    tdi_onednn_arg *args;
    int arg_count;
    tdi_pack *packs[TDI_ONEDNN_PACKS_MAX];
    int pack_count;
    int threads; /* OpenMP's team, for which the primitive was made too */
} tdi_onednn_kernel;

/*
 * A kernel for a step with that many inputs, from a primitive descriptor: primitive, scratchpad and
 * output (as `pd` says, of kind dnnl_query_dst_md) are set. The caller adds the inputs.
 */
td_status tdi_onednn_kernel_new(const tdi_compile *compile, const_dnnl_primitive_desc_t pd,
                                int input_count, tdi_onednn_kernel **out, td_error *err);
/* Input `index` of the step is argument `arg`, as `md`. arg 0: read through the output (a sum). */
td_status tdi_onednn_kernel_input(const tdi_compile *compile, tdi_onednn_kernel *kernel, int index,
                                  int arg, const dnnl_memory_desc_t *md, td_error *err);
/* Takes over one reference to `pack`. */
void tdi_onednn_kernel_pack(tdi_onednn_kernel *kernel, int arg, const dnnl_memory_desc_t *md,
                            tdi_pack *pack);
void tdi_onednn_release(const tdi_compile *compile, tdi_kernel *kernel);
td_status tdi_onednn_bind(const tdi_compile *compile, const tdi_kernel *kernel,
                          const tdi_memory *memory, tdi_bound **out, td_error *err);
void tdi_onednn_unbind(tdi_bound *bound);
td_status tdi_onednn_execute(tdi_bound *bound, td_error *err);

/* pack.c: weights in the format that a primitive wants. scale: per output, what they are divided
 * by; NULL: 1. */
td_status tdi_onednn_pack_kernel(const tdi_compile *compile, const tdi_weights *weights,
                                 const dnnl_memory_desc_t *plain, const dnnl_memory_desc_t *packed,
                                 const float *scale, tdi_pack **out, td_error *err);
/* A vector of floats as it is. */
td_status tdi_onednn_pack_vector(const tdi_compile *compile, const float *values, int64_t count,
                                 tdi_pack **out, td_error *err);
/* In the unit of the sums. */
td_status tdi_onednn_pack_bias(const tdi_compile *compile, const tdi_weights *weights,
                               const tdi_onednn_numbers *numbers, tdi_pack **out, td_error *err);

/*
 * layer.c: the kernel of a layer with weights from its primitive descriptor; `plain` says how the
 * folded weights lie in memory before they are packed.
 */
td_status tdi_onednn_layer(const tdi_compile *compile, const tdi_step *step,
                           const_dnnl_primitive_desc_t pd, const dnnl_memory_desc_t *plain,
                           const tdi_onednn_numbers *numbers, tdi_kernel **out, td_error *err);

/*
 * simple.c: the kernel of a primitive whose arguments are the step's inputs: input i is argument
 * args[i], as mds[i].
 */
td_status tdi_onednn_simple(const tdi_compile *compile, const tdi_step *step,
                            const_dnnl_op_desc_t desc, const int *args,
                            const dnnl_memory_desc_t *mds, tdi_kernel **out, td_error *err);

/* TD_UNSUPPORTED or TD_MEMORY, naming the step. */
td_status tdi_onednn_fail(td_error *err, const tdi_node *node, const char *what,
                          dnnl_status_t status);

#endif
