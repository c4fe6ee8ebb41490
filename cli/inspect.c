/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tandem inspect: what is in a model, and where it can be cut.
 */
#include <stdio.h>
#include <stdlib.h>

#include <tandem/model.h>

#include "args.h"
#include "cli.h"
#include "inspect_memory.h"
#include "table.h"

static const char verb[] = "inspect";

typedef struct inspected {
    td_model *model;
    td_cut_info *cuts;
    size_t cut_count;
} inspected;

static td_status find_named(inspected *in, const arg_list *names, td_error *err) {
    in->cuts = cli_alloc(names->count, sizeof *in->cuts);
    for (; in->cut_count < names->count; in->cut_count++) {
        const char *name = names->items[in->cut_count];
        td_status status = td_model_cut_find(in->model, name, &in->cuts[in->cut_count], err);
        if (status)
            return status;
    }
    return TD_OK;
}

/* Every tensor at which the network can be cut, its only output the last of them. */
static td_status find_single(inspected *in, td_error *err) {
    size_t between = td_model_cut_count(in->model);
    in->cuts = cli_alloc(between + 1, sizeof *in->cuts);
    for (; in->cut_count < between; in->cut_count++)
        td_model_cut(in->model, in->cut_count, &in->cuts[in->cut_count]);
    if (td_model_output_count(in->model) != 1)
        return TD_OK;
    return td_model_cut_find(in->model, "output", &in->cuts[in->cut_count++], err);
}

/* The channels of a cut without the batch: "32x28x28", or several of them with plus signs. */
static void format_shapes(const td_cut_info *cut, char *out, size_t out_bytes) {
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < cut->tensor_count && at < out_bytes; i++) {
        td_shape shape = cut->tensors[i].shape;
        char text[96];
        for (int k = 1; k < shape.rank; k++)
            shape.dim[k - 1] = shape.dim[k];
        shape.rank -= shape.rank > 0;
        td_shape_format(&shape, text, sizeof text);
        int n = snprintf(out + at, out_bytes - at, "%s%s", i ? " + " : "", text);
        at += n > 0 ? (size_t)n : 0;
    }
}

static void print_tensor(const char *what, const td_tensor_info *info) {
    char shape[96];
    td_shape_format(&info->shape, shape, sizeof shape);
    printf("%-11s %s  %s  %s\n", what, info->name, td_dtype_name(info->dtype), shape);
}

static void print_operators(const td_model *model) {
    td_operator_info info;
    printf("%-11s", "operators");
    for (size_t i = 0; td_model_operator(model, i, &info) == TD_OK; i++)
        printf("%s %s %zu", i ? "," : "", info.type, info.nodes);
    putchar('\n');
}

static void print_amount(const char *what, int64_t amount) {
    if (amount < 1000000)
        printf("%-11s %lld\n", what, (long long)amount);
    else
        printf("%-11s %.2f million\n", what, (double)amount * 1e-6);
}

static const char *kind_name(td_output_kind kind) {
    static const char *const names[] = {"logits", "probabilities", "raw"};
    return names[kind];
}

/* NULL where pictures do not fit the model's input. */
static const char *format_recipe(const td_model *model, char out[TD_RECIPE_TEXT_BYTES]) {
    const td_recipe *recipe = td_model_recipe(model);
    if (!recipe->width)
        return NULL;
    td_recipe_format(recipe, out);
    return out;
}

static void print_text(const inspected *in) {
    td_tensor_info info;
    char text[TD_RECIPE_TEXT_BYTES];
    const char *recipe = format_recipe(in->model, text);
    printf("%-11s %s\n", "model", td_model_name(in->model));
    for (size_t i = 0; td_model_input(in->model, i, &info) == TD_OK; i++)
        print_tensor("input", &info);
    for (size_t i = 0; td_model_output(in->model, i, &info) == TD_OK; i++)
        print_tensor("output", &info);
    printf("%-11s %s\n%-11s %s\n", "read as", kind_name(td_model_output_kind(in->model)), "recipe",
           recipe ? recipe : "none: pictures do not fit the input");
    print_operators(in->model);
    print_amount("MACs", td_model_macs(in->model));
    print_amount("parameters", td_model_parameters(in->model));
    putchar('\n');
    table t = table_begin("lrrrr");
    table_cell(&t, "cut");
    table_cell(&t, "shape");
    table_cell(&t, "elements");
    table_cell(&t, "head MACs");
    table_cell(&t, "share");
    for (size_t i = 0; i < in->cut_count; i++) {
        const td_cut_info *cut = &in->cuts[i];
        char shapes[256];
        format_shapes(cut, shapes, sizeof shapes);
        table_cell(&t, "%s", cut->name);
        table_cell(&t, "%s", shapes);
        table_cell(&t, "%lld", (long long)cut->elements);
        table_cell(&t, "%lld", (long long)cut->head_macs);
        table_cell(&t, "%.1f %%", 100 * cut->head_share);
    }
    table_end(&t);
}

/* {name, dtype, shape}; a dimension without a number is "N". */
static json_t *tensor_json(const td_tensor_info *info) {
    json_t *shape = json_array();
    for (int i = 0; i < info->shape.rank; i++)
        json_array_append_new(shape, info->shape.dim[i] == TD_DIM_SYMBOLIC
                                         ? json_string("N")
                                         : json_integer(info->shape.dim[i]));
    return json_pack("{s:s, s:s, s:o}", "name", info->name, "dtype", td_dtype_name(info->dtype),
                     "shape", shape);
}

static json_t *cut_json(const td_cut_info *cut) {
    json_t *tensors = json_array(), *shapes = json_array(), *shape;
    for (size_t i = 0; i < cut->tensor_count; i++) {
        json_array_append_new(tensors, json_string(cut->tensors[i].name));
        json_array_append_new(shapes, cli_json_shape_of_one(&cut->tensors[i].shape));
    }
    shape = cut->tensor_count == 1 ? json_incref(json_array_get(shapes, 0)) : json_incref(shapes);
    json_decref(shapes);
    return json_pack("{s:s, s:o, s:o, s:I, s:I, s:f}", "name", cut->name, "tensors", tensors,
                     "shape", shape, "elements", (json_int_t)cut->elements, "head_macs",
                     (json_int_t)cut->head_macs, "head_share", cut->head_share);
}

static json_t *to_json(const inspected *in) {
    json_t *inputs = json_array(), *outputs = json_array(), *operators = json_array(),
           *cuts = json_array();
    td_tensor_info info;
    td_operator_info op;
    char recipe[TD_RECIPE_TEXT_BYTES];
    for (size_t i = 0; td_model_input(in->model, i, &info) == TD_OK; i++)
        json_array_append_new(inputs, tensor_json(&info));
    for (size_t i = 0; td_model_output(in->model, i, &info) == TD_OK; i++)
        json_array_append_new(outputs, tensor_json(&info));
    for (size_t i = 0; td_model_operator(in->model, i, &op) == TD_OK; i++)
        json_array_append_new(operators,
                              json_pack("{s:s, s:I, s:I}", "type", op.type, "nodes",
                                        (json_int_t)op.nodes, "macs", (json_int_t)op.macs));
    for (size_t i = 0; i < in->cut_count; i++)
        json_array_append_new(cuts, cut_json(&in->cuts[i]));
    return json_pack("{s:o, s:o, s:o, s:s, s:s?, s:o, s:I, s:I, s:o}", "model",
                     cli_json_text(td_model_name(in->model)), "inputs", inputs, "outputs", outputs,
                     "output_kind", kind_name(td_model_output_kind(in->model)), "recipe",
                     format_recipe(in->model, recipe), "operators", operators, "macs",
                     (json_int_t)td_model_macs(in->model), "parameters",
                     (json_int_t)td_model_parameters(in->model), "cuts", cuts);
}

static int print_dot(const td_model *model) {
    char *dot = NULL;
    td_error err = {0};
    if (td_model_dot(model, &dot, &err))
        return cli_fail(verb, &err);
    fputs(dot, stdout);
    td_free(dot);
    return CLI_OK;
}

int verb_inspect(int argc, char **argv) {
    int json = 0, dot = 0, memory = 0, code = CLI_OK;
    int64_t threads = 0;
    td_precision precision = TD_PRECISION_F32;
    arg_list operands = {0}, names = {0}, shapes = {0};
    const arg_option options[] = {
        {"cut", 0, ARG_LIST, &names, "NAME[,NAME...]",
         "describe this cut instead of every single-tensor one;\nmay be given several times", 0, 0},
        {"memory", 0, ARG_FLAG, &memory, NULL,
         "how much memory running takes, whole or at --cut, and what for", 0, 0},
        {"threads", 0, ARG_INTEGER, &threads, "N",
         "with --memory: threads inside an operator (default: one per\nprocessor)", 1, 64},
        {"precision", 0, ARG_PRECISION, &precision, "NAME",
         "with --memory: f32, bf16, or int8 (default f32)", 0, 0},
        {"json", 0, ARG_FLAG, &json, NULL, "one JSON document on standard output", 0, 0},
        {"dot", 0, ARG_FLAG, &dot, NULL, "the graph in Graphviz' language, cuts marked", 0, 0},
        CLI_INPUT_SHAPE_OPTION(&shapes),
    };
    const arg_verb self = {
        verb,
        "MODEL [--cut NAME[,NAME...]]... [--memory] [--json | --dot]",
        "Tells what is in a model: inputs, outputs, operators, multiply-accumulates (MACs),\n"
        "parameters, and every single tensor at which it can be cut, with the number of elements\n"
        "to be sent and the share of the MACs that the device would do.",
        "  tandem inspect net.onnx\n"
        "  tandem inspect net.onnx --cut layer2.1.bn1,layer2.0.relu2\n"
        "  tandem inspect net.onnx --dot | dot -Tsvg > net.svg",
        options,
        sizeof options / sizeof options[0]};
    inspected in = {NULL, NULL, 0};
    td_model_settings opening = td_model_settings_default();
    td_error err = {0};
    args_result parsed = args_parse(&self, argc, argv, &operands);
    if (parsed != ARGS_OK)
        code = parsed == ARGS_HELP ? CLI_OK : CLI_USAGE;
    else if (operands.count != 1)
        code = cli_usage(verb, "give one model, an .onnx file or a bundle");
    else if (dot && (json || memory))
        code = cli_usage(verb, "--dot goes with neither --json nor --memory");
    else if (cli_opening_parse(&shapes, &opening, &err) ||
             td_model_open_with(operands.items[0], &opening, &in.model, &err))
        code = cli_fail(verb, &err);
    else if (memory)
        code = inspect_memory(in.model, names.items, names.count,
                              &(td_half_settings){(int)threads, precision}, json);
    else if (names.count ? find_named(&in, &names, &err) : find_single(&in, &err))
        code = cli_fail(verb, &err);
    else if (dot)
        code = print_dot(in.model);
    else if (json)
        code = cli_print_json(verb, to_json(&in));
    else
        print_text(&in);
    free(in.cuts);
    td_model_unref(in.model);
    cli_opening_free(&opening);
    args_list_free(&operands);
    args_list_free(&names);
    args_list_free(&shapes);
    return code;
}
