/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small network with a residual, and records to run it on, as files.
 *
 *     input -> conv1 -> relu1 -> conv2 -> add -> relu2 -> avgpool -> flatten -> logits [-> softmax]
 *                          \_____________/
 */
#ifndef TDT_TINY_MODEL_H
#define TDT_TINY_MODEL_H

#include <support.h>

#include <tandem/model.h>

#include "base/file.h"
#include "base/prng.h"
#include "graph/build.h"
#include "graph/onnx/onnx.h"

#define TINY_SIDE     32
#define TINY_CHANNELS 6
#define TINY_CLASSES  10

typedef struct tiny_settings {
    int channels; /* of the input; 2: one that is no picture */
    int softmax;  /* at the end */
} tiny_settings;

static inline int tiny_weight(tdi_graph *graph, tdi_prng *prng, const char *name, int rank,
                              const int64_t *dims, double scale) {
    td_shape shape = tdi_shape_of(rank, dims);
    tdi_tensor *tensor = tdi_tensor_new(TD_DTYPE_F32, &shape);
    float *data = tensor->data;
    for (int64_t i = 0; i < td_shape_elements(&shape); i++)
        data[i] = (float)((2 * tdi_prng_unit(prng) - 1) * scale);
    return tdi_graph_add_constant(graph, name, tensor);
}

/* A node with one output of its own name; returns the output. */
static inline int tiny_node(tdi_graph *graph, const char *type, const char *name, const int *inputs,
                            int count, tdi_node **node) {
    int output = tdi_graph_add_value(graph, name, TD_DTYPE_NONE, NULL);
    tdi_node *n = tdi_graph_add_node(graph, tdi_op_find(type), name, inputs, count, &output, 1);
    if (node)
        *node = n;
    return output;
}

static inline int tiny_conv(tdi_graph *graph, tdi_prng *prng, const char *name, int input, int from,
                            int to) {
    const int64_t dims[4] = {to, from, 3, 3}, pads[4] = {1, 1, 1, 1};
    char weight[32];
    tdi_node *node;
    snprintf(weight, sizeof weight, "%s.weight", name);
    const int inputs[2] = {input, tiny_weight(graph, prng, weight, 4, dims, 1.0 / from)};
    int output = tiny_node(graph, "Conv", name, inputs, 2, &node);
    assert_int_equal(tdi_graph_add_ints(graph, node, "pads", pads, 4), 0);
    return output;
}

static inline tdi_graph *tiny_graph(tiny_settings settings) {
    tdi_prng prng = {17};
    td_error error = {0};
    tdi_graph *graph = tdi_graph_new("tiny", 13, 7);
    const int64_t dims[4] = {1, settings.channels, TINY_SIDE, TINY_SIDE};
    const td_shape shape = tdi_shape_of(4, dims);
    const int64_t gemm[2] = {TINY_CHANNELS, TINY_CLASSES};
    int input = tdi_graph_add_value(graph, "input", TD_DTYPE_F32, &shape);
    assert_int_equal(tdi_graph_set_inputs(graph, &input, 1), 0);
    graph->symbolic_batch = graph->values[input].batched = 1;
    int conv1 = tiny_conv(graph, &prng, "conv1", input, settings.channels, TINY_CHANNELS);
    int relu1 = tiny_node(graph, "Relu", "relu1", &conv1, 1, NULL);
    int conv2 = tiny_conv(graph, &prng, "conv2", relu1, TINY_CHANNELS, TINY_CHANNELS);
    const int sum[2] = {conv2, relu1};
    int add = tiny_node(graph, "Add", "add", sum, 2, NULL);
    int relu2 = tiny_node(graph, "Relu", "relu2", &add, 1, NULL);
    int pool = tiny_node(graph, "GlobalAveragePool", "avgpool", &relu2, 1, NULL);
    int flat = tiny_node(graph, "Flatten", "flatten", &pool, 1, NULL);
    const int product[2] = {flat, tiny_weight(graph, &prng, "logits.weight", 2, gemm, 4)};
    int last = tiny_node(graph, "Gemm", "logits", product, 2, NULL);
    if (settings.softmax)
        last = tiny_node(graph, "Softmax", "probabilities", &last, 1, NULL);
    assert_int_equal(tdi_graph_set_outputs(graph, &last, 1), 0);
    td_status status = tdi_graph_infer(graph, 1, &error);
    if (status)
        fail_msg("%s", error.message);
    return graph;
}

/* The same with height and width left open, as `folder`/open.onnx. */
static inline const char *tiny_write_open(const char *folder, char path[512]) {
    static const char *const axes[4] = {NULL, NULL, "height", "width"};
    uint8_t *bytes;
    size_t size;
    td_error error = {0};
    tdi_graph *graph = tiny_graph((tiny_settings){3, 0});
    tdi_value *input = &graph->values[graph->inputs[0]];
    input->axes = axes;
    input->shape.dim[2] = input->shape.dim[3] = TD_DIM_SYMBOLIC;
    snprintf(path, 512, "%s/open.onnx", folder);
    if (tdi_onnx_write(graph, &bytes, &size, &error) || tdi_file_write(path, bytes, size, &error))
        fail_msg("%s", error.message);
    tdi_free(bytes);
    tdi_graph_free(graph);
    return path;
}

/* Writes the network to `folder`/tiny.onnx and puts that path into `path`. */
static inline const char *tiny_write(const char *folder, tiny_settings settings, char path[512]) {
    uint8_t *bytes;
    size_t size;
    td_error error = {0};
    tdi_graph *graph = tiny_graph(settings);
    snprintf(path, 512, "%s/tiny.onnx", folder);
    if (tdi_onnx_write(graph, &bytes, &size, &error) || tdi_file_write(path, bytes, size, &error))
        fail_msg("%s", error.message);
    tdi_free(bytes);
    tdi_graph_free(graph);
    return path;
}

/* Writes `count` CIFAR records of smooth random pictures to `folder`/`name`. */
static inline const char *tiny_records(const char *folder, const char *name, uint64_t seed,
                                       size_t count, char path[512]) {
    tdi_prng prng = {seed};
    td_error error = {0};
    uint8_t *bytes = tdi_calloc(count, 3073);
    for (size_t i = 0; i < count; i++) {
        uint8_t *record = bytes + i * 3073;
        record[0] = (uint8_t)tdi_prng_below(&prng, TINY_CLASSES);
        for (int c = 0; c < 3; c++) {
            double a = tdi_prng_unit(&prng) * 6, b = tdi_prng_unit(&prng) * 6;
            for (int k = 0; k < 1024; k++)
                record[1 + c * 1024 + k] = (uint8_t)(int)(40 + a * (k % 32) + b * (k / 32) * 0.5 +
                                                          tdi_prng_unit(&prng) * 9);
        }
    }
    snprintf(path, 512, "%s/%s", folder, name);
    if (tdi_file_write(path, bytes, count * 3073, &error))
        fail_msg("%s", error.message);
    tdi_free(bytes);
    return path;
}

static inline td_source *tiny_source(const char *path) {
    td_source *source = NULL;
    td_error error = {0};
    if (td_source_open(&path, 1, &source, &error))
        fail_msg("%s", error.message);
    return source;
}

/* A test's folder with the network in it, opened; group state of the tests. */
typedef struct tiny {
    char folder[256], model_path[512], records_path[512];
    td_model *model;
} tiny;

#define must(call)                                                                                 \
    do {                                                                                           \
        td_error must_err_ = {0};                                                                  \
        td_error *err = &must_err_;                                                                \
        if ((call) != TD_OK)                                                                       \
            fail_msg("%s: %s", #call, must_err_.message);                                          \
    } while (0)

static inline int tiny_setup(void **state) {
    static tiny t;
    memset(&t, 0, sizeof t);
    test_folder(t.folder);
    tiny_write(t.folder, (tiny_settings){3, 0}, t.model_path);
    tiny_records(t.folder, "a.bin", 5, 24, t.records_path);
    must(td_model_open(t.model_path, &t.model, err));
    *state = &t;
    return 0;
}

static inline int tiny_teardown(void **state) {
    tiny *t = *state;
    td_model_unref(t->model);
    tdi_folder_remove(t->folder, NULL);
    return 0;
}

#endif
