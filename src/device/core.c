/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device core: frames out, outcomes in, each with its terms.
 */
#include "device/core.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"

/* Payloads come as answers of one server: outputs of frames under way, or one range of a file. */
#define PAYLOAD_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define IDLE_BYTES_MAX    ((size_t)8 * 1024 * 1024)

/* What is known of a frame under way. */
typedef struct frame_record {
    uint64_t id; /* 0: free */
    size_t bytes;
    td_time begun;
    td_terms terms;
} frame_record;

struct tdi_device_core {
    tdi_device_driver driver;
    tdi_space space;
    tdi_device_session session;
    frame_record frames[TDI_UNDER_WAY_MAX];
    td_outcome outcome; /* being put together */
};

td_status tdi_device_core_new(const tdi_device_session_settings *settings,
                              const tdi_device_driver *driver, td_time now, tdi_device_core **out,
                              td_error *err) {
    tdi_device_core *core = tdi_calloc(1, sizeof *core);
    if (!core)
        return tdi_fail_memory(err);
    core->driver = *driver;
    td_status status = tdi_space_init(&core->space, PAYLOAD_BYTES_MAX, IDLE_BYTES_MAX, err);
    if (status != TD_OK) {
        tdi_free(core);
        return status;
    }
    status = tdi_device_session_init(&core->session, &core->space, settings, now, err);
    if (status != TD_OK) {
        tdi_space_fini(&core->space);
        tdi_free(core);
        return status;
    }
    *out = core;
    return TD_OK;
}

void tdi_device_core_free(tdi_device_core *core) {
    if (!core)
        return;
    tdi_device_session_fini(&core->session);
    tdi_space_fini(&core->space);
    tdi_free(core);
}

tdi_outbox *tdi_device_core_outbox(tdi_device_core *core) {
    return &core->session.link.outbox;
}

static frame_record *find_record(tdi_device_core *core, uint64_t id) {
    for (size_t i = 0; i < TDI_UNDER_WAY_MAX; i++)
        if (core->frames[i].id == id)
            return &core->frames[i];
    return NULL;
}

/* Begins the outcome of a frame and forgets its record. */
static td_outcome *begin_outcome(tdi_device_core *core, frame_record *record, td_time now) {
    td_outcome *out = &core->outcome;
    memset(out, 0, sizeof *out);
    out->id = record->id;
    out->bytes = record->bytes;
    out->terms = record->terms;
    out->terms.it = now - record->begun;
    record->id = 0;
    return out;
}

static void tell(tdi_device_core *core) {
    core->driver.outcome(core->driver.user, &core->outcome);
}

static void on_confirmed(tdi_device_core *core, const tdi_device_event *event) {
    frame_record *record = find_record(core, event->frame.id);
    record->terms.network = event->network;
    record->terms.rtt = event->rtt;
    core->driver.room(core->driver.user);
}

/*
 * Where processors are contested a confirmation may be looked at so late that its time also holds
 * the server's computing. The result's own time bounds the term, too.
 */
static void bound_network(td_terms *terms) {
    td_duration left = terms->it - terms->ic - terms->ec - terms->rtt - terms->queue - terms->es -
                       terms->is;
    if (terms->network > left)
        terms->network = left > 0 ? left : 0;
}

static void on_result(tdi_device_core *core, const tdi_device_event *event, td_time now) {
    const tdi_result *result = &event->in.message.result;
    td_outcome *out = begin_outcome(core, find_record(core, result->frame_id), now);
    out->status = TD_OK;
    out->terms.queue = result->queue;
    out->terms.es = result->es;
    out->terms.is = result->is;
    bound_network(&out->terms);
    out->prediction_count = result->prediction_count;
    for (size_t i = 0; i < result->prediction_count; i++) {
        out->predictions[i].index = (int32_t)result->predictions[i].index;
        out->predictions[i].score = result->predictions[i].score;
    }
    if (result->output_count && event->in.payload) {
        out->output = (const float *)(const void *)event->in.payload->data;
        out->output_elements = (size_t)result->output_elements[0];
    } else if (event->in.payload_bytes) {
        out->status = tdi_fail(&out->reason, TD_MEMORY,
                               "there is no memory for the outputs of frame %llu",
                               (unsigned long long)out->id);
    }
    tell(core);
}

static void on_dropped(tdi_device_core *core, const tdi_device_event *event, td_time now) {
    const tdi_drop *drop = &event->in.message.drop;
    td_outcome *out = begin_outcome(core, find_record(core, drop->frame_id), now);
    out->status = tdi_fail(&out->reason, drop->status, "%s", drop->reason);
    tell(core);
}

static void on_ended(tdi_device_core *core, const td_error *error, td_time now) {
    for (size_t i = 0; i < core->session.frame_count; i++) {
        frame_record *record = find_record(core, core->session.frames[i].id);
        td_outcome *out = begin_outcome(core, record, now);
        out->status = error->status;
        out->reason = *error;
        tell(core);
    }
    core->driver.ended(core->driver.user, error);
}

static void handle(tdi_device_core *core, const tdi_device_event *event, td_time now) {
    const tdi_device_driver *driver = &core->driver;
    switch (event->kind) {
    case TDI_DEVICE_EVENT_NONE:
        break;
    case TDI_DEVICE_EVENT_OPEN:
        driver->open(driver->user);
        break;
    case TDI_DEVICE_EVENT_READY:
        driver->ready(driver->user, &event->in.message.ready);
        break;
    case TDI_DEVICE_EVENT_CONFIRMED:
        on_confirmed(core, event);
        break;
    case TDI_DEVICE_EVENT_RESULT:
        on_result(core, event, now);
        break;
    case TDI_DEVICE_EVENT_DROPPED:
        on_dropped(core, event, now);
        break;
    case TDI_DEVICE_EVENT_BUNDLE:
        driver->chunk(driver->user, &event->in.message.bundle_response,
                      event->in.payload ? event->in.payload->data : NULL,
                      event->in.payload ? event->in.payload->size : 0);
        break;
    case TDI_DEVICE_EVENT_ENDED:
        on_ended(core, &event->error, now);
        break;
    }
    tdi_blocks_give(&core->space.blocks, event->in.payload);
}

void tdi_device_core_recv(tdi_device_core *core, const uint8_t *bytes, size_t size, td_time now) {
    tdi_device_event event;
    while (tdi_device_session_recv(&core->session, &bytes, &size, now, &event) !=
           TDI_DEVICE_EVENT_NONE)
        handle(core, &event, now);
}

void tdi_device_core_sent(tdi_device_core *core, size_t bytes, td_time now) {
    tdi_device_session_sent(&core->session, bytes, now);
}

void tdi_device_core_lost(tdi_device_core *core, const char *reason, td_time now) {
    tdi_device_event event;
    if (tdi_device_session_closed(&core->session, reason, &event) != TDI_DEVICE_EVENT_NONE)
        handle(core, &event, now);
}

td_time tdi_device_core_expiry(const tdi_device_core *core) {
    return tdi_device_session_expiry(&core->session);
}

void tdi_device_core_on_expiry(tdi_device_core *core, td_time now) {
    tdi_device_event event;
    if (tdi_device_session_on_expiry(&core->session, now, &event) != TDI_DEVICE_EVENT_NONE)
        handle(core, &event, now);
}

td_status tdi_device_core_switch(tdi_device_core *core, tdi_switch *request, td_time now,
                                 td_error *err) {
    return tdi_device_session_switch(&core->session, request, now, err);
}

td_status tdi_device_core_read(tdi_device_core *core, tdi_bundle_request *request, td_time now,
                               td_error *err) {
    return tdi_device_session_bundle(&core->session, request, now, err);
}

int tdi_device_core_room(const tdi_device_core *core, size_t more) {
    return tdi_device_session_room(&core->session, more);
}

td_status tdi_device_core_frame(tdi_device_core *core, const tdi_device_frame *frame, td_time now,
                                td_error *err) {
    tdi_frame message = {frame->id, frame->switch_id, frame->sizes, frame->size_count};
    TD_TRY(tdi_device_session_frame(&core->session, &message, frame->bytes, frame->size, now, err));
    frame_record *record = find_record(core, 0);
    assert(record); /* the session has as many slots as we have records */
    memset(record, 0, sizeof *record);
    record->id = frame->id;
    record->bytes = frame->size;
    record->begun = frame->begun;
    record->terms.ic = frame->ic;
    record->terms.ec = frame->ec;
    return TD_OK;
}
