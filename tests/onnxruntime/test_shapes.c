/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks with shape arithmetic beside onnxruntime, which gets the file as it was exported: the
 * whole, for one picture and for several, and the halves that we write, at every cut. Exit code 77,
 * with a reason, where node or onnxruntime is missing.
 */
#include <math.h>

#include "graph/patterns.h"

#include "node.h"

#include "base/file.h"
#include "base/prng.h"
#include "engine/engine.h"
#include "graph/cut.h"

#define BATCH_MAX 2
#define TOLERANCE 1e-5

static char folder[256];

static const char *file_of(const pattern *p, const char *what, int64_t number) {
    static char paths[4][512];
    static unsigned next;
    char *out = paths[next++ % 4];
    snprintf(out, sizeof paths[0], "%s/%s.%s.%d", folder, p->name, what, (int)number);
    return out;
}

static void must_write(const char *path, const void *data, size_t size) {
    td_error err;
    if (tdi_file_write(path, data, size, &err) != TD_OK)
        fail_msg("%s", err.message);
}

static void write_graph(const char *path, const tdi_graph *graph) {
    uint8_t *bytes;
    size_t size;
    td_error err;
    if (tdi_onnx_write(graph, &bytes, &size, &err) != TD_OK)
        fail_msg("%s", err.message);
    must_write(path, bytes, size);
    tdi_free(bytes);
}

/* The exported file, its input for each batch, and what is to be done with them. */
static tdi_graph *write_whole(const pattern *p, FILE *jobs) {
    message graph = p->build(), model = model_of(&graph, PATTERN_OPSET);
    tdi_graph *read = NULL;
    td_error err;
    tdi_prng prng = {11};
    must_write(file_of(p, "onnx", 0), model.data, model.size);
    if (read_model(&model, NULL, &read, &err) != TD_OK)
        fail_msg("%s: %s", p->name, err.message);
    size_t elements = (size_t)td_shape_elements(&read->values[read->inputs[0]].shape);
    float *input = malloc(BATCH_MAX * elements * sizeof *input);
    for (size_t i = 0; i < BATCH_MAX * elements; i++)
        input[i] = (float)(tdi_prng_unit(&prng) * 2 - 1);
    for (int64_t batch = 1; batch <= BATCH_MAX; batch++) {
        must_write(file_of(p, "input", batch), input, (size_t)batch * elements * sizeof *input);
        fprintf(jobs, "%s\t%d\t%s\t%s\n", file_of(p, "onnx", 0), (int)batch,
                file_of(p, "whole", batch), file_of(p, "input", batch));
    }
    free(input);
    return read;
}

/* Halves at a cut, for one picture; number `index` of the pattern. */
static void write_halves(const pattern *p, const tdi_graph *graph, const tdi_cut *cut,
                         int64_t index, FILE *jobs) {
    tdi_graph *head = NULL, *tail = NULL;
    assert_int_equal(tdi_cut_head(graph, cut, &head, NULL), TD_OK);
    assert_int_equal(tdi_cut_tail(graph, cut, &tail, NULL), TD_OK);
    write_graph(file_of(p, "head", index), head);
    write_graph(file_of(p, "tail", index), tail);
    fprintf(jobs, "%s\t1\t%s\t%s\n", file_of(p, "head", index), file_of(p, "between", index),
            file_of(p, "input", 1));
    fprintf(jobs, "%s\t1\t%s", file_of(p, "tail", index), file_of(p, "after", index));
    for (int i = 0; i < cut->tensor_count; i++)
        fprintf(jobs, "\t%s.%d", file_of(p, "between", index), i);
    fprintf(jobs, "\n");
    tdi_graph_free(head);
    tdi_graph_free(tail);
}

static int64_t write_cuts(const pattern *p, const tdi_graph *graph, FILE *jobs) {
    tdi_cut *cuts, cut;
    size_t count;
    int64_t written = 0;
    assert_int_equal(tdi_cut_list(graph, &cuts, &count, NULL), TD_OK);
    for (size_t i = 0; i < count; i++)
        write_halves(p, graph, &cuts[i], written++, jobs);
    for (size_t i = 0; i < 4 && p->cuts[i]; i++) {
        assert_int_equal(tdi_cut_resolve(graph, p->cuts[i], &cut, NULL), TD_OK);
        write_halves(p, graph, &cut, written++, jobs);
    }
    tdi_free(cuts);
    return written;
}

/* What onnxruntime gave, in the file and ".0". */
static float *read_output(const char *path, size_t bytes) {
    char name[560];
    uint8_t *data;
    size_t size;
    snprintf(name, sizeof name, "%s.0", path);
    assert_int_equal(tdi_file_read(name, (size_t)1 << 26, &data, &size, NULL), TD_OK);
    assert_int_equal(size, bytes);
    return (float *)(void *)data;
}

static void expect_same(const char *what, const float *a, const float *b, size_t count) {
    double worst = 0, most = 0;
    for (size_t i = 0; i < count; i++) {
        double d = fabs((double)a[i] - (double)b[i]);
        worst = d <= worst ? worst : d;
        most = fmax(most, fabs((double)b[i]));
    }
    if (!(worst <= TOLERANCE * most))
        fail_msg("%s differs by %g of %g", what, worst, most);
}

static void check_whole(const pattern *p, const tdi_graph *graph, int64_t batch) {
    const tdi_program_settings settings = {.batch = batch, .threads = 1};
    tdi_program *program = NULL;
    tdi_run *run = NULL;
    uint8_t *input;
    size_t size;
    td_error err;
    if (tdi_program_new(graph, &settings, &program, &err) != TD_OK ||
        tdi_run_new(program, &run, &err) != TD_OK)
        fail_msg("%s: %s", p->name, err.message);
    assert_int_equal(tdi_file_read(file_of(p, "input", batch), 1 << 26, &input, &size, NULL),
                     TD_OK);
    assert_int_equal(size, tdi_run_input_bytes(run, 0));
    memcpy(tdi_run_input(run, 0), input, size);
    assert_int_equal(tdi_run_execute(run, &err), TD_OK);
    size_t bytes = tdi_run_output_bytes(run, 0);
    float *other = read_output(file_of(p, "whole", batch), bytes);
    expect_same(file_of(p, "whole", batch), tdi_run_output(run, 0), other, bytes / sizeof *other);
    tdi_free(other);
    tdi_free(input);
    tdi_run_free(run);
    tdi_program_unref(program);
}

static void check_halves(const pattern *p, const tdi_graph *graph, int64_t count) {
    size_t elements = (size_t)td_shape_elements(&graph->values[graph->outputs[0]].shape);
    float *whole = read_output(file_of(p, "whole", 1), elements * sizeof *whole);
    for (int64_t i = 0; i < count; i++) {
        float *after = read_output(file_of(p, "after", i), elements * sizeof *after);
        expect_same(file_of(p, "after", i), after, whole, elements);
        tdi_free(after);
    }
    tdi_free(whole);
}

static void patterns_agree_with_onnxruntime(void **state) {
    tdi_graph *graphs[PATTERN_COUNT];
    int64_t cuts[PATTERN_COUNT], total = 0;
    char list[300];
    (void)state;
    test_folder(folder);
    snprintf(list, sizeof list, "%s/jobs", folder);
    FILE *jobs = fopen(list, "w");
    assert_non_null(jobs);
    for (size_t i = 0; i < PATTERN_COUNT; i++) {
        graphs[i] = write_whole(&patterns[i], jobs);
        cuts[i] = write_cuts(&patterns[i], graphs[i], jobs);
        total += cuts[i];
    }
    assert_int_equal(fclose(jobs), 0);
    assert_int_equal(node_run("jobs.js", (const char *const[]){list, NULL}), 0);
    for (size_t i = 0; i < PATTERN_COUNT; i++) {
        for (int64_t batch = 1; batch <= BATCH_MAX; batch++)
            check_whole(&patterns[i], graphs[i], batch);
        check_halves(&patterns[i], graphs[i], cuts[i]);
        tdi_graph_free(graphs[i]);
    }
    print_message("%zu networks, %d pairs of halves\n", PATTERN_COUNT, (int)total);
    tdi_folder_remove(folder, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(patterns_agree_with_onnxruntime)};
    if (node_run("jobs.js", (const char *const[]){NULL}) == NODE_SKIPPED)
        return NODE_SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
