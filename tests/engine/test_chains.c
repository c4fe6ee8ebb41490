/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains of convolutions around a depthwise one give the same numbers as the convolutions one by
 * one, whatever their shapes, the batch and the number of threads.
 */
#include "net.h"

#include "base/cpu.h"

static int pick(net *n, int below) {
    return (int)tdi_prng_below(&n->prng, (uint64_t)below);
}

static int activate(net *n, int x) {
    float low = -0.3f, high = 0.9f;
    switch (pick(n, 4)) {
    case 0:
        return x;
    case 1:
        return NET_OP(n, "Relu", x);
    case 2:
        return NET_OP(n, "HardSwish", x);
    default:
        return NET_OP(n, "Clip", x, net_floats(n, (td_shape){0, {0}}, &low),
                      net_floats(n, (td_shape){0, {0}}, &high));
    }
}

/* A random chain on random pictures. */
static net random_chain(uint64_t seed) {
    net n = net_new(14, seed);
    static const int kernels[] = {3, 3, 5, 1};
    /* A single channel would not make a depthwise convolution. */
    int64_t channels = 2 + pick(&n, 40), height = 5 + pick(&n, 20), width = 5 + pick(&n, 35);
    int64_t batch = 1 + pick(&n, 3);
    int source = pick(&n, 3), kernel = kernels[pick(&n, 4)], stride = 1 + pick(&n, 2);
    int projects = source == 0 || pick(&n, 3) > 0;
    if (source == 2)
        channels = 1 + pick(&n, 4);
    int x = net_input(&n, DIMS(batch, channels, height, width)), y = x;
    int64_t wide = channels;
    if (source == 1) {
        wide = 2 + pick(&n, 90);
        y = activate(&n, net_conv(&n, x, channels, wide, 1, 1, 1));
    } else if (source == 2) {
        wide = 2 + pick(&n, 31);
        y = activate(&n, net_conv(&n, x, channels, wide, 3, 1 + pick(&n, 2), 1));
    }
    y = activate(&n, net_conv(&n, y, wide, wide, kernel, stride, wide));
    if (projects && source == 1 && stride == 1 && pick(&n, 2))
        y = NET_OP(&n, "Add", net_conv(&n, y, wide, channels, 1, 1, 1), x);
    else if (projects)
        y = activate(&n, net_conv(&n, y, wide, 1 + pick(&n, 50), 1, 1, 1));
    net_outputs(&n, &y, 1);
    return n;
}

static int is_one_step(const tdi_program *program) {
    char *text = tdi_program_describe(program);
    int lines = 0;
    for (const char *at = strstr(text, "native"); at; at = strstr(at + 1, "native"))
        lines++;
    tdi_free(text);
    return lines == 1;
}

/* The multiply-adds of all steps are those of the graph, however they are joined. */
static int64_t macs_of(const tdi_program *program) {
    int64_t sum = 0;
    for (size_t i = 0; i < tdi_program_step_count(program); i++)
        sum += tdi_program_step(program, i).macs;
    return sum;
}

static void chains_equal_the_convolutions_one_by_one(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        net n = random_chain(seed);
        tdi_graph *all = net_unfused(n.graph);
        const tdi_value *in = &n.graph->values[n.graph->inputs[0]];
        tdi_program_settings settings = {.batch = 1, .threads = 1 + (int)(seed % 3)};
        float *input = random_floats(&n.prng, (size_t)td_shape_elements(&in->shape));
        ran chain = run_graph(n.graph, &settings, (const float *const *)&input);
        ran single = run_graph(all, &settings, (const float *const *)&input);
        double d = relative_difference(tdi_run_output(chain.run, 0), tdi_run_output(single.run, 0),
                                       tdi_run_output_bytes(chain.run, 0) / sizeof(float));
        if (!(d < 1e-5))
            fail_msg("seed %d: differs by %g", (int)seed, d);
        assert_int_equal(macs_of(chain.program), macs_of(single.program));
        if (tdi_cpu() == TDI_CPU_AVX512)
            assert_true(is_one_step(chain.program));
        ran_free(&chain);
        ran_free(&single);
        free(input);
        tdi_graph_free(all);
        tdi_graph_free(n.graph);
    }
}

static void a_result_that_others_read_ends_the_chain(void **state) {
    net n = net_new(14, 7);
    (void)state;
    int x = net_input(&n, DIMS(1, 8, 9, 9));
    int wide = NET_OP(&n, "Relu", net_conv(&n, x, 8, 32, 1, 1, 1));
    int y = net_conv(&n, net_conv(&n, wide, 32, 32, 3, 1, 32), 32, 32, 1, 1, 1);
    int outputs[2] = {y, wide};
    net_outputs(&n, outputs, 2);
    float *input = random_floats(&n.prng, 8 * 9 * 9);
    ran r = run_graph(n.graph, NULL, (const float *const *)&input);
    char *text = tdi_program_describe(r.program);
    assert_null(strstr(text, "Conv+Relu+Conv"));
    tdi_free(text);
    ran_free(&r);
    free(input);
    tdi_graph_free(n.graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_equal_the_convolutions_one_by_one),
        cmocka_unit_test(a_result_that_others_read_ends_the_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
