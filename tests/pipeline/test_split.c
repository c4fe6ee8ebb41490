/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "tiny_model.h"

#include "engine/engine.h"
#include "pipeline/pipeline.h"

typedef struct half {
    tdi_graph *graph;
    tdi_program *program;
    tdi_run *run;
} half;

static half open_half(const char *folder, const char *name) {
    half h;
    char path[512];
    const tdi_program_settings settings = {.batch = 1, .threads = 1};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    must(tdi_onnx_load(path, &h.graph, err));
    must(tdi_program_new(h.graph, &settings, &h.program, err));
    must(tdi_run_new(h.program, &h.run, err));
    return h;
}

static void close_half(half *h) {
    tdi_run_free(h->run);
    tdi_program_unref(h->program);
    tdi_graph_free(h->graph);
}

static void fill_input(half *head) {
    tdi_prng prng = {3};
    float *input = tdi_run_input(head->run, 0);
    for (size_t i = 0; i < 3 * TINY_SIDE * TINY_SIDE; i++)
        input[i] = (float)(2 * tdi_prng_unit(&prng) - 1);
}

/* Runs head.onnx and tail.onnx of the folder; returns the logits of both, for the caller to free.
 */
static void run_halves(const char *folder, float logits[TINY_CLASSES]) {
    half head = open_half(folder, "head.onnx"), tail = open_half(folder, "tail.onnx");
    fill_input(&head);
    must(tdi_run_execute(head.run, err));
    assert_int_equal(head.graph->output_count, tail.graph->input_count);
    for (int i = 0; i < head.graph->output_count; i++) {
        assert_int_equal(tdi_run_output_bytes(head.run, i), tdi_run_input_bytes(tail.run, i));
        memcpy(tdi_run_input(tail.run, i), tdi_run_output(head.run, i),
               tdi_run_input_bytes(tail.run, i));
    }
    must(tdi_run_execute(tail.run, err));
    memcpy(logits, tdi_run_output(tail.run, 0), TINY_CLASSES * sizeof *logits);
    close_half(&head);
    close_half(&tail);
}

static double largest_difference(const tiny *t, const char *folder) {
    float split[TINY_CLASSES];
    double worst = 0;
    run_halves(folder, split);
    half whole = open_half(t->folder, "tiny.onnx");
    fill_input(&whole);
    must(tdi_run_execute(whole.run, err));
    const float *logits = tdi_run_output(whole.run, 0);
    for (int i = 0; i < TINY_CLASSES; i++)
        worst = fmax(worst, fabs((double)split[i] - logits[i]));
    close_half(&whole);
    return worst;
}

static void halves_compute_what_the_whole_does(void **state) {
    tiny *t = *state;
    static const char *const cuts[] = {"conv1", "relu1",   "relu1,conv2",
                                       "add",   "avgpool", "flatten"};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        char folder[300];
        snprintf(folder, sizeof folder, "%s/deep/er", t->folder);
        must(td_model_split(t->model, cuts[i], NULL, folder, err));
        assert_true(largest_difference(t, folder) < 1e-4);
    }
}

static void halves_hold_only_their_own_weights(void **state) {
    tiny *t = *state;
    half head, tail;
    must(td_model_split(t->model, "relu1", NULL, t->folder, err));
    head = open_half(t->folder, "head.onnx");
    tail = open_half(t->folder, "tail.onnx");
    assert_int_equal(tdi_graph_parameters(head.graph), 9 * 3 * TINY_CHANNELS);
    assert_int_equal(tdi_graph_parameters(head.graph) + tdi_graph_parameters(tail.graph),
                     td_model_parameters(t->model));
    close_half(&head);
    close_half(&tail);
}

static void the_quantizer_becomes_part_of_both_halves(void **state) {
    tiny *t = *state;
    half head, tail;
    must(td_model_split(t->model, "relu1,conv2", "uniform:levels=256,min=-8,max=8+jpeg", t->folder,
                        err));
    head = open_half(t->folder, "head.onnx");
    tail = open_half(t->folder, "tail.onnx");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(head.graph->values[head.graph->outputs[i]].dtype, TD_DTYPE_U8);
        assert_int_equal(tail.graph->values[tail.graph->inputs[i]].dtype, TD_DTYPE_U8);
    }
    close_half(&head);
    close_half(&tail);
    double difference = largest_difference(t, t->folder);
    assert_true(difference > 0 && difference < 0.2);
}

/* The levels that the head puts out are those that the codec sends. */
static void attached_and_separate_quantizers_agree(void **state) {
    tiny *t = *state;
    static const char strategy[] = "uniform:levels=256,min=-1,max=3";
    half plain, quantized;
    td_codec *codec;
    td_layout layout = {TD_DTYPE_F32, TD_ORDER_CHW, TINY_CHANNELS, TINY_SIDE, TINY_SIDE};
    must(td_model_split(t->model, "relu1", NULL, t->folder, err));
    plain = open_half(t->folder, "head.onnx");
    must(td_model_split(t->model, "relu1", strategy, t->folder, err));
    quantized = open_half(t->folder, "head.onnx");
    fill_input(&plain);
    fill_input(&quantized);
    must(tdi_run_execute(plain.run, err));
    must(tdi_run_execute(quantized.run, err));
    must(td_codec_open(strategy, &layout, NULL, &codec, err));
    uint8_t *bytes = tdi_malloc(td_codec_bound(codec));
    size_t written;
    must(td_codec_encode(codec, tdi_run_output(plain.run, 0), bytes, td_codec_bound(codec),
                         &written, err));
    size_t elements = TINY_CHANNELS * TINY_SIDE * TINY_SIDE, off_by_one = 0;
    float *decoded = tdi_calloc(elements, sizeof *decoded);
    must(td_codec_decode(codec, bytes, written, decoded, err));
    const uint8_t *levels = tdi_run_output(quantized.run, 0);
    for (size_t i = 0; i < elements; i++) {
        long level = lround(((double)decoded[i] + 1) / (4.0 / 255));
        assert_true(labs(level - levels[i]) <= 1);
        off_by_one += level != levels[i];
    }
    assert_true(off_by_one * 1000 < elements);
    tdi_free(decoded);
    tdi_free(bytes);
    td_codec_close(codec);
    close_half(&plain);
    close_half(&quantized);
}

static void float16_is_attached_as_casts(void **state) {
    tiny *t = *state;
    must(td_model_split(t->model, "add", "f16", t->folder, err));
    half head = open_half(t->folder, "head.onnx");
    assert_int_equal(head.graph->values[head.graph->outputs[0]].dtype, TD_DTYPE_F16);
    close_half(&head);
    assert_true(largest_difference(t, t->folder) < 0.05);
}

static void nothing_is_split_where_a_half_would_be_empty(void **state) {
    tiny *t = *state;
    td_error error = {0};
    assert_int_equal(td_model_split(t->model, "input", NULL, t->folder, &error), TD_CUT);
    assert_int_equal(td_model_split(t->model, "output", NULL, t->folder, &error), TD_CUT);
    assert_int_equal(td_model_split(t->model, "logits", NULL, t->folder, &error), TD_CUT);
}

static void a_quantizer_without_calibration_says_what_to_do(void **state) {
    tiny *t = *state;
    td_error error = {0};
    assert_int_equal(
        td_model_split(t->model, "relu1", "uniform:levels=16,clip=3.3", t->folder, &error),
        TD_NOT_FOUND);
    assert_non_null(strstr(error.message, "min="));
}

static void nothing_is_left_where_writing_fails(void **state) {
    tiny *t = *state;
    td_error error = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/tiny.onnx/halves", t->folder);
    assert_int_not_equal(td_model_split(t->model, "relu1", NULL, path, &error), TD_OK);
    assert_non_null(strstr(error.message, "tiny.onnx"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_compute_what_the_whole_does),
        cmocka_unit_test(halves_hold_only_their_own_weights),
        cmocka_unit_test(the_quantizer_becomes_part_of_both_halves),
        cmocka_unit_test(attached_and_separate_quantizers_agree),
        cmocka_unit_test(float16_is_attached_as_casts),
        cmocka_unit_test(nothing_is_split_where_a_half_would_be_empty),
        cmocka_unit_test(a_quantizer_without_calibration_says_what_to_do),
        cmocka_unit_test(nothing_is_left_where_writing_fails),
    };
    return cmocka_run_group_tests(tests, tiny_setup, tiny_teardown);
}
