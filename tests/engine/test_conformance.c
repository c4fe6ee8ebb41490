/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ONNX's own node tests (Debian: libonnx-testdata) against the engine. Each is run with every input
 * computed at run time, with all but the first made constants, as networks have them, and with all
 * of them constants; at least one of the three must work unless the case is on the list of what we
 * refuse.
 */
#include <dirent.h>
#include <math.h>

#include "support.h"

#include "base/file.h"
#include "engine/engine.h"
#include "graph/onnx/onnx.h"
#include "onnx.pb-c.h"

#define INPUTS_MAX 8

static const char *const operators[] = {
    "abs",
    "add",
    "averagepool",
    "basic_conv_",
    "batchnorm",
    "cast_",
    "clip",
    "concat",
    "conv_with",
    "div",
    "elu",
    "exp",
    "flatten",
    "floor",
    "gemm",
    "globalaveragepool",
    "globalmaxpool",
    "hardsigmoid",
    "hardswish",
    "identity",
    "leakyrelu",
    "logsoftmax",
    "matmul_",
    "max_",
    "maxpool",
    "min_",
    "mul",
    "neg",
    "constant_pad",
    "edge_pad",
    "reflect_pad",
    "pow",
    "reduce_mean",
    "relu",
    "reshape",
    "round",
    "sigmoid",
    "slice",
    "softmax",
    "sqrt",
    "squeeze",
    "sub",
    "tanh",
    "transpose",
    "unsqueeze",
    "and",
    "argm",
    "constantofshape",
    "equal",
    "expand_",
    "gather",
    "greater",
    "less",
    "mod_",
    "nonzero",
    "not_",
    "or",
    "range",
    "reduce_prod",
    "scatternd",
    "shape",
    "size",
    "split",
    "tile",
    "top_k",
    "tri",
    "where",
    "xor",
};

/* Refused on purpose, or not about one of our operators alone. */
static const char *const refused[] = {
    "pool_3d", /* three spatial axes */
    "training_mode",
    "with_argmax_2d", /* second outputs */
    "default_int8",
    "2d_uint8", /* Clip and MaxPool on integers */
    "STRING",
    "sequence",
    "_opt",        /* no tensors */
    "to_BFLOAT16", /* the test data is cut off; we round */
    "_expanded",
    "expand_",
    "pow_types",
    "matmulinteger", /* other operators and mixed types */
    "allowzero_reordered",
    "int_shape_zero",
    "split_zero_size_splits",
    "tril_zero",
    "triu_zero",
    "start_out_of_bounds", /* empty tensors */
};

static int contains_any(const char *name, const char *const *parts, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strstr(name, parts[i]))
            return 1;
    return 0;
}

static int is_ours(const char *name) {
    if (strncmp(name, "test_", 5) != 0)
        return 0;
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (strncmp(name + 5, operators[i], strlen(operators[i])) == 0)
            return 1;
    return 0;
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

/* The model with inputs from `first` on turned into initializers. */
static td_status load(const char *folder, size_t first, tdi_graph **graph, td_error *err) {
    char path[1024];
    uint8_t *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    TD_TRY(tdi_file_read(path, (size_t)64 << 20, &bytes, &size, err));
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, bytes);
    tdi_free(bytes);
    if (!model)
        return tdi_fail(err, TD_FORMAT, "%s is no model", path);
    Onnx__GraphProto *g = model->graph;
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
    size = onnx__model_proto__pack(model, packed);
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

static td_status run_case(const char *folder, size_t first, int *agreed, td_error *err) {
    tdi_graph *graph = NULL;
    tdi_program *program = NULL;
    tdi_run *run = NULL;
    td_status status = load(folder, first, &graph, err);
    if (status == TD_OK)
        status = tdi_program_new(graph, NULL, &program, err);
    if (status == TD_OK)
        status = tdi_run_new(program, &run, err);
    for (int i = 0; status == TD_OK && i < graph->input_count; i++) {
        if (first == 0) {
            *(uint8_t *)tdi_run_input(run, i) = 1;
            continue;
        }
        Onnx__TensorProto *in = read_tensor(folder, "input", (size_t)i);
        if (in && in->raw_data.len == tdi_run_input_bytes(run, i))
            memcpy(tdi_run_input(run, i), in->raw_data.data, in->raw_data.len);
        else
            status = tdi_fail(err, TD_MISMATCH, "input %d", i);
        if (in)
            onnx__tensor_proto__free_unpacked(in, NULL);
    }
    if (status == TD_OK)
        status = tdi_run_execute(run, err);
    *agreed = status == TD_OK;
    for (int i = 0; status == TD_OK && i < graph->output_count; i++) {
        Onnx__TensorProto *out = read_tensor(folder, "output", (size_t)i);
        *agreed &= out && out->raw_data.len == tdi_run_output_bytes(run, i) &&
                   agrees(graph->values[graph->outputs[i]].dtype, tdi_run_output(run, i),
                          out->raw_data.data, out->raw_data.len);
        if (out)
            onnx__tensor_proto__free_unpacked(out, NULL);
    }
    tdi_run_free(run);
    tdi_program_unref(program);
    tdi_graph_free(graph);
    return status;
}

static void node_tests_of_our_operators_agree(void **state) {
    const char *root = getenv("TANDEM_ONNX_TESTS");
    char **names;
    size_t count;
    int ran = 0, failed = 0, left_out = 0;
    (void)state;
    root = root ? root : "/usr/share/libonnx-testdata/data/node";
    if (tdi_folder_list(root, &names, &count, NULL) != TD_OK) {
        print_message("skipped: no %s (Debian package libonnx-testdata)\n", root);
        skip();
    }
    for (size_t i = 0; i < count; i++) {
        char folder[900];
        static const size_t first[] = {INPUTS_MAX, 1, 0};
        td_error err[3];
        int agreed[3] = {0, 0, 0}, worked = 0, wrong = 0;
        td_status statuses[3];
        if (!is_ours(names[i]))
            continue;
        if (contains_any(names[i], refused, sizeof refused / sizeof refused[0])) {
            left_out++;
            continue;
        }
        snprintf(folder, sizeof folder, "%s/%s", root, names[i]);
        for (int k = 0; k < 3; k++) {
            statuses[k] = run_case(folder, first[k], &agreed[k], &err[k]);
            worked += statuses[k] == TD_OK;
            wrong += statuses[k] == TD_OK && !agreed[k];
        }
        ran++;
        if (!worked || wrong) {
            failed++;
            for (int k = 0; k < 3; k++)
                print_message("%s with %s: %s\n", names[i],
                              k == 0   ? "inputs"
                              : k == 1 ? "one input"
                                       : "constants",
                              statuses[k] != TD_OK ? err[k].message
                              : agreed[k]          ? "agrees"
                                                   : "differs");
        }
    }
    tdi_names_free(names, count);
    print_message("%d node tests run, %d left out\n", ran, left_out);
    assert_true(ran > 350);
    assert_int_equal(failed, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(node_tests_of_our_operators_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
