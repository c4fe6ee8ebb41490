/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions, reductions, normalizations, paddings and products against their formulas in double, in
 * forms that ONNX's node tests leave out.
 */
#include "net.h"

#include "graph/op.h"

static void expect(net *n, int y, const float *const *inputs, const double *wanted,
                   double tolerance, const char *what) {
    net_outputs(n, &y, 1);
    ran r = run_graph(n->graph, NULL, inputs);
    const float *got = tdi_run_output(r.run, 0);
    for (size_t i = 0; i < tdi_run_output_bytes(r.run, 0) / sizeof(float); i++)
        if (!(fabs((double)got[i] - wanted[i]) <= tolerance * (1 + fabs(wanted[i]))))
            fail_msg("%s: element %zu is %g, not %g", what, i, (double)got[i], wanted[i]);
    ran_free(&r);
    tdi_graph_free(n->graph);
}

static double softplus(double x) {
    return log1p(exp(-fabs(x))) + fmax(x, 0);
}
static double celu(double x) {
    return fmax(x, 0) + fmin(0, expm1(x));
}
static double gelu(double x) {
    return x * (1 + erf(x / sqrt(2))) / 2;
}
static double mish(double x) {
    return x * tanh(softplus(x));
}
static double reciprocal(double x) {
    return 1 / x;
}
static double selu(double x) {
    return 1.05070098735548 * (x > 0 ? x : 1.67326324235437 * expm1(x));
}
static double sign(double x) {
    return (x > 0) - (x < 0);
}
static double softsign(double x) {
    return x / (1 + fabs(x));
}
static double thresholded(double x) {
    return x > 1 ? x : 0;
}

static void functions_follow_their_formulas(void **state) {
    static const struct {
        const char *type;
        double (*f)(double);
        double least;
    } cases[] = {{"Ceil", ceil, -9},         {"Celu", celu, -9},
                 {"Cos", cos, -9},           {"Erf", erf, -9},
                 {"Gelu", gelu, -9},         {"Log", log, 1e-6},
                 {"Mish", mish, -9},         {"Reciprocal", reciprocal, 0.01},
                 {"Selu", selu, -9},         {"Sign", sign, -9},
                 {"Sin", sin, -9},           {"Softplus", softplus, -9},
                 {"Softsign", softsign, -9}, {"ThresholdedRelu", thresholded, -9}};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        enum { COUNT = 600 };
        float x[COUNT];
        double wanted[COUNT];
        net n = net_new(20, c);
        const float *inputs[1] = {x};
        for (int i = 0; i < COUNT; i++) {
            x[i] = (float)(cases[c].least + (9 - cases[c].least) * i / (COUNT - 1));
            wanted[i] = cases[c].f((double)x[i]);
        }
        int y = NET_OP(&n, cases[c].type, net_input(&n, DIMS(2, 300)));
        expect(&n, y, inputs, wanted, 2e-6, cases[c].type);
    }
}

static void functions_have_no_overflow_far_from_zero(void **state) {
    const float x[6] = {-200, -89, 0, 89, 200, 1e30f};
    const double soft[6] = {0, 0, 0.6931471805599453, 89, 200, 1e30f};
    const double mish_of[6] = {0, 0, 0, 89, 200, 1e30f};
    const float *inputs[1] = {x};
    net n = net_new(18, 1), m = net_new(18, 1);
    (void)state;
    expect(&n, NET_OP(&n, "Softplus", net_input(&n, DIMS(6))), inputs, soft, 1e-6, "Softplus");
    expect(&m, NET_OP(&m, "Mish", net_input(&m, DIMS(6))), inputs, mish_of, 1e-6, "Mish");
}

static double reduced(const char *type, const double *v, size_t count) {
    double sum = 0, magnitudes = 0, squares = 0, product = 1, most = -INFINITY, least = INFINITY,
           exponentials = 0;
    for (size_t i = 0; i < count; i++) {
        sum += v[i];
        magnitudes += fabs(v[i]);
        squares += v[i] * v[i];
        product *= v[i];
        most = fmax(most, v[i]);
        least = fmin(least, v[i]);
        exponentials += exp(v[i]);
    }
    const struct {
        const char *type;
        double value;
    } results[] = {{"ReduceSum", sum},
                   {"ReduceMean", sum / (double)count},
                   {"ReduceL1", magnitudes},
                   {"ReduceL2", sqrt(squares)},
                   {"ReduceSumSquare", squares},
                   {"ReduceLogSum", log(sum)},
                   {"ReduceLogSumExp", log(exponentials)},
                   {"ReduceProd", product},
                   {"ReduceMax", most},
                   {"ReduceMin", least}};
    size_t i = 0;
    while (strcmp(results[i].type, type) != 0)
        i++;
    return results[i].value;
}

/* Every set of axes, with rows shorter and longer than what is reduced at a time. */
static void reductions_take_any_axes(void **state) {
    static const char *const types[] = {
        "ReduceSum",    "ReduceMean",      "ReduceL1",   "ReduceL2",  "ReduceSumSquare",
        "ReduceLogSum", "ReduceLogSumExp", "ReduceProd", "ReduceMax", "ReduceMin"};
    enum { A = 2, B = 3, C = 5, D = 70, ALL = A * B * C * D };
    (void)state;
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        for (int set = 1; set < 16; set++) {
            const int64_t dims[4] = {A, B, C, D};
            static float x[ALL];
            static double wanted[ALL], values[ALL];
            int64_t axes[4];
            size_t count = 0, outputs = 0;
            net n = net_new(18, 1);
            for (int i = 0; i < ALL; i++)
                x[i] = 1 + net_random(&n) / 8;
            for (int i = 0; i < 4; i++)
                if (set >> i & 1)
                    axes[count++] = i;
            for (int i = 0; i < ALL; i++) {
                int first = 1, left = i;
                int64_t at[4];
                for (int k = 3; k >= 0; k--) {
                    at[k] = left % dims[k];
                    left /= (int)dims[k];
                    first &= !(set >> k & 1) || at[k] == 0;
                }
                if (!first)
                    continue;
                size_t taken = 0;
                for (int j = 0; j < ALL; j++) {
                    int same = 1, rest = j;
                    for (int k = 3; k >= 0; k--) {
                        same &= set >> k & 1 || rest % dims[k] == at[k];
                        rest /= (int)dims[k];
                    }
                    if (same)
                        values[taken++] = (double)x[j];
                }
                wanted[outputs++] = reduced(types[t], values, taken);
            }
            const float *inputs[1] = {x};
            int y = NET_OP(&n, types[t], net_input(&n, DIMS(A, B, C, D)),
                           net_ints(&n, count, axes));
            net_attr_int(&n, "keepdims", set % 2);
            expect(&n, y, inputs, wanted, 2e-6, types[t]);
        }
    }
}

static void log_sum_exp_survives_large_and_infinite_numbers(void **state) {
    const float x[6] = {1000, 1000, -1000, -1000, -INFINITY, -INFINITY};
    const double wanted[2] = {1000.6931471805599, -999.3068528194400};
    net n = net_new(13, 1);
    (void)state;
    int y = NET_OP(&n, "ReduceLogSumExp", net_input(&n, DIMS(3, 2)));
    net_attr_ints(&n, "axes", 1, (int64_t[]){1});
    const float *inputs[1] = {x};
    net_outputs(&n, &y, 1);
    ran r = run_graph(n.graph, NULL, inputs);
    const float *got = tdi_run_output(r.run, 0);
    assert_true(fabs((double)got[0] - wanted[0]) < 1e-3 && fabs((double)got[1] - wanted[1]) < 1e-3);
    assert_true(got[2] == -INFINITY);
    ran_free(&r);
    tdi_graph_free(n.graph);
}

/* Rows of `count` elements, element i of a row scaled and shifted by parameter(row, i). */
static void normalize(const float *x, int64_t rows, int64_t count, double epsilon, double *out) {
    for (int64_t r = 0; r < rows; r++, x += count, out += count) {
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < count; i++)
            mean += (double)x[i] / (double)count;
        for (int64_t i = 0; i < count; i++)
            variance += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)count;
        for (int64_t i = 0; i < count; i++)
            out[i] = ((double)x[i] - mean) / sqrt(variance + epsilon);
    }
}

static void group_norm_scales_groups_at_first_and_channels_since_opset_21(void **state) {
    enum { GROUPS = 3, CHANNELS = 6, PLANE = 35, ALL = CHANNELS * PLANE };
    (void)state;
    for (int64_t opset = 18; opset <= 21; opset += 3) {
        net n = net_new(opset, 4);
        int64_t parameters = opset < 21 ? GROUPS : CHANNELS;
        int x = net_input(&n, DIMS(1, CHANNELS, 5, 7));
        int scale = net_floats(&n, (td_shape){1, {parameters}}, NULL);
        int shift = net_floats(&n, (td_shape){1, {parameters}}, NULL);
        const float *s = n.graph->values[scale].data->data, *b = n.graph->values[shift].data->data;
        float *values = random_floats(&n.prng, ALL);
        double wanted[ALL];
        normalize(values, GROUPS, ALL / GROUPS, 1e-5, wanted);
        for (int i = 0; i < ALL; i++) {
            int64_t p = i / PLANE * parameters / CHANNELS;
            wanted[i] = wanted[i] * (double)s[p] + (double)b[p];
        }
        int y = NET_OP(&n, "GroupNormalization", x, scale, shift);
        net_attr_int(&n, "num_groups", GROUPS);
        const float *inputs[1] = {values};
        expect(&n, y, inputs, wanted, 1e-5, "GroupNormalization");
        free(values);
    }
}

static void layer_norm_may_have_no_shift(void **state) {
    enum { ROWS = 6, COUNT = 37 };
    net n = net_new(17, 5);
    (void)state;
    int x = net_input(&n, DIMS(2, 3, COUNT)), scale = net_floats(&n, DIMS(COUNT), NULL);
    const float *s = n.graph->values[scale].data->data;
    float *values = random_floats(&n.prng, ROWS * COUNT);
    double wanted[ROWS * COUNT];
    for (int i = 0; i < ROWS * COUNT; i++)
        values[i] += 100; /* a mean that is large beside the deviation */
    normalize(values, ROWS, COUNT, 1e-5, wanted);
    for (int i = 0; i < ROWS * COUNT; i++)
        wanted[i] *= (double)s[i % COUNT];
    const float *inputs[1] = {values};
    expect(&n, NET_OP(&n, "LayerNormalization", x, scale), inputs, wanted, 2e-5, "no shift");
    free(values);
}

static void lrn_takes_windows_of_even_size_and_any_exponent(void **state) {
    enum { CHANNELS = 7, PLANE = 4, ALL = CHANNELS * PLANE };
    (void)state;
    for (int64_t size = 1; size <= 4; size++) {
        net n = net_new(13, 6);
        float *x = random_floats(&n.prng, ALL);
        double wanted[ALL];
        for (int i = 0; i < ALL; i++) {
            double sum = 0;
            for (int64_t c = i / PLANE - (size - 1) / 2; c <= i / PLANE + size / 2; c++)
                if (c >= 0 && c < CHANNELS)
                    sum += pow((double)x[c * PLANE + i % PLANE], 2);
            wanted[i] = (double)x[i] / pow(2 + 3 * sum / (double)size, 0.6);
        }
        int y = NET_OP(&n, "LRN", net_input(&n, DIMS(1, CHANNELS, 2, 2)));
        net_attr_int(&n, "size", size);
        const struct {
            const char *name;
            float value;
        } floats[] = {{"alpha", 3}, {"beta", 0.6f}, {"bias", 2}};
        for (int i = 0; i < 3; i++)
            assert_int_equal(
                tdi_graph_add_float(n.graph, net_last(&n), floats[i].name, floats[i].value), 0);
        const float *inputs[1] = {x};
        expect(&n, y, inputs, wanted, 1e-6, "LRN");
        free(x);
    }
}

static void negative_pads_cut_before_the_rest_is_padded(void **state) {
    static const struct {
        const char *mode;
        float out[5];
    } cases[] = {{"constant", {9, 9, 2, 3, 4}},
                 {"edge", {2, 2, 2, 3, 4}},
                 {"reflect", {4, 3, 2, 3, 4}},
                 {"wrap", {3, 4, 2, 3, 4}}};
    const float in[5] = {2, 3, 4, 5, 6}, nine = 9, *inputs[1] = {in};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        net n = net_new(19, 7);
        int x = net_input(&n, DIMS(5)), value = net_floats(&n, (td_shape){0, {0}}, &nine);
        int y = NET_OP(&n, "Pad", x, net_ints(&n, 2, (int64_t[]){2, -2}), value);
        assert_int_equal(tdi_graph_add_string(n.graph, net_last(&n), "mode", cases[c].mode), 0);
        net_outputs(&n, &y, 1);
        ran r = run_graph(n.graph, NULL, inputs);
        assert_memory_equal(tdi_run_output(r.run, 0), cases[c].out, sizeof cases[c].out);
        ran_free(&r);
        tdi_graph_free(n.graph);
    }
}

static void prelu_has_slopes_per_channel_row_or_element(void **state) {
    const td_shape slopes[] = {
        {1, {1}}, DIMS(20, 1, 1), DIMS(1, 20, 1, 1), DIMS(5), DIMS(20, 4, 5)};
    (void)state;
    for (size_t s = 0; s < sizeof slopes / sizeof slopes[0]; s++) {
        net n = net_new(13, 40 + s);
        int x = net_conv(&n, net_input(&n, DIMS(1, 3, 4, 5)), 3, 20, 3, 1, 1);
        int slope = net_floats(&n, slopes[s], NULL), y = NET_OP(&n, "PRelu", x, slope);
        const int outputs[2] = {y, x};
        const float *k = n.graph->values[slope].data->data;
        float *values = random_floats(&n.prng, 60);
        const float *inputs[1] = {values};
        net_outputs(&n, outputs, 2);
        ran r = run_graph(n.graph, NULL, inputs);
        const float *got = tdi_run_output(r.run, 0), *in = tdi_run_output(r.run, 1);
        for (int i = 0; i < 400; i++) {
            int at = s == 0 ? 0 : s < 3 ? i / 20 : s == 3 ? i % 5 : i;
            assert_true(got[i] == (in[i] < 0 ? in[i] * k[at] : in[i]));
        }
        ran_free(&r);
        free(values);
        tdi_graph_free(n.graph);
    }
}

static void matmul_takes_stacks_of_any_ranks(void **state) {
    static const struct {
        td_shape a, b;
    } cases[] = {{{3, {4, 5, 6}}, {2, {6, 7}}},
                 {{4, {2, 3, 5, 6}}, {2, {6, 7}}},
                 {{2, {5, 6}}, {3, {4, 6, 7}}},
                 {{4, {2, 1, 5, 6}}, {3, {3, 6, 7}}},
                 {{4, {2, 3, 5, 6}}, {4, {1, 1, 6, 7}}},
                 {{1, {6}}, {3, {2, 6, 7}}},
                 {{3, {2, 5, 6}}, {1, {6}}}};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        net n = net_new(13, 50 + c);
        td_shape a = cases[c].a, b = cases[c].b;
        int64_t m = a.rank > 1 ? a.dim[a.rank - 2] : 1, k = 6, columns = b.rank > 1 ? 7 : 1;
        int x = net_input(&n, a), y = NET_OP(&n, "MatMul", x, net_floats(&n, b, NULL));
        const float *w = n.graph->values[net_last(&n)->inputs[1]].data->data;
        float *v = random_floats(&n.prng, (size_t)td_shape_elements(&a));
        a.rank = a.rank > 2 ? a.rank - 2 : 0;
        b.rank = b.rank > 2 ? b.rank - 2 : 0;
        td_shape stack;
        assert_int_equal(tdi_broadcast(&a, &b, &stack), 0);
        int64_t count = td_shape_elements(&stack);
        double *wanted = calloc((size_t)(count * m * columns), sizeof *wanted);
        for (int64_t s = 0; s < count; s++) {
            /* Where the matrices of this place of the stack begin. */
            int64_t left = s, at_a = 0, at_b = 0, step_a = 1, step_b = 1;
            for (int i = 1; i <= stack.rank; i++) {
                int64_t index = left % stack.dim[stack.rank - i];
                left /= stack.dim[stack.rank - i];
                int64_t da = i <= a.rank ? a.dim[a.rank - i] : 1;
                int64_t db = i <= b.rank ? b.dim[b.rank - i] : 1;
                at_a += da > 1 ? index * step_a : 0;
                at_b += db > 1 ? index * step_b : 0;
                step_a *= da;
                step_b *= db;
            }
            for (int64_t i = 0; i < m * columns; i++)
                for (int64_t j = 0; j < k; j++)
                    wanted[s * m * columns + i] +=
                        (double)v[at_a * m * k + i / columns * k + j] *
                        (double)w[at_b * k * columns + j * columns + i % columns];
        }
        const float *inputs[1] = {v};
        expect(&n, y, inputs, wanted, 1e-6, "MatMul");
        free(wanted);
        free(v);
    }
}

static int number(net *n, float value) {
    return net_floats(n, (td_shape){0, {0}}, &value);
}

/* The ways in which exporters write Gelu. */
static int written_gelu(net *n, int x, int way) {
    int scaled = way == 3 ? NET_OP(n, "Mul", x, number(n, sqrtf(0.5f)))
                          : NET_OP(n, "Div", x, number(n, sqrtf(2)));
    int sum = NET_OP(n, "Add", number(n, 1), NET_OP(n, "Erf", scaled));
    if (way == 1)
        return NET_OP(n, "Mul", NET_OP(n, "Mul", x, number(n, 0.5f)), sum);
    if (way == 2)
        return NET_OP(n, "Mul", NET_OP(n, "Mul", sum, number(n, 0.5f)), x);
    return NET_OP(n, "Mul", number(n, 0.5f), NET_OP(n, "Mul", sum, x));
}

static void gelu_is_found_where_it_is_written_out(void **state) {
    (void)state;
    for (int way = 0; way < 4; way++) {
        for (int seen = 0; seen < 2; seen++) {
            net n = net_new(13, 60);
            int x = net_input(&n, DIMS(2, 40)), y = written_gelu(&n, x, way);
            const int outputs[2] = {y, n.graph->nodes[2].outputs[0]};
            float *values = random_floats(&n.prng, 80);
            const float *inputs[1] = {values};
            net_outputs(&n, outputs, 1 + seen);
            ran r = run_graph(n.graph, NULL, inputs);
            const float *got = tdi_run_output(r.run, 0);
            for (int i = 0; i < 80; i++)
                assert_true(fabs((double)got[i] - gelu((double)values[i])) < 1e-6);
            char *text = tdi_program_describe(r.program);
            assert_int_equal(strstr(text, "Gelu") != NULL, !seen);
            assert_int_equal(strstr(text, "Erf") != NULL, seen);
            tdi_free(text);
            ran_free(&r);
            free(values);
            tdi_graph_free(n.graph);
        }
    }
}

static void what_only_resembles_gelu_stays(void **state) {
    net n = net_new(13, 61);
    (void)state;
    int x = net_input(&n, DIMS(4)), other = net_input(&n, DIMS(4));
    int e = NET_OP(&n, "Erf", NET_OP(&n, "Div", other, number(&n, sqrtf(2))));
    int y = NET_OP(&n, "Mul", NET_OP(&n, "Mul", x, NET_OP(&n, "Add", e, number(&n, 1))),
                   number(&n, 0.5f));
    const float a[4] = {1, 2, 3, 4}, b[4] = {-1, 0, 0.5f, 1}, *inputs[2] = {a, b};
    double wanted[4];
    for (int i = 0; i < 4; i++)
        wanted[i] = (double)a[i] * (1 + erf((double)b[i] / sqrt(2))) / 2;
    expect(&n, y, inputs, wanted, 1e-6, "no Gelu");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_follow_their_formulas),
        cmocka_unit_test(functions_have_no_overflow_far_from_zero),
        cmocka_unit_test(reductions_take_any_axes),
        cmocka_unit_test(log_sum_exp_survives_large_and_infinite_numbers),
        cmocka_unit_test(group_norm_scales_groups_at_first_and_channels_since_opset_21),
        cmocka_unit_test(layer_norm_may_have_no_shift),
        cmocka_unit_test(lrn_takes_windows_of_even_size_and_any_exponent),
        cmocka_unit_test(negative_pads_cut_before_the_rest_is_padded),
        cmocka_unit_test(prelu_has_slopes_per_channel_row_or_element),
        cmocka_unit_test(matmul_takes_stacks_of_any_ranks),
        cmocka_unit_test(gelu_is_found_where_it_is_written_out),
        cmocka_unit_test(what_only_resembles_gelu_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
