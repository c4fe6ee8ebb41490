/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators that ONNX's node tests leave open or do not reach in the forms that networks have:
 * blocked operands, constants, old opsets, element types. And that the two tables of operators
 * agree.
 */
#include "net.h"

#include "engine/backend.h"
#include "graph/cut.h"

static void engine_implements_what_the_graph_knows(void **state) {
    (void)state;
    for (size_t i = 0; i < tdi_op_count(); i++)
        if (!tdi_engine_implements(tdi_op_at(i)->type))
            fail_msg("%s is in the graph's table only", tdi_op_at(i)->type);
    assert_false(tdi_engine_implements("Loop"));
    for (int i = 0; i < TDI_BACKEND_COUNT; i++)
        assert_false(tdi_backend_at(i)->implements("Loop"));
}

static void what_cannot_run_is_refused_by_operator_and_node(void **state) {
    net n = net_new(13, 1);
    td_error err = {TD_OK, -1, ""};
    tdi_program *program = NULL;
    (void)state;
    int half = NET_OP(&n, "Cast", net_input(&n, DIMS(1, 4)));
    net_attr_int(&n, "to", TD_DTYPE_F16);
    int y = NET_OP(&n, "Relu", half);
    net_outputs(&n, &y, 1);
    assert_int_equal(tdi_engine_check(n.graph, &err), TD_UNSUPPORTED);
    assert_non_null(strstr(err.message, "Relu"));
    assert_non_null(strstr(err.message, net_last(&n)->name));
    assert_int_equal(err.offset, 1);
    assert_int_equal(tdi_program_new(n.graph, NULL, &program, &err), TD_UNSUPPORTED);
    tdi_graph_free(n.graph);
}

static void pooling_of_integers_is_refused(void **state) {
    net n = net_new(13, 2);
    td_error err = {TD_OK, -1, ""};
    (void)state;
    int x = net_input_of(&n, TD_DTYPE_I32, DIMS(1, 4, 2, 2));
    int y = NET_OP(&n, "AveragePool", x);
    net_attr_ints(&n, "kernel_shape", 2, (int64_t[]){2, 2});
    net_outputs(&n, &y, 1);
    assert_int_equal(tdi_engine_check(n.graph, &err), TD_UNSUPPORTED);
    assert_non_null(strstr(err.message, "int32"));
    tdi_graph_free(n.graph);
}

/* Runs a graph of one input and compares its first output with `wanted`. */
static void expect(net *n, int output, const float *input, const float *wanted, double tolerance) {
    const float *inputs[1] = {input};
    net_outputs(n, &output, 1);
    ran r = run_graph(n->graph, NULL, inputs);
    const float *got = tdi_run_output(r.run, 0);
    for (size_t i = 0; i < tdi_run_output_bytes(r.run, 0) / sizeof(float); i++)
        if (!(fabs((double)got[i] - (double)wanted[i]) <= tolerance))
            fail_msg("element %zu is %g, not %g", i, (double)got[i], (double)wanted[i]);
    ran_free(&r);
    tdi_graph_free(n->graph);
}

static void round_goes_to_even(void **state) {
    const float in[6] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 2.4f}, out[6] = {0, 2, 2, -0.0f, -2, 2};
    net n = net_new(13, 3);
    (void)state;
    expect(&n, NET_OP(&n, "Round", net_input(&n, DIMS(6))), in, out, 0);
}

static void hard_functions_have_their_corners(void **state) {
    const float in[5] = {-4, -1, 0, 1, 4}, sigmoid[5] = {0, 0.3f, 0.5f, 0.7f, 1};
    const float swish[5] = {0, -1.0f / 3, 0, 2.0f / 3, 4};
    net n = net_new(14, 4), m = net_new(14, 4);
    (void)state;
    expect(&n, NET_OP(&n, "HardSigmoid", net_input(&n, DIMS(5))), in, sigmoid, 1e-6);
    expect(&m, NET_OP(&m, "HardSwish", net_input(&m, DIMS(5))), in, swish, 1e-6);
}

static void clip_may_have_one_bound_or_none(void **state) {
    const float in[3] = {-9, 0.25f, 9}, low[3] = {-1, 0.25f, 9}, bound = -1;
    net n = net_new(13, 5), m = net_new(13, 6);
    (void)state;
    int x = net_input(&n, DIMS(3)), b = net_floats(&n, (td_shape){0, {0}}, &bound);
    expect(&n, NET_OP(&n, "Clip", x, b), in, low, 0);
    expect(&m, NET_OP(&m, "Clip", net_input(&m, DIMS(3))), in, in, 0);
}

static void softmax_before_opset_13_runs_over_all_later_axes(void **state) {
    const float in[4] = {0, 0, 0, 0}, out[4] = {0.25f, 0.25f, 0.25f, 0.25f};
    net n = net_new(11, 7);
    (void)state;
    expect(&n, NET_OP(&n, "Softmax", net_input(&n, DIMS(1, 2, 2))), in, out, 1e-7);
}

static void softmax_on_a_middle_axis_leaves_the_others_apart(void **state) {
    const float in[4] = {0, 1, 0, 1}, out[4] = {0.5f, 0.5f, 0.5f, 0.5f};
    net n = net_new(13, 8);
    (void)state;
    int y = NET_OP(&n, "Softmax", net_input(&n, DIMS(1, 2, 2)));
    net_attr_int(&n, "axis", 1);
    expect(&n, y, in, out, 1e-7);
}

static void gemm_scales_transposes_and_broadcasts(void **state) {
    const float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 1, 0, 1, 1}, c[2] = {10, 20};
    /* a^T is 2 rows of 3; b^T is 3 rows of 2. */
    const float out[4] = {0.5f * 6 + 20, 0.5f * 8 + 20, 0.5f * 8 + 40, 0.5f * 10 + 40};
    net n = net_new(13, 9);
    (void)state;
    int y = NET_OP(&n, "Gemm", net_input(&n, DIMS(3, 2)), net_floats(&n, DIMS(2, 3), b),
                   net_floats(&n, DIMS(2, 1), c));
    net_attr_int(&n, "transA", 1);
    net_attr_int(&n, "transB", 1);
    assert_int_equal(tdi_graph_add_float(n.graph, net_last(&n), "alpha", 0.5f), 0);
    assert_int_equal(tdi_graph_add_float(n.graph, net_last(&n), "beta", 2), 0);
    expect(&n, y, a, out, 1e-6);
}

static void dense_layer_scales_weights_and_bias(void **state) {
    const float a[2] = {1, 2}, b[6] = {1, 2, 3, 4, 5, 6}, c[1] = {3};
    const float out[3] = {2 * 9 + 0.5f * 3, 2 * 12 + 0.5f * 3, 2 * 15 + 0.5f * 3};
    net n = net_new(13, 10);
    (void)state;
    int y = NET_OP(&n, "Gemm", net_input(&n, DIMS(1, 2)), net_floats(&n, DIMS(2, 3), b),
                   net_floats(&n, DIMS(1), c));
    assert_int_equal(tdi_graph_add_float(n.graph, net_last(&n), "alpha", 2), 0);
    assert_int_equal(tdi_graph_add_float(n.graph, net_last(&n), "beta", 0.5f), 0);
    expect(&n, y, a, out, 1e-6);
}

static void matmul_broadcasts_stacks_of_matrices(void **state) {
    net n = net_new(13, 11);
    float a[12], out[8] = {0};
    (void)state;
    for (int i = 0; i < 12; i++)
        a[i] = (float)i;
    const float b[6] = {1, 2, 3, 4, 5, 6};
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 2; j++)
                for (int k = 0; k < 3; k++)
                    out[s * 4 + i * 2 + j] += a[s * 6 + i * 3 + k] * b[k * 2 + j];
    int x = net_input(&n, DIMS(1, 2, 2, 3));
    expect(&n, NET_OP(&n, "MatMul", x, net_floats(&n, DIMS(3, 2), b)), a, out, 1e-5);
}

static void arithmetic_broadcasts_constants_of_every_form(void **state) {
    static const char *const types[] = {"Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"};
    const td_shape shapes[] = {
        {0, {0}}, {1, {5}}, DIMS(3, 1, 1), DIMS(1, 3, 1, 5), DIMS(1, 1, 4, 1)};
    (void)state;
    for (size_t t = 0; t < 7; t++) {
        for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
            net n = net_new(13, 100 + t * 8 + s);
            td_shape full = DIMS(1, 3, 4, 5);
            float a[60], out[60];
            int b = net_floats(&n, shapes[s], NULL);
            const float *bv = n.graph->values[b].data->data;
            int64_t strides[TD_RANK_MAX] = {0}, step = 1;
            for (int i = shapes[s].rank - 1; i >= 0; i--) {
                strides[4 - shapes[s].rank + i] = shapes[s].dim[i] > 1 ? step : 0;
                step *= shapes[s].dim[i];
            }
            for (int i = 0; i < 60; i++) {
                int64_t at = i / 20 * strides[1] + i / 5 % 4 * strides[2] + i % 5 * strides[3];
                float v = a[i] = net_random(&n) + 2;
                float w = bv[at];
                const float results[7] = {v + w,         v - w,         v * w,     v / w,
                                          v > w ? v : w, v < w ? v : w, powf(v, w)};
                out[i] = results[t];
            }
            expect(&n, NET_OP(&n, types[t], net_input(&n, full), b), a, out, 1e-6);
        }
    }
}

static void max_takes_any_number_of_inputs(void **state) {
    const float in[2] = {1, 5}, b[2] = {2, 2}, c[1] = {3}, out[2] = {3, 5};
    net n = net_new(13, 12), m = net_new(13, 13);
    (void)state;
    int y = NET_OP(&n, "Max", net_input(&n, DIMS(2)), net_floats(&n, DIMS(2), b),
                   net_floats(&n, DIMS(1), c));
    expect(&n, y, in, out, 0);
    expect(&m, NET_OP(&m, "Max", net_input(&m, DIMS(2))), in, in, 0);
}

static void concatenation_of_blocked_pictures_keeps_channels_in_order(void **state) {
    static const int64_t widths[][2] = {{16, 32}, {24, 16}, {12, 20}, {3, 5}, {32, 8}};
    (void)state;
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        net n = net_new(13, 200 + i);
        int x = net_input(&n, DIMS(1, 8, 7, 7));
        int a = net_conv(&n, x, 8, widths[i][0], 3, 1, 1),
            b = net_conv(&n, x, 8, widths[i][1], 1, 1, 1);
        int outputs[3] = {NET_OP(&n, "Concat", a, b), a, b};
        net_attr_int(&n, "axis", 1);
        net_outputs(&n, outputs, 3);
        float *values = random_floats(&n.prng, 8 * 49);
        const float *inputs[1] = {values};
        ran r = run_graph(n.graph, NULL, inputs);
        size_t first = tdi_run_output_bytes(r.run, 1), second = tdi_run_output_bytes(r.run, 2);
        const char *both = tdi_run_output(r.run, 0);
        assert_memory_equal(both, tdi_run_output(r.run, 1), first);
        assert_memory_equal(both + first, tdi_run_output(r.run, 2), second);
        ran_free(&r);
        free(values);
        tdi_graph_free(n.graph);
    }
}

static void quantizer_and_dequantizer_run_as_operators(void **state) {
    static const struct {
        int32_t levels;
        td_dtype dtype;
    } cases[] = {{7, TD_DTYPE_U8}, {256, TD_DTYPE_U8}, {1000, TD_DTYPE_U16}, {1, TD_DTYPE_F16}};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        net n = net_new(13, 300 + c), m = net_new(13, 300 + c);
        tdi_affine affine = {cases[c].levels, -0.75f, 1.5f / (float)(cases[c].levels - 1)};
        td_error err = {TD_OK, -1, ""};
        int y = net_conv(&n, net_input(&n, DIMS(1, 3, 5, 5)), 3, 20, 3, 1, 1);
        int z = NET_OP(&m, "Identity", net_input(&m, DIMS(1, 20, 5, 5)));
        net_outputs(&n, &y, 1);
        net_outputs(&m, &z, 1);
        float *values = random_floats(&n.prng, 75);
        const float *inputs[1] = {values};
        ran plain = run_graph(n.graph, NULL, inputs);
        assert_int_equal(tdi_graph_append_quantizer(n.graph, 0, &affine, &err), TD_OK);
        assert_int_equal(tdi_graph_prepend_dequantizer(m.graph, 0, &affine, &err), TD_OK);
        assert_int_equal(n.graph->values[n.graph->outputs[0]].dtype, cases[c].dtype);
        ran head = run_graph(n.graph, NULL, inputs);
        const float *levels[1] = {tdi_run_output(head.run, 0)};
        assert_int_equal(tdi_run_output_bytes(head.run, 0), 500 * td_dtype_bytes(cases[c].dtype));
        ran tail = run_graph(m.graph, NULL, levels);
        const float *x = tdi_run_output(plain.run, 0), *got = tdi_run_output(tail.run, 0);
        for (int i = 0; i < 500; i++) {
            float clipped = fminf(fmaxf(x[i], affine.min), 0.75f);
            float wanted = cases[c].levels == 1 ? x[i] : clipped;
            float half = cases[c].levels == 1 ? 1e-3f * fabsf(x[i]) + 1e-6f
                                              : affine.step / 2 + 1e-6f;
            assert_true(fabsf(got[i] - wanted) <= half);
        }
        ran_free(&plain);
        ran_free(&head);
        ran_free(&tail);
        free(values);
        tdi_graph_free(n.graph);
        tdi_graph_free(m.graph);
    }
}

/* As the codec `f16` does. */
static void a_float16_quantizer_saturates(void **state) {
    const float in[4] = {1e6f, -1e6f, 65519, -3}, out[4] = {65504, -65504, 65504, -3};
    const float *inputs[1] = {in};
    const tdi_affine affine = {1, 0, 0};
    (void)state;
    for (int64_t opset = 7; opset <= 13; opset += 6) {
        net n = net_new(opset, 16);
        int y = NET_OP(&n, "Identity", net_input(&n, DIMS(1, 4)));
        net_outputs(&n, &y, 1);
        assert_int_equal(tdi_graph_append_quantizer(n.graph, 0, &affine, NULL), TD_OK);
        ran r = run_graph(n.graph, NULL, inputs);
        const uint16_t *half = tdi_run_output(r.run, 0);
        for (int i = 0; i < 4; i++)
            assert_true(tdi_f32_from_f16(half[i]) == out[i]);
        ran_free(&r);
        tdi_graph_free(n.graph);
    }
}

static void cast_truncates_and_saturates(void **state) {
    const float in[6] = {-1.5f, -0.5f, 2.9f, 255.5f, 300, NAN};
    const uint8_t out[6] = {0, 0, 2, 255, 255, 0};
    const float *inputs[1] = {in};
    net n = net_new(13, 14);
    (void)state;
    int y = NET_OP(&n, "Cast", net_input(&n, DIMS(6)));
    net_attr_int(&n, "to", TD_DTYPE_U8);
    net_outputs(&n, &y, 1);
    ran r = run_graph(n.graph, NULL, inputs);
    assert_memory_equal(tdi_run_output(r.run, 0), out, sizeof out);
    ran_free(&r);
    tdi_graph_free(n.graph);
}

static void constants_of_constants_are_computed_once(void **state) {
    const float two = 2, three = 3, in[2] = {1, 10}, out[2] = {36, 360};
    net n = net_new(13, 15);
    (void)state;
    int x = net_input(&n, DIMS(2)), a = net_floats(&n, DIMS(1), &two);
    int square = NET_OP(&n, "Mul", a, a), b = net_floats(&n, DIMS(1, 1), &three);
    int flat = NET_OP(&n, "Reshape", b, net_ints(&n, 1, (int64_t[]){1}));
    int nine = NET_OP(&n, "Pow", flat, a);
    int y = NET_OP(&n, "Mul", NET_OP(&n, "Mul", square, nine), x);
    const float *inputs[1] = {in};
    net_outputs(&n, &y, 1);
    ran r = run_graph(n.graph, NULL, inputs);
    assert_memory_equal(tdi_run_output(r.run, 0), out, sizeof out);
    char *text = tdi_program_describe(r.program);
    assert_null(strchr(strchr(text, '\n') + 1, '\n'));
    tdi_free(text);
    ran_free(&r);
    tdi_graph_free(n.graph);
}

static void views_of_blocked_pictures_are_in_dense_order(void **state) {
    net n = net_new(13, 16);
    (void)state;
    int x = net_conv(&n, net_input(&n, DIMS(1, 3, 6, 6)), 3, 16, 3, 1, 1);
    int outputs[3] = {NET_OP(&n, "Flatten", x), x, 0};
    outputs[2] = NET_OP(&n, "Neg", NET_OP(&n, "Unsqueeze", x, net_ints(&n, 1, (int64_t[]){0})));
    net_outputs(&n, outputs, 3);
    float *values = random_floats(&n.prng, 108);
    const float *inputs[1] = {values};
    ran r = run_graph(n.graph, NULL, inputs);
    assert_memory_equal(tdi_run_output(r.run, 0), tdi_run_output(r.run, 1), 16 * 36 * 4);
    const float *negated = tdi_run_output(r.run, 2), *plain = tdi_run_output(r.run, 1);
    for (int i = 0; i < 16 * 36; i++)
        assert_true(negated[i] == -plain[i]);
    ran_free(&r);
    free(values);
    tdi_graph_free(n.graph);
}

static void an_input_that_is_an_output_comes_back(void **state) {
    net n = net_new(13, 17);
    const float in[2] = {3, 4}, *inputs[1] = {in};
    (void)state;
    int y = NET_OP(&n, "Identity", net_input(&n, DIMS(1, 2)));
    net_outputs(&n, &y, 1);
    ran r = run_graph(n.graph, NULL, inputs);
    assert_memory_equal(tdi_run_output(r.run, 0), in, sizeof in);
    ran_free(&r);
    tdi_graph_free(n.graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engine_implements_what_the_graph_knows),
        cmocka_unit_test(what_cannot_run_is_refused_by_operator_and_node),
        cmocka_unit_test(pooling_of_integers_is_refused),
        cmocka_unit_test(round_goes_to_even),
        cmocka_unit_test(hard_functions_have_their_corners),
        cmocka_unit_test(clip_may_have_one_bound_or_none),
        cmocka_unit_test(softmax_before_opset_13_runs_over_all_later_axes),
        cmocka_unit_test(softmax_on_a_middle_axis_leaves_the_others_apart),
        cmocka_unit_test(gemm_scales_transposes_and_broadcasts),
        cmocka_unit_test(dense_layer_scales_weights_and_bias),
        cmocka_unit_test(matmul_broadcasts_stacks_of_matrices),
        cmocka_unit_test(arithmetic_broadcasts_constants_of_every_form),
        cmocka_unit_test(max_takes_any_number_of_inputs),
        cmocka_unit_test(concatenation_of_blocked_pictures_keeps_channels_in_order),
        cmocka_unit_test(quantizer_and_dequantizer_run_as_operators),
        cmocka_unit_test(a_float16_quantizer_saturates),
        cmocka_unit_test(cast_truncates_and_saturates),
        cmocka_unit_test(constants_of_constants_are_computed_once),
        cmocka_unit_test(views_of_blocked_pictures_are_in_dense_order),
        cmocka_unit_test(an_input_that_is_an_output_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
