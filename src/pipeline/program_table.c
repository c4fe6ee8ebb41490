/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled halves of a model that are in use: many sessions and workers at one cut run one
 * program. A half that nobody runs any more is freed, so that a peer who asks for every set of
 * tensors there is leaves nothing behind; the packed weights, which are the larger part, stay in
 * the model.
 */
#include <pthread.h>
#include <string.h>

#include "pipeline/model.h"
#include "pipeline/tuning.h"

typedef struct entry {
    struct entry *next;
    tdi_part part;
    tdi_cut cut; /* unused for the whole network */
    td_half_settings settings;
    tdi_program *program;
    size_t users;
} entry;

struct tdi_program_table {
    pthread_mutex_t lock;
    entry *entries;
};

tdi_program_table *tdi_program_table_new(void) {
    tdi_program_table *table = tdi_calloc(1, sizeof *table);
    if (table)
        pthread_mutex_init(&table->lock, NULL);
    return table;
}

void tdi_program_table_free(tdi_program_table *table) {
    if (!table)
        return;
    while (table->entries) {
        entry *e = table->entries;
        table->entries = e->next;
        tdi_program_unref(e->program);
        tdi_free(e);
    }
    pthread_mutex_destroy(&table->lock);
    tdi_free(table);
}

static int same_tensors(const tdi_cut *a, const tdi_cut *b) {
    return a->tensor_count == b->tensor_count &&
           !memcmp(a->tensors, b->tensors, (size_t)a->tensor_count * sizeof *a->tensors);
}

static int same_settings(const td_half_settings *a, const td_half_settings *b) {
    return a->threads == b->threads && a->precision == b->precision;
}

static td_status compile(td_model *model, tdi_part part, const tdi_cut *cut,
                         const td_half_settings *half_settings, tdi_program **out, td_error *err) {
    const tdi_program_settings settings = {.batch = 1,
                                           .threads = half_settings->threads,
                                           .packs = model->packs,
                                           .timings = tdi_tuning(),
                                           .precision = half_settings->precision,
                                           .ranges = &model->ranges};
    tdi_graph *half = NULL;
    if (part == TDI_PART_WHOLE)
        return tdi_program_new(model->graph, &settings, out, err);
    if (part == TDI_PART_HEAD)
        TD_TRY(tdi_cut_head(model->graph, cut, &half, err));
    else
        TD_TRY(tdi_cut_tail(model->graph, cut, &half, err));
    td_status status = tdi_program_new(half, &settings, out, err);
    tdi_graph_free(half);
    return status;
}

/* Compiling happens under the lock: whoever wants the same half waits for it instead of compiling
 * it again. */
static td_status acquire(td_model *model, tdi_part part, const tdi_cut *cut,
                         const td_half_settings *settings, tdi_program **out, td_error *err) {
    tdi_program_table *table = model->programs;
    for (entry *e = table->entries; e; e = e->next)
        if (e->part == part && same_settings(&e->settings, settings) &&
            (part == TDI_PART_WHOLE || same_tensors(&e->cut, cut))) {
            e->users++;
            *out = e->program;
            return TD_OK;
        }
    entry *e = tdi_calloc(1, sizeof *e);
    if (!e)
        return tdi_fail_memory(err);
    td_status status = compile(model, part, cut, settings, &e->program, err);
    tdi_tuning_save();
    if (status) {
        tdi_free(e);
        return status;
    }
    e->part = part;
    e->cut = *cut;
    e->settings = *settings;
    e->users = 1;
    e->next = table->entries;
    table->entries = e;
    *out = e->program;
    return TD_OK;
}

td_status tdi_model_program(td_model *model, tdi_part part, const tdi_place *place,
                            const td_half_settings *settings, tdi_program **out, td_error *err) {
    pthread_mutex_lock(&model->programs->lock);
    td_status status = acquire(model, part, &place->cut, settings, out, err);
    pthread_mutex_unlock(&model->programs->lock);
    return status;
}

void tdi_model_program_release(td_model *model, tdi_program *program) {
    if (!program)
        return;
    entry *dead = NULL;
    pthread_mutex_lock(&model->programs->lock);
    for (entry **at = &model->programs->entries; *at; at = &(*at)->next)
        if ((*at)->program == program) {
            if (--(*at)->users == 0) {
                dead = *at;
                *at = dead->next;
            }
            break;
        }
    pthread_mutex_unlock(&model->programs->lock);
    if (dead) {
        tdi_program_unref(dead->program);
        tdi_free(dead);
    }
}
