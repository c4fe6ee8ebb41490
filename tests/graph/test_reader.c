/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ONNX reader: how tensors may be stored, how names and order may be given, what is folded, and
 * what is refused.
 */
#include <unistd.h>

#include "base/file.h"
#include "graph/op.h"
#include "model.h"

/* x -> Relu -> y, with whatever a test adds. */
static message small_graph(void) {
    message graph = {0};
    add_input(&graph, "x", "N,4");
    add_output(&graph, "y");
    return graph;
}

static const tdi_tensor *constant(const tdi_graph *graph, const char *name) {
    int value = tdi_graph_find(graph, name);
    assert_true(value >= 0);
    assert_non_null(graph->values[value].data);
    return graph->values[value].data;
}

/* x + (c cast to float), where c is the tensor given. */
static tdi_graph *read_with_tensor(message *tensor) {
    message graph = small_graph();
    put_message(&graph, 5, tensor);
    add_node(&graph, "Cast", "c", "f", "to=1");
    add_node(&graph, "Add", "x,f", "y", "");
    return read_graph(&graph, 13);
}

static void typed_fields_are_read_like_raw_bytes(void **state) {
    (void)state;
    static const int dtypes[] = {TD_DTYPE_U8,  TD_DTYPE_I8,   TD_DTYPE_U16, TD_DTYPE_I16,
                                 TD_DTYPE_I32, TD_DTYPE_BOOL, TD_DTYPE_F16, TD_DTYPE_BF16};
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++)
        for (int packed = 0; packed < 2; packed++) {
            message tensor = tensor_of("c", dtypes[d], "4"), data = {0};
            for (int i = 0; i < 4; i++) {
                int64_t v = dtypes[d] == TD_DTYPE_BOOL ? i % 2 : 10 * i;
                if (packed)
                    put_varint(&data, (uint64_t)v);
                else
                    put_int(&tensor, 5, v);
            }
            if (packed)
                put_message(&tensor, 5, &data);
            tdi_graph *g = read_with_tensor(&tensor);
            const tdi_tensor *c = constant(g, "c");
            size_t bytes = td_dtype_bytes((td_dtype)dtypes[d]);
            assert_int_equal(c->bytes, 4 * bytes);
            uint8_t expected[4] = {0, 10, 20, 30};
            if (dtypes[d] == TD_DTYPE_BOOL)
                expected[1] = expected[3] = 1, expected[2] = 0;
            for (size_t i = 0; i < 4; i++)
                assert_int_equal(((const uint8_t *)c->data)[i * bytes], expected[i]);
            tdi_graph_free(g);
        }
}

static void wide_typed_fields_are_read(void **state) {
    (void)state;
    message tensor = tensor_of("c", TD_DTYPE_I64, "4");
    for (int i = 0; i < 4; i++)
        put_int(&tensor, 7, -i);
    tdi_graph *g = read_with_tensor(&tensor);
    assert_int_equal(((const int64_t *)constant(g, "c")->data)[3], -3);
    tdi_graph_free(g);

    tensor = tensor_of("c", TD_DTYPE_U32, "4");
    for (int i = 0; i < 4; i++)
        put_int(&tensor, 11, 4000000000 + i);
    g = read_with_tensor(&tensor);
    assert_true(((const uint32_t *)constant(g, "c")->data)[3] == 4000000003u);
    tdi_graph_free(g);

    tensor = tensor_of("c", TD_DTYPE_F64, "4");
    double v[4] = {0.1, 0.2, 0.3, 1e300};
    for (int i = 0; i < 4; i++) {
        put_varint(&tensor, 10 << 3 | 1);
        put(&tensor, &v[i], sizeof v[i]);
    }
    g = read_with_tensor(&tensor);
    assert_memory_equal(constant(g, "c")->data, v, sizeof v);
    tdi_graph_free(g);

    tensor = tensor_of("c", TD_DTYPE_F32, "2");
    put_float(&tensor, 4, 0.5f);
    put_float(&tensor, 4, 0.25f);
    message graph = {0};
    add_input(&graph, "x", "N,2");
    add_output(&graph, "y");
    put_message(&graph, 5, &tensor);
    add_node(&graph, "Add", "x,c", "y", "");
    g = read_graph(&graph, 13);
    assert_true(((const float *)constant(g, "c")->data)[1] == 0.25f);
    tdi_graph_free(g);
}

static void tensors_that_lie_about_their_size_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *shape, *part;
        int dtype, bytes;
        td_status status;
    } cases[] = {
        {"4", "needs 16", TD_DTYPE_F32, 15, TD_FORMAT},
        {"4", "needs 16", TD_DTYPE_F32, 17, TD_FORMAT},
        {"2000000000", "needs 8000000000", TD_DTYPE_F32, 4, TD_FORMAT},
        {"4611686018427387904,4", "shape", TD_DTYPE_F32, 4, TD_FORMAT},
        {"1000000,1000000", "too large", TD_DTYPE_U8, 4, TD_LIMIT},
        {"-1", "shape", TD_DTYPE_U8, 4, TD_FORMAT},
        {"1,1,1,1,1,1,1,1,1", "9 axes", TD_DTYPE_U8, 1, TD_LIMIT},
        {"1", "type 8", 8, 1, TD_UNSUPPORTED},
        {"1", "type 77", 77, 1, TD_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static const char zeros[32];
        message graph = small_graph(), tensor = tensor_of("c", cases[i].dtype, cases[i].shape);
        put_bytes(&tensor, 9, zeros, (size_t)cases[i].bytes);
        put_message(&graph, 5, &tensor);
        add_node(&graph, "Add", "x,c", "y", "");
        char parts[64];
        snprintf(parts, sizeof parts, "\"c\"|%s", cases[i].part);
        assert_refused(&graph, 13, cases[i].status, parts);
    }
}

/* x + c with c in a file; NULL for the entries leaves them out. */
static td_status read_external(const char *folder, const char *location, const char *offset,
                               const char *length, td_error *err) {
    message graph = small_graph(), tensor = tensor_of("c", TD_DTYPE_F32, "4");
    const char *entries[3][2] = {{"location", location}, {"offset", offset}, {"length", length}};
    for (int i = 0; i < 3; i++)
        if (entries[i][1]) {
            message entry = {0};
            put_text(&entry, 1, entries[i][0]);
            put_text(&entry, 2, entries[i][1]);
            put_message(&tensor, 13, &entry);
        }
    put_int(&tensor, 14, 1);
    put_message(&graph, 5, &tensor);
    add_node(&graph, "Add", "x,c", "y", "");
    message model = model_of(&graph, 13);
    tdi_graph *g;
    td_status status = read_model(&model, folder, &g, err);
    if (status == TD_OK) {
        float expected[4] = {1, 2, 3, 4};
        assert_memory_equal(constant(g, "c")->data, expected, sizeof expected);
        tdi_graph_free(g);
    }
    return status;
}

static void external_data_is_read_from_inside_the_folder_only(void **state) {
    (void)state;
    char folder[256], path[512], inner[300];
    td_error err;
    const float data[5] = {0, 1, 2, 3, 4};
    test_folder(folder);
    snprintf(inner, sizeof inner, "%s/model", folder);
    assert_int_equal(tdi_folder_make(inner, NULL), TD_OK);
    snprintf(path, sizeof path, "%s/weights.bin", inner);
    assert_int_equal(tdi_file_write(path, data, sizeof data, NULL), TD_OK);
    snprintf(path, sizeof path, "%s/secret.bin", folder);
    assert_int_equal(tdi_file_write(path, data, sizeof data, NULL), TD_OK);
    snprintf(path, sizeof path, "%s/inside", inner);
    assert_int_equal(symlink("weights.bin", path), 0);
    snprintf(path, sizeof path, "%s/outside", inner);
    assert_int_equal(symlink("../secret.bin", path), 0);

    assert_int_equal(read_external(inner, "weights.bin", "4", "16", &err), TD_OK);
    assert_int_equal(read_external(inner, "./weights.bin", "4", NULL, &err), TD_OK);
    assert_int_equal(read_external(inner, "inside", "4", NULL, &err), TD_OK);

    assert_int_equal(read_external(inner, "outside", "4", NULL, &err), TD_NOT_FOUND);
    assert_int_equal(read_external(inner, "../secret.bin", "4", NULL, &err), TD_FORMAT);
    assert_int_equal(read_external(inner, "a/../../secret.bin", "4", NULL, &err), TD_FORMAT);
    assert_int_equal(read_external(inner, "..", "4", NULL, &err), TD_FORMAT);
    assert_int_equal(read_external(inner, "/etc/passwd", NULL, NULL, &err), TD_FORMAT);
    assert_int_equal(read_external(inner, "", NULL, NULL, &err), TD_FORMAT);
    assert_int_equal(read_external(inner, ".", NULL, NULL, &err), TD_NOT_FOUND);
    assert_int_equal(read_external(inner, "missing.bin", NULL, NULL, &err), TD_NOT_FOUND);
    assert_non_null(strstr(err.message, "missing.bin"));
    assert_int_equal(read_external(NULL, "weights.bin", "4", "16", &err), TD_UNSUPPORTED);
    assert_int_equal(read_external(inner, NULL, "4", "16", &err), TD_FORMAT);
    assert_int_equal(read_external(inner, "weights.bin", "8", NULL, &err), TD_FORMAT);
    assert_int_equal(read_external(inner, "weights.bin", "8", "16", &err), TD_FORMAT);
    assert_int_equal(read_external(inner, "weights.bin", "0", "20", &err), TD_FORMAT);
    assert_int_equal(read_external(inner, "weights.bin", "-4", "16", &err), TD_FORMAT);
    assert_int_equal(read_external(inner, "weights.bin", "9223372036854775807", "16", &err),
                     TD_FORMAT);
    assert_int_equal(read_external(inner, "weights.bin", "4x", "16", &err), TD_FORMAT);
    assert_int_equal(tdi_folder_remove(folder, NULL), TD_OK);
}

static void a_file_is_loaded_with_its_data_beside_it(void **state) {
    (void)state;
    char folder[256], path[512];
    const float data[4] = {1, 2, 3, 4};
    test_folder(folder);
    snprintf(path, sizeof path, "%s/w", folder);
    assert_int_equal(tdi_file_write(path, data, sizeof data, NULL), TD_OK);
    message graph = small_graph(), tensor = tensor_of("c", TD_DTYPE_F32, "4"), entry = {0};
    put_text(&entry, 1, "location");
    put_text(&entry, 2, "w");
    put_message(&tensor, 13, &entry);
    put_int(&tensor, 14, 1);
    put_message(&graph, 5, &tensor);
    add_node(&graph, "Add", "x,c", "y", "");
    message model = model_of(&graph, 13);
    snprintf(path, sizeof path, "%s/m.onnx", folder);
    assert_int_equal(tdi_file_write(path, model.data, model.size, NULL), TD_OK);
    tdi_free(model.data);
    tdi_graph *g;
    assert_int_equal(tdi_onnx_load(path, &g, NULL), TD_OK);
    assert_memory_equal(constant(g, "c")->data, data, sizeof data);
    tdi_graph_free(g);

    td_error err;
    snprintf(path, sizeof path, "%s/none.onnx", folder);
    assert_int_equal(tdi_onnx_load(path, &g, &err), TD_NOT_FOUND);
    assert_non_null(strstr(err.message, "none.onnx"));
    assert_int_equal(tdi_folder_remove(folder, NULL), TD_OK);
}

static void constant_nodes_become_constants(void **state) {
    (void)state;
    message graph = small_graph();
    message node = node_of("Constant", "k", "", "two"), tensor = tensor_of("", TD_DTYPE_F32, "");
    const float two = 2;
    put_bytes(&tensor, 9, &two, sizeof two);
    message attr = {0};
    put_text(&attr, 1, "value");
    put_message(&attr, 5, &tensor);
    put_int(&attr, 20, 4);
    put_message(&node, 5, &attr);
    add_node(&graph, "Mul", "x,two", "a", "");
    put_message(&graph, 1, &node); /* behind its use */
    node = node_of("Constant", "k2", "", "half");
    attr_float(&node, "value_float", 0.5f);
    put_message(&graph, 1, &node);
    node = node_of("Constant", "k3", "", "shape");
    attr_ints(&node, "value_ints", (int64_t[]){0, 2, 2}, 3);
    put_message(&graph, 1, &node);
    add_node(&graph, "Mul", "a,half", "b", "");
    add_node(&graph, "Reshape", "b,shape", "y", "");
    tdi_graph *g = read_graph(&graph, 13);
    assert_int_equal(g->node_count, 3);
    assert_true(*(const float *)constant(g, "two")->data == 2.0f);
    assert_true(*(const float *)constant(g, "half")->data == 0.5f);
    assert_string_equal(shape_text(g, "y"), "1x2x2");
    tdi_graph_free(g);

    graph = small_graph();
    node = node_of("Constant", "words", "", "w");
    attr_text(&node, "value_string", "no");
    put_message(&graph, 1, &node);
    add_node(&graph, "Add", "x,w", "y", "");
    assert_refused(&graph, 13, TD_UNSUPPORTED, "Constant|\"w\"");
}

static void inputs_with_initializers_are_constants(void **state) {
    (void)state;
    message graph = small_graph();
    add_input(&graph, "c", "4");
    add_floats(&graph, "c", "4");
    add_node(&graph, "Add", "x,c", "y", "");
    tdi_graph *g = read_graph(&graph, 13);
    assert_int_equal(g->input_count, 1);
    assert_string_equal(g->values[g->inputs[0]].name, "x");
    constant(g, "c");
    tdi_graph_free(g);
}

static void nodes_may_come_in_any_order(void **state) {
    (void)state;
    message graph = small_graph();
    add_node(&graph, "Add", "a,b", "y", "");
    add_node(&graph, "Neg", "r", "b", "");
    add_node(&graph, "Abs", "r", "a", "");
    add_node(&graph, "Relu", "x", "r", "");
    tdi_graph *g = read_graph(&graph, 13);
    static const char *const expected[] = {"Relu", "Abs", "Neg", "Add"};
    for (int i = 0; i < 4; i++)
        assert_string_equal(g->nodes[i].op->type, expected[i]);
    tdi_graph_free(g);
}

static void cycles_and_gaps_and_double_names_are_refused_by_name(void **state) {
    (void)state;
    message graph = small_graph();
    add_node(&graph, "Add", "x,loop2", "loop1", "");
    add_node(&graph, "Relu", "loop1", "loop2", "");
    add_node(&graph, "Relu", "loop2", "y", "");
    assert_refused(&graph, 13, TD_FORMAT, "cycle|\"loop1\" needs \"loop2\" needs \"loop1\"");

    graph = small_graph();
    add_node(&graph, "Add", "x,y", "y", "");
    assert_refused(&graph, 13, TD_FORMAT, "cycle|\"y\" needs \"y\"");

    graph = small_graph();
    add_node(&graph, "Add", "x,ghost", "y", "");
    assert_refused(&graph, 13, TD_FORMAT, "\"ghost\"|\"y\"");

    graph = small_graph();
    add_node(&graph, "Relu", "x", "y", "");
    add_node(&graph, "Abs", "x", "y", "");
    assert_refused(&graph, 13, TD_FORMAT, "\"y\"|more than once");

    graph = small_graph();
    add_floats(&graph, "c", "4");
    add_floats(&graph, "c", "4");
    add_node(&graph, "Add", "x,c", "y", "");
    assert_refused(&graph, 13, TD_FORMAT, "\"c\"|more than once");

    graph = small_graph();
    add_node(&graph, "Relu", "x", "x", "");
    assert_refused(&graph, 13, TD_FORMAT, "\"x\"|more than once");

    graph = small_graph();
    add_node(&graph, "Relu", "x", "z", "");
    assert_refused(&graph, 13, TD_FORMAT, "\"y\"|computed by nothing");

    graph = small_graph();
    add_output(&graph, "y");
    add_node(&graph, "Relu", "x", "y", "");
    assert_refused(&graph, 13, TD_FORMAT, "\"y\"|twice");

    graph = small_graph();
    add_floats(&graph, "c", "4");
    add_node(&graph, "Relu", "c", "y", "");
    assert_refused(&graph, 13, TD_UNSUPPORTED, "\"y\"|does not depend");
}

static void identity_and_dropout_are_folded_and_their_names_still_resolve(void **state) {
    (void)state;
    message graph = small_graph();
    add_node(&graph, "Identity", "x", "in", "");
    add_node(&graph, "Relu", "in", "r", "");
    add_node(&graph, "Dropout", "r", "d", "ratio=0.5");
    add_node(&graph, "Identity", "d", "i", "");
    add_node(&graph, "Neg", "i", "n", "");
    add_node(&graph, "Identity", "n", "y", "");
    tdi_graph *g = read_graph(&graph, 9);
    assert_int_equal(g->node_count, 2);
    assert_int_equal(tdi_graph_find(g, "in"), g->inputs[0]);
    assert_int_equal(tdi_graph_find(g, "d"), tdi_graph_find(g, "r"));
    assert_int_equal(tdi_graph_find(g, "i"), tdi_graph_find(g, "r"));
    assert_string_equal(g->values[g->outputs[0]].name, "y");
    assert_int_equal(tdi_graph_find(g, "n"), g->outputs[0]);
    assert_int_equal(tdi_graph_find(g, "z"), -1);
    tdi_graph_free(g);
}

static void dropout_in_training_or_with_its_mask_in_use_is_refused(void **state) {
    (void)state;
    for (int training = 0; training < 2; training++) {
        message graph = small_graph(), flag = tensor_of("t", TD_DTYPE_BOOL, "");
        put_int(&flag, 5, training);
        put_message(&graph, 5, &flag);
        add_number(&graph, "ratio", 0.5f);
        add_node(&graph, "Relu", "x", "r", "");
        add_node(&graph, "Dropout", "r,ratio,t", "y", "");
        if (training) {
            assert_refused(&graph, 13, TD_UNSUPPORTED, "Dropout|\"y\"|training");
        } else {
            tdi_graph *g = read_graph(&graph, 13);
            assert_int_equal(g->node_count, 1);
            tdi_graph_free(g);
        }
    }
    message graph = small_graph();
    message node = node_of("Dropout", "drop", "x", "d,mask");
    put_message(&graph, 1, &node);
    add_node(&graph, "Cast", "mask", "m", "to=1");
    add_node(&graph, "Mul", "d,m", "y", "");
    assert_refused(&graph, 13, TD_UNSUPPORTED, "\"mask\"");

    graph = small_graph();
    add_output(&graph, "mask");
    node = node_of("Dropout", "drop", "x", "y,mask");
    put_message(&graph, 1, &node);
    assert_refused(&graph, 13, TD_UNSUPPORTED, "\"mask\"");
}

static void an_input_that_is_copied_to_an_output_keeps_its_identity(void **state) {
    (void)state;
    message graph = small_graph();
    add_node(&graph, "Identity", "x", "y", "");
    tdi_graph *g = read_graph(&graph, 13);
    assert_int_equal(g->node_count, 1);
    assert_string_equal(g->nodes[0].op->type, "Identity");
    tdi_graph_free(g);

    graph = small_graph();
    add_output(&graph, "z");
    add_node(&graph, "Relu", "x", "y", "");
    add_node(&graph, "Identity", "y", "z", "");
    g = read_graph(&graph, 13);
    assert_int_equal(g->node_count, 2);
    assert_string_equal(g->values[g->outputs[0]].name, "y");
    assert_string_equal(g->values[g->outputs[1]].name, "z");
    tdi_graph_free(g);
}

static void what_no_output_needs_is_dropped(void **state) {
    (void)state;
    message graph = small_graph();
    add_floats(&graph, "unused", "1000");
    add_node(&graph, "Relu", "x", "y", "");
    add_node(&graph, "Neg", "x", "dead", "");
    tdi_graph *g = read_graph(&graph, 13);
    assert_int_equal(g->node_count, 1);
    assert_int_equal(tdi_graph_find(g, "unused"), -1);
    assert_int_equal(tdi_graph_find(g, "dead"), -1);
    tdi_graph_free(g);
}

static void unsupported_operators_are_named(void **state) {
    (void)state;
    message graph = small_graph();
    add_node(&graph, "Relu", "x", "a", "");
    add_node(&graph, "Einsum", "a", "y", "equation=ij");
    assert_refused(&graph, 13, TD_UNSUPPORTED, "\"Einsum\"|\"y\"");

    graph = small_graph();
    message node = node_of("FusedConv", "conv7", "x", "y");
    put_text(&node, 7, "com.microsoft");
    put_message(&graph, 1, &node);
    assert_refused(&graph, 13, TD_UNSUPPORTED, "FusedConv|com.microsoft|conv7");

    graph = small_graph();
    node = node_of("Relu", "r", "x", "y");
    put_text(&node, 7, "ai.onnx");
    put_message(&graph, 1, &node);
    tdi_graph_free(read_graph(&graph, 13));
}

static void versions_out_of_range_are_refused(void **state) {
    (void)state;
    for (int64_t opset = 5; opset < 24; opset++) {
        message graph = small_graph();
        add_node(&graph, "Relu", "x", "y", "");
        if (opset >= 7 && opset <= 21) {
            tdi_graph *g = read_graph(&graph, opset);
            assert_int_equal(g->opset, opset);
            tdi_graph_free(g);
        } else {
            assert_refused(&graph, opset, TD_UNSUPPORTED, "opset");
        }
    }
    for (int64_t ir = 2; ir <= 11; ir++) {
        message graph = small_graph(), model;
        tdi_graph *g;
        td_error err;
        add_node(&graph, "Relu", "x", "y", "");
        model = model_of(&graph, 13);
        put_int(&model, 1, ir); /* the last one counts */
        td_status status = read_model(&model, NULL, &g, &err);
        assert_int_equal(status, ir >= 3 && ir <= 10 ? TD_OK : TD_UNSUPPORTED);
        if (status == TD_OK)
            tdi_graph_free(g);
        else
            assert_non_null(strstr(err.message, "IR version"));
    }
}

static void only_the_batch_may_stay_open(void **state) {
    (void)state;
    static const char *const symbolic[] = {"N,4", "batch_size,4", "?,4", "0,4", "-1,4"};
    for (size_t i = 0; i < sizeof symbolic / sizeof *symbolic; i++) {
        message graph = {0};
        add_input(&graph, "x", symbolic[i]);
        add_output(&graph, "y");
        add_node(&graph, "Relu", "x", "y", "");
        tdi_graph *g = read_graph(&graph, 13);
        assert_int_equal(g->symbolic_batch, 1);
        assert_int_equal(g->batch, 1);
        assert_string_equal(shape_text(g, "y"), "1x4");
        assert_int_equal(g->values[g->outputs[0]].batched, 1);
        tdi_graph_free(g);
    }
    message graph = {0};
    add_input(&graph, "picture", "N,3,height,8");
    add_output(&graph, "y");
    add_node(&graph, "Relu", "picture", "y", "");
    assert_refused(&graph, 13, TD_ARGUMENT, "\"picture\"|axis 2 (height)|Nx3x224x8");
}

static void names_that_cannot_be_shown_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"a\nb",         "\x1b[31m",         "\xff",    "\xc0\xaf",
                                      "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        message graph = small_graph();
        add_node(&graph, "Relu", "x", bad[i], "");
        add_node(&graph, "Relu", bad[i], "y", "");
        assert_refused(&graph, 13, TD_FORMAT, "printable");
    }
    message graph = small_graph();
    add_node(&graph, "Relu", "x", "größe/Δ:0", "");
    add_node(&graph, "Relu", "größe/Δ:0", "y", "");
    tdi_graph_free(read_graph(&graph, 13));
}

/* Three operators, a residual, attributes of each kind. */
static message whole_model(void) {
    message graph = {0};
    add_input(&graph, "x", "N,3,6,6");
    add_output(&graph, "y");
    add_floats(&graph, "w", "4,3,3,3");
    add_ints(&graph, "shape", "0,-1");
    add_node(&graph, "Conv", "x,w", "c", "pads=[1,1,1,1] auto_pad=NOTSET group=1");
    add_node(&graph, "LeakyRelu", "c", "r", "alpha=0.1");
    add_node(&graph, "Add", "c,r", "s", "");
    add_node(&graph, "Reshape", "s,shape", "y", "");
    return model_of(&graph, 13);
}

static void every_prefix_fails_cleanly(void **state) {
    (void)state;
    message model = whole_model();
    for (size_t length = 0; length < model.size; length++) {
        message prefix = {0};
        tdi_graph *g;
        td_error err;
        put(&prefix, model.data, length);
        assert_int_not_equal(read_model(&prefix, NULL, &g, &err), TD_OK);
        assert_true(strlen(err.message) > 10);
    }
    tdi_graph *g;
    td_error err;
    assert_int_equal(read_model(&model, NULL, &g, &err), TD_OK);
    tdi_graph_free(g);
}

static void any_changed_byte_is_survived(void **state) {
    (void)state;
    message model = whole_model();
    for (size_t at = 0; at < model.size; at++)
        for (int bit = 0; bit < 8; bit++) {
            message changed = {0};
            tdi_graph *g;
            td_error err;
            put(&changed, model.data, model.size);
            changed.data[at] ^= (uint8_t)(1u << bit);
            if (read_model(&changed, NULL, &g, &err) == TD_OK)
                tdi_graph_free(g);
        }
    tdi_free(model.data);
}

/* `levels` graphs within attributes of nodes of graphs. */
static void deep_nesting_is_refused(void **state) {
    (void)state;
    for (int levels = 1; levels <= 20000; levels *= 10) {
        message inner = {0};
        for (int i = 0; i < levels; i++) {
            message attr = {0}, node = {0}, graph = {0};
            put_message(&attr, 6, &inner);
            put_message(&node, 5, &attr);
            put_message(&graph, 1, &node);
            inner = graph;
        }
        if (levels > 10)
            assert_refused(&inner, 13, TD_LIMIT, "nests");
        else
            tdi_free(inner.data);
    }
}

static void messages_that_would_unpack_to_far_more_memory_are_refused(void **state) {
    (void)state;
    message graph = {0};
    for (int i = 0; i < 2000000; i++)
        put_bytes(&graph, 1, "", 0); /* an empty node: two bytes in the file */
    assert_refused(&graph, 13, TD_LIMIT, "unpack");
}

static void a_graph_given_twice_is_refused(void **state) {
    (void)state;
    message graph = small_graph(), empty = {0}, model;
    tdi_graph *g;
    td_error err;
    add_node(&graph, "Relu", "x", "y", "");
    model = model_of(&graph, 13);
    put_message(&model, 7, &empty);
    assert_int_equal(read_model(&model, NULL, &g, &err), TD_FORMAT);
    assert_non_null(strstr(err.message, "again"));
}

static void files_that_are_no_models_are_refused_in_words(void **state) {
    (void)state;
    static const char *const files[] = {"", "hello, world\n", "{\"a\": 1}", "\x89PNG\r\n\x1a\n",
                                        "\x0b\x0c"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        message model = {0};
        tdi_graph *g;
        td_error err;
        put(&model, files[i], strlen(files[i]));
        assert_int_equal(read_model(&model, NULL, &g, &err), TD_FORMAT);
        assert_non_null(strstr(err.message, "not an ONNX model"));
    }
}

/* Heap that fails from the n-th allocation on. */
static long allocations_left = -1;

static void *failing_malloc(size_t bytes, void *user) {
    (void)user;
    if (allocations_left == 0)
        return NULL;
    allocations_left -= allocations_left > 0;
    return malloc(bytes);
}

static void *failing_calloc(size_t count, size_t bytes, void *user) {
    (void)user;
    if (allocations_left == 0)
        return NULL;
    allocations_left -= allocations_left > 0;
    return calloc(count, bytes);
}

static void *failing_realloc(void *ptr, size_t bytes, void *user) {
    (void)user;
    if (allocations_left == 0)
        return NULL;
    allocations_left -= allocations_left > 0;
    return realloc(ptr, bytes);
}

static void plain_free(void *ptr, void *user) {
    (void)user;
    free(ptr);
}

static void any_failed_allocation_is_reported(void **state) {
    (void)state;
    message model = whole_model();
    td_status status = TD_MEMORY;
    long n = 0;
    for (; status != TD_OK; n++) {
        tdi_graph *g = NULL;
        td_error err;
        allocations_left = n;
        status = tdi_onnx_parse(model.data, model.size, NULL, &g, &err);
        allocations_left = -1;
        if (status == TD_OK)
            tdi_graph_free(g);
        else
            assert_true(status == TD_MEMORY || status == TD_FORMAT);
        assert_true(n < 10000);
    }
    assert_true(n > 20);
    tdi_free(model.data);
}

static void operators_left_out_on_purpose_are_refused_with_a_remedy(void **state) {
    static const char *const cases[][2] = {
        {"If", "control flow"},           {"LSTM", "recurrent"},
        {"Loop", "control flow"},         {"QLinearConv", "float32 model"},
        {"RandomNormal", "two machines"}, {"Scan", "control flow"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        message graph = {0};
        char expected[64];
        add_input(&graph, "x", "N,3");
        add_output(&graph, "y");
        add_node(&graph, cases[i][0], "x", "y", "");
        snprintf(expected, sizeof expected, "\"%s\"|%s", cases[i][0], cases[i][1]);
        assert_refused(&graph, 13, TD_UNSUPPORTED, expected);
    }
}

int main(void) {
    const td_memory memory = {failing_malloc, failing_calloc, failing_realloc, plain_free, NULL};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typed_fields_are_read_like_raw_bytes),
        cmocka_unit_test(wide_typed_fields_are_read),
        cmocka_unit_test(tensors_that_lie_about_their_size_are_refused),
        cmocka_unit_test(external_data_is_read_from_inside_the_folder_only),
        cmocka_unit_test(a_file_is_loaded_with_its_data_beside_it),
        cmocka_unit_test(constant_nodes_become_constants),
        cmocka_unit_test(inputs_with_initializers_are_constants),
        cmocka_unit_test(nodes_may_come_in_any_order),
        cmocka_unit_test(cycles_and_gaps_and_double_names_are_refused_by_name),
        cmocka_unit_test(identity_and_dropout_are_folded_and_their_names_still_resolve),
        cmocka_unit_test(dropout_in_training_or_with_its_mask_in_use_is_refused),
        cmocka_unit_test(an_input_that_is_copied_to_an_output_keeps_its_identity),
        cmocka_unit_test(what_no_output_needs_is_dropped),
        cmocka_unit_test(unsupported_operators_are_named),
        cmocka_unit_test(operators_left_out_on_purpose_are_refused_with_a_remedy),
        cmocka_unit_test(versions_out_of_range_are_refused),
        cmocka_unit_test(only_the_batch_may_stay_open),
        cmocka_unit_test(names_that_cannot_be_shown_are_refused),
        cmocka_unit_test(every_prefix_fails_cleanly),
        cmocka_unit_test(any_changed_byte_is_survived),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(messages_that_would_unpack_to_far_more_memory_are_refused),
        cmocka_unit_test(a_graph_given_twice_is_refused),
        cmocka_unit_test(files_that_are_no_models_are_refused_in_words),
        cmocka_unit_test(any_failed_allocation_is_reported),
    };
    if (td_memory_set(&memory) != TD_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
