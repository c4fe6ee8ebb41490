/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tandem split: the two halves of a model as ONNX files.
 */
#include <stdio.h>
#include <string.h>

#include <tandem/codec.h>
#include <tandem/model.h>

#include "args.h"
#include "cli.h"

static const char verb[] = "split";

static int is_bytes_stage(const char *name, size_t length) {
    const td_stage_info *stage;
    for (size_t i = 0; (stage = td_stage_at(i)); i++)
        if (strlen(stage->name) == length && !memcmp(stage->name, name, length))
            return stage->kind == TD_STAGE_LEVELS;
    return 0;
}

/* Says so where a stage of the strategy cannot be part of an ONNX file. */
static void note_what_is_left_out(const char *strategy) {
    const char *plus = strategy ? strchr(strategy, '+') : NULL;
    if (!plus)
        return;
    size_t length = strcspn(plus + 1, ":");
    if (is_bytes_stage(plus + 1, length))
        fprintf(
            stderr,
            "note: \"%.*s\" makes bytes, which ONNX has no operators for: head.onnx ends with the "
            "levels of the quantizer\n",
            (int)length, plus + 1);
}

static int split(const char *path, const arg_list *shapes, const char *cut, const char *strategy,
                 const char *dir) {
    td_model *model = NULL;
    td_model_settings opening;
    td_error err = {0};
    int code = CLI_OK;
    if (cli_opening_parse(shapes, &opening, &err) ||
        td_model_open_with(path, &opening, &model, &err) ||
        td_model_split(model, cut, strategy, dir, &err)) {
        code = cli_fail(verb, &err);
    } else {
        note_what_is_left_out(strategy);
        printf("%s/head.onnx\n%s/tail.onnx\n", dir, dir);
    }
    td_model_unref(model);
    cli_opening_free(&opening);
    return code;
}

int verb_split(int argc, char **argv) {
    const char *cut = NULL, *strategy = NULL, *dir = NULL;
    arg_list operands = {0}, shapes = {0};
    const arg_option options[] = {
        {"cut", 0, ARG_TEXT, &cut, "NAME[,NAME...]",
         "the tensor, or the tensors, that cross from the head to the\ntail (see `tandem inspect`)",
         0, 0},
        {"codec", 0, ARG_TEXT, &strategy, "STRATEGY",
         "attach the quantizer of this strategy: it becomes the last\n"
         "operators of the head, its inverse the first of the tail",
         0, 0},
        {"output", 'o', ARG_TEXT, &dir, "DIR",
         "folder for head.onnx and tail.onnx; made where missing", 0, 0},
        CLI_INPUT_SHAPE_OPTION(&shapes),
    };
    const arg_verb self = {verb,
                           "MODEL --cut NAME[,NAME...] [--codec STRATEGY] -o DIR",
                           "Writes the two halves of a model as ONNX files that any ONNX runtime "
                           "runs. The outputs of\n"
                           "head.onnx are the inputs of tail.onnx.",
                           "  tandem split net.onnx --cut block_6_project -o halves\n"
                           "  tandem split net.bundle --cut block_6_project --codec "
                           "uniform:levels=16,clip=3.3 -o halves",
                           options,
                           sizeof options / sizeof options[0]};
    int code;
    args_result parsed = args_parse(&self, argc, argv, &operands);
    if (parsed != ARGS_OK)
        code = parsed == ARGS_HELP ? CLI_OK : CLI_USAGE;
    else if (operands.count != 1)
        code = cli_usage(verb, "give one model, an .onnx file or a bundle");
    else if (!cut)
        code = cli_usage(verb, "say where to split: --cut NAME");
    else if (!dir)
        code = cli_usage(verb, "say where to write: -o DIR");
    else
        code = split(operands.items[0], &shapes, cut, strategy, dir);
    args_list_free(&operands);
    args_list_free(&shapes);
    return code;
}
