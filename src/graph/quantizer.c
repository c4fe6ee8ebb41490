/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A uniform quantizer as ONNX operators: the last ones of a head, and its inverse, the first ones
 * of a tail. They are made from what every opset from 7 on has (no Round, no QuantizeLinear).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "graph/build.h"
#include "graph/cut.h"

/* Greater magnitudes would become infinite. */
#define F16_MAX 65504.0f

/* Operators are put behind each other on one value; the first failure sticks. */
typedef struct chain {
    tdi_graph *graph;
    const char *base; /* names are made from it */
    int value;        /* where the chain has got to */
    int failed;
} chain;

/* "<base>_<suffix>", with underscores behind it where that is taken. */
static char *fresh_name(const chain *c, const char *suffix) {
    tdi_text text = {0};
    tdi_text_append(&text, "%s_%s", c->base, suffix);
    while (!text.failed && tdi_graph_find(c->graph, text.data) >= 0)
        tdi_text_append(&text, "_");
    return tdi_text_take(&text);
}

static int chain_scalar(chain *c, const char *suffix, float number) {
    char *name = c->failed ? NULL : fresh_name(c, suffix);
    int value = name ? tdi_graph_add_scalar(c->graph, name, number) : -1;
    tdi_free(name);
    c->failed |= value < 0;
    return value;
}

/* An operator on the chain's value and up to two constants (-1: none), writing a value of its own
 * or `into`. */
static tdi_node *chain_op(chain *c, const char *type, const char *suffix, int a, int b, int into) {
    const tdi_op *op = tdi_op_find(type);
    int inputs[3] = {c->value, a, b};
    char *name = c->failed ? NULL : fresh_name(c, suffix);
    tdi_node *node = NULL;
    if (name) {
        int output = into >= 0 ? into : tdi_graph_add_value(c->graph, name, TD_DTYPE_NONE, NULL);
        if (output >= 0) {
            node = tdi_graph_add_node(c->graph, op, name, inputs, 1 + (a >= 0) + (b >= 0), &output,
                                      1);
            c->value = output;
        }
    }
    tdi_free(name);
    c->failed |= node == NULL;
    return node;
}

static void chain_cast(chain *c, const char *suffix, td_dtype dtype, int into) {
    tdi_node *node = chain_op(c, "Cast", suffix, -1, -1, into);
    if (node)
        c->failed |= tdi_graph_add_int(c->graph, node, "to", dtype) != 0;
}

/* Clip's bounds are attributes before opset 11. */
static void chain_clip(chain *c, float min, float max) {
    if (c->graph->opset >= 11) {
        int low = chain_scalar(c, "least", min), high = chain_scalar(c, "most", max);
        chain_op(c, "Clip", "clamped", low, high, -1);
        return;
    }
    tdi_node *node = chain_op(c, "Clip", "clamped", -1, -1, -1);
    if (node)
        c->failed |= tdi_graph_add_float(c->graph, node, "min", min) ||
                     tdi_graph_add_float(c->graph, node, "max", max);
}

static td_dtype level_dtype(const tdi_affine *affine) {
    return affine->levels == 1 ? TD_DTYPE_F16 : affine->levels <= 256 ? TD_DTYPE_U8 : TD_DTYPE_U16;
}

static td_status check(const tdi_graph *graph, const int *values, int count, int index,
                       const tdi_affine *affine, td_error *err) {
    if (index < 0 || index >= count)
        return tdi_fail(err, TD_ARGUMENT, "the graph has no tensor %d to be quantized", index);
    const tdi_value *value = &graph->values[values[index]];
    if (value->dtype != TD_DTYPE_F32)
        return tdi_fail(err, TD_UNSUPPORTED, "\"%.100s\" is %s: only float32 can be quantized",
                        value->name, td_dtype_name(value->dtype));
    if (affine->levels < 0 || affine->levels > 65536)
        return tdi_fail(err, TD_ARGUMENT, "a quantizer of %d levels is not possible",
                        affine->levels);
    if (affine->levels > 1 &&
        (!isfinite(affine->min) || !isfinite(affine->step) || affine->step <= 0))
        return tdi_fail(err, TD_ARGUMENT, "the quantizer of \"%.100s\" has no usable step",
                        value->name);
    return TD_OK;
}

td_status tdi_graph_append_quantizer(tdi_graph *head, int index, const tdi_affine *affine,
                                     td_error *err) {
    TD_TRY(check(head, head->outputs, head->output_count, index, affine, err));
    if (affine->levels == 0)
        return TD_OK;
    int value = head->outputs[index];
    chain c = {head, head->values[value].name, value, 0};
    if (affine->levels > 1) {
        chain_op(&c, "Sub", "shifted", chain_scalar(&c, "min", affine->min), -1, -1);
        chain_op(&c, "Div", "scaled", chain_scalar(&c, "step", affine->step), -1, -1);
        chain_op(&c, "Add", "rounding", chain_scalar(&c, "half", 0.5f), -1, -1);
        chain_op(&c, "Floor", "rounded", -1, -1, -1);
        chain_clip(&c, 0.0f, (float)(affine->levels - 1));
    } else {
        chain_clip(&c, -F16_MAX, F16_MAX);
    }
    chain_cast(&c, "quantized", level_dtype(affine), -1);
    if (c.failed)
        return tdi_fail_memory(err);
    head->outputs[index] = c.value;
    return tdi_graph_settle(head, err);
}

/* Makes room for `count` nodes at the front. The producers of all values move along. */
static void move_last_nodes_first(tdi_graph *graph, int count) {
    enum { MOST = 4 };
    tdi_node moved[MOST];
    int before = graph->node_count - count;
    memcpy(moved, graph->nodes + before, (size_t)count * sizeof *moved);
    memmove(graph->nodes + count, graph->nodes, (size_t)before * sizeof *moved);
    memcpy(graph->nodes, moved, (size_t)count * sizeof *moved);
    for (int i = 0; i < graph->value_count; i++) {
        int *producer = &graph->values[i].producer;
        if (*producer >= before)
            *producer -= before;
        else if (*producer >= 0)
            *producer += count;
    }
}

td_status tdi_graph_prepend_dequantizer(tdi_graph *tail, int index, const tdi_affine *affine,
                                        td_error *err) {
    TD_TRY(check(tail, tail->inputs, tail->input_count, index, affine, err));
    if (affine->levels == 0)
        return TD_OK;
    int value = tail->inputs[index], nodes_before = tail->node_count;
    chain c = {tail, tail->values[value].name, value, 0};
    char *name = fresh_name(&c, "quantized");
    int input = name ? tdi_graph_add_value(tail, name, level_dtype(affine),
                                           &tail->values[value].shape)
                     : -1;
    tdi_free(name);
    if (input < 0)
        return tdi_fail_memory(err);
    tail->values[input].batched = tail->values[value].batched;
    c.base = tail->values[value].name;
    c.value = input;
    if (affine->levels > 1) {
        chain_cast(&c, "level", TD_DTYPE_F32, -1);
        chain_op(&c, "Mul", "scaled", chain_scalar(&c, "step", affine->step), -1, -1);
        chain_op(&c, "Add", "restored", chain_scalar(&c, "min", affine->min), -1, value);
    } else {
        chain_cast(&c, "restored", TD_DTYPE_F32, value);
    }
    if (c.failed)
        return tdi_fail_memory(err);
    tail->inputs[index] = input;
    move_last_nodes_first(tail, tail->node_count - nodes_before);
    return tdi_graph_settle(tail, err);
}
