/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shape inference against ONNX's own node tests: what we accept must have the shape of the expected
 * output. The folder of tests is TANDEM_ONNX_TESTS, else where Debian's libonnx-testdata puts it.
 */
#include "base/file.h"
#include "graph/op.h"
#include "model.h"

/* Dimensions of a TensorProto (field 1, packed or not), without protobuf. */
static int read_dims(const uint8_t *bytes, size_t size, td_shape *out) {
    size_t at = 0;
    *out = tdi_shape_of(0, NULL);
    while (at < size) {
        uint64_t numbers[2] = {0, 0}; /* tag, value or length */
        for (int i = 0; i < 2; i++)
            for (int shift = 0, more = 1; more && at < size; shift += 7) {
                numbers[i] |= (uint64_t)(bytes[at] & 0x7f) << shift;
                more = bytes[at++] & 0x80;
            }
        if (numbers[0] == (1 << 3 | 0) && out->rank < TD_RANK_MAX)
            out->dim[out->rank++] = (int64_t)numbers[1];
        else if ((numbers[0] & 7) == 2)
            at += (size_t)numbers[1];
        else if ((numbers[0] & 7) != 0)
            return -1;
    }
    return 0;
}

static const char *tests_folder(void) {
    const char *given = getenv("TANDEM_ONNX_TESTS");
    const char *folder = given ? given : "/usr/include/onnx/backend/test/data/node";
    return tdi_path_is_folder(folder) ? folder : NULL;
}

/* Returns 1 for a test that we accept. */
static int check_test(const char *folder, const char *name) {
    char path[512], got[96], expected[96];
    tdi_graph *graph;
    uint8_t *bytes;
    size_t size;
    td_shape shape;
    snprintf(path, sizeof path, "%s/%s/model.onnx", folder, name);
    if (tdi_onnx_load(path, &graph, NULL) != TD_OK)
        return 0;
    for (int i = 0; i < graph->output_count; i++) {
        snprintf(path, sizeof path, "%s/%s/test_data_set_0/output_%d.pb", folder, name, i);
        if (tdi_file_read(path, 1 << 26, &bytes, &size, NULL) != TD_OK)
            continue;
        if (read_dims(bytes, size, &shape) == 0) {
            td_shape_format(&shape, expected, sizeof expected);
            td_shape_format(&graph->values[graph->outputs[i]].shape, got, sizeof got);
            if (strcmp(got, expected) != 0)
                fail_msg("%s: output %d is %s instead of %s", name, i, got, expected);
        }
        tdi_free(bytes);
    }
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
    assert_true(accepted > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted_node_tests_get_the_expected_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
