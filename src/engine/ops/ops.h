/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain C operators, seen from within: those of graph/eval/, and here what computes on float32
 * only. Correct for all that shape inference lets through, on dense tensors. A backend like any
 * other, the last in the list, and what evaluates constants.
 */
#ifndef TDI_ENGINE_OPS_OPS_H
#define TDI_ENGINE_OPS_OPS_H

#include "engine/backend.h"
#include "graph/eval/eval.h"
#include "graph/op.h"

extern const tdi_backend tdi_ops_backend;

/* Shared by the operators: all tensors float32. */
int tdi_ops_all_f32(const tdi_graph *graph, const tdi_node *node);

/*
 * One list of all operators, read by the table and its declarations: type, supports, prepare, run.
 */
#define TDI_OPS_MAP(X)                                                                             \
    X("Abs", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                  \
    X("Add", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("AveragePool", tdi_ops_all_f32, tdi_ops_prepare_pool, tdi_ops_run_pool)                      \
    X("BatchNormalization", tdi_ops_all_f32, tdi_ops_prepare_norm, tdi_ops_run_norm)               \
    X("Ceil", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                 \
    X("Celu", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                 \
    X("Clip", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                 \
    X("Conv", tdi_ops_all_f32, tdi_ops_prepare_conv, tdi_ops_run_conv)                             \
    X("ConvTranspose", tdi_ops_all_f32, tdi_ops_prepare_conv, tdi_ops_run_conv)                    \
    X("Cos", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                  \
    X("DepthToSpace", tdi_eval_any, tdi_ops_prepare_rearrange, tdi_ops_run_rearrange)              \
    X("Div", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("Elu", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                  \
    X("Erf", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                  \
    X("Exp", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                  \
    X("Floor", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                \
    X("Gelu", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                 \
    X("Gemm", tdi_ops_all_f32, tdi_ops_prepare_gemm, tdi_ops_run_gemm)                             \
    X("GlobalAveragePool", tdi_ops_all_f32, tdi_ops_prepare_global, tdi_ops_run_global)            \
    X("GlobalLpPool", tdi_ops_all_f32, tdi_ops_prepare_global, tdi_ops_run_global)                 \
    X("GlobalMaxPool", tdi_ops_all_f32, tdi_ops_prepare_global, tdi_ops_run_global)                \
    X("GroupNormalization", tdi_ops_all_f32, tdi_ops_prepare_standardize, tdi_ops_run_standardize) \
    X("HardSigmoid", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)          \
    X("HardSwish", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)            \
    X("InstanceNormalization", tdi_ops_all_f32, tdi_ops_prepare_standardize,                       \
      tdi_ops_run_standardize)                                                                     \
    X("LRN", tdi_ops_all_f32, tdi_ops_prepare_lrn, tdi_ops_run_lrn)                                \
    X("LayerNormalization", tdi_ops_all_f32, tdi_ops_prepare_standardize, tdi_ops_run_standardize) \
    X("LeakyRelu", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)            \
    X("Log", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                  \
    X("LogSoftmax", tdi_ops_all_f32, tdi_ops_prepare_softmax, tdi_ops_run_softmax)                 \
    X("LpPool", tdi_ops_all_f32, tdi_ops_prepare_pool, tdi_ops_run_pool)                           \
    X("MatMul", tdi_ops_all_f32, tdi_ops_prepare_matmul, tdi_ops_run_matmul)                       \
    X("Max", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("MaxPool", tdi_ops_all_f32, tdi_ops_prepare_pool, tdi_ops_run_pool)                          \
    X("Mean", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                 \
    X("Min", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("Mish", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                 \
    X("Mul", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("Neg", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                  \
    X("PRelu", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                \
    X("Pad", tdi_ops_supports_pad, tdi_ops_prepare_pad, tdi_ops_run_pad)                           \
    X("Pow", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("Reciprocal", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)           \
    X("ReduceL1", tdi_ops_supports_reduce, tdi_ops_prepare_reduce, tdi_ops_run_reduce)             \
    X("ReduceL2", tdi_ops_supports_reduce, tdi_ops_prepare_reduce, tdi_ops_run_reduce)             \
    X("ReduceLogSum", tdi_ops_supports_reduce, tdi_ops_prepare_reduce, tdi_ops_run_reduce)         \
    X("ReduceLogSumExp", tdi_ops_supports_reduce, tdi_ops_prepare_reduce, tdi_ops_run_reduce)      \
    X("ReduceMax", tdi_ops_supports_reduce, tdi_ops_prepare_reduce, tdi_ops_run_reduce)            \
    X("ReduceMean", tdi_ops_supports_reduce, tdi_ops_prepare_reduce, tdi_ops_run_reduce)           \
    X("ReduceMin", tdi_ops_supports_reduce, tdi_ops_prepare_reduce, tdi_ops_run_reduce)            \
    X("ReduceProd", tdi_ops_supports_reduce, tdi_ops_prepare_reduce, tdi_ops_run_reduce)           \
    X("ReduceSum", tdi_ops_supports_reduce, tdi_ops_prepare_reduce, tdi_ops_run_reduce)            \
    X("ReduceSumSquare", tdi_ops_supports_reduce, tdi_ops_prepare_reduce, tdi_ops_run_reduce)      \
    X("Relu", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                 \
    X("Round", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                \
    X("Selu", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                 \
    X("Sigmoid", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)              \
    X("Sign", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                 \
    X("Sin", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                  \
    X("Softmax", tdi_ops_all_f32, tdi_ops_prepare_softmax, tdi_ops_run_softmax)                    \
    X("Softplus", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)             \
    X("Softsign", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)             \
    X("SpaceToDepth", tdi_eval_any, tdi_ops_prepare_rearrange, tdi_ops_run_rearrange)              \
    X("Sqrt", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                 \
    X("Sub", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("Sum", tdi_ops_all_f32, tdi_ops_prepare_arithmetic, tdi_ops_run_arithmetic)                  \
    X("Tanh", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)                 \
    X("ThresholdedRelu", tdi_ops_all_f32, tdi_ops_prepare_activation, tdi_ops_run_activation)

/* Likewise those that need working memory: its size last. */
#define TDI_OPS_SCRATCH_MAP(X)                                                                     \
    X("Resize", tdi_ops_supports_resize, tdi_ops_prepare_resize, tdi_ops_run_resize,               \
      tdi_ops_scratch_resize)                                                                      \
    X("Upsample", tdi_ops_supports_resize, tdi_ops_prepare_resize, tdi_ops_run_resize,             \
      tdi_ops_scratch_resize)

int tdi_ops_supports_pad(const tdi_graph *graph, const tdi_node *node);
int tdi_ops_supports_resize(const tdi_graph *graph, const tdi_node *node);
int tdi_ops_supports_reduce(const tdi_graph *graph, const tdi_node *node);

tdi_ops_prepare_fn tdi_ops_prepare_conv, tdi_ops_prepare_lrn, tdi_ops_prepare_rearrange,
    tdi_ops_prepare_resize, tdi_ops_prepare_standardize;
tdi_ops_prepare_fn tdi_ops_prepare_activation, tdi_ops_prepare_arithmetic, tdi_ops_prepare_pool,
    tdi_ops_prepare_global, tdi_ops_prepare_norm, tdi_ops_prepare_gemm, tdi_ops_prepare_matmul,
    tdi_ops_prepare_softmax, tdi_ops_prepare_pad, tdi_ops_prepare_reduce;

tdi_ops_run_fn tdi_ops_run_conv, tdi_ops_run_lrn, tdi_ops_run_rearrange, tdi_ops_run_resize,
    tdi_ops_run_standardize;
tdi_ops_run_fn tdi_ops_run_activation, tdi_ops_run_arithmetic, tdi_ops_run_pool, tdi_ops_run_global,
    tdi_ops_run_norm, tdi_ops_run_gemm, tdi_ops_run_matmul, tdi_ops_run_softmax, tdi_ops_run_pad,
    tdi_ops_run_reduce;

size_t tdi_ops_scratch_resize(const void *args);

#endif
