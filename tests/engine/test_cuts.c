/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At every legal single cut, head then tail give what the whole network gives.
 */
#include "net.h"

#include "graph/cut.h"
#include "graph/onnx/onnx.h"

static float *run_copy(const tdi_graph *graph, tdi_packs *packs, const float *input,
                       size_t *count) {
    tdi_program_settings settings = {.batch = 1, .threads = 1, .packs = packs};
    ran r = run_graph(graph, &settings, &input);
    size_t bytes = tdi_run_output_bytes(r.run, 0);
    float *output = malloc(bytes);
    memcpy(output, tdi_run_output(r.run, 0), bytes);
    *count = bytes / sizeof(float);
    ran_free(&r);
    return output;
}

static void check_cut(const tdi_graph *graph, const tdi_cut *cut, tdi_packs *packs,
                      const float *input, const float *whole, size_t count) {
    tdi_graph *head = NULL, *tail = NULL;
    td_error err = {TD_OK, -1, ""};
    size_t features, outputs;
    if (tdi_cut_head(graph, cut, &head, &err) != TD_OK ||
        tdi_cut_tail(graph, cut, &tail, &err) != TD_OK)
        fail_msg("%s", err.message);
    float *feature = run_copy(head, packs, input, &features);
    assert_int_equal(features, cut->elements);
    float *output = run_copy(tail, packs, feature, &outputs);
    assert_int_equal(outputs, count);
    double d = relative_difference(output, whole, count);
    if (!(d < 1e-4))
        fail_msg("cut at \"%s\": differs by %g", graph->values[cut->tensors[0]].name, d);
    free(feature);
    free(output);
    tdi_graph_free(head);
    tdi_graph_free(tail);
}

static size_t check_all(const tdi_graph *graph, uint64_t seed) {
    tdi_packs *packs = tdi_packs_new();
    tdi_cut *cuts = NULL;
    size_t cut_count, outputs;
    td_error err = {TD_OK, -1, ""};
    tdi_prng prng = {seed};
    const td_shape *shape = &graph->values[graph->inputs[0]].shape;
    float *input = random_floats(&prng, (size_t)td_shape_elements(shape));
    float *whole = run_copy(graph, packs, input, &outputs);
    if (tdi_cut_list(graph, &cuts, &cut_count, &err) != TD_OK)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < cut_count; i++)
        check_cut(graph, &cuts[i], packs, input, whole, outputs);
    tdi_free(cuts);
    free(input);
    free(whole);
    tdi_packs_unref(packs);
    return cut_count;
}

static int random_block(net *n, int x, int64_t *channels) {
    int64_t c = *channels, more = c + 8 * (int64_t)tdi_prng_below(&n->prng, 3);
    int y;
    switch (tdi_prng_below(&n->prng, 5)) {
    case 0: /* plain */
        *channels = more;
        return NET_OP(n, "Relu", net_norm(n, net_conv(n, x, c, more, 3, 1, 1), more));
    case 1: /* residual */
        y = NET_OP(n, "Relu", net_norm(n, net_conv(n, x, c, c, 3, 1, 1), c));
        return NET_OP(n, "Relu", NET_OP(n, "Add", net_conv(n, y, c, c, 1, 1, 1), x));
    case 2: /* inverted residual, depthwise */
        y = NET_OP(n, "Relu", net_conv(n, x, c, 2 * c, 1, 1, 1));
        y = NET_OP(n, "HardSwish", net_conv(n, y, 2 * c, 2 * c, 3, 1, 2 * c));
        return NET_OP(n, "Add", x, net_conv(n, y, 2 * c, c, 1, 1, 1));
    case 3: /* concatenation */
        y = net_conv(n, x, c, 12, 3, 1, 1);
        y = NET_OP(n, "Concat", x, NET_OP(n, "Sigmoid", y));
        net_attr_int(n, "axis", 1);
        *channels = c + 12;
        return y;
    default: /* squeeze and excite */
        y = NET_OP(n, "GlobalAveragePool", x);
        y = NET_OP(n, "HardSigmoid", net_conv(n, y, c, c, 1, 1, 1));
        return NET_OP(n, "Mul", x, y);
    }
}

static tdi_graph *random_network(uint64_t seed) {
    net n = net_new(14, seed);
    int64_t channels = 8 + 8 * (int64_t)tdi_prng_below(&n.prng, 3);
    int x = net_input(&n, DIMS(1, 3, 16, 16));
    x = NET_OP(&n, "Relu", net_conv(&n, x, 3, channels, 3, 2, 1));
    int skip = x;
    int64_t skip_channels = channels;
    for (int i = 0; i < 6; i++)
        x = random_block(&n, x, &channels);
    x = NET_OP(&n, "Concat", x, skip);
    net_attr_int(&n, "axis", 1);
    channels += skip_channels;
    x = NET_OP(&n, "Flatten", NET_OP(&n, "GlobalAveragePool", x));
    x = NET_OP(&n, "Gemm", x, net_weights(&n, DIMS(10, channels), channels),
               net_floats(&n, DIMS(10), NULL));
    net_attr_int(&n, "transB", 1);
    net_outputs(&n, &x, 1);
    return n.graph;
}

static void random_networks_can_be_cut_everywhere(void **state) {
    uint64_t seed = test_seed(500);
    size_t cuts = 0;
    (void)state;
    for (uint64_t i = 0; i < 12; i++) {
        tdi_graph *graph = random_network(seed + i);
        cuts += check_all(graph, seed + i);
        tdi_graph_free(graph);
    }
    print_message("%zu cuts\n", cuts);
    assert_true(cuts > 12);
}

static void check_file(const char *relative, size_t least) {
    const char *path = test_data(relative);
    tdi_graph *graph = NULL;
    td_error err = {TD_OK, -1, ""};
    if (!path)
        skip();
    if (tdi_onnx_load(path, &graph, &err) != TD_OK)
        fail_msg("%s", err.message);
    size_t cuts = check_all(graph, 1);
    print_message("%zu cuts\n", cuts);
    assert_true(cuts >= least);
    tdi_graph_free(graph);
}

static void mobilenet_can_be_cut_everywhere(void **state) {
    (void)state;
    check_file("models/mobilenet_v2.onnx", 49);
}

static void mobilenet_with_half_weights_can_be_cut_everywhere(void **state) {
    (void)state;
    check_file("models/mobilenet_v2_fp16w.onnx", 49);
}

static void resnet20_can_be_cut_everywhere(void **state) {
    (void)state;
    check_file("models/resnet20_cifar10.onnx", 23);
}

static void resnet56_can_be_cut_everywhere(void **state) {
    (void)state;
    check_file("models/resnet56_cifar10.onnx", 59);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_networks_can_be_cut_everywhere),
        cmocka_unit_test(mobilenet_can_be_cut_everywhere),
        cmocka_unit_test(mobilenet_with_half_weights_can_be_cut_everywhere),
        cmocka_unit_test(resnet20_can_be_cut_everywhere),
        cmocka_unit_test(resnet56_can_be_cut_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
