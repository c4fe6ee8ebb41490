/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments for any batch: what Reshape, Expand, Slice and Resize may say instead of a number that
 * follows the batch.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph/build.h"
#include "graph/op.h"
#include "graph/shapes.h"

typedef struct argument {
    tdi_graph *graph;
    tdi_node *node;
    int index;
    const tdi_probe *probes;
} argument;

static const td_shape *input_shape(const argument *a, int probe) {
    return &a->probes[probe].shapes[a->node->inputs[0]];
}
static const td_shape *output_shape(const argument *a, int probe) {
    return &a->probes[probe].shapes[a->node->outputs[0]];
}

/* Whether axis `i` of the output has the same size for any batch; and the size of the input's axis
 * `j`. */
static int is_fixed(const argument *a, int i) {
    for (int k = 1; k < TDI_SHAPE_PROBES; k++)
        if (output_shape(a, k)->dim[i] != output_shape(a, 0)->dim[i])
            return 0;
    return 1;
}
static int is_copied(const argument *a, int i, int j) {
    for (int k = 0; k < TDI_SHAPE_PROBES; k++)
        if (j < 0 || j >= input_shape(a, k)->rank ||
            output_shape(a, k)->dim[i] != input_shape(a, k)->dim[j])
            return 0;
    return 1;
}

/* Puts a new constant in the argument's place; takes over the tensor. */
static int replace(const argument *a, int index, tdi_tensor *tensor) {
    char name[TD_ERROR_MESSAGE_BYTES];
    if (!tensor)
        return -1;
    int at = 0, value;
    do
        (void)snprintf(name, sizeof name, "%.200s/input%d_%d", a->node->name, index, at++);
    while (tdi_graph_find(a->graph, name) >= 0);
    value = tdi_graph_add_constant(a->graph, name, tensor);
    if (value < 0)
        return -1;
    a->node->inputs[index] = value;
    return 1;
}

static int replace_ints(const argument *a, const int64_t *values, int count) {
    td_shape shape = tdi_shape_of(1, (int64_t[]){count});
    tdi_tensor *tensor = tdi_tensor_new(TD_DTYPE_I64, &shape);
    if (tensor)
        memcpy(tensor->data, values, tensor->bytes);
    return replace(a, a->index, tensor);
}

/* 0 copies an axis of the input, -1 takes what is left. */
static int reshape(const argument *a) {
    int64_t target[TD_RANK_MAX];
    int rank = output_shape(a, 0)->rank, wild = -1;
    int zero_copies = a->graph->opset < 14 || !tdi_node_int(a->node, "allowzero", 0);
    for (int i = 0; i < rank; i++) {
        if (is_fixed(a, i))
            target[i] = output_shape(a, 0)->dim[i];
        else if (zero_copies && is_copied(a, i, i))
            target[i] = 0;
        else if (wild < 0)
            target[wild = i] = -1;
        else
            return 0;
    }
    return replace_ints(a, target, rank);
}

/* 1 leaves an axis of the input as it is. */
static int expand(const argument *a) {
    int64_t target[TD_RANK_MAX];
    int rank = output_shape(a, 0)->rank, shift = rank - input_shape(a, 0)->rank;
    for (int i = 0; i < rank; i++) {
        if (is_fixed(a, i))
            target[i] = output_shape(a, 0)->dim[i];
        else if (is_copied(a, i, i - shift))
            target[i] = 1;
        else
            return 0;
    }
    return replace_ints(a, target, rank);
}

static int64_t int_at(const tdi_tensor *tensor, int i) {
    return tensor->dtype == TD_DTYPE_I64 ? ((const int64_t *)tensor->data)[i]
                                         : ((const int32_t *)tensor->data)[i];
}

/* The axis that number `i` of a Slice's argument is about; -1 where that is not known. */
static int slice_axis(const argument *a, int i) {
    const tdi_value *axes = tdi_node_input(a->graph, a->node, 3);
    if (!axes)
        return i;
    const tdi_tensor *data = axes->data ? axes->data : a->probes[0].known[a->node->inputs[3]];
    int rank = input_shape(a, 0)->rank;
    if (!data || i >= td_shape_elements(&data->shape))
        return -1;
    int64_t axis = int_at(data, i);
    axis += axis < 0 ? rank : 0;
    return axis >= 0 && axis < rank ? (int)axis : -1;
}

/* Starts and ends may count from the end of an axis, and an end may lie anywhere behind it. */
static int slice(const argument *a) {
    int64_t numbers[TD_RANK_MAX];
    const tdi_tensor *first = a->probes[0].known[a->node->inputs[a->index]];
    int count = (int)td_shape_elements(&first->shape);
    if (a->index > 2 || count > TD_RANK_MAX)
        return 0;
    for (int i = 0; i < count; i++) {
        int axis = slice_axis(a, i), same = 1, from_end = 1, beyond = a->index == 2;
        int64_t distance = 0;
        if (axis < 0)
            return 0;
        for (int k = 0; k < TDI_SHAPE_PROBES; k++) {
            int64_t dim = input_shape(a, k)->dim[axis];
            int64_t number = int_at(a->probes[k].known[a->node->inputs[a->index]], i);
            same &= number == int_at(first, i);
            beyond &= number >= dim;
            if (k == 0)
                distance = number < dim && number >= 0 ? number - dim : 0;
            from_end &= distance < 0 && number >= 0 && number - dim == distance;
        }
        if (!same && !beyond && !from_end)
            return 0;
        numbers[i] = same ? int_at(first, i) : beyond ? INT64_MAX : distance;
    }
    return replace_ints(a, numbers, count);
}

/* A scale by which `in` becomes `out` when rounded down. */
static int scale_of(int64_t in, int64_t out, float *scale) {
    *scale = (float)out / (float)in;
    if (floorf((float)in * *scale) < (float)out)
        *scale = nextafterf(*scale, INFINITY);
    return floorf((float)in * *scale) == (float)out;
}

/* Sizes as scales. */
static int resize(const argument *a) {
    float scales[TD_RANK_MAX];
    int rank = output_shape(a, 0)->rank;
    if (a->index != 3 || tdi_node_attr(a->node, "axes") ||
        tdi_node_attr(a->node, "keep_aspect_ratio_policy"))
        return 0;
    for (int i = 0; i < rank; i++) {
        scales[i] = 1;
        for (int k = 0; k < TDI_SHAPE_PROBES && !is_copied(a, i, i); k++) {
            float scale;
            if (!scale_of(input_shape(a, k)->dim[i], output_shape(a, k)->dim[i], &scale) ||
                (k > 0 && scale != scales[i]))
                return 0;
            scales[i] = scale;
        }
    }
    td_shape shape = tdi_shape_of(1, (int64_t[]){rank});
    tdi_tensor *tensor = tdi_tensor_new(TD_DTYPE_F32, &shape);
    if (tensor)
        memcpy(tensor->data, scales, tensor->bytes);
    a->node->input_count = 3;
    return replace(a, 2, tensor);
}

int tdi_shapes_generalize(tdi_graph *graph, int node, int index,
                          const tdi_probe probes[TDI_SHAPE_PROBES]) {
    static const struct {
        const char *type;
        int (*rewrite)(const argument *a);
    } table[] = {{"Expand", expand}, {"Reshape", reshape}, {"Resize", resize}, {"Slice", slice}};
    const argument a = {graph, &graph->nodes[node], index, probes};
    for (int k = 1; k < TDI_SHAPE_PROBES; k++) {
        const tdi_tensor *known = probes[k].known[a.node->inputs[index]],
                         *first = probes[0].known[a.node->inputs[index]];
        if (index == 0 || !known || !td_shape_equal(&known->shape, &first->shape) ||
            output_shape(&a, k)->rank != output_shape(&a, 0)->rank)
            return 0;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (!strcmp(a.node->op->type, table[i].type))
            return table[i].rewrite(&a);
    return 0;
}
