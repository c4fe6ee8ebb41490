/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is fused, what must not be, and that both give the same numbers.
 */
#include "net.h"

static int steps_with(const tdi_program *program, const char *what) {
    char *text = tdi_program_describe(program);
    int count = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
        count++;
    tdi_free(text);
    return count;
}

/* Runs the graph as it is and with nothing fused; returns the fused program's description count. */
static int fused_equals_unfused(net *n, const char *what) {
    tdi_graph *all = net_unfused(n->graph);
    const float *inputs[8];
    tdi_prng prng = {99};
    for (int i = 0; i < n->graph->input_count; i++)
        inputs[i] = random_floats(
            &prng, (size_t)td_shape_elements(&n->graph->values[n->graph->inputs[i]].shape));
    ran fused = run_graph(n->graph, NULL, inputs), unfused = run_graph(all, NULL, inputs);
    for (int i = 0; i < n->graph->output_count; i++) {
        double d = relative_difference(tdi_run_output(fused.run, i), tdi_run_output(unfused.run, i),
                                       tdi_run_output_bytes(fused.run, i) / sizeof(float));
        if (!(d < 1e-5))
            fail_msg("output %d differs by %g", i, d);
    }
    int count = steps_with(fused.program, what);
    ran_free(&fused);
    ran_free(&unfused);
    for (int i = 0; i < n->graph->input_count; i++)
        free((void *)inputs[i]);
    tdi_graph_free(all);
    tdi_graph_free(n->graph);
    return count;
}

static void norm_and_relu_become_part_of_the_convolution(void **state) {
    net n = net_new(13, 1);
    (void)state;
    int x = net_input(&n, DIMS(1, 8, 9, 9));
    int y = NET_OP(&n, "Relu", net_norm(&n, net_conv(&n, x, 8, 24, 3, 1, 1), 24));
    net_outputs(&n, &y, 1);
    assert_int_equal(fused_equals_unfused(&n, "Conv+BatchNormalization+Relu"), 1);
}

static void norm_behind_an_activation_stays_an_operator(void **state) {
    net n = net_new(13, 2);
    (void)state;
    int x = net_input(&n, DIMS(1, 8, 9, 9));
    int y = net_norm(&n, NET_OP(&n, "Relu", net_conv(&n, x, 8, 16, 3, 1, 1)), 16);
    net_outputs(&n, &y, 1);
    assert_int_equal(fused_equals_unfused(&n, "BatchNormalization \""), 1);
}

static void residual_sum_and_relu_behind_it_are_fused(void **state) {
    net n = net_new(13, 3);
    (void)state;
    int x = NET_OP(&n, "Relu", net_conv(&n, net_input(&n, DIMS(1, 3, 10, 10)), 3, 16, 3, 1, 1));
    int y = NET_OP(&n, "Relu", net_conv(&n, x, 16, 16, 3, 1, 1));
    y = NET_OP(&n, "Relu",
               NET_OP(&n, "Add", net_norm(&n, net_conv(&n, y, 16, 16, 3, 1, 1), 16), x));
    net_outputs(&n, &y, 1);
    assert_int_equal(fused_equals_unfused(&n, "Conv+BatchNormalization+Add+Relu"), 1);
}

static void sum_operand_that_others_read_later_survives(void **state) {
    net n = net_new(13, 4);
    (void)state;
    int x = NET_OP(&n, "Relu", net_conv(&n, net_input(&n, DIMS(1, 3, 10, 10)), 3, 16, 3, 1, 1));
    int y = NET_OP(&n, "Add", net_conv(&n, x, 16, 16, 3, 1, 1), x);
    int z = NET_OP(&n, "Mul", net_conv(&n, y, 16, 16, 1, 1, 1), x);
    net_outputs(&n, &z, 1);
    assert_int_equal(fused_equals_unfused(&n, "Conv+Add"), 1);
}

static void sum_operand_that_is_the_convolutions_own_input_survives(void **state) {
    net n = net_new(13, 5);
    (void)state;
    int x = NET_OP(&n, "Relu", net_conv(&n, net_input(&n, DIMS(1, 3, 10, 10)), 3, 16, 3, 1, 1));
    int y = NET_OP(&n, "Add", x, net_conv(&n, x, 16, 16, 3, 1, 1));
    net_outputs(&n, &y, 1);
    assert_int_equal(fused_equals_unfused(&n, "Conv+Add"), 1);
}

static void sum_operand_that_is_a_graph_output_survives(void **state) {
    net n = net_new(13, 6);
    (void)state;
    int x = NET_OP(&n, "Relu", net_conv(&n, net_input(&n, DIMS(1, 3, 10, 10)), 3, 16, 3, 1, 1));
    int y = net_conv(&n, NET_OP(&n, "Tanh", x), 16, 16, 3, 1, 1);
    int outputs[2] = {NET_OP(&n, "Add", y, x), x};
    net_outputs(&n, outputs, 2);
    assert_int_equal(fused_equals_unfused(&n, "Conv+Add"), 1);
}

static void sum_operand_that_is_a_graph_input_gives_the_sum(void **state) {
    net n = net_new(13, 7);
    (void)state;
    int x = net_input(&n, DIMS(1, 16, 8, 8)), w = net_input(&n, DIMS(1, 16, 8, 8));
    int y = NET_OP(&n, "Add", w, net_conv(&n, x, 16, 16, 3, 1, 1));
    net_outputs(&n, &y, 1);
    assert_int_equal(fused_equals_unfused(&n, "Conv+Add"), 1);
}

static void sum_operand_seen_through_a_view_survives(void **state) {
    net n = net_new(13, 8);
    (void)state;
    int x = net_input(&n, DIMS(1, 16, 8, 8)), w = net_input(&n, DIMS(1, 16, 8, 8));
    int y = NET_OP(&n, "Add", w, net_conv(&n, x, 16, 16, 3, 1, 1));
    int flat = NET_OP(&n, "Flatten", w);
    int outputs[2] = {y, NET_OP(&n, "Neg", flat)};
    net_outputs(&n, outputs, 2);
    fused_equals_unfused(&n, "Conv");
}

static void convolution_added_to_itself_is_not_fused(void **state) {
    net n = net_new(13, 9);
    (void)state;
    int x = net_conv(&n, net_input(&n, DIMS(1, 3, 10, 10)), 3, 16, 3, 1, 1);
    int y = NET_OP(&n, "Add", x, x);
    net_outputs(&n, &y, 1);
    assert_int_equal(fused_equals_unfused(&n, "Conv+"), 0);
}

static void value_in_the_middle_that_is_a_graph_output_is_stored(void **state) {
    net n = net_new(13, 10);
    (void)state;
    int middle = net_norm(&n, net_conv(&n, net_input(&n, DIMS(1, 3, 10, 10)), 3, 16, 3, 1, 1), 16);
    int outputs[2] = {NET_OP(&n, "Relu", middle), middle};
    net_outputs(&n, outputs, 2);
    assert_int_equal(fused_equals_unfused(&n, "Conv+BatchNormalization \""), 1);
}

static void relu_behind_a_sum_with_other_readers_is_not_fused(void **state) {
    net n = net_new(13, 11);
    (void)state;
    int x = net_conv(&n, net_input(&n, DIMS(1, 3, 10, 10)), 3, 16, 3, 1, 1);
    int sum = NET_OP(&n, "Add", net_conv(&n, x, 16, 16, 3, 1, 1), x);
    int y = NET_OP(&n, "Sub", NET_OP(&n, "Relu", sum), NET_OP(&n, "Sigmoid", sum));
    net_outputs(&n, &y, 1);
    assert_int_equal(fused_equals_unfused(&n, "Conv+Add \""), 1);
}

static void only_one_of_two_sums_is_fused(void **state) {
    net n = net_new(13, 12);
    (void)state;
    int x = net_input(&n, DIMS(1, 16, 7, 7)), w = net_input(&n, DIMS(1, 16, 7, 7));
    int y = NET_OP(&n, "Add", net_conv(&n, x, 16, 16, 3, 1, 1), w);
    y = NET_OP(&n, "Add", y, x);
    net_outputs(&n, &y, 1);
    assert_int_equal(fused_equals_unfused(&n, "Conv+Add \""), 1);
}

static void two_convolutions_that_are_added_share_one_sum(void **state) {
    net n = net_new(13, 13);
    (void)state;
    int x = NET_OP(&n, "Relu", net_conv(&n, net_input(&n, DIMS(1, 3, 12, 12)), 3, 16, 3, 1, 1));
    int a = net_norm(&n, net_conv(&n, x, 16, 32, 3, 2, 1), 32);
    int b = net_norm(&n, net_conv(&n, x, 16, 32, 1, 2, 1), 32);
    int y = NET_OP(&n, "Relu", NET_OP(&n, "Add", a, b));
    net_outputs(&n, &y, 1);
    assert_int_equal(fused_equals_unfused(&n, "+Add+Relu"), 1);
}

static void sum_that_broadcasts_is_not_fused(void **state) {
    net n = net_new(13, 14);
    (void)state;
    int x = net_input(&n, DIMS(1, 16, 7, 7));
    int pooled = NET_OP(&n, "GlobalAveragePool", x);
    int y = NET_OP(&n, "Add", net_conv(&n, pooled, 16, 16, 1, 1, 1), x);
    net_outputs(&n, &y, 1);
    assert_int_equal(fused_equals_unfused(&n, "Conv+Add"), 0);
}

static void every_activation_behind_a_convolution_gives_its_function(void **state) {
    static const char *const types[] = {"Relu",  "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid",
                                        "Elu",   "HardSwish", "Exp",     "Abs",  "Round",
                                        "Floor", "Neg",       "Clip"};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        net n = net_new(14, 20 + i);
        int x = net_conv(&n, net_input(&n, DIMS(1, 4, 6, 6)), 4, 20, 3, 1, 1);
        float low = -0.25f, high = 0.5f;
        int clip = strcmp(types[i], "Clip") == 0;
        int y = clip ? NET_OP(&n, "Clip", x, net_floats(&n, (td_shape){0, {0}}, &low),
                              net_floats(&n, (td_shape){0, {0}}, &high))
                     : NET_OP(&n, types[i], x);
        y = NET_OP(&n, "Mul", y, y);
        net_outputs(&n, &y, 1);
        fused_equals_unfused(&n, "Conv");
    }
}

static void dense_layer_takes_in_bias_activation_and_sum(void **state) {
    net n = net_new(13, 40);
    (void)state;
    int x = net_input(&n, DIMS(1, 30)), w = net_input(&n, DIMS(1, 20));
    int y = NET_OP(&n, "Gemm", x, net_floats(&n, DIMS(30, 20), NULL),
                   net_floats(&n, DIMS(20), NULL));
    y = NET_OP(&n, "Relu", NET_OP(&n, "Add", y, w));
    net_outputs(&n, &y, 1);
    assert_int_equal(fused_equals_unfused(&n, "Gemm+Add+Relu"), 1);
}

static void norm_is_folded_in_double_precision(void **state) {
    /* In float, 16777216 + 1 - 16777216 loses the 1. */
    const float weight = 1, scale = 1, shift = 0, bias = 16777216, mean = 16777215, variance = 1;
    net n = net_new(13, 41);
    const float in = 0.5f, *inputs[1] = {&in};
    (void)state;
    int y = NET_OP(&n, "Conv", net_input(&n, DIMS(1, 1, 1, 1)),
                   net_floats(&n, DIMS(1, 1, 1, 1), &weight), net_floats(&n, DIMS(1), &bias));
    y = NET_OP(&n, "BatchNormalization", y, net_floats(&n, DIMS(1), &scale),
               net_floats(&n, DIMS(1), &shift), net_floats(&n, DIMS(1), &mean),
               net_floats(&n, DIMS(1), &variance));
    assert_int_equal(tdi_graph_add_float(n.graph, net_last(&n), "epsilon", 0), 0);
    net_outputs(&n, &y, 1);
    ran r = run_graph(n.graph, NULL, inputs);
    assert_true(*(const float *)tdi_run_output(r.run, 0) == 1.5f);
    ran_free(&r);
    tdi_graph_free(n.graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norm_and_relu_become_part_of_the_convolution),
        cmocka_unit_test(norm_behind_an_activation_stays_an_operator),
        cmocka_unit_test(residual_sum_and_relu_behind_it_are_fused),
        cmocka_unit_test(sum_operand_that_others_read_later_survives),
        cmocka_unit_test(sum_operand_that_is_the_convolutions_own_input_survives),
        cmocka_unit_test(sum_operand_that_is_a_graph_output_survives),
        cmocka_unit_test(sum_operand_that_is_a_graph_input_gives_the_sum),
        cmocka_unit_test(sum_operand_seen_through_a_view_survives),
        cmocka_unit_test(convolution_added_to_itself_is_not_fused),
        cmocka_unit_test(value_in_the_middle_that_is_a_graph_output_is_stored),
        cmocka_unit_test(relu_behind_a_sum_with_other_readers_is_not_fused),
        cmocka_unit_test(only_one_of_two_sums_is_fused),
        cmocka_unit_test(two_convolutions_that_are_added_share_one_sum),
        cmocka_unit_test(sum_that_broadcasts_is_not_fused),
        cmocka_unit_test(every_activation_behind_a_convolution_gives_its_function),
        cmocka_unit_test(dense_layer_takes_in_bias_activation_and_sum),
        cmocka_unit_test(norm_is_folded_in_double_precision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
