/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a provider of kernels fills in. The program asks the backends in the order of the list; the
 * first that supports a step gets it, unless measuring finds another one faster. Tensors are handed
 * over in a layout that everybody knows, or in a format of the backend's own that only it can read.
 */
#ifndef TDI_ENGINE_BACKEND_H
#define TDI_ENGINE_BACKEND_H

#include "engine/engine.h"
#include "engine/plan.h"
#include "engine/precision.h"

/* How the elements of a tensor lie in memory. */
typedef enum tdi_layout {
    TDI_LAYOUT_DENSE,   /* row-major; of pictures N x C x H x W */
    TDI_LAYOUT_NHWC,    /* channels last */
    TDI_LAYOUT_NCHW16C, /* N x C/16 x H x W x 16, missing channels are zero */
    TDI_LAYOUT_OWN      /* as the backend's descriptor says */
} tdi_layout;

typedef struct tdi_format {
    tdi_layout layout;
    td_dtype dtype;             /* of the elements; TD_DTYPE_NONE: as the descriptor says */
    float scale;                /* of 8-bit elements that stand for floats: what 1 is; else 0 */
    const tdi_backend *backend; /* of TDI_LAYOUT_OWN */
    const void *desc;           /* the same; lives as long as the program */
    size_t bytes;
} tdi_format;

/*
 * The common formats of a float32 value, numbered for those who choose among them: its layout, and
 * what its elements are made of.
 */
enum { TDI_FORM_F32, TDI_FORM_BF16 = TDI_LAYOUT_OWN, TDI_FORM_INT8 = 2 * TDI_LAYOUT_OWN };
#define TDI_FORMS (3 * TDI_LAYOUT_OWN)
/* -1: it is no common one. */
int tdi_form_of(const tdi_format *format);
/* `quant` may be NULL where the form is not one of 8 bits. */
tdi_format tdi_form_format(int form, const tdi_quant *quant, const td_shape *shape);

/* One step made executable for a fixed shape; immutable, shared by threads. */
typedef struct tdi_kernel {
    const tdi_backend *backend;
    const char *implementation; /* for inspection */
    const tdi_format *inputs;   /* in which the step's inputs must be; one per input of the step */
    tdi_format output;
    int overwrites;       /* index of the input whose memory the output takes over, -1: none */
    int may_overwrite;    /* the same, where the backend merely allows it */
    size_t scratch_bytes; /* working memory during execution */
    size_t weights_bytes;
} tdi_kernel;

/* A kernel tied to the memory of one run; the backend's own struct begins with it. */
typedef struct tdi_bound {
    const tdi_backend *backend;
} tdi_bound;

typedef struct tdi_memory {
    void *const *inputs; /* NULL where an input is left out */
    void *output;
    void *scratch; /* shared by all kernels of the run; NULL where none needs any */
} tdi_memory;

/* What preparing a kernel may use. */
typedef struct tdi_compile {
    void *state; /* the backend's, from open */
    const tdi_graph *graph;
    tdi_arena *arena; /* the program's: kernels and formats go here */
    tdi_packs *packs;
    const tdi_quant *quants; /* per value; NULL: none has 8 bits */
    int trial; /* the kernel is only to be timed: what its weights are does not matter */
} tdi_compile;

struct tdi_backend {
    const char *name;
    /* What its kernels' speed depends on besides the processor. */
    const char *(*version)(void);

    /* Whether this processor has what it computes with that precision by. NULL: float32 only. */
    int (*computes)(td_precision precision);

    /* Whether it implements that operator type at all. */
    int (*implements)(const char *type);
    /* Whether it runs a step of that kind that starts with `node`. */
    int (*supports)(const tdi_graph *graph, const tdi_node *node, tdi_step_kind kind);
    /* Whether it can do `post` after what the step does already. NULL: never. */
    int (*fuses)(const tdi_graph *graph, const tdi_step *step, const tdi_post *post);

    /*
     * Whether it runs these convolutions, each of which only the next one reads, in one go, and
     * faster than one by one. NULL: never.
     */
    int (*chains)(const tdi_graph *graph, const tdi_step *const *stages, int count);

    /* State for one program. `threads`: the team inside an operator. */
    td_status (*open)(int threads, void **state, td_error *err);
    void (*close)(void *state);

    /*
     * In how many ways it may run a step that it supports, numbered from 0. Where nothing is
     * measured, way 0 is taken at full precision, else the last one that is possible; ways of lower
     * precision follow those of higher. NULL: one.
     */
    int (*variants)(const tdi_graph *graph, const tdi_step *step);
    /* Whether a step with one way takes its first operand, and gives its result, with such
     * elements. NULL: with those of the values only. */
    int (*keeps)(const tdi_graph *graph, const tdi_step *step, td_dtype dtype);
    /*
     * The kernel for step->variant; TD_UNSUPPORTED where a variant above 0 turns out not to be
     * possible. `at_hand`: formats in which the inputs exist; others are converted at a cost.
     */
    td_status (*prepare)(const tdi_compile *compile, const tdi_step *step,
                         const tdi_format *at_hand, tdi_kernel **out, td_error *err);
    /*
     * A kernel with one input that copies a tensor from one format to another; each has a common
     * layout or is the backend's own. NULL where the backend has no formats.
     */
    td_status (*convert)(const tdi_compile *compile, td_dtype dtype, const td_shape *shape,
                         const tdi_format *from, const tdi_format *to, tdi_kernel **out,
                         td_error *err);
    int (*same_format)(const tdi_format *a, const tdi_format *b);
    /* Releases what the kernel holds besides arena memory. NULL is allowed. */
    void (*release)(const tdi_compile *compile, tdi_kernel *kernel);

    td_status (*bind)(const tdi_compile *compile, const tdi_kernel *kernel,
                      const tdi_memory *memory, tdi_bound **out, td_error *err);
    void (*unbind)(tdi_bound *bound);

    td_status (*execute)(tdi_bound *bound, td_error *err);
};

/* The backends in order of preference. */
#define TDI_BACKEND_COUNT 3
const tdi_backend *tdi_backend_at(int index);
int tdi_backend_index(const tdi_backend *backend);
/* The first that supports such a step, or NULL. */
const tdi_backend *tdi_backend_for(const tdi_graph *graph, const tdi_node *node,
                                   tdi_step_kind kind);
/* The one that copies a tensor from one format to the other, or NULL: only by way of dense. */
const tdi_backend *tdi_backend_between(const tdi_format *from, const tdi_format *to);
/* Whether any implements that operator type. */
int tdi_engine_implements(const char *type);

static inline int tdi_format_is_dense(const tdi_format *format) {
    return format->layout == TDI_LAYOUT_DENSE;
}
int tdi_format_same(const tdi_format *a, const tdi_format *b);
tdi_format tdi_format_dense(td_dtype dtype, const td_shape *shape);
/* In a common layout. */
tdi_format tdi_format_in(tdi_layout layout, td_dtype dtype, const td_shape *shape);

#endif
