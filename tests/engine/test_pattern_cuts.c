/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts of several tensors through the patterns of real networks: skips of U-Net, residuals of
 * transformers, branches of Inception. Wherever the operators are divided into those that come
 * first and the others, the tensors that pass from the ones to the others are a cut.
 */
#include "patterns.h"

#include "base/text.h"
#include "graph/cut.h"

typedef struct tally {
    int single, several, refused;
} tally;

/* Names of what the first `count` nodes give to the others; 0 where an input of the graph is among
 * it. */
static int passing(const tdi_graph *graph, int count, tdi_text *names) {
    for (int v = 0; v < graph->value_count; v++) {
        const tdi_value *value = &graph->values[v];
        int read = 0, is_output = 0;
        for (int n = count; n < graph->node_count; n++)
            for (int i = 0; i < graph->nodes[n].input_count; i++)
                read |= graph->nodes[n].inputs[i] == v;
        for (int i = 0; i < graph->output_count; i++)
            is_output |= graph->outputs[i] == v;
        if (!value->depends_on_input || value->producer >= count || !(read || is_output))
            continue;
        if (value->producer < 0)
            return 0;
        tdi_text_append(names, "%s%s", names->size ? "," : "", value->name);
    }
    return names->size > 0;
}

static void check(const pattern *p, const tdi_graph *graph, const tdi_cut *cut, const float *input,
                  const ran *whole) {
    tdi_graph *head = NULL, *tail = NULL;
    td_error err = {TD_OK, -1, ""};
    const float *features[TDI_CUT_TENSORS_MAX];
    if (tdi_cut_head(graph, cut, &head, &err) || tdi_cut_tail(graph, cut, &tail, &err))
        fail_msg("%s: %s", p->name, err.message);
    ran first = run_graph(head, NULL, &input);
    for (int i = 0; i < cut->tensor_count; i++)
        features[i] = tdi_run_output(first.run, i);
    ran second = run_graph(tail, NULL, features);
    double d = relative_difference(tdi_run_output(second.run, 0), tdi_run_output(whole->run, 0),
                                   tdi_run_output_bytes(whole->run, 0) / sizeof(float));
    if (!(d < 1e-4))
        fail_msg("%s, %d tensors from %s on: differs by %g", p->name, cut->tensor_count,
                 graph->values[cut->tensors[0]].name, d);
    ran_free(&first);
    ran_free(&second);
    tdi_graph_free(head);
    tdi_graph_free(tail);
}

static void check_pattern(const pattern *p, tally *t) {
    net n = build(p);
    float *input = random_floats(&n.prng, (size_t)td_shape_elements(&p->input));
    const float *inputs[1] = {input};
    ran whole = run_graph(n.graph, NULL, inputs);
    for (int count = 1; count < n.graph->node_count; count++) {
        tdi_text names = {0};
        tdi_cut cut;
        if (passing(n.graph, count, &names)) {
            /* Where a tensor can be computed from the others, the cut is refused. */
            td_status status = tdi_cut_resolve(n.graph, names.data, &cut, NULL);
            assert_true(status == TD_OK || status == TD_CUT);
            t->refused += status != TD_OK;
            t->single += status == TD_OK && cut.tensor_count == 1;
            t->several += status == TD_OK && cut.tensor_count > 1;
            if (status == TD_OK)
                check(p, n.graph, &cut, input, &whole);
        }
        tdi_text_fini(&names);
    }
    ran_free(&whole);
    free(input);
    tdi_graph_free(n.graph);
}

static void halves_at_any_cut_of_several_tensors_equal_the_whole(void **state) {
    tally t = {0, 0, 0};
    (void)state;
    for (size_t i = 0; i < PATTERNS; i++)
        check_pattern(&patterns[i], &t);
    print_message("%d cuts of one tensor, %d of several, %d refused\n", t.single, t.several,
                  t.refused);
    assert_true(t.several >= 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_at_any_cut_of_several_tensors_equal_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
