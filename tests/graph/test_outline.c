/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models read from files, in which large constants stay: they are the models that are read from
 * memory, however the file is laid out.
 */
#include "base/file.h"
#include "graph/bind.h"
#include "graph/onnx/outline.h"
#include "graph/op.h"
#include "model.h"

static char folder[256];

/* 128 x 160 numbers: 80 KB. */
#define LARGE       "128,160"
#define LARGE_COUNT (128 * 160)

static float *large_values(float first) {
    float *values = tdi_malloc(LARGE_COUNT * sizeof *values);
    for (int i = 0; i < LARGE_COUNT; i++)
        values[i] = first + (float)i / 8;
    return values;
}

static void put_large(message *tensor, int field, float first) {
    float *values = large_values(first);
    put_bytes(tensor, field, values, LARGE_COUNT * sizeof *values);
    tdi_free(values);
}

static message graph_of(void) {
    message graph = {0};
    add_input(&graph, "x", "N,128,160");
    add_output(&graph, "y");
    return graph;
}

/* From a file; NULL where it is refused. */
static td_status read_file(const message *model, tdi_graph **out, td_error *err) {
    char path[512];
    tdi_backing *file;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    assert_int_equal(tdi_file_write(path, model->data, model->size, NULL), TD_OK);
    assert_int_equal(tdi_backing_open(path, SIZE_MAX, &file, NULL), TD_OK);
    *out = NULL;
    td_status status = tdi_onnx_read_open(file, folder, out, err);
    tdi_backing_unref(file);
    return status;
}

static const tdi_tensor *constant(const tdi_graph *graph, const char *name) {
    int value = tdi_graph_find(graph, name);
    assert_true(value >= 0);
    assert_non_null(graph->values[value].data);
    return graph->values[value].data;
}

static void write_bound(const tdi_graph *open, uint8_t **bytes, size_t *size) {
    tdi_graph *bound;
    td_error err;
    if (tdi_graph_bind(open, NULL, 0, &bound, &err) != TD_OK)
        fail_msg("%s", err.message);
    assert_int_equal(tdi_onnx_write(bound, bytes, size, NULL), TD_OK);
    tdi_graph_free(bound);
}

static void assert_same_files(const tdi_graph *a, const tdi_graph *b) {
    uint8_t *bytes[2];
    size_t size[2];
    write_bound(a, &bytes[0], &size[0]);
    write_bound(b, &bytes[1], &size[1]);
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(bytes[0], bytes[1], size[0]);
    tdi_free(bytes[0]);
    tdi_free(bytes[1]);
}

/* Reads the graph both ways; `stays`: whether "c" stays in the file. Frees the graph. */
static void assert_read_alike(message *graph, int stays) {
    message model = model_of(graph, 13);
    td_error err;
    tdi_graph *from_file, *from_memory;
    if (read_file(&model, &from_file, &err) != TD_OK)
        fail_msg("%s", err.message);
    assert_int_equal(tdi_onnx_parse_open(model.data, model.size, folder, &from_memory, &err),
                     TD_OK);
    assert_same_files(from_file, from_memory);
    assert_int_equal(constant(from_file, "c")->backed != NULL, stays);
    assert_int_equal(constant(from_file, "c")->data == NULL, stays);
    tdi_graph_free(from_file);
    tdi_graph_free(from_memory);
    tdi_free(model.data);
}

static void large_initializers_stay_in_the_file(void **state) {
    (void)state;
    message graph = graph_of(), tensor = tensor_of("c", TD_DTYPE_F32, LARGE);
    put_large(&tensor, 9, 1);
    put_message(&graph, 5, &tensor);
    add_node(&graph, "Add", "x,c", "y", "");
    assert_read_alike(&graph, 1);
}

static void fields_may_come_in_any_order(void **state) {
    (void)state;
    message graph = graph_of(), tensor = {0}, dims = {0};
    put_large(&tensor, 9, 1);
    put_text(&tensor, 8, "c");
    put_varint(&dims, 128);
    put_varint(&dims, 160);
    put_message(&tensor, 1, &dims);
    put_int(&tensor, 2, TD_DTYPE_F32);
    add_node(&graph, "Add", "x,c", "y", "");
    put_message(&graph, 5, &tensor);
    add_floats(&graph, "unused", "4");
    assert_read_alike(&graph, 1);
}

static void large_constants_of_nodes_stay_too(void **state) {
    (void)state;
    for (int type_last = 0; type_last < 2; type_last++) {
        message graph = graph_of(), node = {0}, attribute = {0};
        message tensor = tensor_of("", TD_DTYPE_F32, LARGE);
        put_large(&tensor, 9, 3);
        put_text(&attribute, 1, "value");
        put_message(&attribute, 5, &tensor);
        put_int(&attribute, 20, 4);
        if (!type_last)
            put_text(&node, 4, "Constant");
        put_text(&node, 2, "c");
        put_message(&node, 5, &attribute);
        if (type_last)
            put_text(&node, 4, "Constant");
        put_message(&graph, 1, &node);
        add_node(&graph, "Add", "x,c", "y", "");
        assert_read_alike(&graph, 1);
    }
}

static void the_last_raw_data_counts(void **state) {
    (void)state;
    message graph = graph_of(), tensor = tensor_of("c", TD_DTYPE_F32, LARGE);
    put_large(&tensor, 9, 1);
    put_large(&tensor, 9, 2);
    put_message(&graph, 5, &tensor);
    add_node(&graph, "Add", "x,c", "y", "");
    assert_read_alike(&graph, 1);
}

static void what_is_looked_at_is_read_at_once(void **state) {
    (void)state;
    /* Numbers one by one, a vector, and whole numbers. */
    message graph = graph_of(), tensor = tensor_of("c", TD_DTYPE_F32, LARGE);
    put_large(&tensor, 4, 1);
    put_message(&graph, 5, &tensor);
    add_node(&graph, "Add", "x,c", "y", "");
    assert_read_alike(&graph, 0);

    graph = graph_of();
    tensor = tensor_of("c", TD_DTYPE_F32, "1,20480");
    put_large(&tensor, 9, 1);
    put_message(&graph, 5, &tensor);
    add_node(&graph, "Flatten", "x", "f", "");
    add_node(&graph, "Add", "f,c", "y", "");
    assert_read_alike(&graph, 0);

    graph = graph_of();
    tensor = tensor_of("c", TD_DTYPE_I32, LARGE);
    put_large(&tensor, 9, 1);
    put_message(&graph, 5, &tensor);
    add_node(&graph, "Cast", "c", "f", "to=1");
    add_node(&graph, "Add", "x,f", "y", "");
    assert_read_alike(&graph, 0);
}

static void external_data_stays_in_its_file(void **state) {
    (void)state;
    char path[512];
    float *values = large_values(7);
    message graph = graph_of(), tensor = tensor_of("c", TD_DTYPE_F32, LARGE), entry = {0};
    snprintf(path, sizeof path, "%s/weights.bin", folder);
    assert_int_equal(tdi_file_write(path, values, LARGE_COUNT * sizeof *values, NULL), TD_OK);
    tdi_free(values);
    put_text(&entry, 1, "location");
    put_text(&entry, 2, "weights.bin");
    put_message(&tensor, 13, &entry);
    put_int(&tensor, 14, 1);
    put_message(&graph, 5, &tensor);
    add_node(&graph, "Add", "x,c", "y", "");
    assert_read_alike(&graph, 1);
}

static void wrong_lengths_are_refused(void **state) {
    (void)state;
    static const char *const shapes[] = {"128,161", "128,159", "64,160", "65536,65536"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        message graph = graph_of(), tensor = tensor_of("c", TD_DTYPE_F32, shapes[i]);
        td_error err;
        tdi_graph *out;
        put_large(&tensor, 9, 1);
        put_message(&graph, 5, &tensor);
        add_node(&graph, "Add", "x,c", "y", "");
        message model = model_of(&graph, 13);
        td_status status = read_file(&model, &out, &err);
        assert_true(status == TD_FORMAT || status == TD_LIMIT);
        assert_non_null(strstr(err.message, "\"c\""));
        tdi_free(model.data);
    }
}

/* A small model with everything on the way to a tensor. */
static message small_model(void) {
    message graph = {0}, tensor = tensor_of("", TD_DTYPE_F32, "4,2");
    message node = {0}, attribute = {0};
    static const float zeros[8];
    add_input(&graph, "x", "N,4,2");
    add_output(&graph, "y");
    put_bytes(&tensor, 9, zeros, sizeof zeros);
    put_text(&attribute, 1, "value");
    put_message(&attribute, 5, &tensor);
    put_int(&attribute, 20, 4);
    put_text(&node, 4, "Constant");
    put_text(&node, 2, "k");
    put_message(&node, 5, &attribute);
    put_message(&graph, 1, &node);
    add_floats(&graph, "c", "4,2");
    add_node(&graph, "Add", "x,c", "a", "");
    add_node(&graph, "Add", "a,k", "y", "");
    return model_of(&graph, 13);
}

static void every_prefix_is_read_from_a_file_as_from_memory(void **state) {
    message model = small_model();
    (void)state;
    for (size_t size = 0; size <= model.size; size++) {
        const message prefix = {model.data, size, size};
        td_error in_file = {0}, in_memory = {0};
        tdi_graph *a = NULL, *b = NULL;
        td_status status = tdi_onnx_parse_open(model.data, size, NULL, &a, &in_memory);
        assert_int_equal(read_file(&prefix, &b, &in_file), status);
        assert_string_equal(in_file.message, in_memory.message);
        tdi_graph_free(a);
        tdi_graph_free(b);
    }
    tdi_free(model.data);
}

static void every_prefix_has_an_outline_or_none(void **state) {
    message model = small_model();
    char path[512];
    (void)state;
    snprintf(path, sizeof path, "%s/prefix.onnx", folder);
    for (size_t size = 0; size <= model.size; size++) {
        tdi_backing *file;
        uint8_t *bytes;
        size_t outline_size;
        assert_int_equal(tdi_file_write(path, model.data, size, NULL), TD_OK);
        assert_int_equal(tdi_backing_open(path, size, &file, NULL), TD_OK);
        td_status status = tdi_outline(file, 8, &bytes, &outline_size, NULL);
        assert_true(status == TD_OK || status == TD_FORMAT);
        if (status == TD_OK)
            tdi_free(bytes);
        tdi_backing_unref(file);
    }
    tdi_free(model.data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_initializers_stay_in_the_file),
        cmocka_unit_test(fields_may_come_in_any_order),
        cmocka_unit_test(large_constants_of_nodes_stay_too),
        cmocka_unit_test(the_last_raw_data_counts),
        cmocka_unit_test(what_is_looked_at_is_read_at_once),
        cmocka_unit_test(external_data_stays_in_its_file),
        cmocka_unit_test(wrong_lengths_are_refused),
        cmocka_unit_test(every_prefix_is_read_from_a_file_as_from_memory),
        cmocka_unit_test(every_prefix_has_an_outline_or_none),
    };
    test_folder(folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tdi_folder_remove(folder, NULL);
    return failed;
}
