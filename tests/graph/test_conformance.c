/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shape inference against ONNX's own node tests: what we accept must have the shape of the expected
 * output. The folder of tests is TANDEM_ONNX_TESTS, else where Debian's libonnx-testdata puts it.
 */
#include "base/file.h"
#include "graph/op.h"
#include "model.h"

/* A field of a message, read without protobuf. */
typedef struct field {
    int number;
    uint64_t value; /* of a number */
    const uint8_t *bytes;
    size_t size;
} field;

static uint64_t read_varint(const uint8_t *bytes, size_t size, size_t *at) {
    uint64_t value = 0;
    for (int shift = 0; *at < size; shift += 7) {
        uint8_t byte = bytes[(*at)++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            break;
    }
    return value;
}

/* 0 at the end. */
static int next_field(const uint8_t *bytes, size_t size, size_t *at, field *out) {
    if (*at >= size)
        return 0;
    uint64_t tag = read_varint(bytes, size, at);
    out->number = (int)(tag >> 3);
    out->bytes = NULL;
    out->size = (tag & 7) == 1 ? 8 : (tag & 7) == 5 ? 4 : 0;
    if ((tag & 7) == 0) {
        out->value = read_varint(bytes, size, at);
    } else {
        if ((tag & 7) == 2)
            out->size = (size_t)read_varint(bytes, size, at);
        out->bytes = bytes + *at;
        *at += out->size;
    }
    return 1;
}

/* Dimensions of a TensorProto. */
static td_shape read_dims(const uint8_t *bytes, size_t size) {
    td_shape shape = tdi_shape_of(0, NULL);
    field f;
    for (size_t at = 0; next_field(bytes, size, &at, &f);)
        if (f.number == 1 && !f.bytes && shape.rank < TD_RANK_MAX)
            shape.dim[shape.rank++] = (int64_t)f.value;
    return shape;
}

/*
 * The model with the test's inputs from the second on as initializers, for operators that we take
 * with constant arguments only. The tensors of the test data carry the inputs' names.
 */
static message with_constants(const char *folder, const char *name) {
    message model = {0}, graph = {0};
    char path[512];
    uint8_t *bytes, *tensor;
    size_t size, tensor_size;
    field f;
    snprintf(path, sizeof path, "%s/%s/model.onnx", folder, name);
    assert_int_equal(tdi_file_read(path, 1 << 26, &bytes, &size, NULL), TD_OK);
    for (size_t at = 0, before = 0; next_field(bytes, size, &at, &f); before = at)
        if (f.number == 7)
            put(&graph, f.bytes, f.size);
        else
            put(&model, bytes + before, at - before);
    tdi_free(bytes);
    for (int i = 1; i < 8; i++) {
        snprintf(path, sizeof path, "%s/%s/test_data_set_0/input_%d.pb", folder, name, i);
        if (tdi_file_read(path, 1 << 26, &tensor, &tensor_size, NULL) != TD_OK)
            break;
        put_bytes(&graph, 5, tensor, tensor_size);
        tdi_free(tensor);
    }
    put_message(&model, 7, &graph);
    return model;
}

static const char *tests_folder(void) {
    const char *given = getenv("TANDEM_ONNX_TESTS");
    const char *folder = given ? given : "/usr/include/onnx/backend/test/data/node";
    return tdi_path_is_folder(folder) ? folder : NULL;
}

static void check_outputs(const tdi_graph *graph, const char *folder, const char *name) {
    char path[512], got[96], expected[96];
    uint8_t *bytes;
    size_t size;
    for (int i = 0; i < graph->output_count; i++) {
        snprintf(path, sizeof path, "%s/%s/test_data_set_0/output_%d.pb", folder, name, i);
        if (tdi_file_read(path, 1 << 26, &bytes, &size, NULL) != TD_OK)
            continue;
        td_shape shape = read_dims(bytes, size);
        tdi_free(bytes);
        if (td_shape_elements(&shape) == 0) /* sizes of 0 count as symbolic */
            continue;
        td_shape_format(&shape, expected, sizeof expected);
        td_shape_format(&graph->values[graph->outputs[i]].shape, got, sizeof got);
        if (strcmp(got, expected) != 0)
            fail_msg("%s: output %d is %s instead of %s", name, i, got, expected);
    }
}

/* Returns 1 for a test that we accept, as it is or with constants. */
static int check_test(const char *folder, const char *name) {
    char path[512];
    tdi_graph *graph;
    td_error err;
    snprintf(path, sizeof path, "%s/%s/model.onnx", folder, name);
    if (tdi_onnx_load(path, &graph, NULL) != TD_OK) {
        message model = with_constants(folder, name);
        if (read_model(&model, NULL, &graph, &err) != TD_OK)
            return 0;
    }
    check_outputs(graph, folder, name);
    tdi_graph_free(graph);
    return 1;
}

static void accepted_node_tests_get_the_expected_shapes(void **state) {
    (void)state;
    const char *folder = tests_folder();
    char **names;
    size_t count;
    int accepted = 0;
    if (!folder) {
        print_message("skipped: no ONNX node tests (libonnx-testdata)\n");
        skip();
    }
    assert_int_equal(tdi_folder_list(folder, &names, &count, NULL), TD_OK);
    for (size_t i = 0; i < count; i++)
        accepted += check_test(folder, names[i]);
    tdi_names_free(names, count);
    print_message("%d of %zu node tests are networks that we accept\n", accepted, count);
    assert_true(accepted > 230);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_node_tests_get_the_expected_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
