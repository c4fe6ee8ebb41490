/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding shape arithmetic: what is left of the graph, and for which batches it holds.
 */
#include "graph/patterns.h"

#include "graph/bind.h"
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

static tdi_graph *read_open(message *graph) {
    message model = model_of(graph, 13);
    tdi_graph *out = NULL;
    assert_int_equal(tdi_onnx_parse_open(model.data, model.size, NULL, &out, NULL), TD_OK);
    tdi_free(model.data);
    return out;
}

/* Two inputs that are as long as each other. */
static message pair_graph(void) {
    message g = {0};
    add_input(&g, "a", "N,length,4");
    add_input(&g, "b", "N,length,4");
    add_output(&g, "y");
    add_node(&g, "Add", "a,b", "sum", "");
    add_size_of(&g, "sum", 1, "n");
    add_ints(&g, "rest", "0");
    add_ints(&g, "last", "-1");
    add_node(&g, "Concat", "rest,last,n", "target", "axis=0");
    add_node(&g, "Reshape", "sum,target", "y", "");
    return g;
}

static td_status bind(const tdi_graph *open, const char *input, int64_t n, int64_t length,
                      tdi_graph **out, td_error *err) {
    const td_input_shape shape = {input, tdi_shape_of(3, (int64_t[]){n, length, 4})};
    return tdi_graph_bind(open, &shape, 1, out, err);
}

static void axes_of_one_name_are_bound_together(void **state) {
    (void)state;
    message graph = pair_graph();
    tdi_graph *open = read_open(&graph), *g;
    td_error err;
    for (int64_t length = 3; length < 6; length++) {
        char expected[32];
        assert_int_equal(bind(open, "b", TD_DIM_SYMBOLIC, length, &g, &err), TD_OK);
        snprintf(expected, sizeof expected, "1x%dx4", (int)length);
        assert_string_equal(shape_text(g, "a"), expected);
        snprintf(expected, sizeof expected, "1x4x%d", (int)length);
        assert_string_equal(shape_text(g, "y"), expected);
        must_infer(g, 2);
        tdi_graph_free(g);
    }
    assert_int_equal(bind(open, "b", 2, 5, &g, &err), TD_OK);
    assert_int_equal(g->symbolic_batch, 0);
    assert_string_equal(shape_text(g, "a"), "2x5x4");
    tdi_graph_free(g);
    tdi_graph_free(open);
}

static void shapes_that_do_not_fit_are_refused_by_name(void **state) {
    (void)state;
    message graph = pair_graph();
    tdi_graph *open = read_open(&graph), *g = NULL;
    td_error err;
    assert_int_equal(tdi_graph_bind(open, NULL, 0, &g, &err), TD_ARGUMENT);
    assert_non_null(strstr(err.message, "\"a\""));
    assert_non_null(strstr(err.message, "axis 1 (length)"));
    assert_int_equal(bind(open, "c", 1, 3, &g, &err), TD_NOT_FOUND);
    assert_non_null(strstr(err.message, "\"a\", \"b\""));
    assert_int_equal(bind(open, NULL, 1, 3, &g, &err), TD_ARGUMENT);
    const td_input_shape flat = {"a", tdi_shape_of(2, (int64_t[]){1, 4})};
    assert_int_equal(tdi_graph_bind(open, &flat, 1, &g, &err), TD_MISMATCH);
    const td_input_shape wide = {"a", tdi_shape_of(3, (int64_t[]){1, 3, 5})};
    assert_int_equal(tdi_graph_bind(open, &wide, 1, &g, &err), TD_MISMATCH);
    assert_null(g);
    tdi_graph_free(open);
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
        cmocka_unit_test(axes_of_one_name_are_bound_together),
        cmocka_unit_test(shapes_that_do_not_fit_are_refused_by_name),
        cmocka_unit_test(endless_shape_arithmetic_is_not_evaluated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
