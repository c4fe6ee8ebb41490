/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tandem eval: what cuts and strategies cost and what they lose.
 */
#include <math.h>
#include <stdio.h>

#define TANDEM_UNSTABLE
#include <tandem/lab.h>

#include "args.h"
#include "cli.h"
#include "progress.h"
#include "table.h"

static const char verb[] = "eval";

static void share_cell(table *t, double share) {
    if (isnan(share))
        table_cell(t, "-");
    else
        table_cell(t, "%.2f %%", 100 * share);
}

static void print_row(table *t, const td_eval_point *p) {
    table_cell(t, "%s", p->cut);
    table_cell(t, "%s%s", p->strategy, p->overlap ? " *" : "");
    table_cell(t, "%.0f", p->bytes_mean);
    table_cell(t, "%.0f", p->bytes_p95);
    table_cell(t, "%.3f", p->bits_per_element);
    table_cell(t, isnan(p->kl) ? "-" : "%.5f", p->kl);
    share_cell(t, p->agreement);
    share_cell(t, p->accuracy);
    if (isinf(p->psnr_db))
        table_cell(t, "exact");
    else
        table_cell(t, isnan(p->psnr_db) ? "-" : "%.2f", p->psnr_db);
    table_cell(t, "%.0f", p->encode_us);
    table_cell(t, "%.0f", p->decode_us);
}

static void print_text(const td_eval_report *report) {
    static const char *const heads[] = {"cut",     "strategy",  "bytes",     "p95",
                                        "bits/el", "KL",        "agreement", "accuracy",
                                        "PSNR dB", "encode us", "decode us"};
    int marked = 0;
    printf("%s on %zu pictures", report->model, report->pictures);
    if (report->precision != TD_PRECISION_F32)
        printf(", heads and tails with %s", td_precision_name(report->precision));
    if (!isnan(report->uncut_accuracy))
        printf(", uncut accuracy %zu/%zu = %.2f %%", report->uncut_correct, report->pictures,
               100 * report->uncut_accuracy);
    printf("\n\n");
    table t = table_begin("llrrrrrrrrr");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_cell(&t, "%s", heads[i]);
    for (size_t i = 0; i < report->point_count; i++) {
        print_row(&t, &report->points[i]);
        marked |= report->points[i].overlap;
    }
    table_end(&t);
    if (marked)
        printf("\n* its calibration saw %zu of these %zu pictures\n", report->overlapping,
               report->pictures);
}

static json_t *point_json(const td_eval_point *p) {
    json_t *json = json_pack("{s:s, s:s, s:I, s:I}", "cut", p->cut, "strategy", p->strategy,
                             "pictures", (json_int_t)p->pictures, "elements",
                             (json_int_t)p->elements);
    json_object_set_new(json, "bytes_mean", cli_json_real(p->bytes_mean));
    json_object_set_new(json, "bytes_p95", cli_json_real(p->bytes_p95));
    json_object_set_new(json, "bits_per_element", cli_json_real(p->bits_per_element));
    json_object_set_new(json, "kl", cli_json_real(p->kl));
    json_object_set_new(json, "agreement", cli_json_real(p->agreement));
    json_object_set_new(json, "accuracy", cli_json_real(p->accuracy));
    json_object_set_new(json, "psnr_db", cli_json_real(p->psnr_db));
    json_object_set_new(json, "exact", json_boolean(isinf(p->psnr_db)));
    json_object_set_new(json, "output_relative_mse", cli_json_real(p->output_relative_mse));
    json_object_set_new(json, "encode_us", cli_json_real(p->encode_us));
    json_object_set_new(json, "decode_us", cli_json_real(p->decode_us));
    json_object_set_new(json, "overlap", json_boolean(p->overlap));
    return json;
}

static json_t *to_json(const td_eval_report *report) {
    json_t *points = json_array();
    for (size_t i = 0; i < report->point_count; i++)
        json_array_append_new(points, point_json(&report->points[i]));
    int known = !isnan(report->uncut_accuracy);
    return json_pack("{s:o, s:I, s:s, s:o, s:o, s:I, s:o}", "model", cli_json_text(report->model),
                     "pictures", (json_int_t)report->pictures, "precision",
                     td_precision_name(report->precision), "uncut_accuracy",
                     cli_json_real(report->uncut_accuracy), "uncut_correct",
                     known ? json_integer((json_int_t)report->uncut_correct) : json_null(),
                     "overlapping", (json_int_t)report->overlapping, "points", points);
}

static int evaluate(td_eval_settings *settings, const arg_list *data, const int64_t subset[2],
                    int64_t limit, int json) {
    td_error err = {0};
    td_eval_report report;
    int code = CLI_OK;
    if (cli_open_source(data->items, data->count, subset, limit, &settings->pictures, &err))
        return cli_fail(verb, &err);
    progress p = progress_begin(verb);
    settings->progress = progress_show;
    settings->progress_user = &p;
    td_status status = td_eval(settings, &report, &err);
    progress_end(&p);
    if (status) {
        code = cli_fail(verb, &err);
    } else {
        if (json)
            code = cli_print_json(verb, to_json(&report));
        else
            print_text(&report);
        td_eval_report_clear(&report);
    }
    td_source_close(settings->pictures);
    return code;
}

int verb_eval(int argc, char **argv) {
    td_eval_settings settings = td_eval_settings_default();
    int json = 0;
    int64_t subset[2] = {0, 0}, limit = 0, threads = 0;
    arg_list operands = {0}, data = {0}, cuts = {0}, strategies = {0}, shapes = {0};
    const arg_option options[] = {
        {"data", 0, ARG_LIST, &data, "DIR-OR-FILE",
         "pictures: a folder (labelled if it has an index.csv), a file of\n"
         "CIFAR records, or a picture; may be given several times",
         0, 0},
        {"cut", 0, ARG_LIST, &cuts, "NAME[,NAME...]",
         "a cut to measure; may be given several times (default: the\nbundle's default cut, or "
         "input)",
         0, 0},
        {"codec", 0, ARG_LIST, &strategies, "STRATEGY",
         "a strategy to measure at every cut; may be given several times\n"
         "(default: raw, and picture+jpeg:quality=90 at input)",
         0, 0},
        {"subset", 0, ARG_SUBSET, subset, "K/N", "pictures whose index modulo N is K", 0, 0},
        {"limit", 0, ARG_INTEGER, &limit, "N", "N evenly spaced pictures", 1, INT32_MAX},
        {"allow-overlap", 0, ARG_FLAG, &settings.allow_overlap, NULL,
         "evaluate strategies on pictures that their calibration saw,\nand mark the result", 0, 0},
        {"precision", 0, ARG_PRECISION, &settings.precision, "NAME",
         "of heads and tails: f32, bf16, or int8 (default f32); the uncut\nnetwork that they are "
         "compared with is f32",
         0, 0},
        {"threads", 0, ARG_INTEGER, &threads, "N", "default: one per processor", 1, 64},
        CLI_INPUT_SHAPE_OPTION(&shapes),
        {"json", 0, ARG_FLAG, &json, NULL, "one JSON document on standard output", 0, 0},
    };
    const arg_verb self = {
        verb,
        "BUNDLE --data DIR-OR-FILE [--cut NAME]... [--codec STRATEGY]...",
        "Runs every picture through the uncut network, and through every cut with every strategy:\n"
        "head, encode, decode, tail. Reports bytes per picture, KL divergence of the outputs from\n"
        "the uncut network's (nats), agreement with its first class, accuracy where there are\n"
        "labels, PSNR of the features, and times.",
        "  tandem eval net.bundle --data test/ --cut block_3_project --cut block_6_project \\\n"
        "      --codec uniform:levels=256 --codec uniform:levels=16+jpeg:quality=50",
        options,
        sizeof options / sizeof options[0]};
    int code;
    td_error err = {0};
    args_result parsed = args_parse(&self, argc, argv, &operands);
    settings.threads = (int)threads;
    settings.cuts = cuts.items;
    settings.cut_count = cuts.count;
    settings.strategies = strategies.items;
    settings.strategy_count = strategies.count;
    if (parsed != ARGS_OK)
        code = parsed == ARGS_HELP ? CLI_OK : CLI_USAGE;
    else if (operands.count != 1)
        code = cli_usage(verb, "give one model, a bundle or an .onnx file");
    else if (!data.count)
        code = cli_usage(verb, "say what to evaluate on: --data DIR-OR-FILE");
    else if (cli_opening_parse(&shapes, &settings.opening, &err))
        code = cli_fail(verb, &err);
    else {
        settings.model = operands.items[0];
        code = evaluate(&settings, &data, subset, limit, json);
    }
    cli_opening_free(&settings.opening);
    args_list_free(&shapes);
    args_list_free(&operands);
    args_list_free(&data);
    args_list_free(&cuts);
    args_list_free(&strategies);
    return code;
}
