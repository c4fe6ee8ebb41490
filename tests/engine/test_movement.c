/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators that move elements or treat each alone, against loops written down a second time.
 */
#include "net.h"

enum { A = 3, B = 4, C = 5, COUNT = A * B * C };

/* Runs a graph whose input is 1x3x4x5; the caller frees the result's run. */
static ran run_on(net *n, int output, const float *input) {
    const float *inputs[1] = {input};
    net_outputs(n, &output, 1);
    return run_graph(n->graph, NULL, inputs);
}

static float at(const float *x, int a, int b, int c) {
    return x[(a * B + b) * C + c];
}

static void slice_steps_forwards_and_backwards(void **state) {
    net n = net_new(13, 1);
    float *x = random_floats(&n.prng, COUNT);
    (void)state;
    int y = NET_OP(&n, "Slice", net_input(&n, DIMS(1, A, B, C)),
                   net_ints(&n, 3, (int64_t[]){-1, 1, -2}),
                   net_ints(&n, 3, (int64_t[]){-100, 100, 0}),
                   net_ints(&n, 3, (int64_t[]){1, 2, -1}), net_ints(&n, 3, (int64_t[]){-2, 2, -1}));
    ran r = run_on(&n, y, x);
    const float *got = tdi_run_output(r.run, 0);
    assert_int_equal(tdi_run_output_bytes(r.run, 0), 2 * 2 * 3 * sizeof(float));
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 2; b++)
            for (int c = 0; c < 3; c++)
                assert_true(got[(a * 2 + b) * 3 + c] == at(x, 2 - 2 * a, 1 + 2 * b, 3 - c));
    ran_free(&r);
    free(x);
    tdi_graph_free(n.graph);
}

static void transpose_reorders_axes(void **state) {
    net n = net_new(13, 2);
    float *x = random_floats(&n.prng, COUNT);
    (void)state;
    int y = NET_OP(&n, "Transpose", net_input(&n, DIMS(1, A, B, C)));
    net_attr_ints(&n, "perm", 4, (int64_t[]){0, 3, 1, 2});
    ran r = run_on(&n, y, x);
    const float *got = tdi_run_output(r.run, 0);
    for (int a = 0; a < A; a++)
        for (int b = 0; b < B; b++)
            for (int c = 0; c < C; c++)
                assert_true(got[(c * A + a) * B + b] == at(x, a, b, c));
    ran_free(&r);
    free(x);
    tdi_graph_free(n.graph);
}

static int source(const char *mode, int i, int count) {
    if (i >= 0 && i < count)
        return i;
    if (strcmp(mode, "constant") == 0)
        return -1;
    if (strcmp(mode, "edge") == 0)
        return i < 0 ? 0 : count - 1;
    return i < 0 ? -i : 2 * (count - 1) - i;
}

static void pad_surrounds_in_every_mode(void **state) {
    static const char *const modes[] = {"constant", "edge", "reflect"};
    (void)state;
    for (int m = 0; m < 3; m++) {
        net n = net_new(13, 3);
        float *x = random_floats(&n.prng, COUNT), value = 7;
        int y = NET_OP(&n, "Pad", net_input(&n, DIMS(1, A, B, C)),
                       net_ints(&n, 8, (int64_t[]){0, 1, 0, 2, 0, 0, 3, 1}),
                       net_floats(&n, (td_shape){0, {0}}, &value));
        assert_int_equal(tdi_graph_add_string(n.graph, net_last(&n), "mode", modes[m]), 0);
        ran r = run_on(&n, y, x);
        const float *got = tdi_run_output(r.run, 0);
        for (int i = 0; i < 4 * 7 * 8; i++) {
            int a = source(modes[m], i / 56 - 1, A), b = source(modes[m], i / 8 % 7, B);
            int c = source(modes[m], i % 8 - 2, C);
            assert_true(got[i] == (a < 0 || b < 0 || c < 0 ? value : at(x, a, b, c)));
        }
        ran_free(&r);
        free(x);
        tdi_graph_free(n.graph);
    }
}

static void mean_over_any_axes(void **state) {
    (void)state;
    for (int mask = 1; mask < 8; mask++) {
        net n = net_new(13, 4);
        float *x = random_floats(&n.prng, COUNT);
        int64_t axes[3];
        size_t axis_count = 0;
        int kept[3] = {A, B, C};
        for (int i = 0; i < 3; i++)
            if (mask >> i & 1)
                axes[axis_count++] = i + 1, kept[i] = 1;
        int y = NET_OP(&n, "ReduceMean", net_input(&n, DIMS(1, A, B, C)));
        net_attr_ints(&n, "axes", axis_count, axes);
        net_attr_int(&n, "keepdims", mask & 1);
        ran r = run_on(&n, y, x);
        const float *got = tdi_run_output(r.run, 0);
        double sums[COUNT] = {0};
        for (int i = 0; i < COUNT; i++) {
            int a = i / (B * C) % kept[0], b = i / C % B % kept[1], c = i % C % kept[2];
            sums[(a * kept[1] + b) * kept[2] + c] += (double)x[i];
        }
        int results = kept[0] * kept[1] * kept[2];
        assert_int_equal(tdi_run_output_bytes(r.run, 0), (size_t)results * sizeof(float));
        for (int i = 0; i < results; i++)
            assert_true(fabs((double)got[i] - sums[i] * results / COUNT) < 1e-6);
        ran_free(&r);
        free(x);
        tdi_graph_free(n.graph);
    }
}

static double function(const char *type, double x) {
    if (strcmp(type, "Relu") == 0)
        return x > 0 ? x : 0;
    if (strcmp(type, "LeakyRelu") == 0)
        return x > 0 ? x : 0.01 * x;
    if (strcmp(type, "Elu") == 0)
        return x > 0 ? x : exp(x) - 1;
    if (strcmp(type, "Sigmoid") == 0)
        return 1 / (1 + exp(-x));
    if (strcmp(type, "Tanh") == 0)
        return tanh(x);
    if (strcmp(type, "Exp") == 0)
        return exp(x);
    if (strcmp(type, "Sqrt") == 0)
        return sqrt(x);
    if (strcmp(type, "Floor") == 0)
        return floor(x);
    if (strcmp(type, "Abs") == 0)
        return fabs(x);
    return -x; /* Neg */
}

static void functions_of_single_elements_agree_with_libm(void **state) {
    static const char *const types[] = {"Relu", "LeakyRelu", "Elu",   "Sigmoid", "Tanh",
                                        "Exp",  "Sqrt",      "Floor", "Abs",     "Neg"};
    (void)state;
    /* Of rank 4 and of rank 7, which another backend runs. */
    for (size_t t = 0; t < 20; t++) {
        const char *type = types[t / 2];
        net n = net_new(13, 5);
        float *x = random_floats(&n.prng, COUNT);
        for (int i = 0; i < COUNT; i++)
            x[i] = strcmp(type, "Sqrt") == 0 ? fabsf(x[i]) : 4 * x[i];
        int in = net_input(&n, t & 1 ? DIMS(1, A, B, C) : DIMS(1, 1, A, B, 1, C, 1));
        ran r = run_on(&n, NET_OP(&n, type, in), x);
        const float *got = tdi_run_output(r.run, 0);
        for (int i = 0; i < COUNT; i++) {
            double wanted = function(type, (double)x[i]);
            assert_true(fabs((double)got[i] - wanted) <= 1e-6 + 1e-6 * fabs(wanted));
        }
        ran_free(&r);
        free(x);
        tdi_graph_free(n.graph);
    }
}

static void pools_over_a_whole_channel(void **state) {
    (void)state;
    /* The second shape has three spatial axes, which another backend runs. */
    for (int i = 0; i < 4; i++) {
        net n = net_new(13, 6);
        float *x = random_floats(&n.prng, COUNT);
        int in = net_input(&n, i & 1 ? DIMS(1, A, B, C) : DIMS(1, A, 2, 2, C));
        ran r = run_on(&n, NET_OP(&n, i & 2 ? "GlobalAveragePool" : "GlobalMaxPool", in), x);
        const float *got = tdi_run_output(r.run, 0);
        for (int a = 0; a < A; a++) {
            double sum = 0, most = -INFINITY;
            for (int j = 0; j < B * C; j++) {
                sum += (double)x[a * B * C + j];
                most = fmax(most, (double)x[a * B * C + j]);
            }
            assert_true(fabs((double)got[a] - (i & 2 ? sum / (B * C) : most)) < 1e-6);
        }
        ran_free(&r);
        free(x);
        tdi_graph_free(n.graph);
    }
}

static void log_softmax_is_the_logarithm_of_softmax(void **state) {
    net n = net_new(13, 7), m = net_new(13, 7);
    float *x = random_floats(&n.prng, COUNT);
    (void)state;
    ran a = run_on(&n, NET_OP(&n, "Softmax", net_input(&n, DIMS(1, A, B, C))), x);
    ran b = run_on(&m, NET_OP(&m, "LogSoftmax", net_input(&m, DIMS(1, A, B, C))), x);
    const float *p = tdi_run_output(a.run, 0), *log_p = tdi_run_output(b.run, 0);
    for (int i = 0; i < COUNT; i += C) {
        double sum = 0;
        for (int c = 0; c < C; c++)
            sum += exp((double)x[i + c]);
        for (int c = 0; c < C; c++) {
            assert_true(fabs((double)p[i + c] - exp((double)x[i + c]) / sum) < 1e-6);
            assert_true(fabs((double)log_p[i + c] - ((double)x[i + c] - log(sum))) < 1e-5);
        }
    }
    ran_free(&a);
    ran_free(&b);
    free(x);
    tdi_graph_free(n.graph);
    tdi_graph_free(m.graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slice_steps_forwards_and_backwards),
        cmocka_unit_test(transpose_reorders_axes),
        cmocka_unit_test(pad_surrounds_in_every_mode),
        cmocka_unit_test(mean_over_any_axes),
        cmocka_unit_test(functions_of_single_elements_agree_with_libm),
        cmocka_unit_test(pools_over_a_whole_channel),
        cmocka_unit_test(log_softmax_is_the_logarithm_of_softmax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
