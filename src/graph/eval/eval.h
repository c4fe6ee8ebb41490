/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain C operators that work on tensors of any element type: data movement, indexing, comparison,
 * logic, integer arithmetic. They compute shapes when a model is loaded, and are the engine's last
 * resort when it runs one. Correct for all that shape inference lets through, on dense tensors.
 */
#ifndef TDI_GRAPH_EVAL_EVAL_H
#define TDI_GRAPH_EVAL_EVAL_H

#include "graph/op.h"

typedef struct tdi_operand {
    td_dtype dtype;
    const td_shape *shape;
    void *data; /* NULL: an input left out */
} tdi_operand;

typedef struct tdi_ops_call {
    const void *args; /* what prepare returned */
    int input_count;
    const tdi_operand *inputs;
    int output_index; /* which of the node's outputs is wanted */
    tdi_operand output;
    void *scratch; /* working memory, as much as the entry's `scratch` says */
} tdi_ops_call;

/* Arguments for run, in `arena`; NULL: none are needed. */
typedef td_status tdi_ops_prepare_fn(const tdi_graph *graph, const tdi_node *node, tdi_arena *arena,
                                     const void **args, td_error *err);
/* `inputs` may be written on by none; the output overlaps no input. Allocates nothing. */
typedef void tdi_ops_run_fn(const tdi_ops_call *call);

typedef struct tdi_ops_entry {
    const char *type;
    /* Whether these dtypes are handled. */
    int (*supports)(const tdi_graph *graph, const tdi_node *node);
    tdi_ops_prepare_fn *prepare;
    tdi_ops_run_fn *run;
    /* Bytes of working memory that run wants, by its arguments; NULL: none. */
    size_t (*scratch)(const void *args);
} tdi_ops_entry;

/* Whether there is such an operator, and whether it takes the node's dtypes (NULL: no). */
int tdi_eval_implements(const char *type);
const tdi_ops_entry *tdi_eval_find(const tdi_graph *graph, const tdi_node *node);

/* Operators that only give a tensor another shape. */
int tdi_type_is_view(const char *type);

/*
 * Output `index` of a node whose inputs are all constants (of Shape and Size, which look at shapes
 * alone, any). *out NULL where no operator here does it.
 */
td_status tdi_eval_node(const tdi_graph *graph, const tdi_node *node, int index, tdi_tensor **out,
                        td_error *err);

/* Copies a box of elements between two strided tensors; strides are in elements. */
typedef struct tdi_box {
    int rank;
    int64_t dim[TD_RANK_MAX], to[TD_RANK_MAX], from[TD_RANK_MAX];
    size_t element_bytes;
} tdi_box;
void tdi_box_copy(const tdi_box *box, void *to, const void *from);

/* Goes through the positions of a shape in row-major order and follows them in strided operands. */
#define TDI_WALK_OPERANDS 3
typedef struct tdi_walk {
    int operands;
    td_shape shape;
    int64_t index[TD_RANK_MAX];
    int64_t stride[TDI_WALK_OPERANDS][TD_RANK_MAX];
    int64_t at[TDI_WALK_OPERANDS]; /* offsets, in elements */
} tdi_walk;
void tdi_walk_init(tdi_walk *walk, const td_shape *shape);
/* One more operand, broadcast over the shape. */
void tdi_walk_broadcast(tdi_walk *walk, const td_shape *operand);
void tdi_walk_next(tdi_walk *walk);

/* Row-major strides of a shape. */
void tdi_strides(const td_shape *shape, int64_t strides[TD_RANK_MAX]);
/* Strides that repeat a tensor of `shape` over `result`, aligned at the last axis (numpy). */
void tdi_broadcast_strides(const td_shape *shape, const td_shape *result,
                           int64_t strides[TD_RANK_MAX]);

/* One list of all operators, read by the table and its declarations: type, supports, prepare, run.
 */
#define TDI_EVAL_MAP(X)                                                                            \
    X("Abs", tdi_eval_numbers, tdi_eval_prepare_unary, tdi_eval_run_unary)                         \
    X("Add", tdi_eval_numbers, tdi_eval_prepare_binary, tdi_eval_run_binary)                       \
    X("And", tdi_eval_any, tdi_eval_prepare_binary, tdi_eval_run_binary)                           \
    X("ArgMax", tdi_eval_numbers, tdi_eval_prepare_arg, tdi_eval_run_arg)                          \
    X("ArgMin", tdi_eval_numbers, tdi_eval_prepare_arg, tdi_eval_run_arg)                          \
    X("Cast", tdi_eval_any, tdi_eval_prepare_nothing, tdi_eval_run_cast)                           \
    X("Ceil", tdi_eval_numbers, tdi_eval_prepare_unary, tdi_eval_run_unary)                        \
    X("Concat", tdi_eval_any, tdi_eval_prepare_concat, tdi_eval_run_concat)                        \
    X("ConstantOfShape", tdi_eval_any, tdi_eval_prepare_fill, tdi_eval_run_fill)                   \
    X("Div", tdi_eval_numbers, tdi_eval_prepare_binary, tdi_eval_run_binary)                       \
    X("Equal", tdi_eval_any, tdi_eval_prepare_binary, tdi_eval_run_binary)                         \
    X("Expand", tdi_eval_any, tdi_eval_prepare_nothing, tdi_eval_run_expand)                       \
    X("Floor", tdi_eval_numbers, tdi_eval_prepare_unary, tdi_eval_run_unary)                       \
    X("Gather", tdi_eval_any, tdi_eval_prepare_gather, tdi_eval_run_gather)                        \
    X("GatherElements", tdi_eval_any, tdi_eval_prepare_gather, tdi_eval_run_gather_elements)       \
    X("GatherND", tdi_eval_any, tdi_eval_prepare_gather_nd, tdi_eval_run_gather_nd)                \
    X("Greater", tdi_eval_any, tdi_eval_prepare_binary, tdi_eval_run_binary)                       \
    X("GreaterOrEqual", tdi_eval_any, tdi_eval_prepare_binary, tdi_eval_run_binary)                \
    X("Less", tdi_eval_any, tdi_eval_prepare_binary, tdi_eval_run_binary)                          \
    X("LessOrEqual", tdi_eval_any, tdi_eval_prepare_binary, tdi_eval_run_binary)                   \
    X("Max", tdi_eval_numbers, tdi_eval_prepare_binary, tdi_eval_run_binary)                       \
    X("Min", tdi_eval_numbers, tdi_eval_prepare_binary, tdi_eval_run_binary)                       \
    X("Mod", tdi_eval_numbers, tdi_eval_prepare_binary, tdi_eval_run_binary)                       \
    X("Mul", tdi_eval_numbers, tdi_eval_prepare_binary, tdi_eval_run_binary)                       \
    X("Neg", tdi_eval_numbers, tdi_eval_prepare_unary, tdi_eval_run_unary)                         \
    X("NonZero", tdi_eval_any, tdi_eval_prepare_nothing, tdi_eval_run_nonzero)                     \
    X("Not", tdi_eval_any, tdi_eval_prepare_unary, tdi_eval_run_unary)                             \
    X("Or", tdi_eval_any, tdi_eval_prepare_binary, tdi_eval_run_binary)                            \
    X("Pow", tdi_eval_numbers, tdi_eval_prepare_binary, tdi_eval_run_binary)                       \
    X("Range", tdi_eval_any, tdi_eval_prepare_nothing, tdi_eval_run_range)                         \
    X("ReduceProd", tdi_eval_numbers, tdi_eval_prepare_product, tdi_eval_run_product)              \
    X("Round", tdi_eval_numbers, tdi_eval_prepare_unary, tdi_eval_run_unary)                       \
    X("ScatterND", tdi_eval_any, tdi_eval_prepare_scatter_nd, tdi_eval_run_scatter_nd)             \
    X("Shape", tdi_eval_any, tdi_eval_prepare_shape, tdi_eval_run_shape)                           \
    X("Size", tdi_eval_any, tdi_eval_prepare_nothing, tdi_eval_run_size)                           \
    X("Slice", tdi_eval_any, tdi_eval_prepare_slice, tdi_eval_run_slice)                           \
    X("Split", tdi_eval_any, tdi_eval_prepare_split, tdi_eval_run_split)                           \
    X("Sqrt", tdi_eval_numbers, tdi_eval_prepare_unary, tdi_eval_run_unary)                        \
    X("Sub", tdi_eval_numbers, tdi_eval_prepare_binary, tdi_eval_run_binary)                       \
    X("Tile", tdi_eval_any, tdi_eval_prepare_nothing, tdi_eval_run_tile)                           \
    X("TopK", tdi_eval_numbers, tdi_eval_prepare_topk, tdi_eval_run_topk)                          \
    X("Transpose", tdi_eval_any, tdi_eval_prepare_transpose, tdi_eval_run_transpose)               \
    X("Trilu", tdi_eval_any, tdi_eval_prepare_trilu, tdi_eval_run_trilu)                           \
    X("Where", tdi_eval_any, tdi_eval_prepare_nothing, tdi_eval_run_where)                         \
    X("Xor", tdi_eval_any, tdi_eval_prepare_binary, tdi_eval_run_binary)

/* Any dtype; any but bool. */
int tdi_eval_any(const tdi_graph *graph, const tdi_node *node);
int tdi_eval_numbers(const tdi_graph *graph, const tdi_node *node);

tdi_ops_prepare_fn tdi_eval_prepare_nothing, tdi_eval_prepare_unary, tdi_eval_prepare_binary,
    tdi_eval_prepare_arg, tdi_eval_prepare_concat, tdi_eval_prepare_fill, tdi_eval_prepare_gather,
    tdi_eval_prepare_gather_nd, tdi_eval_prepare_product, tdi_eval_prepare_scatter_nd,
    tdi_eval_prepare_shape, tdi_eval_prepare_slice, tdi_eval_prepare_split, tdi_eval_prepare_topk,
    tdi_eval_prepare_transpose, tdi_eval_prepare_trilu;

tdi_ops_run_fn tdi_eval_run_unary, tdi_eval_run_binary, tdi_eval_run_arg, tdi_eval_run_cast,
    tdi_eval_run_concat, tdi_eval_run_fill, tdi_eval_run_expand, tdi_eval_run_gather,
    tdi_eval_run_gather_elements, tdi_eval_run_gather_nd, tdi_eval_run_nonzero, tdi_eval_run_range,
    tdi_eval_run_product, tdi_eval_run_scatter_nd, tdi_eval_run_shape, tdi_eval_run_size,
    tdi_eval_run_slice, tdi_eval_run_split, tdi_eval_run_tile, tdi_eval_run_topk,
    tdi_eval_run_transpose, tdi_eval_run_trilu, tdi_eval_run_where;

#endif
