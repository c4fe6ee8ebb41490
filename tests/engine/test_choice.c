/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels chosen by what they take, and the file that remembers it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/timings.h"

/* A path in a folder of its own; removed by file_free(). */
static char *file_new(void) {
    char folder[256];
    return tdi_path_join(test_folder(folder), "timings");
}

static void file_free(char *path) {
    remove(path);
    *strrchr(path, '/') = '\0';
    assert_int_equal(tdi_folder_remove(path, NULL), TD_OK);
    tdi_free(path);
}

/* Two convolutions that can be run in many ways, with an addition and bounds; and one of so many
 * weights that the others may take what they like. */
static net residual(int64_t many) {
    net n = net_new(14, 5);
    int x = net_input(&n, DIMS(1, 32, 12, 12));
    int y = NET_OP(&n, "Relu", net_conv(&n, x, 32, 32, 3, 1, 1));
    y = NET_OP(&n, "Add", net_conv(&n, y, 32, 32, 3, 1, 1), x);
    y = net_conv(&n, NET_OP(&n, "Relu", y), 32, many, 1, 1, 1);
    net_outputs(&n, &y, 1);
    return n;
}

static float *input_of(const tdi_graph *graph) {
    tdi_prng prng = {11};
    return random_floats(&prng, (size_t)td_shape_elements(&graph->values[graph->inputs[0]].shape));
}

static char *describe(const tdi_graph *graph, tdi_timings *timings, int threads) {
    tdi_program_settings settings = {.batch = 1, .threads = threads, .timings = timings};
    tdi_program *program = NULL;
    assert_int_equal(tdi_program_new(graph, &settings, &program, NULL), TD_OK);
    char *text = tdi_program_describe(program);
    tdi_program_unref(program);
    return text;
}

static size_t count(const char *text, const char *what) {
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        found++;
    return found;
}

/* The same timings, but for the kernels whose key ends so, and for copies: those take a nanosecond.
 */
static tdi_timings *favour(tdi_timings *timings, const char *ending) {
    char *path = file_new();
    uint8_t *data = NULL;
    size_t size = 0;
    tdi_text text = {0};
    assert_int_equal(tdi_timings_add(timings, "touched", &(tdi_timing){.time = 1}, NULL), TD_OK);
    assert_int_equal(tdi_timings_save(timings, path, NULL), TD_OK);
    assert_int_equal(tdi_file_read(path, 1 << 20, &data, &size, NULL), TD_OK);
    for (char *line = strtok((char *)data, "\n"); line; line = strtok(NULL, "\n")) {
        size_t length = strlen(line), end = strlen(ending);
        int favoured = strstr(line, " copy ") ||
                       (length > end && strcmp(line + length - end, ending) == 0);
        int possible = strncmp(line, "0 ", 2) != 0;
        favoured = favoured && possible;
        tdi_text_append(&text, "%s%s\n", favoured ? "1" : "", favoured ? strchr(line, ' ') : line);
    }
    tdi_timings *changed = tdi_timings_new();
    assert_int_equal(tdi_timings_parse(changed, text.data, text.size, NULL), TD_OK);
    tdi_text_fini(&text);
    tdi_free(data);
    file_free(path);
    return changed;
}

static void what_is_known_to_be_fastest_is_taken_and_computes_the_same(void **state) {
    static const struct {
        const char *ending, *implementation;
    } cases[] = {
        {", onednn/1", "onednn"},
        {", native/0", "native winograd 4x4"},
        {", native/1", "native winograd 2x2"},
    };
    net n = residual(1024);
    float *input = input_of(n.graph);
    const float *inputs[1] = {input};
    ran plain = run_graph(n.graph, NULL, inputs);
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        tdi_timings *measured = tdi_timings_new();
        tdi_free(describe(n.graph, measured, threads));
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            tdi_timings *timings = favour(measured, cases[i].ending);
            tdi_program_settings settings = {.batch = 1, .threads = threads, .timings = timings};
            char *text = describe(n.graph, timings, threads);
            ran chosen = run_graph(n.graph, &settings, inputs);
            if (count(text, cases[i].implementation) < 2)
                fail_msg("%s is not in\n%s", cases[i].implementation, text);
            assert_true(
                relative_difference(tdi_run_output(chosen.run, 0), tdi_run_output(plain.run, 0),
                                    tdi_run_output_bytes(plain.run, 0) / sizeof(float)) < 1e-5);
            ran_free(&chosen);
            tdi_free(text);
            tdi_timings_unref(timings);
        }
        tdi_timings_unref(measured);
    }
    ran_free(&plain);
    free(input);
    tdi_graph_free(n.graph);
}

static void weights_keep_within_bounds(void **state) {
    net n = residual(16);
    tdi_timings *measured = tdi_timings_new();
    (void)state;
    tdi_free(describe(n.graph, measured, 1));
    /* Four times the weights of both convolutions would be too much, of one it is not. */
    tdi_timings *timings = favour(measured, ", native/0");
    tdi_program_settings settings = {.batch = 1, .threads = 1, .timings = timings};
    tdi_program *program = NULL;
    assert_int_equal(tdi_program_new(n.graph, &settings, &program, NULL), TD_OK);
    char *text = tdi_program_describe(program);
    assert_int_equal(count(text, "native winograd 4x4"), 1);
    tdi_free(text);
    tdi_program_unref(program);
    tdi_timings_unref(timings);
    tdi_timings_unref(measured);
    tdi_graph_free(n.graph);
}

static void programs_without_timings_are_the_same_every_time(void **state) {
    net n = residual(1024);
    (void)state;
    char *first = describe(n.graph, NULL, 1), *second = describe(n.graph, NULL, 1);
    assert_string_equal(first, second);
    assert_null(strstr(first, "native"));
    tdi_free(first);
    tdi_free(second);
    tdi_graph_free(n.graph);
}

static void nothing_is_measured_twice(void **state) {
    net n = residual(1024);
    char *path = file_new();
    tdi_timings *timings = tdi_timings_new(), *again = tdi_timings_new();
    (void)state;
    tdi_free(describe(n.graph, timings, 1));
    assert_int_equal(tdi_timings_save(timings, path, NULL), TD_OK);
    assert_true(tdi_path_exists(path));
    assert_int_equal(tdi_timings_load(again, path, NULL), TD_OK);
    remove(path);
    char *first = describe(n.graph, timings, 1), *second = describe(n.graph, again, 1);
    assert_string_equal(first, second);
    /* Only what is new is written. */
    assert_int_equal(tdi_timings_save(again, path, NULL), TD_OK);
    assert_false(tdi_path_exists(path));
    tdi_free(first);
    tdi_free(second);
    file_free(path);
    tdi_timings_unref(timings);
    tdi_timings_unref(again);
    tdi_graph_free(n.graph);
}

static void what_others_have_written_meanwhile_is_kept(void **state) {
    char *path = file_new();
    tdi_timing timing;
    tdi_timings *one = tdi_timings_new(), *other = tdi_timings_new(), *both = tdi_timings_new();
    (void)state;
    tdi_timings_add(one, "a", &(tdi_timing){.time = 5}, NULL);
    tdi_timings_add(other, "b", &(tdi_timing){.time = 7}, NULL);
    assert_int_equal(tdi_timings_save(one, path, NULL), TD_OK);
    assert_int_equal(tdi_timings_save(other, path, NULL), TD_OK);
    assert_int_equal(tdi_timings_load(both, path, NULL), TD_OK);
    assert_true(tdi_timings_find(both, "a", &timing) && timing.time == 5);
    assert_true(tdi_timings_find(both, "b", &timing) && timing.time == 7);
    tdi_timings_unref(one);
    tdi_timings_unref(other);
    tdi_timings_unref(both);
    file_free(path);
}

static void a_file_of_another_machine_or_a_damaged_one_says_nothing(void **state) {
    char machine[65], text[300];
    tdi_timing timing;
    (void)state;
    tdi_timings_machine(machine);
    tdi_timings *timings = tdi_timings_new();
    const char *other = "tandem-timings 1 0123456789\n5 0 0 0 a\n";
    assert_int_equal(tdi_timings_parse(timings, other, strlen(other), NULL), TD_OK);
    assert_false(tdi_timings_find(timings, "a", &timing));
    snprintf(text, sizeof text,
             "tandem-timings 1 %s\n5 0 2 0 a\nx 0 0 0 b\n-3 0 0 0 c\n1 0 9 0 d\n"
             "99999999999999999999 0 0 0 e\n6 0 0 0 \x01\n\n7 0 0 0 g\n8 0 0 0 h",
             machine);
    assert_int_equal(tdi_timings_parse(timings, text, strlen(text), NULL), TD_OK);
    assert_true(tdi_timings_find(timings, "a", &timing) && timing.time == 5);
    assert_true(tdi_timings_find(timings, "g", &timing) && timing.time == 7);
    for (const char *key = "bcdeh"; *key; key++)
        assert_false(tdi_timings_find(timings, (char[]){*key, '\0'}, &timing));
    tdi_timings_unref(timings);
}

static void every_prefix_of_a_file_is_read_without_harm(void **state) {
    char machine[65], text[300];
    tdi_timing timing;
    (void)state;
    tdi_timings_machine(machine);
    snprintf(text, sizeof text, "tandem-timings 1 %s\n50 1 2 a\n60 1 2 b\n", machine);
    for (size_t size = 0; size <= strlen(text); size++) {
        tdi_timings *timings = tdi_timings_new();
        assert_int_equal(tdi_timings_parse(timings, text, size, NULL), TD_OK);
        /* A number that was cut off is not taken for a smaller one. */
        if (tdi_timings_find(timings, "b", &timing))
            assert_true(size == strlen(text) && timing.time == 60);
        tdi_timings_unref(timings);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_known_to_be_fastest_is_taken_and_computes_the_same),
        cmocka_unit_test(weights_keep_within_bounds),
        cmocka_unit_test(programs_without_timings_are_the_same_every_time),
        cmocka_unit_test(nothing_is_measured_twice),
        cmocka_unit_test(what_others_have_written_meanwhile_is_kept),
        cmocka_unit_test(a_file_of_another_machine_or_a_damaged_one_says_nothing),
        cmocka_unit_test(every_prefix_of_a_file_is_read_without_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
