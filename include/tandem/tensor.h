/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Describing tensors: element type, shape, order of the axes, and the tiled grid in which the
 * channels of a feature tensor are laid out as one picture.
 */
#ifndef TANDEM_TENSOR_H
#define TANDEM_TENSOR_H

#include <tandem/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Element types: name, value, bytes. Values are those of ONNX's TensorProto.DataType. */
#define TD_DTYPE_MAP(X)                                                                            \
    X(F32, 1, 4, "float32")                                                                        \
    X(U8, 2, 1, "uint8")                                                                           \
    X(I8, 3, 1, "int8")                                                                            \
    X(U16, 4, 2, "uint16")                                                                         \
    X(I16, 5, 2, "int16")                                                                          \
    X(I32, 6, 4, "int32")                                                                          \
    X(I64, 7, 8, "int64")                                                                          \
    X(BOOL, 9, 1, "bool")                                                                          \
    X(F16, 10, 2, "float16")                                                                       \
    X(F64, 11, 8, "float64")                                                                       \
    X(U32, 12, 4, "uint32")                                                                        \
    X(U64, 13, 8, "uint64")                                                                        \
    X(BF16, 16, 2, "bfloat16")

typedef enum td_dtype {
    TD_DTYPE_NONE = 0,
#define TD_DTYPE_ENUM(name, value, bytes, text) TD_DTYPE_##name = value,
    TD_DTYPE_MAP(TD_DTYPE_ENUM)
#undef TD_DTYPE_ENUM
} td_dtype;

/* Bytes of one element; 0 for a value that is no element type. */
TD_API size_t td_dtype_bytes(td_dtype dtype);

/* "float32" and so on; "?" for a value that is no element type. Static storage. */
TD_API const char *td_dtype_name(td_dtype dtype);

/*
 * How exactly a network is computed. Tensors that cross a cut, inputs and outputs are float32 in
 * any case; the lower ones compute what gains by it with fewer bits, and the rest with more.
 */
#define TD_PRECISION_MAP(X)                                                                        \
    X(F32, 0, "f32")   /* float32 throughout */                                                    \
    X(BF16, 1, "bf16") /* bfloat16 operands, float32 sums */                                       \
    X(INT8, 2, "int8") /* 8-bit operands, 32-bit sums, by ranges that a bundle has; and bfloat16   \
                        */

typedef enum td_precision {
#define TD_PRECISION_ENUM(name, value, text) TD_PRECISION_##name = value,
    TD_PRECISION_MAP(TD_PRECISION_ENUM)
#undef TD_PRECISION_ENUM
} td_precision;

/* "f32" and so on; "?" for a value that is no precision. Static storage. */
TD_API const char *td_precision_name(td_precision precision);
/* The precision of that name: TD_ARGUMENT where there is none. */
TD_API td_status td_precision_parse(const char *name, td_precision *out, td_error *err);

#define TD_RANK_MAX 8
/* A dimension not known before it is bound (ONNX's symbolic batch). */
#define TD_DIM_SYMBOLIC (-1)

typedef struct td_shape {
    int rank; /* 0 (a scalar) .. TD_RANK_MAX */
    int64_t dim[TD_RANK_MAX];
} td_shape;

/* Number of elements, 1 for a scalar; -1 where a dimension is symbolic or the product overflows
 * 2^62. */
TD_API int64_t td_shape_elements(const td_shape *shape);

TD_API int td_shape_equal(const td_shape *a, const td_shape *b);

/*
 * Writes "1x3x224x224" ("N" for a symbolic dimension, "scalar" for rank 0), always NUL-terminated.
 * Returns the length that the whole text has; 96 bytes always suffice.
 */
TD_API int td_shape_format(const td_shape *shape, char *out, size_t out_bytes);

/*
 * The inverse: numbers with "x" between, "N" for a symbolic dimension. TD_ARGUMENT for anything
 * else.
 */
TD_API td_status td_shape_parse(const char *text, td_shape *out, td_error *err);

/* The shape that an input of a network is to have; a symbolic dimension stays as the file has it.
 */
typedef struct td_input_shape {
    const char *input; /* NULL: the only one */
    td_shape shape;
} td_input_shape;

/* Order of the axes of one picture or feature tensor in memory. */
typedef enum td_order {
    TD_ORDER_CHW = 0, /* channel, row, column: ONNX's own, without the batch */
    TD_ORDER_HWC = 1, /* row, column, channel: pictures */
} td_order;

/*
 * The layout of one frame's feature tensor: channels x height x width. A vector of K elements (a
 * tensor without spatial axes) is K x 1 x 1.
 */
typedef struct td_layout {
    td_dtype dtype;
    td_order order;
    int32_t channels, height, width;
} td_layout;

/* The layout of a frame of `shape` (a leading batch axis of 1 or symbolic is dropped) as dense CHW.
 */
TD_API td_status td_layout_from_shape(const td_shape *shape, td_dtype dtype, td_layout *out,
                                      td_error *err);

/* Elements of the layout. */
TD_API int64_t td_layout_elements(const td_layout *layout);

/*
 * The near-square grid in which channels are tiled into one picture (thesis, section 2.2):
 * `columns` is the least number for which columns * width >= the height that results; unused tiles
 * are filled with the value given when tiling.
 */
typedef struct td_grid {
    int32_t rows, columns;           /* in tiles */
    int32_t tile_height, tile_width; /* in samples */
} td_grid;

TD_API td_grid td_grid_near_square(const td_layout *layout);

#ifdef __cplusplus
}
#endif

#endif
