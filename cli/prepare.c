/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tandem prepare: a bundle from a model and pictures.
 */
#include <stdio.h>
#include <string.h>

#define TANDEM_UNSTABLE
#include <tandem/lab.h>

#include "args.h"
#include "cli.h"
#include "progress.h"

static const char verb[] = "prepare";

static const char *const kinds[] = {"logits", "probabilities", "raw"};

static int parse_kind(const char *text, td_prepare_settings *settings) {
    for (int i = 0; text && i < 3; i++)
        if (!strcmp(text, kinds[i])) {
            settings->has_output_kind = 1;
            settings->output_kind = (td_output_kind)i;
        }
    return !text || settings->has_output_kind;
}

/* Opens what was written, which also proves that it can be. */
static int print_summary(const td_prepare_settings *settings) {
    td_model *model = NULL;
    td_error err = {0};
    size_t calibrated = 0;
    char recipe[TD_RECIPE_TEXT_BYTES];
    if (td_model_open(settings->bundle, &model, &err))
        return cli_fail(verb, &err);
    td_cut_info info;
    for (size_t i = 0; td_model_cut(model, i, &info) == TD_OK; i++)
        calibrated += td_model_calibration(model, info.name, 0) != NULL;
    td_recipe_format(td_model_recipe(model), recipe);
    printf("%s: bundle %s, calibrated on %zu pictures", settings->bundle, td_model_name(model),
           td_source_count(settings->pictures));
    if (settings->cut_count)
        printf(" at the cuts named\n");
    else
        printf(", %zu of %zu single-tensor cuts\n", calibrated, td_model_cut_count(model));
    printf("recipe %s, outputs read as %s\n", recipe, kinds[td_model_output_kind(model)]);
    td_model_unref(model);
    return CLI_OK;
}

static int prepare(td_prepare_settings *settings, const arg_list *pictures, const int64_t subset[2],
                   int64_t limit) {
    td_error err = {0};
    if (cli_open_source(pictures->items, pictures->count, subset, limit, &settings->pictures, &err))
        return cli_fail(verb, &err);
    progress p = progress_begin(verb);
    progress_catch_signals(); /* a bundle that is half written goes away */
    settings->progress = progress_show;
    settings->progress_user = &p;
    td_status status = td_prepare(settings, &err);
    progress_end(&p);
    int code = status ? cli_fail(verb, &err) : print_summary(settings);
    td_source_close(settings->pictures);
    return code;
}

int verb_prepare(int argc, char **argv) {
    td_prepare_settings settings = td_prepare_settings_default();
    const char *kind = NULL;
    int64_t subset[2] = {0, 0}, limit = 0, threads = 0;
    arg_list operands = {0}, pictures = {0}, cuts = {0}, shapes = {0};
    const arg_option options[] = {
        {"pictures", 0, ARG_LIST, &pictures, "DIR",
         "pictures to calibrate on: a folder, a picture file or CIFAR\nrecords; may be given "
         "several times",
         0, 0},
        {"output", 'o', ARG_TEXT, &settings.bundle, "BUNDLE", "the folder to write", 0, 0},
        {"force", 0, ARG_FLAG, &settings.replace, NULL, "replace a bundle that is there already", 0,
         0},
        {"name", 0, ARG_TEXT, &settings.name, "NAME", "name of the bundle (default: the folder's)",
         0, 0},
        {"labels", 0, ARG_TEXT, &settings.labels, "FILE",
         "one class a line: name, or id TAB name TAB description", 0, 0},
        {"recipe", 0, ARG_TEXT, &settings.recipe, "RECIPE",
         "how a picture becomes the network's input: torch (default),\n"
         "tf, caffe, unit, cifar, or settings such as\n"
         "\"color=rgb;scale=1/255;mean=0.5;std=0.25;crop=center\"",
         0, 0},
        {"output-kind", 0, ARG_TEXT, &kind, "KIND",
         "logits, probabilities or raw (default: told from the graph)", 0, 0},
        {"cut", 0, ARG_LIST, &cuts, "NAME[,NAME...]",
         "calibrate this cut; may be given several times\n(default: every single-tensor cut)", 0,
         0},
        {"default-cut", 0, ARG_TEXT, &settings.default_cut, "NAME[,NAME...]",
         "the cut that `run` and `eval` take where none is named", 0, 0},
        {"default-codec", 0, ARG_TEXT, &settings.default_strategy, "STRATEGY",
         "the strategy that goes with it", 0, 0},
        {"subset", 0, ARG_SUBSET, subset, "K/N", "pictures whose index modulo N is K", 0, 0},
        {"limit", 0, ARG_INTEGER, &limit, "N", "N evenly spaced pictures", 1, INT32_MAX},
        {"threads", 0, ARG_INTEGER, &threads, "N", "default: one per processor", 1, 64},
        CLI_INPUT_SHAPE_OPTION(&shapes),
    };
    const arg_verb self = {
        verb,
        "MODEL --pictures DIR [--labels FILE] [--recipe RECIPE] -o BUNDLE",
        "Makes a bundle: a folder with the model, its input recipe, its labels, and statistics of\n"
        "its cuts over sample pictures, which strategies such as uniform:levels=16,clip=3.3 use.\n"
        "Some hundred pictures suffice; leave those out that you want to evaluate on.",
        "  tandem prepare net.onnx --pictures photos/ --subset 0/2 --labels labels.txt -o "
        "net.bundle",
        options,
        sizeof options / sizeof options[0]};
    int code;
    td_error err = {0};
    args_result parsed = args_parse(&self, argc, argv, &operands);
    settings.threads = (int)threads;
    settings.cuts = cuts.items;
    settings.cut_count = cuts.count;
    if (parsed != ARGS_OK)
        code = parsed == ARGS_HELP ? CLI_OK : CLI_USAGE;
    else if (operands.count != 1)
        code = cli_usage(verb, "give one model, an .onnx file");
    else if (!pictures.count)
        code = cli_usage(verb, "say what to calibrate on: --pictures DIR");
    else if (!settings.bundle)
        code = cli_usage(verb, "say where to write: -o BUNDLE");
    else if (!parse_kind(kind, &settings))
        code = cli_usage(verb, "--output-kind takes logits, probabilities or raw, not \"%s\"",
                         kind);
    else if (cli_opening_parse(&shapes, &settings.opening, &err))
        code = cli_fail(verb, &err);
    else {
        settings.model = operands.items[0];
        code = prepare(&settings, &pictures, subset, limit);
    }
    cli_opening_free(&settings.opening);
    args_list_free(&shapes);
    args_list_free(&operands);
    args_list_free(&pictures);
    args_list_free(&cuts);
    return code;
}
