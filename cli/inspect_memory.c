/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect_memory.h"

#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "table.h"

static const char verb[] = "inspect";

static void row(table *t, const char *what, size_t bytes, const char *note) {
    table_cell(t, "%s", what);
    table_cell(t, "%.2f", (double)bytes / 1e6);
    table_cell(t, "%s", note);
}

/* Files that are mapped into this process, as far as they are in memory; 0 where the system does
 * not say. */
static size_t code_bytes(void) {
    unsigned long size, resident, shared = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file)
        return 0;
    if (fscanf(file, "%lu %lu %lu", &size, &resident, &shared) != 3)
        shared = 0;
    fclose(file);
    return (size_t)shared * (size_t)sysconf(_SC_PAGESIZE);
}

static void print_part(table *t, const td_memory_part *part) {
    size_t all = part->weights_bytes + part->constant_bytes + part->arena_bytes +
                 part->scratch_bytes;
    row(t, part->name, all, "of which");
    row(t, "  packed weights", part->weights_bytes, "shared by threads and cuts");
    for (size_t i = 0; i < part->kind_count; i++) {
        char what[160], layers[32];
        snprintf(what, sizeof what, "    %s", part->kinds[i].implementation);
        snprintf(layers, sizeof layers, "%zu layer%s", part->kinds[i].layers,
                 part->kinds[i].layers == 1 ? "" : "s");
        row(t, what, part->kinds[i].bytes, layers);
    }
    row(t, "  other constants", part->constant_bytes, "shared by threads");
    row(t, "  activations", part->arena_bytes, "per running thread");
    row(t, "  working memory", part->scratch_bytes, "per running thread");
}

static void print_text(const char *cut, const td_memory_report *report) {
    table t = table_begin("lrl");
    if (cut)
        printf("cut %s\n", cut);
    table_cell(&t, "memory");
    table_cell(&t, "MB");
    table_cell(&t, "note");
    row(&t, "constants of the file", report->model_bytes,
        "small ones; large ones are read when needed");
    row(&t, "program and libraries", code_bytes(), "shared by processes");
    for (size_t i = 0; i < report->part_count; i++)
        print_part(&t, &report->parts[i]);
    table_end(&t);
}

static json_t *part_json(const td_memory_part *part) {
    json_t *kinds = json_array();
    for (size_t i = 0; i < part->kind_count; i++)
        json_array_append_new(kinds, json_pack("{s:s, s:I, s:I}", "implementation",
                                               part->kinds[i].implementation, "layers",
                                               (json_int_t)part->kinds[i].layers, "bytes",
                                               (json_int_t)part->kinds[i].bytes));
    return json_pack("{s:s, s:I, s:o, s:I, s:I, s:I}", "name", part->name, "weights_bytes",
                     (json_int_t)part->weights_bytes, "weights", kinds, "constant_bytes",
                     (json_int_t)part->constant_bytes, "arena_bytes", (json_int_t)part->arena_bytes,
                     "scratch_bytes", (json_int_t)part->scratch_bytes);
}

static json_t *report_json(const char *cut, const td_memory_report *report) {
    json_t *parts = json_array();
    for (size_t i = 0; i < report->part_count; i++)
        json_array_append_new(parts, part_json(&report->parts[i]));
    return json_pack("{s:s?, s:I, s:I, s:o}", "cut", cut, "model_bytes",
                     (json_int_t)report->model_bytes, "code_bytes", (json_int_t)code_bytes(),
                     "parts", parts);
}

int inspect_memory(td_model *model, const char *const *cuts, size_t cut_count,
                   const td_half_settings *settings, int json) {
    json_t *list = json ? json_array() : NULL;
    size_t count = cut_count ? cut_count : 1;
    for (size_t i = 0; i < count; i++) {
        const char *cut = cut_count ? cuts[i] : NULL;
        td_memory_report report;
        td_error err = {0};
        if (td_model_memory(model, cut, settings, &report, &err)) {
            json_decref(list);
            return cli_fail(verb, &err);
        }
        if (json)
            json_array_append_new(list, report_json(cut, &report));
        else
            print_text(cut, &report);
        td_memory_report_clear(&report);
    }
    if (!json)
        return CLI_OK;
    return cli_print_json(verb, json_pack("{s:o, s:o}", "model",
                                          cli_json_text(td_model_name(model)), "memory", list));
}
