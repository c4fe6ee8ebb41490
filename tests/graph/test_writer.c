/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing ONNX files: what is written is read again as the same graph, and others accept it; halves
 * hold only what is theirs; quantizers as operators.
 */
#include <unistd.h>

#include "base/file.h"
#include "graph/cut.h"
#include "graph/op.h"
#include "model.h"

static tdi_graph *reread(const tdi_graph *graph) {
    uint8_t *bytes;
    size_t size;
    tdi_graph *again;
    td_error err;
    assert_int_equal(tdi_onnx_write(graph, &bytes, &size, NULL), TD_OK);
    if (tdi_onnx_parse(bytes, size, NULL, &again, &err) != TD_OK)
        fail_msg("%s", err.message);
    tdi_free(bytes);
    return again;
}

static void assert_same_value(const tdi_value *a, const tdi_value *b) {
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->dtype, b->dtype);
    assert_true(td_shape_equal(&a->shape, &b->shape));
    assert_int_equal(a->batched, b->batched);
    assert_int_equal(a->depends_on_input, b->depends_on_input);
    assert_int_equal(!a->data, !b->data);
    if (a->data) {
        assert_int_equal(a->data->bytes, b->data->bytes);
        assert_memory_equal(a->data->data, b->data->data, a->data->bytes);
    }
}

static void assert_same_node(const tdi_graph *ga, const tdi_node *a, const tdi_graph *gb,
                             const tdi_node *b) {
    assert_string_equal(a->name, b->name);
    assert_ptr_equal(a->op, b->op);
    assert_int_equal(a->macs, b->macs);
    assert_int_equal(a->input_count, b->input_count);
    for (int i = 0; i < a->input_count; i++) {
        const tdi_value *x = tdi_node_input(ga, a, i), *y = tdi_node_input(gb, b, i);
        assert_int_equal(!x, !y);
        if (x)
            assert_same_value(x, y);
    }
    assert_int_equal(a->attr_count, b->attr_count);
    for (size_t i = 0; i < a->attr_count; i++) {
        const tdi_attr *x = &a->attrs[i], *y = tdi_node_attr(b, x->name);
        assert_non_null(y);
        assert_int_equal(x->kind, y->kind);
        assert_int_equal(x->i, y->i);
        assert_true(x->f == y->f);
        assert_int_equal(x->count, y->count);
        if (x->s)
            assert_string_equal(x->s, y->s);
        if (x->count)
            assert_memory_equal(x->ints, y->ints, x->count * sizeof *x->ints);
    }
}

static void assert_same(const tdi_graph *a, const tdi_graph *b) {
    assert_int_equal(a->opset, b->opset);
    assert_int_equal(a->ir_version, b->ir_version);
    assert_int_equal(a->symbolic_batch, b->symbolic_batch);
    assert_int_equal(a->value_count, b->value_count);
    assert_int_equal(a->node_count, b->node_count);
    assert_int_equal(a->input_count, b->input_count);
    assert_int_equal(a->output_count, b->output_count);
    for (int i = 0; i < a->node_count; i++)
        assert_same_node(a, &a->nodes[i], b, &b->nodes[i]);
    for (int i = 0; i < a->input_count; i++)
        assert_same_value(&a->values[a->inputs[i]], &b->values[b->inputs[i]]);
    for (int i = 0; i < a->output_count; i++)
        assert_same_value(&a->values[a->outputs[i]], &b->values[b->outputs[i]]);
}

/* Attributes of every kind, optional inputs left out, half-precision weights behind Cast. */
static tdi_graph *sample(int64_t opset) {
    message graph = {0}, half = tensor_of("bias.half", TD_DTYPE_F16, "4");
    static const uint16_t bits[4] = {0x3c00, 0x4000, 0x4200, 0x4400};
    add_input(&graph, "x", "N,3,8,8");
    add_output(&graph, "y");
    add_floats(&graph, "w", "4,3,3,3");
    put_bytes(&half, 9, bits, sizeof bits);
    put_message(&graph, 5, &half);
    add_node(&graph, "Cast", "bias.half", "bias", "to=1");
    add_node(&graph, "Conv", "x,w,bias", "c", "pads=[1,1,1,1] auto_pad=NOTSET group=1");
    if (opset >= 11) {
        add_number(&graph, "six", 6.0f);
        add_node(&graph, "Clip", "c,,six", "r", "");
    } else {
        add_node(&graph, "Clip", "c", "r", "max=6.0");
    }
    add_node(&graph, "LeakyRelu", "r", "l", "alpha=0.1");
    add_node(&graph, "GlobalAveragePool", "l", "g", "");
    add_node(&graph, "Flatten", "g", "y", "");
    return read_graph(&graph, opset);
}

static void what_is_written_is_read_again(void **state) {
    (void)state;
    for (int64_t opset = 7; opset <= 21; opset++) {
        tdi_graph *g = sample(opset), *again = reread(g), *copy;
        assert_same(g, again);
        assert_int_equal(tdi_graph_copy(g, &copy, NULL), TD_OK);
        assert_same(g, copy);
        tdi_graph_free(copy);
        tdi_graph_free(again);
        tdi_graph_free(g);
    }
}

static void halves_hold_only_their_own_weights(void **state) {
    (void)state;
    tdi_graph *g = sample(13), *head, *tail, *again;
    tdi_cut cut;
    assert_int_equal(tdi_cut_resolve(g, "r", &cut, NULL), TD_OK);
    assert_int_equal(tdi_cut_head(g, &cut, &head, NULL), TD_OK);
    assert_int_equal(tdi_cut_tail(g, &cut, &tail, NULL), TD_OK);
    again = reread(head);
    assert_same(head, again);
    /* The weights stay as they were: half precision, with the operator that restores them. */
    assert_int_equal(again->values[tdi_graph_find(again, "bias.half")].data->dtype, TD_DTYPE_F16);
    assert_int_equal(again->node_count, 3);
    assert_string_equal(shape_text(again, "r"), "1x4x8x8");
    tdi_graph_free(again);
    again = reread(tail);
    assert_same(tail, again);
    assert_int_equal(tdi_graph_parameters(again), 0);
    assert_int_equal(again->symbolic_batch, 1);
    tdi_graph_free(again);
    tdi_graph_free(head);
    tdi_graph_free(tail);
    tdi_graph_free(g);
}

/* The types of a graph's nodes, separated by blanks. */
static const char *types(const tdi_graph *graph) {
    static char text[512];
    text[0] = '\0';
    for (int i = 0; i < graph->node_count; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof text - at, "%s%s", i ? " " : "", graph->nodes[i].op->type);
    }
    return text;
}

static void quantizers_become_operators_of_the_graphs_own_opset(void **state) {
    (void)state;
    static const struct {
        int levels;
        td_dtype dtype;
    } cases[] = {{1, TD_DTYPE_F16},
                 {2, TD_DTYPE_U8},
                 {256, TD_DTYPE_U8},
                 {257, TD_DTYPE_U16},
                 {65536, TD_DTYPE_U16}};
    for (int64_t opset = 7; opset <= 21; opset += 2)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            tdi_graph *g = sample(opset), *head, *tail, *again;
            tdi_cut cut;
            const tdi_affine affine = {cases[i].levels, -1.0f, 0.25f};
            assert_int_equal(tdi_cut_resolve(g, "l", &cut, NULL), TD_OK);
            assert_int_equal(tdi_cut_head(g, &cut, &head, NULL), TD_OK);
            assert_int_equal(tdi_cut_tail(g, &cut, &tail, NULL), TD_OK);
            assert_int_equal(tdi_graph_append_quantizer(head, 0, &affine, NULL), TD_OK);
            assert_int_equal(tdi_graph_prepend_dequantizer(tail, 0, &affine, NULL), TD_OK);
            const tdi_value *out = &head->values[head->outputs[0]];
            const tdi_value *in = &tail->values[tail->inputs[0]];
            assert_int_equal(out->dtype, cases[i].dtype);
            assert_same_value(&(tdi_value){.name = out->name,
                                           .dtype = out->dtype,
                                           .shape = out->shape,
                                           .batched = 1,
                                           .depends_on_input = 1},
                              in);
            assert_string_equal(types(head),
                                cases[i].levels == 1
                                    ? "Cast Conv Clip LeakyRelu Clip Cast"
                                    : "Cast Conv Clip LeakyRelu Sub Div Add Floor Clip Cast");
            assert_string_equal(types(tail), cases[i].levels == 1
                                                 ? "Cast GlobalAveragePool Flatten"
                                                 : "Cast Mul Add GlobalAveragePool Flatten");
            again = reread(head);
            assert_same(head, again);
            tdi_graph_free(again);
            again = reread(tail);
            assert_same(tail, again);
            assert_int_equal(tdi_graph_infer(again, 3, NULL), TD_OK);
            tdi_graph_free(again);
            tdi_graph_free(head);
            tdi_graph_free(tail);
            tdi_graph_free(g);
        }
}

static void
a_quantizer_on_a_tensor_that_is_an_output_and_input_elsewhere_moves_only_the_output(void **state) {
    (void)state;
    message graph = {0};
    const tdi_affine affine = {4, 0.0f, 1.0f};
    add_input(&graph, "x", "N,4");
    add_output(&graph, "a");
    add_output(&graph, "b");
    add_node(&graph, "Relu", "x", "a", "");
    add_node(&graph, "Neg", "a", "b", "");
    tdi_graph *g = read_graph(&graph, 13);
    assert_int_equal(tdi_graph_append_quantizer(g, 0, &affine, NULL), TD_OK);
    assert_string_equal(g->values[g->outputs[0]].name, "a_quantized");
    assert_string_equal(g->values[g->outputs[1]].name, "b");
    tdi_graph *again = reread(g);
    assert_int_equal(again->node_count, g->node_count);
    tdi_graph_free(again);
    tdi_graph_free(g);
}

static void unusable_quantizers_are_refused(void **state) {
    (void)state;
    tdi_graph *g = sample(13);
    td_error err;
    const tdi_affine none = {0, 0, 0}, many = {65537, 0, 1}, flat = {4, 0, 0}, ok = {4, 0, 1};
    assert_int_equal(tdi_graph_append_quantizer(g, 0, &none, &err), TD_OK);
    assert_int_equal(tdi_graph_append_quantizer(g, 0, &many, &err), TD_ARGUMENT);
    assert_int_equal(tdi_graph_append_quantizer(g, 0, &flat, &err), TD_ARGUMENT);
    assert_int_equal(tdi_graph_append_quantizer(g, 1, &ok, &err), TD_ARGUMENT);
    assert_int_equal(tdi_graph_append_quantizer(g, 0, &ok, &err), TD_OK);
    assert_int_equal(tdi_graph_append_quantizer(g, 0, &ok, &err), TD_UNSUPPORTED);
    assert_non_null(strstr(err.message, "uint8"));
    tdi_graph_free(g);
}

static void half_reshapes_that_fix_the_batch_give_tails_of_one_picture(void **state) {
    (void)state;
    message graph = {0};
    tdi_cut cut;
    td_error err;
    tdi_graph *head, *tail;
    add_input(&graph, "x", "N,4,2");
    add_output(&graph, "y");
    add_ints(&graph, "shape", "1,8");
    add_node(&graph, "Relu", "x", "a", "");
    add_node(&graph, "Reshape", "a,shape", "fixed", "");
    add_node(&graph, "Neg", "fixed", "y", "");
    tdi_graph *g = read_graph(&graph, 13);
    assert_int_equal(tdi_graph_infer(g, 2, &err), TD_UNSUPPORTED);
    assert_non_null(strstr(err.message, "Reshape"));
    assert_int_equal(tdi_graph_infer(g, 1, &err), TD_OK);
    assert_int_equal(tdi_cut_resolve(g, "fixed", &cut, NULL), TD_OK);
    assert_int_equal(tdi_cut_head(g, &cut, &head, NULL), TD_OK);
    assert_int_equal(tdi_cut_tail(g, &cut, &tail, NULL), TD_OK);
    assert_int_equal(head->symbolic_batch, 1);
    assert_int_equal(tail->symbolic_batch, 0);
    assert_int_equal(tdi_graph_infer(tail, 2, &err), TD_UNSUPPORTED);
    tdi_graph_free(head);
    tdi_graph_free(tail);
    tdi_graph_free(g);
}

static void extracting_past_the_inputs_names_the_way(void **state) {
    (void)state;
    tdi_graph *g = sample(13), *part;
    td_error err;
    int r = tdi_graph_find(g, "r"), c = tdi_graph_find(g, "c"), w = tdi_graph_find(g, "w");
    assert_int_equal(tdi_graph_extract(g, &r, 1, &c, 1, &part, &err), TD_CUT);
    assert_non_null(strstr(err.message, "x -> c"));
    assert_int_equal(tdi_graph_extract(g, &w, 1, &r, 1, &part, &err), TD_CUT);
    assert_non_null(strstr(err.message, "constant"));
    tdi_graph_free(g);
}

static void write_to(const tdi_graph *graph, const char *folder, const char *name) {
    char path[512];
    uint8_t *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(tdi_onnx_write(graph, &bytes, &size, NULL), TD_OK);
    assert_int_equal(tdi_file_write(path, bytes, size, NULL), TD_OK);
    tdi_free(bytes);
}

/* Halves of a graph at one cut, plain and quantized. */
static void write_halves(const tdi_graph *graph, const char *cut_name, const char *folder,
                         const char *prefix) {
    const tdi_affine affine = {256, -1.0f, 0.25f};
    tdi_graph *head, *tail;
    tdi_cut cut;
    char name[64];
    assert_int_equal(tdi_cut_resolve(graph, cut_name, &cut, NULL), TD_OK);
    assert_int_equal(tdi_cut_head(graph, &cut, &head, NULL), TD_OK);
    assert_int_equal(tdi_cut_tail(graph, &cut, &tail, NULL), TD_OK);
    for (int quantized = 0; quantized < 2; quantized++) {
        if (quantized) {
            assert_int_equal(tdi_graph_append_quantizer(head, 0, &affine, NULL), TD_OK);
            assert_int_equal(tdi_graph_prepend_dequantizer(tail, 0, &affine, NULL), TD_OK);
        }
        snprintf(name, sizeof name, "%s_%d_head.onnx", prefix, quantized);
        write_to(head, folder, name);
        snprintf(name, sizeof name, "%s_%d_tail.onnx", prefix, quantized);
        write_to(tail, folder, name);
    }
    tdi_graph_free(head);
    tdi_graph_free(tail);
}

static void the_onnx_checker_accepts_halves(void **state) {
    (void)state;
    char folder[256], command[1024];
    const char *python = "/usr/bin/python3", *model = test_data("models/mobilenet_v2_fp16w.onnx");
    if (system("/usr/bin/python3 -c 'import onnx' 2>/dev/null") != 0) {
        print_message("skipped: no python3-onnx\n");
        skip();
    }
    test_folder(folder);
    /* The checker of an older ONNX knows fewer opsets. */
    for (int64_t opset = 7; opset <= 15; opset++) {
        char prefix[16];
        tdi_graph *g = sample(opset);
        snprintf(prefix, sizeof prefix, "opset%d", (int)opset);
        write_halves(g, "l", folder, prefix);
        tdi_graph_free(g);
    }
    tdi_graph *g;
    if (model && tdi_onnx_load(model, &g, NULL) == TD_OK) {
        write_halves(g, "block_3_project", folder, "mobilenet");
        tdi_graph_free(g);
    }
    snprintf(command, sizeof command,
             "%s -c 'import glob, onnx\n"
             "for path in sorted(glob.glob(\"%s/*.onnx\")):\n"
             "    model = onnx.load(path)\n"
             "    onnx.checker.check_model(model)\n"
             "    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)\n'",
             python, folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(tdi_folder_remove(folder, NULL), TD_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(halves_hold_only_their_own_weights),
        cmocka_unit_test(quantizers_become_operators_of_the_graphs_own_opset),
        cmocka_unit_test(
            a_quantizer_on_a_tensor_that_is_an_output_and_input_elsewhere_moves_only_the_output),
        cmocka_unit_test(unusable_quantizers_are_refused),
        cmocka_unit_test(half_reshapes_that_fix_the_batch_give_tails_of_one_picture),
        cmocka_unit_test(extracting_past_the_inputs_names_the_way),
        cmocka_unit_test(the_onnx_checker_accepts_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
