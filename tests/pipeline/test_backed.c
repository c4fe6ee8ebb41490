/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models whose large constants stay in their file: they compute what models in memory compute,
 * whatever happens to the file's name, and say so where the file itself has changed.
 */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "tiny_model.h"

#include "pipeline/pipeline.h"

enum { CHANNELS = 24, SIDE = 32, CLASSES = 8 };

/* input -> conv -> relu -> mul with a constant -> flatten -> gemm: weights that are packed, and a
 * large constant that is an operand. */
static tdi_graph *wide_graph(void) {
    tdi_prng prng = {5};
    tdi_graph *graph = tdi_graph_new("wide", 13, 7);
    const int64_t dims[4] = {1, 3, SIDE, SIDE}, mask[4] = {1, CHANNELS, SIDE, SIDE};
    const int64_t gemm[2] = {CHANNELS * SIDE * SIDE, CLASSES};
    const td_shape shape = tdi_shape_of(4, dims);
    int input = tdi_graph_add_value(graph, "input", TD_DTYPE_F32, &shape);
    assert_int_equal(tdi_graph_set_inputs(graph, &input, 1), 0);
    int conv = tiny_conv(graph, &prng, "conv", input, 3, CHANNELS);
    int relu = tiny_node(graph, "Relu", "relu", &conv, 1, NULL);
    const int product[2] = {relu, tiny_weight(graph, &prng, "mask", 4, mask, 1)};
    int mul = tiny_node(graph, "Mul", "mul", product, 2, NULL);
    int flat = tiny_node(graph, "Flatten", "flatten", &mul, 1, NULL);
    const int dense[2] = {flat, tiny_weight(graph, &prng, "logits.weight", 2, gemm, 0.1)};
    int last = tiny_node(graph, "Gemm", "logits", dense, 2, NULL);
    assert_int_equal(tdi_graph_set_outputs(graph, &last, 1), 0);
    must(tdi_graph_infer(graph, 1, err));
    return graph;
}

typedef struct files {
    char folder[256], path[512];
    float expected[CLASSES]; /* of the graph as it was in memory */
    td_model *model;
} files;

static void fill_input(float *input) {
    tdi_prng prng = {9};
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        input[i] = (float)(2 * tdi_prng_unit(&prng) - 1);
}

static void run_in_memory(const tdi_graph *graph, float out[CLASSES]) {
    tdi_program *program;
    tdi_run *run;
    must(tdi_program_new(graph, NULL, &program, err));
    must(tdi_run_new(program, &run, err));
    fill_input(tdi_run_input(run, 0));
    must(tdi_run_execute(run, err));
    memcpy(out, tdi_run_output(run, 0), CLASSES * sizeof(float));
    tdi_run_free(run);
    tdi_program_unref(program);
}

static int setup(void **state) {
    static files f;
    uint8_t *bytes;
    size_t size;
    const struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
    test_folder(f.folder);
    snprintf(f.path, sizeof f.path, "%s/wide.onnx", f.folder);
    tdi_graph *graph = wide_graph();
    run_in_memory(graph, f.expected);
    must(tdi_onnx_write(graph, &bytes, &size, err));
    must(tdi_file_write(f.path, bytes, size, err));
    assert_int_equal(utimensat(AT_FDCWD, f.path, long_ago, 0), 0);
    tdi_free(bytes);
    tdi_graph_free(graph);
    must(td_model_open(f.path, &f.model, err));
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    files *f = *state;
    td_model_unref(f->model);
    return tdi_folder_remove(f->folder, NULL);
}

static td_status run_at(td_model *model, const char *cut, float out[CLASSES], td_error *err) {
    static _Thread_local float values[3 * SIDE * SIDE];
    const td_array_run_settings settings = {.cut = cut, .batch = 1, .threads = 1};
    const td_array input = {TD_DTYPE_F32, {4, {1, 3, SIDE, SIDE}}, values, sizeof values};
    td_array_run *run = NULL;
    td_array_result result;
    fill_input(values);
    td_status status = td_array_run_open(model, &settings, &run, err);
    if (status == TD_OK)
        status = td_array_run_execute(run, &input, 1, &result, err);
    if (status == TD_OK)
        memcpy(out, result.outputs[0].data, CLASSES * sizeof(float));
    td_array_run_close(run);
    return status;
}

static void assert_runs(const files *f, td_model *model) {
    static const char *const cuts[] = {NULL, "relu", "mul", "flatten"};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        float out[CLASSES];
        must(run_at(model, cuts[i], out, err));
        assert_memory_equal(out, f->expected, sizeof out);
    }
}

/* Large constants of the model that are in memory. */
static int resident(const td_model *model) {
    int count = 0;
    for (int i = 0; i < model->graph->value_count; i++) {
        const tdi_tensor *data = model->graph->values[i].data;
        count += data && data->backed && data->data;
    }
    return count;
}

static int backed(const td_model *model) {
    int count = 0;
    for (int i = 0; i < model->graph->value_count; i++)
        count += model->graph->values[i].data && model->graph->values[i].data->backed;
    return count;
}

static void outputs_are_those_of_a_model_in_memory(void **state) {
    const files *f = *state;
    assert_int_equal(backed(f->model), 2);
    assert_runs(f, f->model);
}

static void constants_are_in_memory_while_a_program_uses_them(void **state) {
    const files *f = *state;
    const td_array_run_settings settings = {.batch = 1, .threads = 1};
    td_array_run *run = NULL;
    assert_int_equal(resident(f->model), 0);
    must(td_array_run_open(f->model, &settings, &run, err));
    assert_int_equal(resident(f->model), 1); /* the operand; the weights are packed */
    td_array_run_close(run);
    assert_int_equal(resident(f->model), 0);
}

/* Everything that can be asked of a model and that needs no weights. */
static void ask_everything(td_model *model) {
    td_tensor_info tensor;
    td_operator_info operator;
    td_cut_info info;
    char *dot = NULL;
    assert_string_equal(td_model_name(model), "wide");
    assert_int_equal(td_model_input_count(model), 1);
    assert_int_equal(td_model_output_count(model), 1);
    assert_int_equal(td_model_input(model, 0, &tensor), TD_OK);
    assert_int_equal(td_model_output(model, 0, &tensor), TD_OK);
    assert_int_equal(td_model_operator_count(model), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(td_model_operator(model, i, &operator), TD_OK);
    for (size_t i = 0; i < td_model_cut_count(model); i++)
        assert_int_equal(td_model_cut(model, i, &info), TD_OK);
    must(td_model_cut_find(model, "mul", &info, err));
    must(td_model_dot(model, &dot, err));
    td_free(dot);
    assert_true(td_model_parameters(model) > CHANNELS * SIDE * SIDE * CLASSES);
    assert_true(td_model_macs(model) > 0);
    assert_int_equal(td_model_output_kind(model), TD_OUTPUT_LOGITS);
    assert_int_equal(td_model_recipe(model)->width, SIDE);
    assert_null(td_model_calibration(model, "mul", 0));
}

/* Halves as a device and a server run them. */
static void run_halves(td_model *model) {
    static uint8_t pixels[3 * SIDE * SIDE];
    const td_picture picture = {SIDE, SIDE, 3, pixels};
    td_half_settings settings = td_half_settings_default();
    td_head *head = NULL;
    td_tail *tail = NULL;
    const void *features[1];
    const float *outputs[1];
    settings.threads = 1;
    must(td_head_open(model, "mul", &settings, &head, err));
    must(td_tail_open(model, "mul", &settings, &tail, err));
    must(td_head_run(head, &picture, features, err));
    must(td_tail_run(tail, features, outputs, err));
    td_head_close(head);
    td_tail_close(tail);
}

static void a_model_outlives_the_name_of_its_file(void **state) {
    const files *f = *state;
    td_memory_report report;
    td_model *rebound = NULL;
    assert_int_equal(unlink(f->path), 0);
    ask_everything(f->model);
    assert_runs(f, f->model);
    run_halves(f->model);
    must(td_model_split(f->model, "relu", NULL, f->folder, err));
    must(td_model_memory(f->model, "mul", NULL, &report, err));
    assert_true(report.model_bytes < 8 * 1024);
    td_memory_report_clear(&report);
    must(td_model_rebind(f->model, NULL, 0, &rebound, err));
    assert_runs(f, rebound);
    td_model_unref(rebound);
}

static void halves_that_were_split_off_have_the_weights(void **state) {
    const files *f = *state;
    char path[600];
    td_model *tail = NULL;
    must(td_model_split(f->model, "relu", NULL, f->folder, err));
    snprintf(path, sizeof path, "%s/tail.onnx", f->folder);
    must(td_model_open(path, &tail, err));
    assert_int_equal(backed(tail), 2);
    td_model_unref(tail);
}

static void a_file_that_was_written_to_is_named(void **state) {
    const files *f = *state;
    float out[CLASSES];
    td_error err;
    FILE *file = fopen(f->path, "r+");
    assert_non_null(file);
    assert_int_equal(fputc(8, file), 8);
    assert_int_equal(fclose(file), 0);
    ask_everything(f->model);
    assert_int_equal(run_at(f->model, NULL, out, &err), TD_MISMATCH);
    assert_non_null(strstr(err.message, f->path));
    assert_int_equal(td_model_split(f->model, "relu", NULL, f->folder, &err), TD_MISMATCH);
    assert_int_equal(resident(f->model), 0);
}

typedef struct worker {
    pthread_t thread;
    const files *f;
    int differences;
} worker;

static void *work(void *user) {
    static const char *const cuts[] = {"relu", NULL, "flatten", "mul"};
    worker *w = user;
    for (size_t i = 0; i < 8; i++) {
        float out[CLASSES];
        td_status status = run_at(w->f->model, cuts[i % 4], out, NULL);
        w->differences += status != TD_OK || memcmp(out, w->f->expected, sizeof out) != 0;
    }
    return NULL;
}

static void many_threads_open_halves_at_once(void **state) {
    worker workers[4];
    for (size_t i = 0; i < 4; i++) {
        workers[i] = (worker){.f = *state};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].differences, 0);
    }
    assert_int_equal(resident(((const files *)*state)->model), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(outputs_are_those_of_a_model_in_memory),
        CASE(constants_are_in_memory_while_a_program_uses_them),
        CASE(a_model_outlives_the_name_of_its_file),
        CASE(halves_that_were_split_off_have_the_weights),
        CASE(a_file_that_was_written_to_is_named),
        CASE(many_threads_open_halves_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
