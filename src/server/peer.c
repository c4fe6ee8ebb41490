/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device asks for: switches, frames, files.
 */
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "server/parts.h"

static void unbind(tdi_server_core *core, tdi_binding *binding) {
    if (binding->target)
        tdi_core_target_drop(core, binding->target);
    memset(binding, 0, sizeof *binding);
}

void tdi_peer_release(tdi_server_core *core, tdi_peer *peer) {
    unbind(core, &peer->bindings[0]);
    unbind(core, &peer->bindings[1]);
    unbind(core, &peer->pending);
}

void tdi_peer_discard_waiting(tdi_server_core *core, tdi_peer *peer) {
    tdi_job *job;
    tdi_fifo keep = {0};
    tdi_queue_remove_lane(&core->queue, &peer->lane);
    while ((job = tdi_fifo_pop(&peer->lane.frames))) {
        core->stats.frames_dropped++;
        tdi_core_job_give(core, job);
    }
    while ((job = tdi_fifo_pop(&core->queue.files))) {
        if (job->peer == peer)
            tdi_core_job_give(core, job);
        else
            tdi_fifo_push(&keep, job);
    }
    core->queue.files = keep;
}

static void refuse_switch(tdi_server_core *core, tdi_peer *peer, uint64_t switch_id,
                          td_status status, const char *reason, td_time now) {
    td_error error = {0};
    tdi_ready ready = {switch_id, status, reason, "", 0};
    tdi_core_log(core, peer, "switch %llu refused: %s", (unsigned long long)switch_id, reason);
    tdi_peer_check_sent(core, peer, tdi_server_session_ready(&peer->session, &ready, now, &error),
                        &error, now);
}

/* Both ends must have used the same statistics. */
static td_status check_calibration(const tdi_binding *pending, td_error *err) {
    char ours[TDI_HASH_TEXT_BYTES], theirs[TDI_HASH_TEXT_BYTES];
    tdi_hash hash = tdi_coder_calibration_hash(tdi_target_coder(pending->target));
    if (tdi_hash_equal(&hash, &pending->calibration_hash))
        return TD_OK;
    tdi_hash_format(&hash, ours);
    tdi_hash_format(&pending->calibration_hash, theirs);
    return tdi_fail(err, TD_MISMATCH,
                    "calibration of \"%s\" at %s: the device has %.12s..., the server %.12s...: "
                    "use the same bundle on "
                    "both",
                    td_model_name(pending->target->model), pending->target->cut, theirs, ours);
}

static void answer_switch(tdi_server_core *core, tdi_peer *peer, td_time now) {
    tdi_binding *pending = &peer->pending;
    tdi_target *target = pending->target;
    td_error error = target->error;
    if (target->state == TDI_TARGET_FAILED || check_calibration(pending, &error) != TD_OK) {
        refuse_switch(core, peer, pending->switch_id, error.status, error.message, now);
        unbind(core, pending);
        return;
    }
    const tdi_coder *coder = tdi_target_coder(target);
    size_t bound = tdi_coder_bound(coder);
    tdi_ready ready = {pending->switch_id, TD_OK, "", tdi_coder_strategy(coder),
                       bound < TDI_FRAME_BYTES_MAX ? bound : TDI_FRAME_BYTES_MAX};
    td_status status = tdi_server_session_ready(&peer->session, &ready, now, &error);
    tdi_core_log(core, peer, "switch %llu: %s at %s, %s", (unsigned long long)pending->switch_id,
                 td_model_name(target->model), target->cut, ready.strategy);
    unbind(core, &peer->bindings[1]);
    peer->bindings[1] = peer->bindings[0];
    peer->bindings[0] = *pending;
    memset(pending, 0, sizeof *pending);
    tdi_peer_check_sent(core, peer, status, &error, now);
}

void tdi_peer_target_opened(tdi_server_core *core, tdi_target *target, td_time now) {
    for (tdi_peer *peer = core->peers; peer; peer = peer->next) {
        if (peer->pending.target != target)
            continue;
        if (peer->connection && peer->session.state == TDI_SERVER_OPEN) {
            answer_switch(core, peer, now);
            core->driver.update(core->driver.user, peer->connection);
        } else {
            unbind(core, &peer->pending);
        }
    }
}

/* A target in use for the same, or a new one whose receivers the workers are told to open. */
static td_status find_target(tdi_server_core *core, td_model *model, const tdi_switch *request,
                             tdi_target **out, td_error *err) {
    for (tdi_target *t = core->targets; t; t = t->next)
        if (t->state != TDI_TARGET_FAILED &&
            tdi_target_is_for(t, model, request->cut, request->strategy)) {
            *out = t;
            return TD_OK;
        }
    tdi_target *target = NULL;
    tdi_fifo jobs = {0};
    TD_TRY(tdi_target_new(model, request->cut, request->strategy, core->settings.workers,
                          core->settings.precision, &target, err));
    for (int w = 0; w < core->settings.workers; w++) {
        tdi_job *job = tdi_core_job_take(core, TDI_JOB_OPEN);
        if (!job) {
            while ((job = tdi_fifo_pop(&jobs)))
                tdi_core_job_give(core, job);
            tdi_target_free(target);
            return tdi_fail_memory(err);
        }
        job->worker = w;
        tdi_fifo_push(&jobs, job);
    }
    for (tdi_job *job; (job = tdi_fifo_pop(&jobs));) {
        job->target = target;
        target->users++;
        tdi_fifo_push(&core->queue.openings[job->worker], job);
    }
    target->next = core->targets;
    core->targets = target;
    *out = target;
    return TD_OK;
}

static void on_switch(tdi_server_core *core, tdi_peer *peer, const tdi_switch *request,
                      td_time now) {
    td_error error = {0};
    td_model *model = NULL;
    tdi_target *target = NULL;
    td_status status = TD_OK;
    if (core->stopping)
        status = tdi_fail(&error, TD_CANCELLED, "the server is stopping");
    if (status == TD_OK)
        status = tdi_catalog_find(&core->catalog, request->model, &model, &error);
    if (status == TD_OK)
        status = tdi_catalog_check(model, request, &error);
    if (status == TD_OK)
        status = find_target(core, model, request, &target, &error);
    if (status != TD_OK) {
        refuse_switch(core, peer, request->switch_id, status, error.message, now);
        return;
    }
    target->users++;
    peer->pending.switch_id = request->switch_id;
    peer->pending.target = target;
    peer->pending.calibration_hash = request->calibration_hash;
    peer->pending.top = request->top;
    peer->pending.raw_outputs = request->raw_outputs;
    if (target->state == TDI_TARGET_READY)
        answer_switch(core, peer, now);
    else
        tdi_core_dispatch(core);
}

static const tdi_binding *find_binding(const tdi_peer *peer, uint64_t switch_id) {
    for (int i = 0; i < 2; i++)
        if (peer->bindings[i].switch_id == switch_id)
            return &peer->bindings[i];
    return NULL;
}

/* Whether a frame can be taken; otherwise why not. */
static td_status admit(const tdi_server_core *core, const tdi_peer *peer, const tdi_incoming *in,
                       td_error *err) {
    if (core->stopping)
        return tdi_fail(err, TD_CANCELLED, "the server is stopping");
    if (!find_binding(peer, in->message.frame.switch_id))
        return tdi_fail(err, TD_NOT_FOUND, "there is no switch %llu",
                        (unsigned long long)in->message.frame.switch_id);
    if (in->payload_bytes && !in->payload)
        return tdi_fail(err, TD_BUSY, "the server has no memory left for frames");
    if (core->queue.frames >= (size_t)core->settings.queue_max)
        return tdi_fail(err, TD_BUSY, "the server's queue of %d frames is full",
                        core->settings.queue_max);
    if (peer->lane.frames.count >= TDI_PEER_FRAMES_MAX)
        return tdi_fail(err, TD_BUSY, "%d frames of this device wait already", TDI_PEER_FRAMES_MAX);
    return TD_OK;
}

static void on_frame(tdi_server_core *core, tdi_peer *peer, tdi_incoming *in, td_time now) {
    td_error error = {0};
    const tdi_frame *frame = &in->message.frame;
    tdi_job *job = NULL;
    core->stats.frames_received++;
    td_status status = admit(core, peer, in, &error);
    if (status == TD_OK && !(job = tdi_core_job_take(core, TDI_JOB_FRAME)))
        status = tdi_fail_memory(&error);
    if (status != TD_OK) {
        tdi_blocks_give(&core->space.blocks, in->payload);
        tdi_peer_refuse_frame(core, peer, frame->frame_id, status, error.message, now);
        return;
    }
    const tdi_binding *binding = find_binding(peer, frame->switch_id);
    job->peer = peer;
    job->target = binding->target;
    job->target->users++;
    job->frame_id = frame->frame_id;
    job->payload = in->payload;
    memcpy(job->sizes, frame->sizes, frame->size_count * sizeof job->sizes[0]);
    job->size_count = frame->size_count;
    job->top = binding->top;
    job->raw_outputs = binding->raw_outputs;
    job->arrived = now;
    tdi_queue_push_frame(&core->queue, &peer->lane, job);
    tdi_core_dispatch(core);
}

static void on_bundle(tdi_server_core *core, tdi_peer *peer, const tdi_bundle_request *request,
                      td_time now) {
    td_error error = {0};
    td_model *model = NULL;
    tdi_job *job = NULL;
    td_status status = tdi_catalog_find(&core->catalog, request->model, &model, &error);
    if (status == TD_OK && !(job = tdi_core_job_take(core, TDI_JOB_FILE)))
        status = tdi_fail_memory(&error);
    if (status == TD_OK)
        status = tdi_catalog_file(model, request->path, &job->path, &error);
    if (status == TD_OK && !(job->payload = tdi_blocks_take(&core->space.blocks, request->length)))
        status = tdi_fail_memory(&error);
    if (status != TD_OK) {
        tdi_bundle_response response = {request->request_id, status, error.message, 0};
        td_error sent = {0};
        tdi_core_job_give(core, job);
        status = tdi_server_session_bundle(&peer->session, &response, NULL, 0, now, &sent);
        tdi_peer_check_sent(core, peer, status, &sent, now);
        return;
    }
    job->peer = peer;
    job->request_id = request->request_id;
    job->offset = request->offset;
    job->length = request->length;
    tdi_fifo_push(&core->queue.files, job);
    tdi_core_dispatch(core);
}

static void on_ended(tdi_server_core *core, tdi_peer *peer, const tdi_server_event *event) {
    if (event->error.status == TD_TIMEOUT)
        core->stats.timeouts++;
    else if (event->in.message.type != TDI_MESSAGE_ERROR)
        core->stats.protocol_errors++;
    tdi_core_log(core, peer, "closed: %s", event->error.message);
    tdi_peer_discard_waiting(core, peer);
    core->driver.close(core->driver.user, peer->connection, event->abandon);
}

void tdi_peer_handle(tdi_server_core *core, tdi_peer *peer, tdi_server_event *event, td_time now) {
    switch (event->kind) {
    case TDI_SERVER_EVENT_NONE:
        break;
    case TDI_SERVER_EVENT_HELLO:
        tdi_core_log(core, peer, "connected: %s", event->in.message.hello.software);
        break;
    case TDI_SERVER_EVENT_SWITCH:
        on_switch(core, peer, &event->in.message.switch_request, now);
        break;
    case TDI_SERVER_EVENT_FRAME:
        on_frame(core, peer, &event->in, now);
        break;
    case TDI_SERVER_EVENT_BUNDLE:
        on_bundle(core, peer, &event->in.message.bundle_request, now);
        break;
    case TDI_SERVER_EVENT_ENDED:
        on_ended(core, peer, event);
        break;
    case TDI_SERVER_EVENT_STUCK:
        core->driver.close(core->driver.user, peer->connection, 1);
        break;
    }
}
