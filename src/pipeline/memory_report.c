/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory running a model takes, and what for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/model.h"

/* Large constants are in their file, and where a program has one in memory it is the program's. */
static size_t constants_of(const tdi_graph *graph) {
    size_t bytes = 0;
    for (int i = 0; i < graph->value_count; i++)
        if (graph->values[i].data && !graph->values[i].data->backed)
            bytes += graph->values[i].data->bytes;
    return bytes;
}

static int compare_kinds(const void *a, const void *b) {
    const td_memory_kind *x = a, *y = b;
    return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static td_status add_step(const tdi_step_info *step, td_memory_part *part, td_memory_kind *kinds,
                          tdi_arena *arena, td_error *err) {
    char name[128];
    size_t i = 0;
    if (!step->weights_bytes)
        return TD_OK;
    snprintf(name, sizeof name, "%s %s", step->backend, step->implementation);
    while (i < part->kind_count && strcmp(kinds[i].implementation, name) != 0)
        i++;
    if (i == part->kind_count) {
        kinds[i].implementation = tdi_arena_strdup(arena, name);
        if (!kinds[i].implementation)
            return tdi_fail_memory(err);
        part->kind_count++;
    }
    kinds[i].layers++;
    kinds[i].bytes += step->weights_bytes;
    part->weights_bytes += step->weights_bytes;
    return TD_OK;
}

static td_status fill_part(const tdi_program *program, const char *name, td_memory_part *part,
                           tdi_arena *arena, td_error *err) {
    size_t steps = tdi_program_step_count(program);
    tdi_footprint footprint = tdi_program_footprint(program);
    td_memory_kind *kinds = tdi_arena_alloc(arena, (steps + 1) * sizeof *kinds);
    if (!kinds)
        return tdi_fail_memory(err);
    part->name = name;
    part->kinds = kinds;
    for (size_t i = 0; i < steps; i++) {
        tdi_step_info step = tdi_program_step(program, i);
        TD_TRY(add_step(&step, part, kinds, arena, err));
    }
    qsort(kinds, part->kind_count, sizeof *kinds, compare_kinds);
    part->constant_bytes = footprint.weights_bytes - part->weights_bytes;
    part->arena_bytes = footprint.arena_bytes;
    part->scratch_bytes = footprint.scratch_bytes;
    return TD_OK;
}

static td_status add_part(td_model *model, tdi_part which, const tdi_place *place,
                          const td_half_settings *settings, tdi_arena *arena,
                          td_memory_report *report, td_error *err) {
    static const char *const names[] = {
        [TDI_PART_HEAD] = "head", [TDI_PART_TAIL] = "tail", [TDI_PART_WHOLE] = "network"};
    tdi_program *program = NULL;
    TD_TRY(tdi_model_program(model, which, place, settings, &program, err));
    td_status status = fill_part(program, names[which], &report->parts[report->part_count++], arena,
                                 err);
    tdi_model_program_release(model, program);
    return status;
}

td_status td_model_memory(td_model *model, const char *cut, const td_half_settings *settings,
                          td_memory_report *out, td_error *err) {
    tdi_place place = {.kind = TDI_PLACE_OUTPUT};
    td_memory_report report = {.model_bytes = constants_of(model->graph)};
    tdi_arena arena = {NULL};
    td_half_settings resolved;
    TD_TRY(tdi_half_resolve(model, settings, &resolved, err));
    if (cut)
        TD_TRY(tdi_place_resolve(model, cut, &place, err));
    td_status status;
    if (place.kind != TDI_PLACE_TENSORS) {
        status = add_part(model, TDI_PART_WHOLE, &place, &resolved, &arena, &report, err);
    } else {
        status = add_part(model, TDI_PART_HEAD, &place, &resolved, &arena, &report, err);
        if (!status)
            status = add_part(model, TDI_PART_TAIL, &place, &resolved, &arena, &report, err);
    }
    report.storage = arena.head;
    if (status)
        td_memory_report_clear(&report);
    else
        *out = report;
    return status;
}

void td_memory_report_clear(td_memory_report *report) {
    tdi_arena arena = {report->storage};
    tdi_arena_free(&arena);
    memset(report, 0, sizeof *report);
}
