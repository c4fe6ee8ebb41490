/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tail of one model at one cut with one strategy, ready to run on every worker.
 */
#include "server/target.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"

td_status tdi_target_new(td_model *model, const char *cut, const char *strategy, int workers,
                         td_precision precision, tdi_target **out, td_error *err) {
    tdi_target *target = tdi_calloc(1, sizeof *target);
    if (!target)
        return tdi_fail_memory(err);
    target->model = td_model_ref(model);
    target->opening = workers;
    target->precision = precision;
    target->cut = tdi_strdup(cut);
    target->strategy = tdi_strdup(strategy);
    if (!target->cut || !target->strategy) {
        tdi_target_free(target);
        return tdi_fail_memory(err);
    }
    *out = target;
    return TD_OK;
}

void tdi_target_free(tdi_target *target) {
    if (!target)
        return;
    for (int i = 0; i < TDI_WORKERS_MAX; i++)
        tdi_receiver_close(target->receivers[i]);
    tdi_free(target->cut);
    tdi_free(target->strategy);
    td_model_unref(target->model);
    tdi_free(target);
}

int tdi_target_is_for(const tdi_target *target, const td_model *model, const char *cut,
                      const char *strategy) {
    return target->model == model && !strcmp(target->cut, cut) &&
           !strcmp(target->strategy, strategy);
}
