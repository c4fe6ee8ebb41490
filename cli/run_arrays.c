/* SPDX-License-Identifier: Apache-2.0 */
#include "run_arrays.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <tandem/model.h>

#include "cli.h"
#include "table.h"

static const char verb[] = "run";

#define FILE_NAME_BYTES 128

typedef struct session {
    const run_arrays_settings *settings;
    td_model *model;
    td_array_run *run;
    size_t input_count;
    const char **paths; /* per input */
    td_array *inputs;
    td_array_result result;
    char (*files)[FILE_NAME_BYTES]; /* per output */
} session;

static int find_input(const td_model *model, const char *name, size_t length, size_t *out) {
    td_tensor_info info;
    for (size_t i = 0; td_model_input(model, i, &info) == TD_OK; i++)
        if (strlen(info.name) == length && !memcmp(info.name, name, length)) {
            *out = i;
            return 1;
        }
    return 0;
}

/* Gives the operands with a name to their inputs, or those without to the inputs that are left. */
static int assign_operands(session *s, int with_name) {
    for (size_t i = 0; i < s->settings->operand_count; i++) {
        const char *operand = s->settings->operands[i], *equals = strchr(operand, '=');
        size_t input = 0;
        int has_name = equals && find_input(s->model, operand, (size_t)(equals - operand), &input);
        if (has_name != with_name)
            continue;
        while (!has_name && input < s->input_count && s->paths[input])
            input++;
        if (input == s->input_count || s->paths[input])
            return cli_usage(verb, "%s is one file more than %s has inputs for", operand,
                             td_model_name(s->model));
        s->paths[input] = has_name ? equals + 1 : operand;
    }
    return CLI_OK;
}

static int assign_paths(session *s) {
    td_tensor_info info;
    int code = assign_operands(s, 1);
    if (code == CLI_OK)
        code = assign_operands(s, 0);
    for (size_t i = 0; code == CLI_OK && td_model_input(s->model, i, &info) == TD_OK; i++)
        if (!s->paths[i])
            code = cli_usage(verb, "no file is given for input %s: add %s=FILE.npy", info.name,
                             info.name);
    return code;
}

static td_status read_inputs(session *s, td_error *err) {
    for (size_t i = 0; i < s->input_count; i++) {
        td_status status = td_npy_read(s->paths[i], &s->inputs[i], err);
        if (status)
            return status;
    }
    return TD_OK;
}

/* What the arrays say where the model has no number. */
static int64_t batch_of(const session *s) {
    td_tensor_info info;
    for (size_t i = 0; td_model_input(s->model, i, &info) == TD_OK; i++)
        if (info.shape.rank > 0 && info.shape.dim[0] == TD_DIM_SYMBOLIC &&
            s->inputs[i].shape.rank > 0)
            return s->inputs[i].shape.dim[0];
    return 1;
}

static td_status compute(session *s, td_error *err) {
    td_array_run_settings settings = td_array_run_settings_default();
    settings.cut = s->settings->cut;
    settings.codec = s->settings->codec;
    settings.batch = batch_of(s);
    settings.threads = s->settings->threads;
    settings.precision = s->settings->precision;
    td_status status = td_array_run_open(s->model, &settings, &s->run, err);
    return status ? status
                  : td_array_run_execute(s->run, s->inputs, s->input_count, &s->result, err);
}

/* A file name from a tensor's: what file systems or shells could take amiss becomes "_". */
static void name_file(const char *tensor, size_t attempt, char out[FILE_NAME_BYTES]) {
    char safe[FILE_NAME_BYTES - 32];
    size_t n = 0;
    for (; tensor[n] && n + 1 < sizeof safe; n++) {
        unsigned char c = (unsigned char)tensor[n];
        safe[n] = c < 128 && (isalnum(c) || strchr("-_", c) || (n > 0 && c == '.')) ? (char)c : '_';
    }
    safe[n] = 0;
    if (attempt)
        snprintf(out, FILE_NAME_BYTES, "%s-%zu.npy", safe, attempt + 1);
    else
        snprintf(out, FILE_NAME_BYTES, "%s.npy", safe);
}

static int is_taken(const session *s, size_t before, const char *file) {
    for (size_t i = 0; i < before; i++)
        if (!strcmp(s->files[i], file))
            return 1;
    return 0;
}

static td_status write_outputs(session *s, td_error *err) {
    const char *folder = s->settings->folder;
    size_t path_bytes = strlen(folder) + FILE_NAME_BYTES + 2;
    char *path = cli_alloc(path_bytes, 1);
    td_status status = TD_OK;
    s->files = cli_alloc(s->result.output_count, sizeof *s->files);
    for (size_t i = 0; i < s->result.output_count && !status; i++) {
        td_tensor_info info;
        size_t attempt = 0;
        td_model_output(s->model, i, &info);
        do
            name_file(info.name, attempt++, s->files[i]);
        while (is_taken(s, i, s->files[i]));
        snprintf(path, path_bytes, "%s/%s", folder, s->files[i]);
        status = td_npy_write(path, &s->result.outputs[i], err);
    }
    free(path);
    return status;
}

static void print_text(const session *s) {
    const td_array_result *r = &s->result;
    const char *codec = td_array_run_codec(s->run);
    table t = table_begin("llll");
    table_cell(&t, "output");
    table_cell(&t, "shape");
    table_cell(&t, "type");
    table_cell(&t, "file");
    for (size_t i = 0; i < r->output_count; i++) {
        char shape[96];
        td_tensor_info info;
        td_model_output(s->model, i, &info);
        td_shape_format(&r->outputs[i].shape, shape, sizeof shape);
        table_cell(&t, "%s", info.name);
        table_cell(&t, "%s", shape);
        table_cell(&t, "%s", td_dtype_name(r->outputs[i].dtype));
        table_cell(&t, "%s/%s", s->settings->folder, s->files[i]);
    }
    table_end(&t);
    if (codec)
        printf("\ncut %s, codec %s: %zu bytes, Ic %.2f, Ec %.2f, Es %.2f, Is %.2f ms\n",
               s->settings->cut, codec, r->bytes, (double)r->ic / 1e6, (double)r->ec / 1e6,
               (double)r->es / 1e6, (double)r->is / 1e6);
    else
        printf("\nuncut, %.2f ms\n", (double)r->ic / 1e6);
}

static json_t *array_json(const td_tensor_info *info, const td_array *array) {
    json_t *shape = json_array();
    for (int i = 0; i < array->shape.rank; i++)
        json_array_append_new(shape, json_integer(array->shape.dim[i]));
    return json_pack("{s:o, s:s, s:o}", "name", cli_json_text(info->name), "dtype",
                     td_dtype_name(array->dtype), "shape", shape);
}

static json_t *to_json(const session *s) {
    const td_array_result *r = &s->result;
    json_t *inputs = json_array(), *outputs = json_array();
    td_tensor_info info;
    for (size_t i = 0; td_model_input(s->model, i, &info) == TD_OK; i++) {
        json_t *input = array_json(&info, &s->inputs[i]);
        json_object_set_new(input, "file", cli_json_text(s->paths[i]));
        json_array_append_new(inputs, input);
    }
    for (size_t i = 0; td_model_output(s->model, i, &info) == TD_OK; i++) {
        json_t *output = array_json(&info, &r->outputs[i]);
        json_object_set_new(output, "file", json_string(s->files[i]));
        json_array_append_new(outputs, output);
    }
    return json_pack("{s:o, s:s?, s:s?, s:o, s:o, s:o, s:I, s:f, s:f, s:f, s:f}", "model",
                     cli_json_text(td_model_name(s->model)), "cut", s->settings->cut, "codec",
                     td_array_run_codec(s->run), "folder", cli_json_text(s->settings->folder),
                     "inputs", inputs, "outputs", outputs, "bytes", (json_int_t)r->bytes, "ic_us",
                     (double)r->ic / 1e3, "ec_us", (double)r->ec / 1e3, "es_us",
                     (double)r->es / 1e3, "is_us", (double)r->is / 1e3);
}

static int run_session(session *s) {
    td_error err = {0};
    if (td_model_open_with(s->settings->model, s->settings->opening, &s->model, &err))
        return cli_fail(verb, &err);
    s->input_count = td_model_input_count(s->model);
    s->paths = cli_alloc(s->input_count, sizeof *s->paths);
    s->inputs = cli_alloc(s->input_count, sizeof *s->inputs);
    int code = assign_paths(s);
    if (code != CLI_OK)
        return code;
    if (read_inputs(s, &err) || compute(s, &err))
        return cli_fail(verb, &err);
    if (mkdir(s->settings->folder, 0777) != 0 && errno != EEXIST)
        return cli_fail_text(verb, "cannot make the folder %s: %s", s->settings->folder,
                             strerror(errno));
    if (write_outputs(s, &err))
        return cli_fail(verb, &err);
    if (s->settings->json)
        return cli_print_json(verb, to_json(s));
    print_text(s);
    return CLI_OK;
}

int run_arrays(const run_arrays_settings *settings) {
    session s = {.settings = settings};
    int code = run_session(&s);
    for (size_t i = 0; i < s.input_count; i++)
        td_array_clear(&s.inputs[i]);
    free(s.inputs);
    free(s.paths);
    free(s.files);
    td_array_run_close(s.run);
    td_model_unref(s.model);
    return code;
}
