/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small networks for the engine's tests: built operator by operator with random weights, and run.
 */
#ifndef TDT_ENGINE_NET_H
#define TDT_ENGINE_NET_H

#include <math.h>

#include "support.h"

#include "base/prng.h"
#include "engine/engine.h"
#include "graph/build.h"

typedef struct net {
    tdi_graph *graph;
    tdi_prng prng;
    int count; /* of names given out */
} net;

#define DIMS(...)                                                                                  \
    (td_shape) {                                                                                   \
        (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {                               \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

static inline net net_new(int64_t opset, uint64_t seed) {
    net n = {tdi_graph_new("net", opset, 8), {seed}, 0};
    assert_non_null(n.graph);
    return n;
}

static inline const char *net_name(net *n, const char *what) {
    static char name[64];
    snprintf(name, sizeof name, "%s_%d", what, n->count++);
    return name;
}

static inline float net_random(net *n) {
    return (float)(tdi_prng_unit(&n->prng) * 2 - 1);
}

static inline int net_input_of(net *n, td_dtype dtype, td_shape shape) {
    int value = tdi_graph_add_value(n->graph, net_name(n, "input"), dtype, &shape);
    int inputs[8], count = n->graph->input_count;
    assert_true(value >= 0 && count < 8);
    for (int i = 0; i < count; i++)
        inputs[i] = n->graph->inputs[i];
    inputs[count] = value;
    assert_int_equal(tdi_graph_set_inputs(n->graph, inputs, count + 1), 0);
    return value;
}

static inline int net_input(net *n, td_shape shape) {
    return net_input_of(n, TD_DTYPE_F32, shape);
}

static inline int net_floats(net *n, td_shape shape, const float *values) {
    tdi_tensor *tensor = tdi_tensor_new(TD_DTYPE_F32, &shape);
    assert_non_null(tensor);
    for (size_t i = 0; i < tensor->bytes / sizeof(float); i++)
        ((float *)tensor->data)[i] = values ? values[i] : net_random(n);
    return tdi_graph_add_constant(n->graph, net_name(n, "constant"), tensor);
}

/* Random weights, scaled so that sums of `fan_in` products stay near one. */
static inline int net_weights(net *n, td_shape shape, int64_t fan_in) {
    int value = net_floats(n, shape, NULL);
    tdi_tensor *tensor = n->graph->values[value].data;
    float scale = sqrtf(3.0f / (float)fan_in);
    for (size_t i = 0; i < tensor->bytes / sizeof(float); i++)
        ((float *)tensor->data)[i] *= scale;
    return value;
}

static inline int net_ints(net *n, size_t count, const int64_t *values) {
    td_shape shape = {1, {(int64_t)count}};
    tdi_tensor *tensor = tdi_tensor_new(TD_DTYPE_I64, &shape);
    assert_non_null(tensor);
    memcpy(tensor->data, values, tensor->bytes);
    return tdi_graph_add_constant(n->graph, net_name(n, "ints"), tensor);
}

/* Appends an operator; -1 ends the inputs. Returns its output; net_last() is the node. */
static inline int net_op(net *n, const char *type, const int *inputs, int count) {
    int output = tdi_graph_add_value(n->graph, net_name(n, type), TD_DTYPE_NONE, NULL);
    char node[64];
    snprintf(node, sizeof node, "node_%s", n->graph->values[output].name);
    assert_non_null(tdi_op_find(type));
    assert_non_null(
        tdi_graph_add_node(n->graph, tdi_op_find(type), node, inputs, count, &output, 1));
    return output;
}

#define NET_OP(n, type, ...)                                                                       \
    net_op(n, type, (const int[]){__VA_ARGS__},                                                    \
           (int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int)))

static inline tdi_node *net_last(net *n) {
    return &n->graph->nodes[n->graph->node_count - 1];
}

static inline void net_attr_ints(net *n, const char *name, size_t count, const int64_t *values) {
    assert_int_equal(tdi_graph_add_ints(n->graph, net_last(n), name, values, count), 0);
}

static inline void net_attr_int(net *n, const char *name, int64_t value) {
    assert_int_equal(tdi_graph_add_int(n->graph, net_last(n), name, value), 0);
}

/* A convolution of square kernel with "same" padding. */
static inline int net_conv(net *n, int x, int64_t from, int64_t to, int64_t kernel, int64_t stride,
                           int64_t groups) {
    int weights = net_weights(n, DIMS(to, from / groups, kernel, kernel),
                              from / groups * kernel * kernel);
    int y = NET_OP(n, "Conv", x, weights, net_floats(n, DIMS(to), NULL));
    int64_t begin = kernel / 2, end = (kernel - 1) / 2;
    net_attr_ints(n, "pads", 4, (int64_t[]){begin, begin, end, end});
    net_attr_ints(n, "strides", 2, (int64_t[]){stride, stride});
    net_attr_int(n, "group", groups);
    return y;
}

static inline int net_norm(net *n, int x, int64_t channels) {
    int scale = net_floats(n, DIMS(channels), NULL), shift = net_floats(n, DIMS(channels), NULL);
    int mean = net_floats(n, DIMS(channels), NULL), variance = net_floats(n, DIMS(channels), NULL);
    float *v = n->graph->values[variance].data->data;
    for (int64_t i = 0; i < channels; i++)
        v[i] = fabsf(v[i]) + 0.1f;
    return NET_OP(n, "BatchNormalization", x, scale, shift, mean, variance);
}

/* Infers shapes; the graph then has those outputs. */
static inline void net_outputs(net *n, const int *outputs, int count) {
    td_error err = {TD_OK, -1, ""};
    assert_int_equal(tdi_graph_set_outputs(n->graph, outputs, count), 0);
    if (tdi_graph_infer(n->graph, 1, &err) != TD_OK)
        fail_msg("%s", err.message);
}

/* A copy of the graph of which every computed value is an output, so that nothing is fused. */
static inline tdi_graph *net_unfused(const tdi_graph *graph) {
    tdi_graph *copy = NULL;
    int *outputs = malloc(((size_t)graph->value_count + 1) * sizeof *outputs), count = 0;
    assert_int_equal(tdi_graph_copy(graph, &copy, NULL), TD_OK);
    for (int i = 0; i < graph->output_count; i++)
        outputs[count++] = graph->outputs[i];
    for (int v = 0; v < graph->value_count; v++)
        if (graph->values[v].producer >= 0 && v != graph->outputs[0])
            outputs[count++] = v;
    assert_int_equal(tdi_graph_set_outputs(copy, outputs, count), 0);
    free(outputs);
    return copy;
}

typedef struct ran {
    tdi_program *program;
    tdi_run *run;
} ran;

static inline ran run_graph(const tdi_graph *graph, const tdi_program_settings *settings,
                            const float *const *inputs) {
    ran r = {NULL, NULL};
    td_error err = {TD_OK, -1, ""};
    if (tdi_program_new(graph, settings, &r.program, &err) != TD_OK ||
        tdi_run_new(r.program, &r.run, &err) != TD_OK)
        fail_msg("%s", err.message);
    for (int i = 0; i < graph->input_count; i++)
        memcpy(tdi_run_input(r.run, i), inputs[i], tdi_run_input_bytes(r.run, i));
    if (tdi_run_execute(r.run, &err) != TD_OK)
        fail_msg("%s", err.message);
    return r;
}

static inline void ran_free(ran *r) {
    tdi_run_free(r->run);
    tdi_program_unref(r->program);
}

static inline float *random_floats(tdi_prng *prng, size_t count) {
    float *values = malloc((count + 1) * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(tdi_prng_unit(prng) * 2 - 1);
    return values;
}

/* Greatest difference relative to the greatest magnitude in `b`. */
static inline double relative_difference(const float *a, const float *b, size_t count) {
    double difference = 0, most = 0;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= difference))
            difference = d;
        most = fmax(most, fabs((double)b[i]));
    }
    return most > 0 ? difference / most : difference;
}

#endif
