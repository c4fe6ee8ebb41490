/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding shape arithmetic: what is left of the graph, and for which batches it holds.
 */
#include "graph/patterns.h"

#include "graph/cut.h"
#include "graph/op.h"

static int count_of(const tdi_graph *graph, const char *type) {
    int count = 0;
    for (int n = 0; n < graph->node_count; n++)
        count += !strcmp(graph->nodes[n].op->type, type);
    return count;
}

static const int64_t *ints_of(const tdi_graph *graph, const char *node, int input) {
    for (int n = 0; n < graph->node_count; n++)
        if (!strcmp(graph->nodes[n].name, node))
            return graph->values[graph->nodes[n].inputs[input]].data->data;
    fail_msg("no node %s", node);
    return NULL;
}

static void must_infer(tdi_graph *graph, int64_t batch) {
    td_error err;
    if (tdi_graph_infer(graph, batch, &err) != TD_OK)
        fail_msg("%s", err.message);
}

static void patterns_fold_for_any_batch(void **state) {
    static const char *const folded[] = {"Shape",     "Gather",          "Range", "Expand",
                                         "Unsqueeze", "ConstantOfShape", "Trilu", "Cast"};
    (void)state;
    for (size_t i = 0; i < PATTERN_COUNT; i++) {
        message graph = patterns[i].build();
        tdi_graph *g = read_graph(&graph, PATTERN_OPSET);
        for (size_t k = 0; k < sizeof folded / sizeof folded[0]; k++)
            if (count_of(g, folded[k]))
                fail_msg("%s is left in %s", folded[k], patterns[i].name);
        assert_int_equal(g->symbolic_batch, 1);
        assert_null(g->batch_reason);
        must_infer(g, 7);
        const td_shape *shape = &g->values[g->outputs[0]].shape;
        assert_int_equal(shape->dim[0], 7);
        assert_int_equal(g->values[g->outputs[0]].batched, 1);
        tdi_graph_free(g);
    }
}

static void reshape_copies_the_batch(void **state) {
    (void)state;
    message graph = flatten_pattern();
    tdi_graph *g = read_graph(&graph, PATTERN_OPSET);
    assert_int_equal(ints_of(g, "f", 1)[0], 0);
    assert_int_equal(ints_of(g, "f", 1)[1], 96);
    tdi_graph_free(g);
}

static void reshape_takes_what_is_left_where_heads_are_in_the_batch(void **state) {
    (void)state;
    message graph = attention_pattern();
    tdi_graph *g = read_graph(&graph, PATTERN_OPSET);
    assert_int_equal(ints_of(g, "in_heads", 1)[0], -1);
    assert_int_equal(ints_of(g, "again", 1)[0], -1);
    assert_int_equal(ints_of(g, "joined", 1)[0], 0);
    tdi_graph_free(g);
}

static void shapes_do_not_bypass_cuts(void **state) {
    (void)state;
    message graph = flatten_pattern();
    tdi_graph *g = read_graph(&graph, PATTERN_OPSET);
    tdi_cut cut;
    assert_int_equal(tdi_cut_resolve(g, "r", &cut, NULL), TD_OK);
    assert_int_equal(tdi_cut_resolve(g, "f", &cut, NULL), TD_OK);
    tdi_graph_free(g);
}

/* A class token that is repeated for each picture: no constant says how often. */
static message token_graph(void) {
    message g = {0};
    add_input(&g, "x", "N,4,8");
    add_output(&g, "y");
    add_noise(&g, "token", "1,1,8");
    add_size_of(&g, "x", 0, "n");
    add_ints(&g, "keep", "-1,-1");
    add_ints(&g, "ones", "1,1");
    add_node(&g, "Concat", "n,ones", "target", "axis=0");
    add_node(&g, "Expand", "token,target", "tokens", "");
    add_node(&g, "Concat", "tokens,x", "y", "axis=1");
    return g;
}

static void what_has_no_form_for_any_batch_fixes_it_and_says_why(void **state) {
    (void)state;
    message graph = token_graph();
    td_error err;
    tdi_graph *g = read_graph(&graph, 13);
    assert_string_equal(shape_text(g, "y"), "1x5x8");
    assert_int_equal(g->symbolic_batch, 0);
    assert_int_equal(tdi_graph_infer(g, 2, &err), TD_UNSUPPORTED);
    if (!strstr(err.message, "Concat node \"y\" takes \"tokens\""))
        fail_msg("%s", err.message);
    assert_non_null(strstr(err.message, "batch"));
    must_infer(g, 1);
    assert_int_equal(count_of(g, "Shape"), 0);
    tdi_graph_free(g);
}

static void a_shape_that_is_an_output_stays(void **state) {
    (void)state;
    message graph = {0};
    add_input(&graph, "x", "N,3");
    add_output(&graph, "y");
    add_output(&graph, "z");
    add_node(&graph, "Relu", "x", "y", "");
    add_node(&graph, "Shape", "x", "s", "");
    add_ints(&graph, "at", "0");
    add_node(&graph, "Gather", "s,at", "z", "axis=0");
    tdi_graph *g = read_graph(&graph, 13);
    assert_int_equal(count_of(g, "Shape"), 1);
    assert_int_equal(count_of(g, "Gather"), 1);
    tdi_graph_free(g);
}

static void sizes_go_through_floats(void **state) {
    (void)state;
    message graph = {0};
    add_input(&graph, "x", "N,3,10,5");
    add_output(&graph, "y");
    add_size_of(&graph, "x", 2, "h");
    add_number(&graph, "scale", 0.3f);
    add_node(&graph, "Cast", "h", "h_f", "to=1");
    add_node(&graph, "Mul", "h_f,scale", "scaled", "");
    add_node(&graph, "Floor", "scaled", "floored", "");
    add_node(&graph, "Cast", "floored", "rows", "to=7");
    add_ints(&graph, "start", "0");
    add_ints(&graph, "axis", "2");
    add_node(&graph, "Slice", "x,start,rows,axis", "y", "");
    tdi_graph *g = read_graph(&graph, 13);
    assert_string_equal(shape_text(g, "y"), "1x3x3x5");
    assert_int_equal(g->node_count, 1);
    tdi_graph_free(g);
}

static void halves_share_out_the_parts_of_a_split(void **state) {
    (void)state;
    message graph = shuffle_pattern();
    tdi_graph *g = read_graph(&graph, PATTERN_OPSET), *tail, *again;
    tdi_cut cut;
    uint8_t *bytes;
    size_t size;
    assert_int_equal(tdi_cut_resolve(g, "c,left", &cut, NULL), TD_OK);
    assert_int_equal(tdi_cut_tail(g, &cut, &tail, NULL), TD_OK);
    assert_int_equal(tail->input_count, 2);
    assert_int_equal(tail->values[tail->inputs[1]].producer, -1);
    assert_int_equal(tdi_onnx_write(tail, &bytes, &size, NULL), TD_OK);
    assert_int_equal(tdi_onnx_parse(bytes, size, NULL, &again, NULL), TD_OK);
    assert_int_equal(count_of(again, "Split"), 1);
    tdi_free(bytes);
    tdi_graph_free(again);
    tdi_graph_free(tail);
    tdi_graph_free(g);
}

static void endless_shape_arithmetic_is_not_evaluated(void **state) {
    (void)state;
    message graph = {0};
    add_input(&graph, "x", "N,3");
    add_output(&graph, "y");
    add_ints(&graph, "many", "2000000000");
    add_node(&graph, "ConstantOfShape", "many", "zeros", "");
    add_node(&graph, "ReduceProd", "zeros", "z", "keepdims=0");
    add_node(&graph, "Add", "x,z", "y", "");
    tdi_graph *g = read_graph(&graph, 13);
    assert_int_equal(count_of(g, "ConstantOfShape"), 1);
    tdi_graph_free(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_fold_for_any_batch),
        cmocka_unit_test(reshape_copies_the_batch),
        cmocka_unit_test(reshape_takes_what_is_left_where_heads_are_in_the_batch),
        cmocka_unit_test(shapes_do_not_bypass_cuts),
        cmocka_unit_test(what_has_no_form_for_any_batch_fixes_it_and_says_why),
        cmocka_unit_test(a_shape_that_is_an_output_stays),
        cmocka_unit_test(sizes_go_through_floats),
        cmocka_unit_test(halves_share_out_the_parts_of_a_split),
        cmocka_unit_test(endless_shape_arithmetic_is_not_evaluated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
