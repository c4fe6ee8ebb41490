/* SPDX-License-Identifier: Apache-2.0 */
#include "run_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* Column heads, in ms, and JSON keys, in us; indexed by figure. */
static const struct {
    const char *head, *key;
} figures[RUN_FIGURES] = {
    {"It", "it_us"}, {"Ic", "ic_us"}, {"Ec", "ec_us"},     {"D/B", "network_us"}, {"RTT", "rtt_us"},
    {"Es", "es_us"}, {"Is", "is_us"}, {"rest", "rest_us"}, {"queue", "queue_us"},
};

static void to_figures(const td_terms *terms, double out[RUN_FIGURES]) {
    const td_duration known = terms->ic + terms->ec + terms->network + terms->rtt + terms->es +
                              terms->is;
    const td_duration spans[RUN_FIGURES] = {terms->it,      terms->ic,         terms->ec,
                                            terms->network, terms->rtt,        terms->es,
                                            terms->is,      terms->it - known, terms->queue};
    for (int i = 0; i < RUN_FIGURES; i++)
        out[i] = (double)spans[i] / TD_US(1);
}

void run_report_begin(run_report *report) {
    if (report->frames)
        return;
    printf("cut %s, codec %s, %s%s\n\n", report->cut, report->codec,
           report->server ? "server " : "one process", report->server ? report->server : "");
    printf("%5s %-20s %-20s %6s %8s", "frame", "source", "label", "score", "bytes");
    for (int i = 0; i < RUN_QUEUE; i++)
        printf(" %7s", figures[i].head);
    printf("  (ms)\n");
}

static void print_line(const run_report *report, const td_outcome *outcome, const char *source,
                       const double *values) {
    printf("%5llu %-20.20s ", (unsigned long long)outcome->id, source);
    if (outcome->status != TD_OK) {
        printf("dropped: %s\n", outcome->reason.message);
        return;
    }
    if (outcome->prediction_count)
        printf("%-20.20s %6.3f", td_model_label(report->model, outcome->predictions[0].index).name,
               (double)outcome->predictions[0].score);
    else
        printf("%-20s %6s", "-", "-");
    printf(" %8zu", outcome->bytes);
    for (int i = 0; i < RUN_QUEUE; i++)
        printf(" %7.2f", values[i] / 1000);
    putchar('\n');
    for (int i = 1; i < report->lines && (size_t)i < outcome->prediction_count; i++)
        printf("%26s %-20.20s %6.3f\n", "",
               td_model_label(report->model, outcome->predictions[i].index).name,
               (double)outcome->predictions[i].score);
}

static json_t *predictions_json(const run_report *report, const td_outcome *outcome) {
    json_t *list = json_array();
    for (size_t i = 0; i < outcome->prediction_count; i++) {
        const td_prediction *p = &outcome->predictions[i];
        td_label label = td_model_label(report->model, p->index);
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:f, s:s, s:i}", "name", label.name,
                                        "description", label.description, "score", (double)p->score,
                                        "id", label.id, "class", (int)p->index));
    }
    return list;
}

static json_t *class_json(int32_t index) {
    return index < 0 ? json_null() : json_integer(index);
}

static void add_json(run_report *report, const td_outcome *outcome, const char *source,
                     run_verdict verdict, const double *values) {
    int ok = outcome->status == TD_OK;
    char text[TD_ERROR_MESSAGE_BYTES + 16];
    json_t *frame = json_object(), *predictions = predictions_json(report, outcome);
    const json_t *first = json_array_get(predictions, 0);
    snprintf(text, sizeof text, ok ? "result" : "dropped: %s", outcome->reason.message);
    json_object_set_new(frame, "id", json_integer((json_int_t)outcome->id));
    json_object_set_new(frame, "source", cli_json_text(source));
    json_object_set_new(frame, "outcome", cli_json_text(text));
    json_object_set(frame, "label", first ? json_object_get(first, "name") : json_null());
    json_object_set(frame, "score", first ? json_object_get(first, "score") : json_null());
    json_object_set_new(frame, "predictions", predictions);
    json_object_set_new(frame, "true_class", class_json(verdict.label));
    json_object_set_new(frame, "uncut_class", class_json(verdict.uncut));
    json_object_set_new(frame, "bytes",
                        ok ? json_integer((json_int_t)outcome->bytes) : json_null());
    for (int i = 0; i < RUN_FIGURES; i++)
        json_object_set_new(frame, figures[i].key, ok ? json_real(values[i]) : json_null());
    json_array_append_new(report->frames, frame);
}

static void count_result(run_report *report, const td_outcome *outcome, run_verdict verdict,
                         const double *values) {
    if (report->result_count == report->capacity) {
        report->capacity = report->capacity ? 2 * report->capacity : 256;
        for (int i = 0; i < RUN_FIGURES; i++)
            report->figures[i] = cli_realloc(report->figures[i],
                                             report->capacity * sizeof *report->figures[i]);
    }
    for (int i = 0; i < RUN_FIGURES; i++)
        report->figures[i][report->result_count] = values[i];
    report->result_count++;
    report->bytes += (double)outcome->bytes;
    if (!outcome->prediction_count)
        return;
    int32_t first = outcome->predictions[0].index;
    if (verdict.label >= 0) {
        report->labelled++;
        report->correct += first == verdict.label;
    }
    if (verdict.uncut >= 0) {
        report->compared++;
        report->agreeing += first == verdict.uncut;
    }
}

void run_report_add(run_report *report, const td_outcome *outcome, const char *source,
                    run_verdict verdict) {
    double values[RUN_FIGURES];
    to_figures(&outcome->terms, values);
    report->frame_count++;
    if (outcome->status == TD_OK)
        count_result(report, outcome, verdict, values);
    else if (report->dropped.status == TD_OK)
        report->dropped = outcome->reason;
    if (report->frames)
        add_json(report, outcome, source, verdict, values);
    else
        print_line(report, outcome, source, values);
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Leaves the figures as they are. */
static double median(const double *values, size_t count) {
    if (!count)
        return NAN;
    double *sorted = cli_alloc(count, sizeof *sorted);
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_doubles);
    double result = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
    free(sorted);
    return result;
}

static double share(size_t part, size_t whole) {
    return whole ? (double)part / (double)whole : NAN;
}

static void print_share(const char *what, size_t part, size_t whole) {
    if (whole)
        printf(", %s %zu/%zu = %.1f %%", what, part, whole, 100 * share(part, whole));
}

void run_report_print(const run_report *report) {
    size_t n = report->result_count;
    if (n) {
        printf("\n%5s %-20s %-20s %6s %8.0f", "", "median (bytes: mean)", "", "",
               report->bytes / (double)n);
        for (int i = 0; i < RUN_QUEUE; i++)
            printf(" %7.2f", median(report->figures[i], n) / 1000);
        putchar('\n');
    }
    printf("\n%zu frames, %zu results", report->frame_count, n);
    print_share("accuracy", report->correct, report->labelled);
    print_share("agreement with the uncut network", report->agreeing, report->compared);
    if (n && report->server)
        printf(", median wait for a worker %.2f ms", median(report->figures[RUN_QUEUE], n) / 1000);
    putchar('\n');
}

json_t *run_report_json(const run_report *report) {
    size_t n = report->result_count;
    json_t *summary = json_pack("{s:o, s:s, s:s, s:o, s:I, s:I, s:I}", "model",
                                cli_json_text(td_model_name(report->model)), "cut", report->cut,
                                "codec", report->codec, "server",
                                report->server ? json_string(report->server) : json_null(),
                                "frames", (json_int_t)report->frame_count, "results", (json_int_t)n,
                                "dropped", (json_int_t)(report->frame_count - n));
    json_object_set_new(summary, "bytes_mean", cli_json_real(n ? report->bytes / (double)n : NAN));
    json_object_set_new(summary, "accuracy",
                        cli_json_real(share(report->correct, report->labelled)));
    json_object_set_new(summary, "agreement",
                        cli_json_real(share(report->agreeing, report->compared)));
    for (int i = 0; i < RUN_FIGURES; i++)
        json_object_set_new(summary, figures[i].key, cli_json_real(median(report->figures[i], n)));
    return json_pack("{s:O, s:o}", "frames", report->frames, "summary", summary);
}

void run_report_fini(run_report *report) {
    for (int i = 0; i < RUN_FIGURES; i++)
        free(report->figures[i]);
    json_decref(report->frames);
}
