/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What networks for pictures are built of: the engine's outputs against onnxruntime's. Exit code
 * 77, with a reason, where node or onnxruntime is missing.
 */
#include "engine/patterns.h"
#include "node.h"

#include "base/file.h"
#include "graph/onnx/onnx.h"

#define TOLERANCE 1e-5

static void write_or_fail(const char *folder, size_t index, const char *what, const void *data,
                          size_t bytes) {
    char path[320];
    snprintf(path, sizeof path, "%s/%s.%zu", folder, what, index);
    assert_int_equal(tdi_file_write(path, data, bytes, NULL), TD_OK);
}

/* Model and input of one pattern, and its line in the list of jobs. */
static void add_job(const pattern *p, size_t index, const char *folder, FILE *jobs) {
    net n = build(p);
    uint8_t *bytes;
    size_t size, count = (size_t)td_shape_elements(&p->input);
    float *input = random_floats(&n.prng, count);
    assert_int_equal(tdi_onnx_write(n.graph, &bytes, &size, NULL), TD_OK);
    write_or_fail(folder, index, "model", bytes, size);
    write_or_fail(folder, index, "input", input, count * sizeof *input);
    fprintf(jobs, "%s/model.%zu\t1\t%s/output.%zu\t%s/input.%zu\n", folder, index, folder, index,
            folder, index);
    tdi_free(bytes);
    free(input);
    tdi_graph_free(n.graph);
}

static double compare(const pattern *p, size_t index, const char *folder) {
    char path[320];
    net n = build(p);
    float *input = random_floats(&n.prng, (size_t)td_shape_elements(&p->input));
    const float *inputs[1] = {input};
    ran r = run_graph(n.graph, NULL, inputs);
    uint8_t *wanted = NULL;
    size_t bytes = 0;
    snprintf(path, sizeof path, "%s/output.%zu.0", folder, index);
    assert_int_equal(tdi_file_read(path, (size_t)1 << 26, &wanted, &bytes, NULL), TD_OK);
    assert_int_equal(bytes, tdi_run_output_bytes(r.run, 0));
    double difference = relative_difference(tdi_run_output(r.run, 0), (const float *)(void *)wanted,
                                            bytes / sizeof(float));
    tdi_free(wanted);
    ran_free(&r);
    free(input);
    tdi_graph_free(n.graph);
    return difference;
}

static char scratch[256];

static void patterns_agree_with_onnxruntime(void **state) {
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < PATTERNS; i++) {
        double difference = compare(&patterns[i], i, scratch);
        int good = difference < TOLERANCE;
        print_message("%s: differs by %.2g of the largest output%s\n", patterns[i].name, difference,
                      good ? "" : ": FAILED");
        wrong += !good;
    }
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_agree_with_onnxruntime),
    };
    char path[320];
    test_folder(scratch);
    snprintf(path, sizeof path, "%s/jobs", scratch);
    FILE *jobs = fopen(path, "w");
    if (!jobs)
        return 1;
    for (size_t i = 0; i < PATTERNS; i++)
        add_job(&patterns[i], i, scratch, jobs);
    fclose(jobs);
    int code = node_run("jobs.js", (const char *[]){path, NULL});
    int result = code == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : code;
    tdi_folder_remove(scratch, NULL);
    return result;
}
