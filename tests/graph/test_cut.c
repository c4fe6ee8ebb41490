/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts: which tensors separate input from output, what is said about those that do not, and the
 * halves.
 */
#include "base/file.h"
#include "base/prng.h"
#include "base/text.h"
#include "graph/cut.h"
#include "graph/op.h"
#include "model.h"

/* The names of all single cuts, separated by blanks. */
static char *list_text(const tdi_graph *graph) {
    tdi_cut *cuts;
    size_t count;
    tdi_text text = {0};
    assert_int_equal(tdi_cut_list(graph, &cuts, &count, NULL), TD_OK);
    tdi_text_append(&text, "%s", "");
    for (size_t i = 0; i < count; i++)
        tdi_text_append(&text, "%s%s", i ? " " : "", graph->values[cuts[i].tensors[0]].name);
    tdi_free(cuts);
    return tdi_text_take(&text);
}

static void assert_list(const tdi_graph *graph, const char *expected) {
    char *text = list_text(graph);
    assert_string_equal(text, expected);
    tdi_free(text);
}

static void assert_no_cut(const tdi_graph *graph, const char *names, td_status status,
                          const char *part) {
    tdi_cut cut;
    td_error err = {0};
    if (tdi_cut_resolve(graph, names, &cut, &err) != status || !strstr(err.message, part))
        fail_msg("%s: %s \"%s\", expected \"%s\"", names, td_status_name(err.status), err.message,
                 part);
}

/* a = Relu(x); b = Abs(a); c = Neg(b); d = a + c; y = Relu(d) */
static tdi_graph *residual(void) {
    message graph = {0};
    add_input(&graph, "x", "N,2,4,4");
    add_output(&graph, "y");
    add_node(&graph, "Relu", "x", "a", "");
    add_node(&graph, "Abs", "a", "b", "");
    add_node(&graph, "Neg", "b", "c", "");
    add_node(&graph, "Add", "a,c", "d", "");
    add_node(&graph, "Relu", "d", "y", "");
    return read_graph(&graph, 13);
}

static void tensors_beside_a_residual_are_no_cuts(void **state) {
    (void)state;
    tdi_graph *g = residual();
    tdi_cut cut;
    assert_list(g, "a d");
    assert_no_cut(g, "b", TD_CUT, "x -> a -> d -> y");
    assert_no_cut(g, "c", TD_CUT, "x -> a -> d -> y");
    /* Within the block the tail needs both; after it, what is in it adds nothing. */
    assert_int_equal(tdi_cut_resolve(g, "c,a", &cut, NULL), TD_OK);
    assert_int_equal(cut.tensors[0], tdi_graph_find(g, "a"));
    assert_int_equal(cut.elements, 64);
    assert_no_cut(g, "d,b", TD_CUT, "\"b\" adds nothing");
    assert_no_cut(g, "b,b", TD_CUT, "twice");
    tdi_graph_free(g);
}

static void a_skip_connection_needs_a_second_tensor(void **state) {
    (void)state;
    message graph = {0};
    tdi_cut cut;
    add_input(&graph, "x", "N,2,4,4");
    add_output(&graph, "y");
    add_node(&graph, "Relu", "x", "e1", "");
    add_node(&graph, "MaxPool", "e1", "p", "kernel_shape=[2,2] strides=[2,2]");
    add_node(&graph, "Neg", "p", "e2", "");
    add_node(&graph, "Pad", "e2,pads", "u", "");
    add_ints(&graph, "pads", "0,0,1,1,0,0,1,1");
    add_node(&graph, "Concat", "e1,u", "joined", "axis=1");
    add_node(&graph, "Relu", "joined", "y", "");
    tdi_graph *g = read_graph(&graph, 13);
    assert_list(g, "e1 joined");
    assert_no_cut(g, "e2", TD_CUT, "x -> e1 -> joined -> y");
    assert_int_equal(tdi_cut_resolve(g, "e2,e1", &cut, NULL), TD_OK);
    assert_int_equal(cut.elements, 2 * 16 + 2 * 4);
    assert_no_cut(g, "p,e2,e1", TD_CUT, "\"p\" adds nothing");
    assert_no_cut(g, "pads", TD_CUT, "constant");
    assert_no_cut(g, "e3", TD_NOT_FOUND, "e2");
    assert_no_cut(g, "", TD_NOT_FOUND, "\"\"");
    assert_no_cut(g, "e2,,p", TD_NOT_FOUND, "\"\"");
    tdi_graph_free(g);
}

/* Two branches from the input itself: no single cut but behind the join. */
static tdi_graph *branches(void) {
    message graph = {0};
    add_input(&graph, "x", "N,4,4,4");
    add_output(&graph, "y");
    add_floats(&graph, "w1", "2,4,1,1");
    add_floats(&graph, "w2", "3,4,3,3");
    add_node(&graph, "Conv", "x,w1", "left", "");
    add_node(&graph, "Conv", "x,w2", "right", "pads=[1,1,1,1]");
    add_node(&graph, "Relu", "right", "rr", "");
    add_node(&graph, "Concat", "left,rr", "both", "axis=1");
    add_node(&graph, "GlobalAveragePool", "both", "y", "");
    return read_graph(&graph, 13);
}

static void a_cut_of_several_tensors_adds_up_elements_and_work(void **state) {
    (void)state;
    tdi_graph *g = branches(), *head, *tail;
    tdi_cut cut;
    assert_list(g, "both");
    assert_no_cut(g, "left", TD_CUT, "x -> right -> rr -> both -> y");
    assert_int_equal(tdi_cut_resolve(g, "rr,left", &cut, NULL), TD_OK);
    assert_int_equal(cut.tensor_count, 2);
    assert_int_equal(cut.tensors[0], tdi_graph_find(g, "left")); /* topological order */
    assert_int_equal(cut.elements, 2 * 16 + 3 * 16);
    assert_int_equal(cut.head_macs, 16 * 2 * 4 + 16 * 3 * 4 * 9);

    assert_int_equal(tdi_cut_head(g, &cut, &head, NULL), TD_OK);
    assert_int_equal(head->node_count, 3);
    assert_int_equal(head->output_count, 2);
    assert_string_equal(head->values[head->outputs[0]].name, "left");
    assert_int_equal(tdi_graph_macs(head), cut.head_macs);
    tdi_graph_free(head);
    assert_int_equal(tdi_cut_tail(g, &cut, &tail, NULL), TD_OK);
    assert_int_equal(tail->node_count, 2);
    assert_int_equal(tail->input_count, 2);
    assert_int_equal(tdi_graph_parameters(tail), 0);
    assert_int_equal(tail->symbolic_batch, 1);
    assert_int_equal(tdi_graph_infer(tail, 5, NULL), TD_OK);
    assert_string_equal(shape_text(tail, "y"), "5x5x1x1");
    tdi_graph_free(tail);
    tdi_graph_free(g);
}

static void all_inputs_must_be_separated_from_all_outputs(void **state) {
    (void)state;
    message graph = {0};
    tdi_cut cut;
    add_input(&graph, "x1", "N,4");
    add_input(&graph, "x2", "N,4");
    add_output(&graph, "y1");
    add_output(&graph, "y2");
    add_node(&graph, "Relu", "x1", "a", "");
    add_node(&graph, "Relu", "x2", "b", "");
    add_node(&graph, "Add", "a,b", "s", "");
    add_node(&graph, "Neg", "s", "m", "");
    add_node(&graph, "Abs", "m", "y1", "");
    add_node(&graph, "Relu", "m", "y2", "");
    tdi_graph *g = read_graph(&graph, 13);
    assert_list(g, "s m");
    assert_no_cut(g, "a", TD_CUT, "x2 -> b -> s -> m -> y");
    assert_int_equal(tdi_cut_resolve(g, "a,b", &cut, NULL), TD_OK);
    assert_int_equal(tdi_cut_resolve(g, "a,x2", &cut, NULL), TD_OK);
    assert_int_equal(tdi_cut_resolve(g, "y1,y2", &cut, NULL), TD_OK);
    assert_no_cut(g, "y1", TD_CUT, "y2");
    tdi_graph_free(g);
}

static void an_output_in_the_middle_is_no_cut_for_what_follows(void **state) {
    (void)state;
    message graph = {0};
    tdi_graph *head, *tail;
    tdi_cut cut;
    add_input(&graph, "x", "N,4");
    add_output(&graph, "early");
    add_output(&graph, "y");
    add_node(&graph, "Relu", "x", "a", "");
    add_node(&graph, "Neg", "a", "early", "");
    add_node(&graph, "Abs", "early", "b", "");
    add_node(&graph, "Relu", "b", "y", "");
    tdi_graph *g = read_graph(&graph, 13);
    assert_list(g, "a");
    assert_no_cut(g, "b", TD_CUT, "x -> a -> early");
    /* As a named cut it is one: the tail passes it on. */
    assert_int_equal(tdi_cut_resolve(g, "early", &cut, NULL), TD_OK);
    assert_int_equal(tdi_cut_head(g, &cut, &head, NULL), TD_OK);
    assert_int_equal(tdi_cut_tail(g, &cut, &tail, NULL), TD_OK);
    assert_int_equal(tail->output_count, 2);
    assert_int_equal(tail->outputs[0], tail->inputs[0]);
    tdi_graph_free(head);
    tdi_graph_free(tail);
    tdi_graph_free(g);
}

static void aliases_name_cuts_too(void **state) {
    (void)state;
    message graph = {0};
    tdi_cut cut;
    add_input(&graph, "x", "N,4");
    add_output(&graph, "y");
    add_node(&graph, "Relu", "x", "a", "");
    add_node(&graph, "Dropout", "a", "dropped", "ratio=0.5");
    add_node(&graph, "Relu", "dropped", "y", "");
    tdi_graph *g = read_graph(&graph, 7);
    assert_int_equal(tdi_cut_resolve(g, "dropped", &cut, NULL), TD_OK);
    assert_int_equal(cut.tensors[0], tdi_graph_find(g, "a"));
    assert_no_cut(g, "dropped,a", TD_CUT, "twice");
    tdi_graph_free(g);
}

static void a_name_may_have_a_comma(void **state) {
    (void)state;
    message graph = {0}, node = {0};
    tdi_cut cut;
    add_input(&graph, "x", "N,4");
    add_output(&graph, "y");
    put_text(&node, 1, "x");
    put_text(&node, 2, "a,b");
    put_text(&node, 4, "Relu");
    put_message(&graph, 1, &node);
    put_text(&node, 1, "a,b");
    put_text(&node, 2, "y");
    put_text(&node, 4, "Neg");
    put_message(&graph, 1, &node);
    tdi_graph *g = read_graph(&graph, 13);
    assert_int_equal(tdi_cut_resolve(g, "a,b", &cut, NULL), TD_OK);
    tdi_graph_free(g);
}

static void long_paths_are_shortened(void **state) {
    (void)state;
    message graph = {0};
    char from[32] = "x", to[32];
    add_input(&graph, "x", "N,4");
    add_output(&graph, "y");
    for (int i = 0; i < 40; i++) {
        snprintf(to, sizeof to, "t%d", i);
        add_node(&graph, "Relu", from, to, "");
        strcpy(from, to);
    }
    add_node(&graph, "Neg", "x", "side", "");
    add_node(&graph, "Add", "t39,side", "y", "");
    tdi_graph *g = read_graph(&graph, 13);
    assert_no_cut(g, "side", TD_CUT, "x -> t0 -> t1 -> ... -> t39 -> y");
    tdi_graph_free(g);
}

static void too_many_tensors_are_refused(void **state) {
    (void)state;
    message graph = {0};
    tdi_text names = {0}, inputs = {0};
    add_input(&graph, "x", "N,4");
    add_output(&graph, "y");
    for (int i = 0; i <= TDI_CUT_TENSORS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "b%d", i);
        add_node(&graph, "Relu", "x", name, "");
        tdi_text_append(&names, "%s%s", i ? "," : "", name);
        tdi_text_append(&inputs, "%s%s", i ? "," : "", name);
    }
    add_node(&graph, "Concat", inputs.data, "y", "axis=1");
    tdi_graph *g = read_graph(&graph, 13);
    assert_no_cut(g, names.data, TD_LIMIT, "at most 32");
    tdi_text_fini(&names);
    tdi_text_fini(&inputs);
    tdi_graph_free(g);
}

/* The definition itself: without the value, no output can be reached from an input. */
static int separates(const tdi_graph *graph, int value) {
    uint8_t *reached = calloc((size_t)graph->value_count, 1);
    int around = 0;
    for (int i = 0; i < graph->input_count; i++)
        reached[graph->inputs[i]] = graph->inputs[i] != value;
    for (int n = 0; n < graph->node_count; n++)
        for (int i = 0; i < graph->nodes[n].input_count; i++)
            if (reached[graph->nodes[n].inputs[i]])
                reached[graph->nodes[n].outputs[0]] = graph->nodes[n].outputs[0] != value;
    for (int i = 0; i < graph->output_count; i++)
        around |= reached[graph->outputs[i]];
    free(reached);
    return !around;
}

static tdi_graph *random_graph(tdi_prng *prng) {
    message graph = {0};
    char a[16], b[16], out[16], inputs[40];
    uint64_t count = 3 + tdi_prng_below(prng, 20), reach = 1 + tdi_prng_below(prng, 5);
    add_input(&graph, "t0", "N,4");
    if (tdi_prng_below(prng, 4) == 0)
        add_input(&graph, "t1", "N,4");
    else
        add_node(&graph, "Relu", "t0", "t1", "");
    for (uint64_t i = 2; i < count; i++) {
        uint64_t far = reach < i ? reach : i;
        snprintf(a, sizeof a, "t%d", (int)(i - 1 - tdi_prng_below(prng, far)));
        snprintf(b, sizeof b, "t%d", (int)(i - 1 - tdi_prng_below(prng, far)));
        snprintf(out, sizeof out, "t%d", (int)i);
        snprintf(inputs, sizeof inputs, "%s,%s", a, b);
        add_node(&graph, "Add", inputs, out, "");
    }
    add_output(&graph, out);
    if (tdi_prng_below(prng, 4) == 0 && strcmp(a, "t0") != 0 && strcmp(a, "t1") != 0)
        add_output(&graph, a);
    return read_graph(&graph, 13);
}

static void listed_and_resolved_cuts_are_those_of_the_definition(void **state) {
    (void)state;
    tdi_prng prng = {test_seed(1)};
    for (int round = 0; round < 500; round++) {
        tdi_graph *g = random_graph(&prng);
        tdi_cut *cuts, cut;
        size_t count;
        assert_int_equal(tdi_cut_list(g, &cuts, &count, NULL), TD_OK);
        for (int v = 0; v < g->value_count; v++) {
            size_t listed = 0;
            int is_output = 0;
            for (size_t i = 0; i < count; i++)
                listed += cuts[i].tensors[0] == v;
            for (int i = 0; i < g->output_count; i++)
                is_output |= g->outputs[i] == v;
            int expected = separates(g, v);
            assert_int_equal(listed, expected && !is_output && g->values[v].producer >= 0);
            td_status status = tdi_cut_resolve(g, g->values[v].name, &cut, NULL);
            assert_int_equal(status, expected ? TD_OK : TD_CUT);
        }
        tdi_free(cuts);
        tdi_graph_free(g);
    }
}

/* A row of a .tensors.csv: index,tensor,op,shape,elements,cut,macs,macs_total */
typedef struct row {
    char name[128], op[64], shape[64];
    long long elements, cut, macs, total;
} row;

/* Every row must agree, in shape, elements, whether it is a cut, and the MACs that it needs. */
static void check_row(const tdi_graph *g, const row *r, size_t *cuts_seen) {
    int v = tdi_graph_find(g, r->name);
    tdi_cut cut;
    tdi_graph *needed;
    char shape[96];
    if (v < 0)
        fail_msg("no tensor %s", r->name);
    const tdi_value *value = &g->values[v];
    assert_string_equal(g->nodes[value->producer].op->type, r->op);
    td_shape_format(&value->shape, shape, sizeof shape);
    assert_string_equal(shape + 2, r->shape); /* without the batch */
    assert_int_equal(td_shape_elements(&value->shape), r->elements);
    assert_int_equal(tdi_graph_macs(g), r->total);
    td_status status = tdi_cut_resolve(g, r->name, &cut, NULL);
    assert_int_equal(status, r->cut ? TD_OK : TD_CUT);
    if (r->cut) {
        assert_int_equal(cut.elements, r->elements);
        assert_int_equal(cut.head_macs, r->macs);
    }
    assert_int_equal(tdi_graph_extract(g, g->inputs, g->input_count, &v, 1, &needed, NULL), TD_OK);
    assert_int_equal(tdi_graph_macs(needed), r->macs);
    tdi_graph_free(needed);
    *cuts_seen += r->cut && v != g->outputs[0];
}

static void check_model(const char *model, const char *csv) {
    const char *path = test_data(model), *table = test_data(csv);
    if (!path || !table)
        skip();
    tdi_graph *g;
    td_error err;
    tdi_cut *cuts;
    size_t count, seen = 0, rows = 0;
    char line[512];
    row r;
    if (tdi_onnx_load(path, &g, &err) != TD_OK)
        fail_msg("%s", err.message);
    FILE *file = fopen(table, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    while (fgets(line, sizeof line, file)) {
        assert_int_equal(sscanf(line, "%*d,%127[^,],%63[^,],%63[^,],%lld,%lld,%lld,%lld", r.name,
                                r.op, r.shape, &r.elements, &r.cut, &r.macs, &r.total),
                         7);
        check_row(g, &r, &seen);
        rows++;
    }
    fclose(file);
    assert_int_equal(tdi_cut_list(g, &cuts, &count, NULL), TD_OK);
    assert_int_equal(count, seen);
    assert_true(rows > 50);
    tdi_free(cuts);
    tdi_graph_free(g);
}

static void mobilenet_agrees_with_its_table(void **state) {
    (void)state;
    check_model("models/mobilenet_v2.onnx", "models/mobilenet_v2.tensors.csv");
}

static void mobilenet_with_half_weights_agrees_with_the_same_table(void **state) {
    (void)state;
    check_model("models/mobilenet_v2_fp16w.onnx", "models/mobilenet_v2.tensors.csv");
}

static void resnet20_agrees_with_its_table(void **state) {
    (void)state;
    check_model("models/resnet20_cifar10.onnx", "models/resnet20_cifar10.tensors.csv");
}

static void resnet56_agrees_with_its_table(void **state) {
    (void)state;
    check_model("models/resnet56_cifar10.onnx", "models/resnet56_cifar10.tensors.csv");
}

static void the_drawing_marks_cuts(void **state) {
    (void)state;
    tdi_graph *g = residual();
    char *dot;
    assert_int_equal(tdi_graph_dot(g, &dot, NULL), TD_OK);
    assert_non_null(strstr(dot, "digraph"));
    assert_non_null(strstr(dot, "[label=\"1x2x4x4\" tooltip=\"b\"];"));
    assert_non_null(strstr(dot, "[label=\"1x2x4x4\" tooltip=\"a\" color"));
    tdi_free(dot);
    tdi_graph_free(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_beside_a_residual_are_no_cuts),
        cmocka_unit_test(a_skip_connection_needs_a_second_tensor),
        cmocka_unit_test(a_cut_of_several_tensors_adds_up_elements_and_work),
        cmocka_unit_test(all_inputs_must_be_separated_from_all_outputs),
        cmocka_unit_test(an_output_in_the_middle_is_no_cut_for_what_follows),
        cmocka_unit_test(aliases_name_cuts_too),
        cmocka_unit_test(a_name_may_have_a_comma),
        cmocka_unit_test(long_paths_are_shortened),
        cmocka_unit_test(too_many_tensors_are_refused),
        cmocka_unit_test(listed_and_resolved_cuts_are_those_of_the_definition),
        cmocka_unit_test(mobilenet_agrees_with_its_table),
        cmocka_unit_test(mobilenet_with_half_weights_agrees_with_the_same_table),
        cmocka_unit_test(resnet20_agrees_with_its_table),
        cmocka_unit_test(resnet56_agrees_with_its_table),
        cmocka_unit_test(the_drawing_marks_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
