/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calibrations of a model's cuts, read from its bundle when first asked for and kept. Only cuts
 * that the bundle offers are kept, so that the table is bounded by the bundle.
 */
#include <pthread.h>
#include <string.h>

#include "pipeline/model.h"

typedef struct entry {
    struct entry *next;
    tdi_calibration_set set;
} entry;

struct tdi_calibration_table {
    pthread_mutex_t lock;
    entry *entries;
};

tdi_calibration_table *tdi_calibration_table_new(void) {
    tdi_calibration_table *table = tdi_calloc(1, sizeof *table);
    if (table)
        pthread_mutex_init(&table->lock, NULL);
    return table;
}

void tdi_calibration_table_free(tdi_calibration_table *table) {
    if (!table)
        return;
    while (table->entries) {
        entry *e = table->entries;
        table->entries = e->next;
        tdi_calibration_set_clear(&e->set);
        tdi_free(e);
    }
    pthread_mutex_destroy(&table->lock);
    tdi_free(table);
}

/* A calibration made for another network must not be used on this one. */
static td_status check(const td_model *model, const tdi_place *place,
                       const tdi_calibration_set *set, td_error *err) {
    int same = set->tensor_count == (size_t)place->cut.tensor_count;
    for (size_t i = 0; same && i < set->tensor_count; i++)
        same = !strcmp(set->tensors[i]->tensor, model->graph->values[place->cut.tensors[i]].name);
    if (!same)
        return tdi_fail(
            err, TD_MISMATCH,
            "the calibration of cut %s in bundle %s is of other tensors: prepare the bundle "
            "again",
            set->cut, model->name);
    return TD_OK;
}

static td_status find_or_read(td_model *model, const tdi_place *place, const char *name,
                              const tdi_calibration_set **out, td_error *err) {
    tdi_calibration_table *table = model->calibrations;
    for (const entry *e = table->entries; e; e = e->next)
        if (!strcmp(e->set.cut, name)) {
            *out = &e->set;
            return TD_OK;
        }
    entry *e = tdi_calloc(1, sizeof *e);
    if (!e)
        return tdi_fail_memory(err);
    td_error reason = {0};
    td_status status = tdi_bundle_calibration(model->bundle, name, &e->set, &reason);
    if (status == TD_OK)
        status = check(model, place, &e->set, &reason);
    if (status) {
        tdi_calibration_set_clear(&e->set);
        tdi_free(e);
        *out = NULL;
        if (status == TD_NOT_FOUND)
            return TD_OK;
        if (err)
            *err = reason;
        return status;
    }
    e->next = table->entries;
    table->entries = e;
    *out = &e->set;
    return TD_OK;
}

static td_status calibration_at(td_model *model, const tdi_place *place,
                                const tdi_calibration_set **out, td_error *err) {
    *out = NULL;
    if (!model->bundle)
        return TD_OK;
    char *name = tdi_place_name(model, place);
    if (!name)
        return tdi_fail_memory(err);
    pthread_mutex_lock(&model->calibrations->lock);
    td_status status = find_or_read(model, place, name, out, err);
    pthread_mutex_unlock(&model->calibrations->lock);
    tdi_free(name);
    return status;
}

td_status tdi_model_calibration(td_model *model, const char *cut, const tdi_calibration_set **out,
                                td_error *err) {
    tdi_place place;
    TD_TRY(tdi_place_resolve(model, cut, &place, err));
    return calibration_at(model, &place, out, err);
}

td_status tdi_model_calibration_for(td_model *model, const tdi_place *place, const char *strategy,
                                    const tdi_calibration_set **out, td_error *err) {
    int uses = 0;
    *out = NULL;
    TD_TRY(td_strategy_uses_calibration(strategy, &uses, err));
    if (!uses)
        return TD_OK;
    TD_TRY(calibration_at(model, place, out, err));
    if (*out)
        return TD_OK;
    char *name = tdi_place_name(model, place);
    td_status status = tdi_fail(
        err, TD_NOT_FOUND,
        "strategy \"%s\" needs the calibration of cut %s, which %s has not: make a bundle with "
        "`tandem prepare`, or give the interval with min= and max=",
        strategy, name ? name : "?", model->name);
    tdi_free(name);
    return status;
}

td_calibration *td_model_calibration(td_model *model, const char *cut, size_t tensor_index) {
    const tdi_calibration_set *set = NULL;
    if (tdi_model_calibration(model, cut, &set, NULL) || !set || tensor_index >= set->tensor_count)
        return NULL;
    return set->tensors[tensor_index];
}
