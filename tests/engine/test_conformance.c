/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ONNX's own node tests (Debian: libonnx-testdata) against the engine: all cases whose nodes are
 * among the operators below or in the graph's table. Each is run with every input computed at run
 * time, with all but the first made constants, as networks have them, and with all of them
 * constants; it is passed when at least one of the three works, and none gives a wrong result.
 * Those that are not passed are listed in conformance-not-passed.txt with the reason, and no
 * others.
 */
#include <dirent.h>
#include <math.h>

#include "support.h"

#include "base/file.h"
#include "engine/engine.h"
#include "graph/onnx/onnx.h"
#include "graph/op.h"
#include "onnx.pb-c.h"

#define INPUTS_MAX 8
#define CASES_MAX  2048

/* What networks for pictures are made of, whether or not the table has it. */
static const char *const operators[] = {
    "Abs",
    "Add",
    "And",
    "ArgMax",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Ceil",
    "Clip",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Conv",
    "ConvTranspose",
    "DepthToSpace",
    "Div",
    "Dropout",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Greater",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "InstanceNormalization",
    "LayerNormalization",
    "LeakyRelu",
    "Less",
    "Log",
    "LogSoftmax",
    "LRN",
    "MatMul",
    "Max",
    "MaxPool",
    "Mean",
    "Min",
    "Mul",
    "Neg",
    "Not",
    "Pad",
    "Pow",
    "PRelu",
    "Range",
    "ReduceMax",
    "ReduceMean",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Resize",
    "Selu",
    "Shape",
    "Sigmoid",
    "Sign",
    "Slice",
    "Softmax",
    "Softplus",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Tanh",
    "Tile",
    "TopK",
    "Transpose",
    "Unsqueeze",
    "Upsample",
    "Where",
};

static int is_ours(const char *type) {
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (strcmp(type, operators[i]) == 0)
            return 1;
    return tdi_op_find(type) != NULL;
}

/* The names of the list. */
typedef struct list {
    char *text;
    const char *names[CASES_MAX];
    int used[CASES_MAX];
    size_t count;
} list;

static void list_read(list *l) {
    uint8_t *bytes;
    size_t size;
    memset(l, 0, sizeof *l);
    assert_int_equal(tdi_file_read(test_source("tests/engine/conformance-not-passed.txt"), 1 << 20,
                                   &bytes, &size, NULL),
                     TD_OK);
    l->text = malloc(size + 1);
    memcpy(l->text, bytes, size);
    l->text[size] = '\0';
    tdi_free(bytes);
    for (char *line = l->text, *next; *line; line = next) {
        next = line + strcspn(line, "\n");
        if (*next)
            *next++ = '\0';
        if (*line == '#' || *line == '\0')
            continue;
        char *end = line + strcspn(line, " ");
        if (end[strspn(end, " ")] == '\0')
            fail_msg("the list gives no reason for %s", line);
        *end = '\0';
        assert_true(l->count < CASES_MAX);
        l->names[l->count++] = line;
    }
}

static int list_has(list *l, const char *name) {
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->names[i], name) == 0)
            return l->used[i] = 1;
    return 0;
}

static Onnx__ModelProto *read_model(const char *folder) {
    char path[1024];
    uint8_t *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    if (tdi_file_read(path, (size_t)64 << 20, &bytes, &size, NULL) != TD_OK)
        return NULL;
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, bytes);
    tdi_free(bytes);
    return model;
}

static int is_case_of_ours(const char *folder) {
    Onnx__ModelProto *model = read_model(folder);
    size_t ours = 0;
    if (!model)
        return 0;
    while (ours < model->graph->n_node && is_ours(model->graph->node[ours]->op_type))
        ours++;
    int all = ours == model->graph->n_node;
    onnx__model_proto__free_unpacked(model, NULL);
    return all;
}

static Onnx__TensorProto *read_tensor(const char *folder, const char *kind, size_t index) {
    char path[1024];
    uint8_t *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/test_data_set_0/%s_%zu.pb", folder, kind, index);
    if (tdi_file_read(path, (size_t)64 << 20, &bytes, &size, NULL) != TD_OK)
        return NULL;
    Onnx__TensorProto *tensor = onnx__tensor_proto__unpack(NULL, size, bytes);
    tdi_free(bytes);
    return tensor;
}

/* A network has an input: a condition, by which each output is chosen over itself. */
static void add_choice(Onnx__ModelProto *model) {
    Onnx__GraphProto *g = model->graph;
    Onnx__ValueInfoProto *input = calloc(1, sizeof *input);
    Onnx__TensorShapeProto *shape = calloc(1, sizeof *shape);
    onnx__value_info_proto__init(input);
    onnx__tensor_shape_proto__init(shape);
    input->name = strdup("the condition");
    input->type = calloc(1, sizeof *input->type);
    onnx__type_proto__init(input->type);
    input->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    input->type->tensor_type = calloc(1, sizeof *input->type->tensor_type);
    onnx__type_proto__tensor__init(input->type->tensor_type);
    input->type->tensor_type->has_elem_type = 1;
    input->type->tensor_type->elem_type = TD_DTYPE_BOOL;
    input->type->tensor_type->shape = shape;
    g->input = realloc(g->input, (g->n_input + 1) * sizeof *g->input);
    g->input[g->n_input++] = input;
    g->node = realloc(g->node, (g->n_node + g->n_output) * sizeof *g->node);
    for (size_t i = 0; i < g->n_output; i++) {
        Onnx__NodeProto *node = calloc(1, sizeof *node);
        char name[256];
        onnx__node_proto__init(node);
        snprintf(name, sizeof name, "%s chosen", g->output[i]->name);
        node->op_type = strdup("Where");
        node->n_input = 3;
        node->input = calloc(3, sizeof *node->input);
        node->input[0] = strdup("the condition");
        node->input[1] = strdup(g->output[i]->name);
        node->input[2] = strdup(g->output[i]->name);
        node->n_output = 1;
        node->output = calloc(1, sizeof *node->output);
        node->output[0] = strdup(name);
        free(g->output[i]->name);
        g->output[i]->name = strdup(name);
        g->node[g->n_node++] = node;
    }
}

/* Leaves the graph and its node the first output alone. */
static void drop_outputs(Onnx__GraphProto *g) {
    for (; g->n_output > 1; g->n_output--)
        onnx__value_info_proto__free_unpacked(g->output[g->n_output - 1], NULL);
    for (; g->node[0]->n_output > 1; g->node[0]->n_output--)
        free(g->node[0]->output[g->node[0]->n_output - 1]);
}

/* The model with inputs from `first` on turned into initializers. */
static td_status load(const char *folder, size_t first, int all_outputs, tdi_graph **graph,
                      td_error *err) {
    Onnx__ModelProto *model = read_model(folder);
    if (!model)
        return tdi_fail(err, TD_FORMAT, "%s has no model", folder);
    Onnx__GraphProto *g = model->graph;
    if (!all_outputs)
        drop_outputs(g);
    /* Definitions from before opset 7 that opset 7 still has. */
    for (size_t i = 0; i < model->n_opset_import; i++)
        if (model->opset_import[i]->version < 7)
            model->opset_import[i]->version = 7;
    Onnx__TensorProto *constants[INPUTS_MAX];
    size_t count = 0, inputs = g->n_input;
    for (size_t i = first; i < inputs && count < INPUTS_MAX; i++) {
        constants[count] = read_tensor(folder, "input", i);
        if (!constants[count])
            continue;
        free(constants[count]->name);
        constants[count]->name = strdup(g->input[i]->name);
        /* bfloat16 is stored as uint16. */
        constants[count]->data_type = g->input[i]->type->tensor_type->elem_type;
        count++;
    }
    if (first == 0)
        add_choice(model);
    g->initializer = constants;
    g->n_initializer = count;
    uint8_t *packed = malloc(onnx__model_proto__get_packed_size(model));
    size_t size = onnx__model_proto__pack(model, packed);
    td_status status = tdi_onnx_parse(packed, size, NULL, graph, err);
    free(packed);
    g->initializer = NULL;
    g->n_initializer = 0;
    for (size_t i = 0; i < count; i++)
        onnx__tensor_proto__free_unpacked(constants[i], NULL);
    onnx__model_proto__free_unpacked(model, NULL);
    return status;
}

static double element(td_dtype dtype, const void *data, size_t i) {
    switch (dtype) {
    case TD_DTYPE_F32:
        return (double)((const float *)data)[i];
    case TD_DTYPE_F64:
        return ((const double *)data)[i];
    case TD_DTYPE_F16:
        return (double)tdi_f32_from_f16(((const uint16_t *)data)[i]);
    case TD_DTYPE_BF16:
        return (double)tdi_f32_from_bf16(((const uint16_t *)data)[i]);
    case TD_DTYPE_I64:
        return (double)((const int64_t *)data)[i];
    case TD_DTYPE_I32:
        return ((const int32_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

static int agrees(td_dtype dtype, const void *got, const void *wanted, size_t bytes) {
    for (size_t i = 0; i < bytes / td_dtype_bytes(dtype); i++) {
        double a = element(dtype, got, i), b = element(dtype, wanted, i);
        if (isnan(a) && isnan(b))
            continue;
        if (a != b && !(fabs(a - b) <= 1e-6 + 1e-5 * fabs(b)))
            return 0;
    }
    return 1;
}

static td_status feed(const char *folder, tdi_run *run, int input, td_error *err) {
    Onnx__TensorProto *in = read_tensor(folder, "input", (size_t)input);
    td_status status = TD_OK;
    if (in && in->raw_data.len == tdi_run_input_bytes(run, input))
        memcpy(tdi_run_input(run, input), in->raw_data.data, in->raw_data.len);
    else
        status = tdi_fail(err, TD_MISMATCH, "input %d", input);
    if (in)
        onnx__tensor_proto__free_unpacked(in, NULL);
    return status;
}

static int output_agrees(const char *folder, const tdi_graph *graph, const tdi_run *run,
                         int output) {
    Onnx__TensorProto *wanted = read_tensor(folder, "output", (size_t)output);
    int good = wanted && wanted->raw_data.len == tdi_run_output_bytes(run, output) &&
               agrees(graph->values[graph->outputs[output]].dtype, tdi_run_output(run, output),
                      wanted->raw_data.data, wanted->raw_data.len);
    if (wanted)
        onnx__tensor_proto__free_unpacked(wanted, NULL);
    return good;
}

static td_status run_case(const char *folder, size_t first, int all_outputs, int *agreed,
                          td_error *err) {
    tdi_graph *graph = NULL;
    tdi_program *program = NULL;
    tdi_run *run = NULL;
    td_status status = load(folder, first, all_outputs, &graph, err);
    if (status == TD_OK)
        status = tdi_program_new(graph, NULL, &program, err);
    if (status == TD_OK)
        status = tdi_run_new(program, &run, err);
    for (int i = 0; status == TD_OK && i < graph->input_count; i++) {
        if (first == 0)
            *(uint8_t *)tdi_run_input(run, i) = 1;
        else
            status = feed(folder, run, i, err);
    }
    if (status == TD_OK)
        status = tdi_run_execute(run, err);
    *agreed = status == TD_OK;
    for (int i = 0; status == TD_OK && i < graph->output_count; i++)
        *agreed &= output_agrees(folder, graph, run, i);
    tdi_run_free(run);
    tdi_program_unref(program);
    tdi_graph_free(graph);
    return status;
}

/* Prints why not, where a case is expected to pass. */
static int passes(const char *folder, const char *name, int expected) {
    static const struct {
        size_t first;
        const char *what;
    } ways[] = {{INPUTS_MAX, "inputs"}, {1, "one input"}, {0, "constants"}};
    enum { WAYS = 3 };
    td_error err[WAYS] = {{TD_OK, -1, ""}, {TD_OK, -1, ""}, {TD_OK, -1, ""}};
    td_status status[WAYS];
    int agreed[WAYS] = {0}, worked = 0, wrong = 0;
    for (int i = 0; i < WAYS; i++) {
        status[i] = run_case(folder, ways[i].first, 1, &agreed[i], &err[i]);
        worked += status[i] == TD_OK;
        wrong += status[i] == TD_OK && !agreed[i];
    }
    int good = worked && !wrong;
    for (int i = 0; i < WAYS && !good && expected; i++)
        print_message("%s with %s: %s\n", name, ways[i].what,
                      status[i] != TD_OK ? err[i].message
                      : agreed[i]        ? "agrees"
                                         : "differs");
    return good;
}

static const char *tests_folder(void) {
    const char *root = getenv("TANDEM_ONNX_TESTS");
    return root ? root : "/usr/share/libonnx-testdata/data/node";
}

static void node_tests_pass_but_for_those_that_are_listed(void **state) {
    const char *root = tests_folder();
    static list listed;
    char **names;
    size_t count;
    int ran = 0, passed = 0, wrong = 0;
    (void)state;
    if (tdi_folder_list(root, &names, &count, NULL) != TD_OK) {
        print_message("skipped: no %s (Debian package libonnx-testdata)\n", root);
        skip();
    }
    list_read(&listed);
    for (size_t i = 0; i < count; i++) {
        char folder[512];
        snprintf(folder, sizeof folder, "%s/%s", root, names[i]);
        if (!is_case_of_ours(folder))
            continue;
        int expected = !list_has(&listed, names[i]), good = passes(folder, names[i], expected);
        ran++;
        passed += good;
        wrong += good != expected;
        if (good && !expected)
            print_message("%s passes, but is listed as not passed\n", names[i]);
    }
    for (size_t i = 0; i < listed.count; i++) {
        if (!listed.used[i])
            print_message("%s is listed, but is no case\n", listed.names[i]);
        wrong += !listed.used[i];
    }
    tdi_names_free(names, count);
    free(listed.text);
    print_message("%d node tests run, %d passed, %zu listed as not passed\n", ran, passed,
                  listed.count);
    assert_true(ran > 400);
    assert_int_equal(wrong, 0);
}

/* Outputs for training, and those that no network for pictures reads, may be missing. */
static void optional_outputs_may_be_left_out(void **state) {
    static const char *const prefixes[] = {"test_dropout_default_mask", "test_layer_normalization_",
                                           "test_maxpool_with_argmax_"};
    const char *root = tests_folder();
    char **names;
    size_t count;
    int ran = 0;
    (void)state;
    if (tdi_folder_list(root, &names, &count, NULL) != TD_OK)
        skip();
    for (size_t i = 0; i < count; i++) {
        char folder[512];
        td_error err = {TD_OK, -1, ""};
        int agreed = 0, ours = 0;
        for (size_t p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++)
            ours |= strncmp(names[i], prefixes[p], strlen(prefixes[p])) == 0;
        if (!ours || strstr(names[i], "_expanded"))
            continue;
        snprintf(folder, sizeof folder, "%s/%s", root, names[i]);
        if (run_case(folder, 1, 0, &agreed, &err) != TD_OK || !agreed)
            fail_msg("%s: %s", names[i], err.message);
        ran++;
    }
    tdi_names_free(names, count);
    print_message("%d node tests passed with the first output alone\n", ran);
    assert_true(ran > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optional_outputs_may_be_left_out),
        cmocka_unit_test(node_tests_pass_but_for_those_that_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
