/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs as objects: batches, shared packs, memory planning, footprint, running out of memory.
 */
#include <malloc.h>

#include "net.h"

#include "engine/memory_plan.h"

static tdi_graph *small_network(void) {
    net n = net_new(13, 1);
    int x = net_input(&n, DIMS(1, 3, 12, 12));
    n.graph->values[x].batched = n.graph->symbolic_batch = 1;
    x = NET_OP(&n, "Relu", net_norm(&n, net_conv(&n, x, 3, 16, 3, 2, 1), 16));
    x = NET_OP(&n, "Add", net_conv(&n, x, 16, 16, 3, 1, 1), x);
    x = NET_OP(&n, "Concat", NET_OP(&n, "Floor", x), x);
    net_attr_int(&n, "axis", 1);
    x = NET_OP(&n, "Flatten", NET_OP(&n, "GlobalAveragePool", x));
    x = NET_OP(&n, "Gemm", x, net_weights(&n, DIMS(32, 10), 32));
    x = NET_OP(&n, "Softmax", x);
    net_outputs(&n, &x, 1);
    return n.graph;
}

static void spans_that_live_together_never_overlap(void **state) {
    tdi_prng prng = {test_seed(1)};
    tdi_span spans[40];
    (void)state;
    for (int round = 0; round < 200; round++) {
        size_t count = 1 + tdi_prng_below(&prng, 40), bytes;
        for (size_t i = 0; i < count; i++) {
            int first = (int)tdi_prng_below(&prng, 20);
            spans[i] = (tdi_span){.bytes = tdi_prng_below(&prng, 3000), .first = first};
            spans[i].last = first + (int)tdi_prng_below(&prng, 6) - 1;
        }
        assert_int_equal(tdi_memory_plan(spans, count, &bytes, NULL), TD_OK);
        for (size_t i = 0; i < count; i++) {
            if (spans[i].first > spans[i].last)
                continue;
            assert_true(spans[i].offset % TDI_ALIGNMENT == 0);
            assert_true(spans[i].offset + spans[i].bytes + TDI_EXTRA_BYTES <= bytes);
            for (size_t j = 0; j < i; j++) {
                int together = spans[i].first <= spans[j].last && spans[j].first <= spans[i].last &&
                               spans[j].first <= spans[j].last;
                assert_false(together && spans[i].offset < spans[j].offset + spans[j].bytes &&
                             spans[j].offset < spans[i].offset + spans[i].bytes);
            }
        }
    }
}

static void chain_of_buffers_needs_two_of_them(void **state) {
    tdi_span spans[10];
    size_t bytes;
    (void)state;
    for (int i = 0; i < 10; i++)
        spans[i] = (tdi_span){.bytes = 1000, .first = i, .last = i + 1};
    assert_int_equal(tdi_memory_plan(spans, 10, &bytes, NULL), TD_OK);
    assert_true(bytes <= 2 * 1152);
}

static void pictures_of_a_batch_get_the_answers_that_they_get_alone(void **state) {
    enum { BATCH = 5, IN = 3 * 12 * 12, OUT = 10 };
    tdi_graph *graph = small_network();
    tdi_packs *packs = tdi_packs_new();
    tdi_program_settings one = {.batch = 1, .threads = 1, .packs = packs},
                         five = {.batch = BATCH, .threads = 1, .packs = packs};
    tdi_prng prng = {5};
    float *values = random_floats(&prng, BATCH * IN);
    const float *inputs[1] = {values};
    (void)state;
    ran all = run_graph(graph, &five, inputs);
    assert_int_equal(tdi_run_input_bytes(all.run, 0), BATCH * IN * sizeof(float));
    for (int i = 0; i < BATCH; i++) {
        inputs[0] = values + i * IN;
        ran alone = run_graph(graph, &one, inputs);
        const float *batch = tdi_run_output(all.run, 0);
        assert_true(relative_difference(batch + i * OUT, tdi_run_output(alone.run, 0), OUT) < 1e-5);
        ran_free(&alone);
    }
    ran_free(&all);
    free(values);
    tdi_packs_unref(packs);
    tdi_graph_free(graph);
}

static void threads_inside_an_operator_give_the_same_answer(void **state) {
    tdi_graph *graph = small_network();
    tdi_program_settings two = {.batch = 1, .threads = 2};
    tdi_prng prng = {6};
    float *values = random_floats(&prng, 3 * 12 * 12);
    const float *inputs[1] = {values};
    (void)state;
    ran a = run_graph(graph, NULL, inputs), b = run_graph(graph, &two, inputs);
    assert_true(relative_difference(tdi_run_output(a.run, 0), tdi_run_output(b.run, 0), 10) < 1e-5);
    ran_free(&a);
    ran_free(&b);
    free(values);
    tdi_graph_free(graph);
}

static size_t counted_bytes, counted_calls;

static void *counting_malloc(size_t bytes, void *user) {
    (void)user;
    counted_calls++;
    counted_bytes += bytes;
    return malloc(bytes);
}

static void *counting_calloc(size_t count, size_t bytes, void *user) {
    (void)user;
    counted_calls++;
    counted_bytes += count * bytes;
    return calloc(count, bytes);
}

static void *counting_realloc(void *ptr, size_t bytes, void *user) {
    (void)user;
    counted_calls++;
    counted_bytes += bytes;
    return realloc(ptr, bytes);
}

static void counting_free(void *ptr, void *user) {
    (void)user;
    counted_calls++;
    free(ptr);
}

/* Bytes of all blocks of the process that are not freed, oneDNN's and libgomp's among them. */
static size_t live_bytes(void) {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void execute_often(const tdi_program_settings *settings) {
    tdi_graph *graph = small_network();
    tdi_prng prng = {6};
    float *values = random_floats(&prng, (size_t)settings->batch * 3 * 12 * 12);
    const float *inputs[1] = {values};
    ran r = run_graph(graph, settings, inputs);
    assert_int_equal(tdi_run_execute(r.run, NULL), TD_OK); /* teams and caches exist from now on */
    size_t live = live_bytes();
    counted_bytes = counted_calls = 0;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(tdi_run_execute(r.run, NULL), TD_OK);
    assert_int_equal(counted_bytes, 0);
    assert_int_equal(counted_calls, 0);
    assert_int_equal(live_bytes(), live);
    ran_free(&r);
    free(values);
    tdi_graph_free(graph);
}

static void thousand_executions_touch_no_heap_of_ours_and_leave_no_byte(void **state) {
    const tdi_program_settings one = {.batch = 1, .threads = 1}, two = {.batch = 1, .threads = 2},
                               batch = {.batch = 3, .threads = 2};
    (void)state;
    execute_often(&one);
    execute_often(&two);
    execute_often(&batch);
}

static void programs_with_shared_packs_hold_the_weights_once(void **state) {
    net n = net_new(13, 8);
    tdi_packs *packs = tdi_packs_new();
    tdi_program_settings settings = {.batch = 1, .threads = 1, .packs = packs};
    tdi_program *first = NULL, *second = NULL;
    (void)state;
    int x = NET_OP(&n, "Gemm", net_input(&n, DIMS(1, 1000)),
                   net_floats(&n, DIMS(1000, 1000), NULL));
    net_outputs(&n, &x, 1);
    assert_int_equal(tdi_program_new(n.graph, &settings, &first, NULL), TD_OK);
    assert_true(tdi_program_footprint(first).weights_bytes >= 4000000);
    counted_bytes = 0;
    assert_int_equal(tdi_program_new(n.graph, &settings, &second, NULL), TD_OK);
    assert_true(counted_bytes < 1000000);
    tdi_program_unref(first);
    tdi_program_unref(second);
    tdi_packs_unref(packs);
    tdi_graph_free(n.graph);
}

static void settings_out_of_range_are_refused(void **state) {
    tdi_graph *graph = small_network();
    tdi_program *program = NULL;
    tdi_program_settings no_batch = {.batch = 0, .threads = 1},
                         no_threads = {.batch = 1, .threads = 0};
    (void)state;
    assert_int_equal(tdi_program_new(graph, &no_batch, &program, NULL), TD_ARGUMENT);
    assert_int_equal(tdi_program_new(graph, &no_threads, &program, NULL), TD_ARGUMENT);
    tdi_graph_free(graph);
}

static void environment_that_lets_threads_spin_is_noticed(void **state) {
    td_error err = {TD_OK, -1, ""};
    (void)state;
    unsetenv("OMP_WAIT_POLICY");
    unsetenv("GOMP_SPINCOUNT");
    assert_int_equal(td_environment_check(&err), TD_MISMATCH);
    assert_non_null(strstr(err.message, "GOMP_SPINCOUNT"));
    setenv("OMP_WAIT_POLICY", "active", 1);
    assert_int_equal(td_environment_check(NULL), TD_MISMATCH);
    setenv("OMP_WAIT_POLICY", "PASSIVE", 1);
    assert_int_equal(td_environment_check(NULL), TD_OK);
    unsetenv("OMP_WAIT_POLICY");
    setenv("GOMP_SPINCOUNT", "1000", 1);
    assert_int_equal(td_environment_check(NULL), TD_OK);
}

static long failing_countdown = -1; /* allocations until one fails; negative: none does */

static int fails_now(void) {
    return failing_countdown >= 0 && failing_countdown-- == 0;
}

static void *failing_malloc(size_t bytes, void *user) {
    return fails_now() ? NULL : counting_malloc(bytes, user);
}

static void *failing_calloc(size_t count, size_t bytes, void *user) {
    return fails_now() ? NULL : counting_calloc(count, bytes, user);
}

static void *failing_realloc(void *ptr, size_t bytes, void *user) {
    return fails_now() ? NULL : counting_realloc(ptr, bytes, user);
}

static void every_allocation_may_fail_with(const tdi_program_settings *settings) {
    tdi_graph *graph = small_network();
    long n = 0;
    for (int done = 0; !done; n++) {
        tdi_program *program = NULL;
        tdi_run *run = NULL;
        td_error err = {TD_OK, -1, ""};
        failing_countdown = n;
        td_status status = tdi_program_new(graph, settings, &program, &err);
        if (status == TD_OK)
            status = tdi_run_new(program, &run, &err);
        done = failing_countdown >= 0;
        failing_countdown = -1;
        if (!done && status != TD_MEMORY)
            fail_msg("allocation %ld: %s", n, status == TD_OK ? "no failure" : err.message);
        tdi_run_free(run);
        tdi_program_unref(program);
    }
    print_message("%ld allocations\n", n);
    tdi_graph_free(graph);
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    every_allocation_may_fail_with(NULL);
}

static void every_allocation_may_fail_with_8_bits(void **state) {
    tdi_graph *graph = small_network();
    tdi_ranges ranges = {0};
    (void)state;
    for (int v = 0; v < graph->value_count; v++)
        if (tdi_value_has_range(&graph->values[v]))
            assert_int_equal(tdi_ranges_add(&ranges, graph->values[v].name, -4, 4, NULL), TD_OK);
    const tdi_program_settings settings = {
        .batch = 1, .threads = 1, .precision = TD_PRECISION_INT8, .ranges = &ranges};
    every_allocation_may_fail_with(&settings);
    tdi_ranges_clear(&ranges);
    tdi_graph_free(graph);
}

static void profile_times_every_step_and_changes_no_answer(void **state) {
    tdi_graph *graph = small_network();
    tdi_program_settings settings = {.batch = 1, .threads = 1};
    tdi_prng prng = {9};
    float *values = random_floats(&prng, 3 * 12 * 12), plain[10];
    const float *inputs[1] = {values};
    (void)state;
    ran r = run_graph(graph, &settings, inputs);
    memcpy(plain, tdi_run_output(r.run, 0), sizeof plain);
    size_t steps = tdi_program_step_count(r.program);
    td_duration *durations = malloc((steps + 1) * sizeof *durations);
    for (size_t i = 0; i <= steps; i++)
        durations[i] = -1;
    memcpy(tdi_run_input(r.run, 0), values, tdi_run_input_bytes(r.run, 0));
    assert_int_equal(tdi_run_profile(r.run, durations, NULL), TD_OK);
    assert_memory_equal(tdi_run_output(r.run, 0), plain, sizeof plain);
    int64_t macs = 0;
    for (size_t i = 0; i < steps; i++) {
        assert_true(durations[i] >= 0);
        macs += tdi_program_step(r.program, i).macs;
    }
    assert_true(durations[steps] == -1);
    assert_true(macs == tdi_graph_macs(graph));
    free(durations);
    free(values);
    ran_free(&r);
    tdi_graph_free(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_that_live_together_never_overlap),
        cmocka_unit_test(chain_of_buffers_needs_two_of_them),
        cmocka_unit_test(pictures_of_a_batch_get_the_answers_that_they_get_alone),
        cmocka_unit_test(threads_inside_an_operator_give_the_same_answer),
        cmocka_unit_test(thousand_executions_touch_no_heap_of_ours_and_leave_no_byte),
        cmocka_unit_test(profile_times_every_step_and_changes_no_answer),
        cmocka_unit_test(programs_with_shared_packs_hold_the_weights_once),
        cmocka_unit_test(settings_out_of_range_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(every_allocation_may_fail_with_8_bits),
        cmocka_unit_test(environment_that_lets_threads_spin_is_noticed),
    };
    const td_memory memory = {failing_malloc, failing_calloc, failing_realloc, counting_free, NULL};
    if (td_memory_set(&memory) != TD_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
