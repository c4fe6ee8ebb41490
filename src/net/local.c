/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device without a server.
 */
#include "net/local.h"

#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/status.h"
#include "net/outcomes.h"

#define OUTCOMES_MAX 4096

struct tdi_local {
    td_model *model;
    tdi_receiver *receiver;
    int top, raw_outputs;
    int has_lock;
    uv_mutex_t lock; /* guards the outcomes */
    tdi_outcomes outcomes;
    td_outcome outcome; /* being put together */
};

td_status tdi_local_open(td_model *model, const char *cut, const char *strategy,
                         const td_half_settings *settings, int top, int raw_outputs,
                         tdi_local **out, td_error *err) {
    tdi_local *local = tdi_calloc(1, sizeof *local);
    if (!local)
        return tdi_fail_memory(err);
    local->model = td_model_ref(model);
    local->top = top;
    local->raw_outputs = raw_outputs;
    local->has_lock = uv_mutex_init(&local->lock) == 0;
    td_status status = local->has_lock ? TD_OK : tdi_fail_memory(err);
    if (status == TD_OK)
        status = tdi_receiver_open(model, cut, strategy, settings, &local->receiver, err);
    if (status != TD_OK) {
        tdi_local_close(local);
        return status;
    }
    *out = local;
    return TD_OK;
}

void tdi_local_close(tdi_local *local) {
    if (!local)
        return;
    tdi_receiver_close(local->receiver);
    tdi_outcomes_fini(&local->outcomes);
    if (local->has_lock)
        uv_mutex_destroy(&local->lock);
    td_model_unref(local->model);
    tdi_free(local);
}

td_status tdi_local_reserve(tdi_local *local, td_error *err) {
    uv_mutex_lock(&local->lock);
    td_status status = local->outcomes.count < OUTCOMES_MAX
                           ? tdi_outcomes_prepare(&local->outcomes, 1, err)
                           : tdi_fail(err, TD_BUSY,
                                      "%d outcomes wait to be taken with td_device_next()",
                                      OUTCOMES_MAX);
    uv_mutex_unlock(&local->lock);
    return status;
}

void tdi_local_frame(tdi_local *local, uint64_t id, const tdi_sent *sent, td_time begun) {
    td_outcome *out = &local->outcome;
    tdi_received received;
    memset(out, 0, sizeof *out);
    out->id = id;
    out->bytes = sent->size;
    out->terms.ic = sent->ic;
    out->terms.ec = sent->ec;
    out->status = tdi_receiver_frame(local->receiver, sent->bytes, sent->size, sent->sizes,
                                     sent->tensor_count, &received, &out->reason);
    if (out->status == TD_OK && received.output_count) {
        td_output_kind kind = td_model_output_kind(local->model);
        out->terms.es = received.es;
        out->terms.is = received.is;
        if (kind != TD_OUTPUT_RAW)
            out->prediction_count = td_top(received.outputs[0], received.output_elements[0], kind,
                                           out->predictions, (size_t)local->top);
        if (local->raw_outputs) {
            out->output = received.outputs[0];
            out->output_elements = received.output_elements[0];
        }
    }
    out->terms.it = tdi_now() - begun;
    uv_mutex_lock(&local->lock);
    tdi_outcomes_put(&local->outcomes, out);
    uv_mutex_unlock(&local->lock);
}

td_status tdi_local_next(tdi_local *local, td_outcome *out, td_error *err) {
    uv_mutex_lock(&local->lock);
    int taken = tdi_outcomes_take(&local->outcomes, out);
    uv_mutex_unlock(&local->lock);
    return taken ? TD_OK : tdi_fail(err, TD_NOT_FOUND, "no frame is under way");
}
