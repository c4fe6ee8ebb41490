/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of operators, sorted by type.
 */
#include "graph/op.h"

#include <string.h>

#include "graph/op_util.h"

static const tdi_op ops[] = {
    /* type, since, inputs, outputs, infer, macs */
    {"Abs", 7, 1, 1, 1, 1, tdi_infer_unary, NULL},
    {"Add", 7, 2, 2, 1, 1, tdi_infer_broadcast, NULL},
    {"And", 7, 2, 2, 1, 1, tdi_infer_logic, NULL},
    {"ArgMax", 7, 1, 1, 1, 1, tdi_infer_arg, NULL},
    {"ArgMin", 7, 1, 1, 1, 1, tdi_infer_arg, NULL},
    {"AveragePool", 7, 1, 1, 1, 1, tdi_infer_pool, NULL},
    {"BatchNormalization", 7, 5, 5, 1, 1, tdi_infer_batch_norm, NULL},
    {"Cast", 7, 1, 1, 1, 1, tdi_infer_cast, NULL},
    {"Ceil", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Celu", 12, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Clip", 7, 1, 3, 1, 1, tdi_infer_clip, NULL},
    {"Concat", 7, 1, -1, 1, 1, tdi_infer_concat, NULL},
    {"ConstantOfShape", 9, 1, 1, 1, 1, tdi_infer_constant_of_shape, NULL},
    {"Conv", 7, 2, 3, 1, 1, tdi_infer_conv, tdi_macs_conv},
    {"ConvTranspose", 7, 2, 3, 1, 1, tdi_infer_conv_transpose, tdi_macs_conv_transpose},
    {"Cos", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"DepthToSpace", 7, 1, 1, 1, 1, tdi_infer_depth_to_space, NULL},
    {"Div", 7, 2, 2, 1, 1, tdi_infer_broadcast, NULL},
    {"Elu", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Equal", 7, 2, 2, 1, 1, tdi_infer_compare, NULL},
    {"Erf", 9, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Exp", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Expand", 8, 2, 2, 1, 1, tdi_infer_expand, NULL},
    {"Flatten", 7, 1, 1, 1, 1, tdi_infer_flatten, NULL},
    {"Floor", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Gather", 7, 2, 2, 1, 1, tdi_infer_gather, NULL},
    {"GatherElements", 11, 2, 2, 1, 1, tdi_infer_gather_elements, NULL},
    {"GatherND", 11, 2, 2, 1, 1, tdi_infer_gather_nd, NULL},
    {"Gelu", 20, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Gemm", 7, 2, 3, 1, 1, tdi_infer_gemm, tdi_macs_gemm},
    {"GlobalAveragePool", 7, 1, 1, 1, 1, tdi_infer_global_pool, NULL},
    {"GlobalLpPool", 7, 1, 1, 1, 1, tdi_infer_global_pool, NULL},
    {"GlobalMaxPool", 7, 1, 1, 1, 1, tdi_infer_global_pool, NULL},
    {"Greater", 7, 2, 2, 1, 1, tdi_infer_compare, NULL},
    {"GreaterOrEqual", 12, 2, 2, 1, 1, tdi_infer_compare, NULL},
    {"GroupNormalization", 18, 3, 3, 1, 1, tdi_infer_group_norm, NULL},
    {"HardSigmoid", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"HardSwish", 14, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    /* Folded by the reader, except where a graph input or constant is itself a graph output. */
    {"Identity", 7, 1, 1, 1, 1, tdi_infer_unary, NULL},
    {"InstanceNormalization", 7, 3, 3, 1, 1, tdi_infer_instance_norm, NULL},
    {"LRN", 7, 1, 1, 1, 1, tdi_infer_lrn, NULL},
    {"LayerNormalization", 17, 2, 3, 1, 3, tdi_infer_layer_norm, NULL},
    {"LeakyRelu", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Less", 7, 2, 2, 1, 1, tdi_infer_compare, NULL},
    {"LessOrEqual", 12, 2, 2, 1, 1, tdi_infer_compare, NULL},
    {"Log", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"LogSoftmax", 7, 1, 1, 1, 1, tdi_infer_softmax, NULL},
    {"LpPool", 7, 1, 1, 1, 1, tdi_infer_pool, NULL},
    {"MatMul", 7, 2, 2, 1, 1, tdi_infer_matmul, tdi_macs_matmul},
    {"Max", 7, 1, -1, 1, 1, tdi_infer_broadcast, NULL},
    {"MaxPool", 7, 1, 1, 1, 1, tdi_infer_pool, NULL},
    {"Mean", 7, 1, -1, 1, 1, tdi_infer_broadcast, NULL},
    {"Min", 7, 1, -1, 1, 1, tdi_infer_broadcast, NULL},
    {"Mish", 18, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Mod", 10, 2, 2, 1, 1, tdi_infer_broadcast, NULL},
    {"Mul", 7, 2, 2, 1, 1, tdi_infer_broadcast, NULL},
    {"Neg", 7, 1, 1, 1, 1, tdi_infer_unary, NULL},
    {"NonZero", 9, 1, 1, 1, 1, tdi_infer_nonzero, NULL},
    {"Not", 7, 1, 1, 1, 1, tdi_infer_not, NULL},
    {"Or", 7, 2, 2, 1, 1, tdi_infer_logic, NULL},
    {"PRelu", 7, 2, 2, 1, 1, tdi_infer_prelu, NULL},
    {"Pad", 7, 1, 4, 1, 1, tdi_infer_pad, NULL},
    {"Pow", 7, 2, 2, 1, 1, tdi_infer_pow, NULL},
    {"Range", 11, 3, 3, 1, 1, tdi_infer_range, NULL},
    {"Reciprocal", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"ReduceL1", 7, 1, 2, 1, 1, tdi_infer_reduce, NULL},
    {"ReduceL2", 7, 1, 2, 1, 1, tdi_infer_reduce, NULL},
    {"ReduceLogSum", 7, 1, 2, 1, 1, tdi_infer_reduce, NULL},
    {"ReduceLogSumExp", 7, 1, 2, 1, 1, tdi_infer_reduce, NULL},
    {"ReduceMax", 7, 1, 2, 1, 1, tdi_infer_reduce, NULL},
    {"ReduceMean", 7, 1, 2, 1, 1, tdi_infer_reduce, NULL},
    {"ReduceMin", 7, 1, 2, 1, 1, tdi_infer_reduce, NULL},
    {"ReduceProd", 7, 1, 2, 1, 1, tdi_infer_reduce, NULL},
    {"ReduceSum", 7, 1, 2, 1, 1, tdi_infer_reduce, NULL},
    {"ReduceSumSquare", 7, 1, 2, 1, 1, tdi_infer_reduce, NULL},
    {"Relu", 7, 1, 1, 1, 1, tdi_infer_unary, NULL},
    {"Reshape", 7, 2, 2, 1, 1, tdi_infer_reshape, NULL},
    {"Resize", 10, 1, 4, 1, 1, tdi_infer_resize, NULL},
    {"Round", 11, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"ScatterND", 11, 3, 3, 1, 1, tdi_infer_scatter_nd, NULL},
    {"Selu", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Shape", 7, 1, 1, 1, 1, tdi_infer_shape, NULL},
    {"Sigmoid", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Sign", 9, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Sin", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Size", 7, 1, 1, 1, 1, tdi_infer_size, NULL},
    {"Slice", 7, 1, 5, 1, 1, tdi_infer_slice, NULL},
    {"Softmax", 7, 1, 1, 1, 1, tdi_infer_softmax, NULL},
    {"Softplus", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Softsign", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"SpaceToDepth", 7, 1, 1, 1, 1, tdi_infer_space_to_depth, NULL},
    {"Split", 7, 1, 2, 1, -1, tdi_infer_split, NULL},
    {"Sqrt", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Squeeze", 7, 1, 2, 1, 1, tdi_infer_squeeze, NULL},
    {"Sub", 7, 2, 2, 1, 1, tdi_infer_broadcast, NULL},
    {"Sum", 7, 1, -1, 1, 1, tdi_infer_broadcast, NULL},
    {"Tanh", 7, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"ThresholdedRelu", 10, 1, 1, 1, 1, tdi_infer_unary_float, NULL},
    {"Tile", 7, 2, 2, 1, 1, tdi_infer_tile, NULL},
    {"TopK", 7, 1, 2, 1, 2, tdi_infer_topk, NULL},
    {"Transpose", 7, 1, 1, 1, 1, tdi_infer_transpose, NULL},
    {"Trilu", 14, 1, 2, 1, 1, tdi_infer_trilu, NULL},
    {"Unsqueeze", 7, 1, 2, 1, 1, tdi_infer_unsqueeze, NULL},
    {"Upsample", 7, 1, 2, 1, 1, tdi_infer_upsample, NULL},
    {"Where", 9, 3, 3, 1, 1, tdi_infer_where, NULL},
    {"Xor", 7, 2, 2, 1, 1, tdi_infer_logic, NULL},
};

size_t tdi_op_count(void) {
    return sizeof ops / sizeof *ops;
}

const tdi_op *tdi_op_at(size_t index) {
    return &ops[index];
}

const tdi_op *tdi_op_find(const char *type) {
    size_t low = 0, high = tdi_op_count();
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(type, ops[middle].type);
        if (order == 0)
            return &ops[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
