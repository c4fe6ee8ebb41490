/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain C operators, seen from within: correct for all that shape inference lets through, on dense
 * tensors. A backend like any other, the last in the list, and what evaluates constants.
 */
#ifndef TDI_ENGINE_OPS_OPS_H
#define TDI_ENGINE_OPS_OPS_H

#include "engine/backend.h"
#include "graph/op.h"

extern const tdi_backend tdi_ops_backend;

typedef struct tdi_operand {
    td_dtype dtype;
    const td_shape *shape;
    void *data; /* NULL: an input left out */
} tdi_operand;

typedef struct tdi_ops_call {
    const void *args; /* what prepare returned */
    int input_count;
    const tdi_operand *inputs;
    tdi_operand output;
} tdi_ops_call;

typedef struct tdi_ops_entry {
    const char *type;
    /* Whether these dtypes are handled. */
    int (*supports)(const tdi_graph *graph, const tdi_node *node);
    /* Arguments for run, in `arena`; NULL: none are needed. */
    td_status (*prepare)(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                         const void **args, td_error *err);
    /* `inputs` may be written on by none; the output overlaps no input. */
    void (*run)(const tdi_ops_call *call);
} tdi_ops_entry;

/* NULL where there is no such operator. */
const tdi_ops_entry *tdi_ops_find(const char *type);

/* Shared by the operators: all tensors float32; any dtypes that agree. */
int tdi_ops_all_f32(const tdi_graph *graph, const tdi_node *node);
int tdi_ops_any(const tdi_graph *graph, const tdi_node *node);

/* strided.c: copies a box of elements between two strided tensors; strides are in elements. */
typedef struct tdi_box {
    int rank;
    int64_t dim[TD_RANK_MAX], to[TD_RANK_MAX], from[TD_RANK_MAX];
    size_t element_bytes;
} tdi_box;
void tdi_box_copy(const tdi_box *box, void *to, const void *from);
/* Row-major strides of a shape. */
void tdi_strides(const td_shape *shape, int64_t strides[TD_RANK_MAX]);
/* Strides that repeat a tensor of `shape` over `result`, aligned at the last axis (numpy). */
void tdi_broadcast_strides(const td_shape *shape, const td_shape *result,
                           int64_t strides[TD_RANK_MAX]);

/*
 * One list of all operators, read by the table and its declarations: type, supports, prepare, run.
 */
#define TDI_OPS_MAP(X)                                                                             \
    X("Abs", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                  \
    X("Add", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("AveragePool", tdi_ops_all_f32, tdi_ops_prepare_pool, tdi_ops_run_pool)                      \
    X("BatchNormalization", tdi_ops_all_f32, tdi_ops_prepare_norm, tdi_ops_run_norm)               \
    X("Cast", tdi_ops_supports_cast, tdi_ops_prepare_nothing, tdi_ops_run_cast)                    \
    X("Clip", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                 \
    X("Concat", tdi_ops_any, tdi_ops_prepare_concat, tdi_ops_run_concat)                           \
    X("Div", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("Elu", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                  \
    X("Exp", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                  \
    X("Floor", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                \
    X("Gemm", tdi_ops_all_f32, tdi_ops_prepare_gemm, tdi_ops_run_gemm)                             \
    X("GlobalAveragePool", tdi_ops_all_f32, tdi_ops_prepare_global, tdi_ops_run_global)            \
    X("GlobalMaxPool", tdi_ops_all_f32, tdi_ops_prepare_global, tdi_ops_run_global)                \
    X("HardSigmoid", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)          \
    X("HardSwish", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)            \
    X("LeakyRelu", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)            \
    X("LogSoftmax", tdi_ops_all_f32, tdi_ops_prepare_softmax, tdi_ops_run_softmax)                 \
    X("MatMul", tdi_ops_all_f32, tdi_ops_prepare_matmul, tdi_ops_run_matmul)                       \
    X("Max", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("MaxPool", tdi_ops_all_f32, tdi_ops_prepare_pool, tdi_ops_run_pool)                          \
    X("Min", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("Mul", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("Neg", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                  \
    X("Pad", tdi_ops_supports_pad, tdi_ops_prepare_pad, tdi_ops_run_pad)                           \
    X("Pow", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("ReduceMean", tdi_ops_supports_reduce, tdi_ops_prepare_reduce, tdi_ops_run_reduce)           \
    X("Relu", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                 \
    X("Round", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                \
    X("Sigmoid", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)              \
    X("Slice", tdi_ops_any, tdi_ops_prepare_slice, tdi_ops_run_slice)                              \
    X("Softmax", tdi_ops_all_f32, tdi_ops_prepare_softmax, tdi_ops_run_softmax)                    \
    X("Sqrt", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                 \
    X("Sub", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("Tanh", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                 \
    X("Transpose", tdi_ops_any, tdi_ops_prepare_transpose, tdi_ops_run_transpose)

int tdi_ops_supports_cast(const tdi_graph *graph, const tdi_node *node);
int tdi_ops_supports_pad(const tdi_graph *graph, const tdi_node *node);
int tdi_ops_supports_reduce(const tdi_graph *graph, const tdi_node *node);

typedef td_status tdi_ops_prepare_fn(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                     const void **args, td_error *err);
tdi_ops_prepare_fn tdi_ops_prepare_nothing, tdi_ops_prepare_activation, tdi_ops_prepare_arithmetic,
    tdi_ops_prepare_pool, tdi_ops_prepare_global, tdi_ops_prepare_norm, tdi_ops_prepare_concat,
    tdi_ops_prepare_gemm, tdi_ops_prepare_matmul, tdi_ops_prepare_softmax, tdi_ops_prepare_pad,
    tdi_ops_prepare_reduce, tdi_ops_prepare_slice, tdi_ops_prepare_transpose;

typedef void tdi_ops_run_fn(const tdi_ops_call *call);
tdi_ops_run_fn tdi_ops_run_activation, tdi_ops_run_arithmetic, tdi_ops_run_pool, tdi_ops_run_global,
    tdi_ops_run_norm, tdi_ops_run_cast, tdi_ops_run_concat, tdi_ops_run_gemm, tdi_ops_run_matmul,
    tdi_ops_run_softmax, tdi_ops_run_pad, tdi_ops_run_reduce, tdi_ops_run_slice,
    tdi_ops_run_transpose;

#endif
