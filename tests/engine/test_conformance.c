/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ONNX's own node tests (Debian: libonnx-testdata) against the engine. Each is run with every input
 * computed at run time, and with all but the first made constants, as networks have them; at least
 * one of the two must work unless the case is on the list of what we refuse.
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
    "abs",           "add",         "averagepool", "basic_conv_",
    "batchnorm",     "cast_",       "clip",        "concat",
    "conv_with",     "div",         "elu",         "exp",
    "flatten",       "floor",       "gemm",        "globalaveragepool",
    "globalmaxpool", "hardsigmoid", "hardswish",   "identity",
    "leakyrelu",     "logsoftmax",  "matmul_",     "max_",
    "maxpool",       "min_",        "mul",         "neg",
    "constant_pad",  "edge_pad",    "reflect_pad", "pow",
    "reduce_mean",   "relu",        "reshape",     "round",
    "sigmoid",       "slice",       "softmax",     "sqrt",
    "squeeze",       "sub",         "tanh",        "transpose",
    "unsqueeze",
};

/* Refused on purpose, or not about one of our operators alone. */
static const char *const refused[] = {
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float64", /* arithmetic is on float32 */
    "pool_3d", /* three spatial axes */
    "training_mode",
    "with_argmax_2d", /* second outputs */
    "STRING",
    "sequence",
    "_opt",        /* no tensors */
    "to_BFLOAT16", /* the test data is cut off; we round */
    "_expanded",
    "expand_",
    "pow_types",
    "matmulinteger", /* other operators and mixed types */
    "allowzero_reordered",
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
        count++;
    }
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
    if (status == TD_OK) {
        Onnx__TensorProto *out = read_tensor(folder, "output", 0);
        *agreed = out && out->raw_data.len == tdi_run_output_bytes(run, 0) &&
                  agrees(graph->values[graph->outputs[0]].dtype, tdi_run_output(run, 0),
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
        char folder[1024];
        td_error err[2] = {{TD_OK, -1, ""}, {TD_OK, -1, ""}};
        int agreed[2] = {0, 0};
        if (!is_ours(names[i]))
            continue;
        if (contains_any(names[i], refused, sizeof refused / sizeof refused[0])) {
            left_out++;
            continue;
        }
        snprintf(folder, sizeof folder, "%s/%s", root, names[i]);
        td_status all = run_case(folder, INPUTS_MAX, &agreed[0], &err[0]);
        td_status one = run_case(folder, 1, &agreed[1], &err[1]);
        int good = (all == TD_OK || one == TD_OK) && (all != TD_OK || agreed[0]) &&
                   (one != TD_OK || agreed[1]);
        ran++;
        if (!good) {
            failed++;
            print_message("%s: %d/%d, %d/%d: %s | %s\n", names[i], all, agreed[0], one, agreed[1],
                          err[0].message, err[1].message);
        }
    }
    tdi_names_free(names, count);
    print_message("%d node tests run, %d left out\n", ran, left_out);
    assert_true(ran > 150);
    assert_int_equal(failed, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(node_tests_of_our_operators_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
