/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One program, many threads: bit-identical answers.
 */
#include <pthread.h>

#include "net.h"

#include "graph/onnx/onnx.h"

#define THREADS 8
#define RUNS    300

typedef struct worker {
    pthread_t thread;
    tdi_program *program;
    const float *input;
    const void *wanted;
    int wrong, failed;
} worker;

static void *work(void *user) {
    worker *w = user;
    tdi_run *run = NULL;
    if (tdi_run_new(w->program, &run, NULL) != TD_OK) {
        w->failed = 1;
        return NULL;
    }
    for (int i = 0; i < RUNS; i++) {
        memcpy(tdi_run_input(run, 0), w->input, tdi_run_input_bytes(run, 0));
        w->failed |= tdi_run_execute(run, NULL) != TD_OK;
        w->wrong += memcmp(tdi_run_output(run, 0), w->wanted, tdi_run_output_bytes(run, 0)) != 0;
    }
    tdi_run_free(run);
    return NULL;
}

static void check(const tdi_graph *graph) {
    tdi_prng prng = {7};
    const td_shape *shape = &graph->values[graph->inputs[0]].shape;
    float *input = random_floats(&prng, (size_t)td_shape_elements(shape));
    const float *inputs[1] = {input};
    ran first = run_graph(graph, NULL, inputs);
    worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.program = tdi_program_ref(first.program), .input = input};
        workers[i].wanted = tdi_run_output(first.run, 0);
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    int wrong = 0, failed = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        wrong += workers[i].wrong;
        failed += workers[i].failed;
        tdi_program_unref(workers[i].program);
    }
    ran_free(&first);
    free(input);
    assert_int_equal(failed, 0);
    assert_int_equal(wrong, 0);
}

static void threads_that_share_a_program_get_identical_answers(void **state) {
    net n = net_new(14, 3);
    (void)state;
    int x = net_input(&n, DIMS(1, 3, 32, 32));
    x = NET_OP(&n, "Relu", net_norm(&n, net_conv(&n, x, 3, 24, 3, 2, 1), 24));
    int y = NET_OP(&n, "HardSwish", net_conv(&n, x, 24, 24, 3, 1, 24));
    x = NET_OP(&n, "Add", net_conv(&n, y, 24, 24, 1, 1, 1), x);
    y = NET_OP(&n, "Concat", x, NET_OP(&n, "Floor", x));
    net_attr_int(&n, "axis", 1);
    y = NET_OP(&n, "Flatten", NET_OP(&n, "GlobalAveragePool", y));
    y = NET_OP(&n, "Gemm", y, net_weights(&n, DIMS(48, 10), 48));
    net_outputs(&n, &y, 1);
    check(n.graph);
    tdi_graph_free(n.graph);
}

static void threads_that_share_a_real_network_get_identical_answers(void **state) {
    const char *path = test_data("models/resnet20_cifar10.onnx");
    tdi_graph *graph = NULL;
    (void)state;
    if (!path)
        skip();
    assert_int_equal(tdi_onnx_load(path, &graph, NULL), TD_OK);
    check(graph);
    tdi_graph_free(graph);
}

typedef struct maker {
    pthread_t thread;
    const tdi_graph *graph;
    tdi_packs *packs;
    int failed;
} maker;

static void *make(void *user) {
    maker *m = user;
    for (int i = 0; i < 5; i++) {
        tdi_program_settings settings = {.batch = 1, .threads = 1, .packs = m->packs};
        tdi_program *program = NULL;
        m->failed |= tdi_program_new(m->graph, &settings, &program, NULL) != TD_OK;
        tdi_program_unref(program);
    }
    return NULL;
}

static void programs_can_be_made_side_by_side_from_one_set_of_packs(void **state) {
    net n = net_new(13, 4);
    maker makers[4];
    (void)state;
    int x = net_conv(&n, net_input(&n, DIMS(1, 3, 16, 16)), 3, 16, 3, 1, 1);
    x = NET_OP(&n, "Relu", net_conv(&n, x, 16, 16, 3, 1, 1));
    net_outputs(&n, &x, 1);
    tdi_packs *packs = tdi_packs_new();
    for (int i = 0; i < 4; i++) {
        makers[i] = (maker){.graph = n.graph, .packs = packs};
        assert_int_equal(pthread_create(&makers[i].thread, NULL, make, &makers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(makers[i].thread, NULL);
        assert_int_equal(makers[i].failed, 0);
    }
    tdi_packs_unref(packs);
    tdi_graph_free(n.graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_that_share_a_program_get_identical_answers),
        cmocka_unit_test(threads_that_share_a_real_network_get_identical_answers),
        cmocka_unit_test(programs_can_be_made_side_by_side_from_one_set_of_packs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
