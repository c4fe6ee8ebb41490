/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tandem run: the device. Every frame has exactly one outcome, and a server that dies ends the run
 * with a sentence.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/device.h>

#include "args.h"
#include "cli.h"
#include "progress.h"
#include "run_arrays.h"
#include "run_report.h"

static const char verb[] = "run";

#define WINDOW_MAX 64

/* A frame that was submitted and has no outcome yet. */
typedef struct pending {
    int used;
    uint64_t id;     /* the device's */
    uint64_t number; /* the user's: place in the source, from 1 */
    td_picture picture;
    td_source_item item;
} pending;

typedef struct runner {
    td_device *device;
    td_source *source;
    td_head *uncut; /* for the agreement; NULL: not asked for */
    const void **uncut_outputs;
    run_report report;
    pending pending[WINDOW_MAX];
    int64_t window;
    size_t under_way;
} runner;

static int server_is_gone(td_status status) {
    return status == TD_CLOSED || status == TD_TIMEOUT || status == TD_IO || status == TD_PROTOCOL;
}

/* The network as it is: in float32. */
static td_status open_uncut(runner *r, int threads, td_error *err) {
    td_model *model = td_device_model(r->device);
    const td_half_settings settings = {threads, TD_PRECISION_F32};
    if (td_model_output_kind(model) == TD_OUTPUT_RAW)
        return TD_OK;
    td_status status = td_head_open(model, "output", &settings, &r->uncut, err);
    if (!status)
        r->uncut_outputs = cli_alloc(td_head_tensor_count(r->uncut), sizeof *r->uncut_outputs);
    return status;
}

/* The uncut network's first class on the same picture; outside of what is timed. */
static td_status run_uncut(const runner *r, const td_picture *picture, int32_t *out,
                           td_error *err) {
    td_prediction first;
    td_status status = td_head_run(r->uncut, picture, r->uncut_outputs, err);
    if (status)
        return status;
    td_layout layout = td_head_layout(r->uncut, 0);
    if (td_top(r->uncut_outputs[0], (size_t)td_layout_elements(&layout),
               td_model_output_kind(td_device_model(r->device)), &first, 1) == 1)
        *out = first.index;
    return TD_OK;
}

static pending *find_pending(runner *r, int used, uint64_t id) {
    for (int64_t i = 0; i < r->window; i++)
        if (r->pending[i].used == used && (!used || r->pending[i].id == id))
            return &r->pending[i];
    return NULL;
}

/* A picture that cannot be read is a frame without a result; the others go on. */
static void drop(runner *r, const pending *p, const td_error *reason) {
    td_outcome *outcome = cli_alloc(1, sizeof *outcome);
    outcome->id = p->number;
    outcome->status = reason->status;
    outcome->reason = *reason;
    run_report_add(&r->report, outcome, p->item.name, (run_verdict){p->item.label, -1});
    free(outcome);
}

static td_status submit(runner *r, size_t index, td_error *err) {
    pending *p = find_pending(r, 0, 0);
    p->number = index + 1;
    td_status status = td_source_read(r->source, index, &p->picture, &p->item, err);
    if (status == TD_MEMORY)
        return status;
    if (status) {
        drop(r, p, err);
        return TD_OK;
    }
    status = td_device_submit(r->device, &p->picture, &p->id, err);
    if (status) {
        td_picture_clear(&p->picture);
        return status;
    }
    p->used = 1;
    r->under_way++;
    return TD_OK;
}

/* Takes one outcome and reports it. Fails when the connection behind it is gone. */
static td_status take(runner *r, td_error *err) {
    td_outcome outcome;
    td_status status = td_device_next(r->device, &outcome, err);
    if (status)
        return status;
    pending *p = find_pending(r, 1, outcome.id);
    if (!p) {
        snprintf(err->message, sizeof err->message,
                 "an outcome came for frame %llu, which is not under way",
                 (unsigned long long)outcome.id);
        return err->status = TD_PROTOCOL;
    }
    outcome.id = p->number;
    run_verdict verdict = {p->item.label, -1};
    if (outcome.status == TD_OK && outcome.prediction_count && r->uncut)
        status = run_uncut(r, &p->picture, &verdict.uncut, err);
    if (!status)
        run_report_add(&r->report, &outcome, p->item.name, verdict);
    td_picture_clear(&p->picture);
    p->used = 0;
    r->under_way--;
    if (!status && server_is_gone(outcome.status)) {
        *err = outcome.reason;
        status = outcome.status;
    }
    return status;
}

static td_status run_frames(runner *r, td_error *err) {
    size_t count = td_source_count(r->source), next = 0;
    while (next < count || r->under_way) {
        int may_submit = next < count && r->under_way < (size_t)r->window;
        td_status status = may_submit ? submit(r, next++, err) : take(r, err);
        if (status)
            return status;
    }
    return TD_OK;
}

/* Frames under way when the connection broke have their outcome too: no result. */
static void take_the_rest(runner *r) {
    td_error ignored;
    size_t before = r->under_way + 1;
    while (r->under_way && r->under_way < before) {
        before = r->under_way;
        take(r, &ignored);
    }
}

static int finish(runner *r, td_status status, const td_error *err) {
    size_t count = td_source_count(r->source), results = r->report.result_count;
    int code = CLI_OK;
    if (r->report.frames)
        code = cli_print_json(verb, run_report_json(&r->report));
    else
        run_report_print(&r->report);
    code = cli_finish(verb, code); /* before what standard error says about it */
    if (status && r->report.server && server_is_gone(status))
        return cli_fail_text(verb, "lost the server %s: %s; %zu of %zu frames had results",
                             r->report.server, err->message, results, count);
    if (status)
        return cli_fail_text(verb, "%s; %zu of %zu frames had results", err->message, results,
                             count);
    if (results < count)
        return cli_fail_text(verb, "%zu of %zu frames had no result, the first because %s",
                             count - results, count, r->report.dropped.message);
    return code;
}

static int run(runner *r, const td_device_settings *settings, int agreement, int json, int lines) {
    td_error err = {0};
    progress p = progress_begin(verb);
    td_device_settings with_progress = *settings;
    with_progress.progress = progress_show;
    with_progress.progress_user = &p;
    td_status opened = td_device_open(&with_progress, &r->device, &err);
    progress_end(&p);
    if (opened)
        return cli_fail(verb, &err);
    if (agreement && open_uncut(r, settings->threads, &err))
        return cli_fail(verb, &err);
    r->report.model = td_device_model(r->device);
    r->report.server = settings->server;
    r->report.cut = td_device_cut(r->device);
    r->report.codec = td_device_codec(r->device);
    r->report.frames = json ? json_array() : NULL;
    r->report.lines = lines;
    run_report_begin(&r->report);
    td_status status = run_frames(r, &err);
    if (status)
        take_the_rest(r);
    return finish(r, status, &err);
}

static void runner_fini(runner *r) {
    for (int i = 0; i < WINDOW_MAX; i++)
        td_picture_clear(&r->pending[i].picture);
    run_report_fini(&r->report);
    td_head_close(r->uncut);
    free(r->uncut_outputs);
    td_device_close(r->device);
    td_source_close(r->source);
}

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && !strcmp(text + length - end_length, end);
}

int verb_run(int argc, char **argv) {
    td_device_settings settings = td_device_settings_default();
    runner *r = cli_alloc(1, sizeof *r);
    int json = 0, no_agreement = 0;
    int64_t subset[2] = {0, 0}, limit = 0, threads = 0, top = 0, window = 1;
    const char *save = NULL;
    arg_list operands = {0}, shapes = {0};
    const arg_option options[] = {
        {"server", 0, ARG_TEXT, &settings.server, "HOST:PORT",
         "where `tandem serve` listens; without it both halves run in\nthis process", 0, 0},
        {"model", 0, ARG_TEXT, &settings.model, "NAME",
         "an .onnx file or a bundle; with --server also the name of a\n"
         "bundle that the server has, which is then fetched",
         0, 0},
        {"cut", 0, ARG_TEXT, &settings.cut, "NAME[,NAME...]",
         "default: the bundle's, else input with --server and output\n"
         "without",
         0, 0},
        {"codec", 0, ARG_TEXT, &settings.codec, "STRATEGY",
         "default: the bundle's at its default cut, else raw, and\n"
         "picture+jpeg:quality=90 at input",
         0, 0},
        {"top", 0, ARG_INTEGER, &top, "N", "show the N likeliest classes of each frame", 1,
         TD_TOP_MAX},
        {"subset", 0, ARG_SUBSET, subset, "K/N", "pictures whose index modulo N is K", 0, 0},
        {"limit", 0, ARG_INTEGER, &limit, "N", "N evenly spaced pictures", 1, INT32_MAX},
        {"threads", 0, ARG_INTEGER, &threads, "N",
         "threads inside an operator (default: one per processor)", 1, 64},
        {"precision", 0, ARG_PRECISION, &settings.precision, "NAME",
         "of what is computed here: f32, bf16, or int8 (default f32)", 0, 0},
        {"window", 0, ARG_INTEGER, &window, "N",
         "frames sent and not yet confirmed (default 1); above 1 they\nalso overlap", 1,
         WINDOW_MAX},
        {"cache", 0, ARG_TEXT, &settings.cache, "DIR",
         "where fetched bundles are kept (default: ~/.cache/tandem)", 0, 0},
        {"save", 0, ARG_TEXT, &save, "DIR",
         "take arrays (.npy) as they are and write the outputs there", 0, 0},
        CLI_INPUT_SHAPE_OPTION(&shapes),
        {"no-agreement", 0, ARG_FLAG, &no_agreement, NULL,
         "do not run the uncut network here for comparison", 0, 0},
        {"json", 0, ARG_FLAG, &json, NULL, "one JSON document on standard output", 0, 0},
    };
    const arg_verb self = {
        verb,
        "[--server HOST:PORT] --model NAME [--cut NAME] [--codec STRATEGY] SOURCE...\n"
        "       tandem run --model NAME [--cut NAME [--codec STRATEGY]] INPUT.npy "
        "[NAME=OTHER.npy...] "
        "--save DIR",
        "Classifies pictures: the head runs here, the tail on the server. A SOURCE is a picture, "
        "a\n"
        "folder of pictures, or a file of CIFAR records. Every frame prints its label, the bytes\n"
        "sent, and where the time went, in ms:\n"
        "  It = Ic (fit, head) + Ec (encode) + D/B (sending) + RTT + Es (decode) + Is (tail) + "
        "rest\n"
        "With --save the inputs are NumPy files, of the element types that the network declares, "
        "and\n"
        "so are the outputs: for comparing them with another runtime's. Uncut unless --cut is "
        "given.",
        "  tandem run --server 127.0.0.1:7433 --model fashion --cut layer2.0.relu2 \\\n"
        "      --codec uniform:levels=16,clip=3.3 pictures/\n"
        "  tandem run --model net.onnx photo.jpg\n"
        "  tandem run --model net.onnx input.npy --save outputs/",
        options,
        sizeof options / sizeof options[0]};
    int code;
    td_error err = {0};
    args_result parsed = args_parse(&self, argc, argv, &operands);
    settings.threads = (int)threads;
    settings.window = (int)window;
    settings.top = top ? (int)top : settings.top;
    r->window = window;
    if (parsed != ARGS_OK)
        code = parsed == ARGS_HELP ? CLI_OK : CLI_USAGE;
    else if (!settings.model)
        code = cli_usage(verb, "say which network: --model NAME");
    else if (save &&
             (settings.server || settings.cache || subset[1] || limit || top || window != 1))
        code = cli_usage(verb, "with --save arrays are run once, in this process: leave out "
                               "--server, --cache, --subset, --limit, --top and --window");
    else if (cli_opening_parse(&shapes, &settings.opening, &err))
        code = cli_fail(verb, &err);
    else if (save)
        code = run_arrays(&(run_arrays_settings){
            settings.model, settings.cut, settings.codec, &settings.opening, save, (int)threads,
            settings.precision, json, operands.items, operands.count});
    else if (operands.count && ends_with(operands.items[0], ".npy"))
        code = cli_usage(verb, "%s is an array: say with --save DIR where the outputs go",
                         operands.items[0]);
    else if (!operands.count)
        code = cli_usage(verb, "give at least one picture, folder of pictures or file of records");
    else if (cli_open_source(operands.items, operands.count, subset, limit, &r->source, &err))
        code = cli_fail(verb, &err);
    else
        code = run(r, &settings, !no_agreement, json, (int)top);
    runner_fini(r);
    free(r);
    cli_opening_free(&settings.opening);
    args_list_free(&shapes);
    args_list_free(&operands);
    return code;
}
