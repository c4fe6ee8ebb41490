/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks with shape arithmetic, and operators with several outputs, run: halves at every cut give
 * what the whole gives, for one picture and for several.
 */
#include "graph/patterns.h"

#include "net.h"

#include "graph/cut.h"

#define TENSORS_MAX 8

/* Runs a graph; outputs are copied, free() each. */
static void run_batch(const tdi_graph *graph, int64_t batch, void *const *inputs, void **outputs) {
    const tdi_program_settings settings = {.batch = batch, .threads = 1};
    tdi_program *program = NULL;
    tdi_run *run = NULL;
    td_error err = {TD_OK, -1, ""};
    if (tdi_program_new(graph, &settings, &program, &err) != TD_OK ||
        tdi_run_new(program, &run, &err) != TD_OK)
        fail_msg("%s", err.message);
    for (int i = 0; i < graph->input_count; i++)
        memcpy(tdi_run_input(run, i), inputs[i], tdi_run_input_bytes(run, i));
    assert_int_equal(tdi_run_execute(run, &err), TD_OK);
    for (int i = 0; i < graph->output_count; i++) {
        outputs[i] = malloc(tdi_run_output_bytes(run, i) + 1);
        memcpy(outputs[i], tdi_run_output(run, i), tdi_run_output_bytes(run, i));
    }
    tdi_run_free(run);
    tdi_program_unref(program);
}

/* Whether a half's own graph follows the batch at its ends. */
static int follows_batch(const tdi_graph *graph, const int *values, int count) {
    for (int i = 0; i < count; i++)
        if (!graph->values[values[i]].batched)
            return 0;
    return 1;
}

static void check_cut(const tdi_graph *graph, const tdi_cut *cut, const char *what, int64_t batch,
                      void *input, const float *whole) {
    tdi_graph *head = NULL, *tail = NULL;
    td_error err;
    void *between[TENSORS_MAX], *output;
    if (!follows_batch(graph, cut->tensors, cut->tensor_count) && batch != 1)
        return;
    if (tdi_cut_head(graph, cut, &head, &err) != TD_OK ||
        tdi_cut_tail(graph, cut, &tail, &err) != TD_OK)
        fail_msg("%s: %s", what, err.message);
    run_batch(head, batch, &input, between);
    run_batch(tail, batch, between, &output);
    size_t elements = (size_t)td_shape_elements(&graph->values[graph->outputs[0]].shape);
    double difference = relative_difference(output, whole, elements * (size_t)batch);
    if (!(difference < 1e-5))
        fail_msg("%s, batch %d: halves differ by %g", what, (int)batch, difference);
    for (int i = 0; i < cut->tensor_count; i++)
        free(between[i]);
    free(output);
    tdi_graph_free(head);
    tdi_graph_free(tail);
}

static size_t check_pattern(const pattern *p, int64_t batch) {
    message bytes = p->build();
    tdi_graph *graph = read_graph(&bytes, PATTERN_OPSET);
    tdi_prng prng = {7};
    size_t elements = (size_t)td_shape_elements(&graph->values[graph->inputs[0]].shape), count;
    void *input = random_floats(&prng, elements * (size_t)batch), *whole;
    tdi_cut *cuts, cut;
    td_error err;
    run_batch(graph, batch, &input, &whole);
    assert_int_equal(tdi_cut_list(graph, &cuts, &count, NULL), TD_OK);
    for (size_t i = 0; i < count; i++)
        check_cut(graph, &cuts[i], graph->values[cuts[i].tensors[0]].name, batch, input, whole);
    for (size_t i = 0; i < 4 && p->cuts[i]; i++, count++) {
        if (tdi_cut_resolve(graph, p->cuts[i], &cut, &err) != TD_OK)
            fail_msg("%s", err.message);
        check_cut(graph, &cut, p->cuts[i], batch, input, whole);
    }
    tdi_free(cuts);
    free(input);
    free(whole);
    tdi_graph_free(graph);
    return count;
}

static void patterns_can_be_cut_everywhere(void **state) {
    size_t cuts = 0;
    (void)state;
    for (size_t i = 0; i < PATTERN_COUNT; i++)
        for (int64_t batch = 1; batch <= 3; batch += 2)
            cuts += check_pattern(&patterns[i], batch);
    print_message("%zu cuts\n", cuts);
    assert_true(cuts > 50);
}

/* A batch gives each picture what it gets alone. */
static void a_batch_computes_each_picture(void **state) {
    (void)state;
    for (size_t i = 0; i < PATTERN_COUNT; i++) {
        message bytes = patterns[i].build();
        tdi_graph *graph = read_graph(&bytes, PATTERN_OPSET);
        tdi_prng prng = {9};
        size_t in = (size_t)td_shape_elements(&graph->values[graph->inputs[0]].shape);
        size_t out = (size_t)td_shape_elements(&graph->values[graph->outputs[0]].shape);
        float *pictures = random_floats(&prng, 2 * in);
        void *both_in = pictures, *second_in = pictures + in, *both, *second;
        run_batch(graph, 2, &both_in, &both);
        run_batch(graph, 1, &second_in, &second);
        if (!(relative_difference((float *)both + out, second, out) < 1e-5))
            fail_msg("%s: the second picture of a batch differs", patterns[i].name);
        free(pictures);
        free(both);
        free(second);
        tdi_graph_free(graph);
    }
}

static void outputs_that_nobody_reads_cost_nothing(void **state) {
    (void)state;
    message g = {0};
    add_input(&g, "x", "1,6");
    add_output(&g, "y");
    add_ints(&g, "k", "2");
    add_node(&g, "TopK", "x,k", "values,places", "");
    add_node(&g, "Cast", "places", "y", "to=1");
    tdi_graph *graph = read_graph(&g, 13);
    float x[6] = {3, 9, -1, 9, 5, 0};
    void *input = x, *output;
    tdi_program *program;
    run_batch(graph, 1, &input, &output);
    assert_true(((float *)output)[0] == 1 && ((float *)output)[1] == 3);
    assert_int_equal(tdi_program_new(graph, NULL, &program, NULL), TD_OK);
    char *text = tdi_program_describe(program);
    char *first = strstr(text, "TopK");
    assert_non_null(first);
    assert_null(strstr(first + 1, "TopK \""));
    tdi_free(text);
    tdi_program_unref(program);
    free(output);
    tdi_graph_free(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_can_be_cut_everywhere),
        cmocka_unit_test(a_batch_computes_each_picture),
        cmocka_unit_test(outputs_that_nobody_reads_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
