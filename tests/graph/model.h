/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ONNX files written byte by byte, so that tests can say anything a file can say, and need no
 * protobuf.
 */
#ifndef TDT_GRAPH_MODEL_H
#define TDT_GRAPH_MODEL_H

#include "support.h"

#include "graph/onnx/onnx.h"

/* A message under construction. */
typedef struct message {
    uint8_t *data;
    size_t size, capacity;
} message;

static inline void put(message *m, const void *data, size_t size) {
    assert_int_equal(tdi_grow(&m->data, &m->capacity, m->size + size + 1, 1), 0);
    if (size)
        memcpy(m->data + m->size, data, size);
    m->size += size;
}

static inline void put_varint(message *m, uint64_t v) {
    for (; v >= 0x80; v >>= 7) {
        uint8_t byte = (uint8_t)(v | 0x80);
        put(m, &byte, 1);
    }
    uint8_t byte = (uint8_t)v;
    put(m, &byte, 1);
}

static inline void put_int(message *m, int field, int64_t v) {
    put_varint(m, (uint64_t)field << 3);
    put_varint(m, (uint64_t)v);
}

static inline void put_bytes(message *m, int field, const void *data, size_t size) {
    put_varint(m, (uint64_t)field << 3 | 2);
    put_varint(m, size);
    put(m, data, size);
}

static inline void put_text(message *m, int field, const char *text) {
    put_bytes(m, field, text, strlen(text));
}

static inline void put_float(message *m, int field, float v) {
    put_varint(m, (uint64_t)field << 3 | 5);
    put(m, &v, sizeof v);
}

/* Frees `part`. */
static inline void put_message(message *m, int field, message *part) {
    put_bytes(m, field, part->data, part->size);
    tdi_free(part->data);
    memset(part, 0, sizeof *part);
}

/* Attributes of a node. */
static inline void attr_int(message *node, const char *name, int64_t v) {
    message a = {0};
    put_text(&a, 1, name);
    put_int(&a, 3, v);
    put_int(&a, 20, 2);
    put_message(node, 5, &a);
}

static inline void attr_float(message *node, const char *name, float v) {
    message a = {0};
    put_text(&a, 1, name);
    put_float(&a, 2, v);
    put_int(&a, 20, 1);
    put_message(node, 5, &a);
}

static inline void attr_text(message *node, const char *name, const char *v) {
    message a = {0};
    put_text(&a, 1, name);
    put_text(&a, 4, v);
    put_int(&a, 20, 3);
    put_message(node, 5, &a);
}

static inline void attr_ints(message *node, const char *name, const int64_t *v, size_t count) {
    message a = {0};
    put_text(&a, 1, name);
    for (size_t i = 0; i < count; i++)
        put_int(&a, 8, v[i]);
    put_int(&a, 20, 7);
    put_message(node, 5, &a);
}

/* Numbers in a text: "1,-2,3"; returns how many. */
static inline size_t parse_ints(const char *text, int64_t *out) {
    size_t count = 0;
    for (char *end; *text; text = *end ? end + 1 : end)
        out[count++] = strtoll(text, &end, 10);
    return count;
}

static inline size_t parse_floats(const char *text, float *out) {
    size_t count = 0;
    for (char *end; *text; text = *end ? end + 1 : end)
        out[count++] = strtof(text, &end);
    return count;
}

static inline void attr_floats(message *node, const char *name, const float *v, size_t count) {
    message a = {0};
    put_text(&a, 1, name);
    for (size_t i = 0; i < count; i++)
        put_float(&a, 7, v[i]);
    put_int(&a, 20, 6);
    put_message(node, 5, &a);
}

/* All kinds in a text: "axis=1 pads=[1,1] mode=constant alpha=0.5" (a number with a point is a
 * float). */
static inline void attrs(message *node, const char *text) {
    char copy[512];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *save, *item = strtok_r(copy, " ", &save); item; item = strtok_r(NULL, " ", &save)) {
        char *value = strchr(item, '=');
        int64_t ints[32];
        float floats[32];
        *value++ = '\0';
        if (*value == '[') {
            value[strlen(value) - 1] = '\0';
            if (strchr(value, '.'))
                attr_floats(node, item, floats, parse_floats(value + 1, floats));
            else
                attr_ints(node, item, ints, parse_ints(value + 1, ints));
        } else if (*value != '-' && (*value < '0' || *value > '9')) {
            attr_text(node, item, value);
        } else if (strchr(value, '.')) {
            attr_float(node, item, strtof(value, NULL));
        } else {
            attr_int(node, item, strtoll(value, NULL, 10));
        }
    }
}

/* A node; inputs and outputs are names separated by commas. */
static inline message node_of(const char *type, const char *name, const char *inputs,
                              const char *outputs) {
    message node = {0};
    const char *lists[2] = {inputs, outputs};
    for (int i = 0; i < 2; i++)
        for (const char *at = lists[i]; at && *at;) {
            size_t length = strcspn(at, ",");
            put_bytes(&node, i + 1, at, length);
            at += length + (at[length] == ',');
        }
    put_text(&node, 3, name);
    put_text(&node, 4, type);
    return node;
}

/* A graph under construction. */
static inline void add_node(message *graph, const char *type, const char *inputs,
                            const char *output, const char *attributes) {
    message node = node_of(type, output, inputs, output);
    attrs(&node, attributes);
    put_message(graph, 1, &node);
}

/* Dimensions in a text: "N,3,8,8": a letter is symbolic. */
static inline message value_of(const char *name, int dtype, const char *shape) {
    message value = {0}, type = {0}, tensor = {0}, dims = {0};
    for (const char *at = shape; *at;) {
        size_t length = strcspn(at, ",");
        message dim = {0};
        if (*at == '-' || (*at >= '0' && *at <= '9'))
            put_int(&dim, 1, strtoll(at, NULL, 10));
        else if (*at != '?')
            put_bytes(&dim, 2, at, length);
        put_message(&dims, 1, &dim);
        at += length + (at[length] == ',');
    }
    put_int(&tensor, 1, dtype);
    put_message(&tensor, 2, &dims);
    put_message(&type, 1, &tensor);
    put_text(&value, 1, name);
    put_message(&value, 2, &type);
    return value;
}

static inline void add_input(message *graph, const char *name, const char *shape) {
    message value = value_of(name, TD_DTYPE_F32, shape);
    put_message(graph, 11, &value);
}

static inline void add_output(message *graph, const char *name) {
    message value = {0};
    put_text(&value, 1, name);
    put_message(graph, 12, &value);
}

/* The beginning of an initializer: name, type and dimensions. */
static inline message tensor_of(const char *name, int dtype, const char *shape) {
    message tensor = {0};
    int64_t dims[16];
    size_t rank = parse_ints(shape, dims);
    for (size_t i = 0; i < rank; i++)
        put_int(&tensor, 1, dims[i]);
    put_int(&tensor, 2, dtype);
    put_text(&tensor, 8, name);
    return tensor;
}

static inline int64_t elements_of(const char *shape) {
    int64_t dims[16], count = 1;
    size_t rank = parse_ints(shape, dims);
    for (size_t i = 0; i < rank; i++)
        count *= dims[i];
    return count;
}

/* A float initializer with the values 0, 1/8, 2/8, ... */
static inline void add_floats(message *graph, const char *name, const char *shape) {
    message tensor = tensor_of(name, TD_DTYPE_F32, shape), data = {0};
    int64_t count = elements_of(shape);
    for (int64_t i = 0; i < count; i++) {
        float v = (float)i / 8;
        put(&data, &v, sizeof v);
    }
    put_message(&tensor, 9, &data);
    put_message(graph, 5, &tensor);
}

/* A vector of int64. */
static inline void add_ints(message *graph, const char *name, const char *values) {
    char shape[24];
    int64_t ints[64];
    size_t count = parse_ints(values, ints);
    snprintf(shape, sizeof shape, "%zu", count);
    message tensor = tensor_of(name, TD_DTYPE_I64, shape);
    put_bytes(&tensor, 9, ints, count * sizeof *ints);
    put_message(graph, 5, &tensor);
}

/* A vector of floats. */
static inline void add_vector(message *graph, const char *name, const char *values) {
    char shape[24];
    float floats[64];
    size_t count = parse_floats(values, floats);
    snprintf(shape, sizeof shape, "%zu", count);
    message tensor = tensor_of(name, TD_DTYPE_F32, shape);
    put_bytes(&tensor, 9, floats, count * sizeof *floats);
    put_message(graph, 5, &tensor);
}

/* A scalar float. */
static inline void add_number(message *graph, const char *name, float value) {
    message tensor = tensor_of(name, TD_DTYPE_F32, "");
    put_bytes(&tensor, 9, &value, sizeof value);
    put_message(graph, 5, &tensor);
}

/* The whole file; frees the graph. */
static inline message model_of(message *graph, int64_t opset) {
    message model = {0}, import = {0};
    put_int(&model, 1, 7);
    put_text(graph, 2, "test");
    put_message(&model, 7, graph);
    put_text(&import, 1, "");
    put_int(&import, 2, opset);
    put_message(&model, 8, &import);
    return model;
}

/* Reads the file from an exact-size block; frees the model. */
static inline td_status read_model(message *model, const char *folder, tdi_graph **out,
                                   td_error *err) {
    uint8_t *exact = malloc(model->size ? model->size : 1);
    assert_non_null(exact);
    if (model->size)
        memcpy(exact, model->data, model->size);
    *out = NULL;
    memset(err, 0, sizeof *err);
    td_status status = tdi_onnx_parse(exact, model->size, folder, out, err);
    free(exact);
    tdi_free(model->data);
    memset(model, 0, sizeof *model);
    return status;
}

static inline tdi_graph *read_graph(message *graph, int64_t opset) {
    message model = model_of(graph, opset);
    tdi_graph *out;
    td_error err;
    if (read_model(&model, NULL, &out, &err) != TD_OK)
        fail_msg("%s: %s", td_status_name(err.status), err.message);
    return out;
}

/* The reader must fail so, with all of `parts` (separated by '|') in its message. */
static inline void assert_refused(message *graph, int64_t opset, td_status status,
                                  const char *parts) {
    message model = model_of(graph, opset);
    tdi_graph *out;
    td_error err;
    char copy[256];
    td_status got = read_model(&model, NULL, &out, &err);
    if (got == TD_OK)
        tdi_graph_free(out);
    if (got != status)
        fail_msg("%s instead of %s: %s", td_status_name(got), td_status_name(status), err.message);
    snprintf(copy, sizeof copy, "%s", parts);
    for (char *save, *part = strtok_r(copy, "|", &save); part; part = strtok_r(NULL, "|", &save))
        if (!strstr(err.message, part))
            fail_msg("\"%s\" is not in \"%s\"", part, err.message);
}

static inline const char *shape_text(const tdi_graph *graph, const char *name) {
    static char text[96];
    int value = tdi_graph_find(graph, name);
    if (value < 0)
        fail_msg("no tensor \"%s\"", name);
    td_shape_format(&graph->values[value].shape, text, sizeof text);
    return text;
}

#endif
