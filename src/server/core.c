/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server core: peers come and go, jobs go out and come back.
 */
#include "server/core.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "server/parts.h"

/* Memory for payloads in all, and how much of it is kept for later. */
#define PAYLOAD_BYTES_MAX ((size_t)1024 * 1024 * 1024)
#define IDLE_BYTES_MAX    ((size_t)16 * 1024 * 1024)
/* Connections above the limit that are being told so at once; further ones are closed without a
 * word. */
#define REFUSED_MAX 64

td_status tdi_server_core_new(const tdi_server_core_settings *settings,
                              const tdi_server_driver *driver, tdi_catalog *catalog,
                              tdi_server_core **out, td_error *err) {
    tdi_server_core *core = tdi_calloc(1, sizeof *core);
    if (!core)
        return tdi_fail_memory(err);
    core->settings = *settings;
    core->driver = *driver;
    td_status status = tdi_space_init(&core->space, PAYLOAD_BYTES_MAX, IDLE_BYTES_MAX, err);
    if (status != TD_OK) {
        tdi_free(core);
        return status;
    }
    core->catalog = *catalog;
    memset(catalog, 0, sizeof *catalog);
    *out = core;
    return TD_OK;
}

void tdi_server_core_free(tdi_server_core *core) {
    if (!core)
        return;
    assert(tdi_server_core_is_idle(core));
    while (core->idle_jobs) {
        tdi_job *job = core->idle_jobs;
        core->idle_jobs = job->next;
        tdi_job_free(job);
    }
    tdi_space_fini(&core->space);
    tdi_catalog_close(&core->catalog);
    tdi_free(core);
}

void tdi_core_log(tdi_server_core *core, const tdi_peer *peer, const char *format, ...) {
    char line[TD_ERROR_MESSAGE_BYTES + 256];
    va_list args;
    if (!core->driver.log)
        return;
    int at = snprintf(line, sizeof line, "%s: ", peer->name);
    va_start(args, format);
    vsnprintf(line + at, sizeof line - (size_t)at, format, args);
    va_end(args);
    core->driver.log(core->driver.user, line);
}

tdi_job *tdi_core_job_take(tdi_server_core *core, tdi_job_kind kind) {
    tdi_job *job = core->idle_jobs;
    float *outputs = NULL;
    size_t capacity = 0;
    if (job) {
        core->idle_jobs = job->next;
        outputs = job->outputs;
        capacity = job->outputs_capacity;
        memset(job, 0, sizeof *job);
    } else if (!(job = tdi_calloc(1, sizeof *job))) {
        return NULL;
    }
    job->outputs = outputs;
    job->outputs_capacity = capacity;
    job->kind = kind;
    return job;
}

void tdi_core_job_give(tdi_server_core *core, tdi_job *job) {
    if (!job)
        return;
    tdi_blocks_give(&core->space.blocks, job->payload);
    if (job->target)
        tdi_core_target_drop(core, job->target);
    tdi_free(job->path);
    job->payload = NULL;
    job->target = NULL;
    job->path = NULL;
    job->next = core->idle_jobs;
    core->idle_jobs = job;
}

void tdi_core_target_drop(tdi_server_core *core, tdi_target *target) {
    if (--target->users)
        return;
    for (tdi_target **at = &core->targets; *at; at = &(*at)->next)
        if (*at == target) {
            *at = target->next;
            break;
        }
    tdi_target_free(target);
}

void tdi_core_dispatch(tdi_server_core *core) {
    for (int depth = 0; depth < TDI_WORKER_DEPTH; depth++)
        for (int w = 0; w < core->settings.workers; w++) {
            if (core->depth[w] > depth)
                continue;
            tdi_job *job = tdi_queue_pop(&core->queue, w);
            if (!job)
                continue;
            job->worker = w;
            core->depth[w]++;
            core->out++;
            if (job->peer)
                job->peer->out++;
            core->driver.work(core->driver.user, w, job);
        }
}

/* A session that has nothing under way is over when the server is stopping. */
static void end_if_stopping(tdi_server_core *core, tdi_peer *peer, td_time now) {
    if (!core->stopping || !peer->connection || peer->out || peer->lane.frames.count ||
        peer->session.state == TDI_SERVER_ENDED)
        return;
    tdi_server_session_end(&peer->session, TD_CLOSED, "the server is stopping", now);
    core->driver.close(core->driver.user, peer->connection, 0);
}

/* After anything that may have changed what a peer's outbox holds. */
static void settle(tdi_server_core *core, tdi_peer *peer, td_time now) {
    int was_blocked = peer->lane.blocked;
    peer->lane.blocked = peer->session.link.outbox.bytes > TDI_PEER_OUTBOX_MAX;
    if (was_blocked && !peer->lane.blocked)
        tdi_core_dispatch(core);
    end_if_stopping(core, peer, now);
    if (peer->connection)
        core->driver.update(core->driver.user, peer->connection);
}

tdi_peer *tdi_server_core_accept(tdi_server_core *core, void *connection, const char *name,
                                 td_time now) {
    tdi_server_session_settings settings = {core->settings.silence};
    if (core->peer_count >= (size_t)core->settings.sessions_max + REFUSED_MAX)
        return NULL;
    tdi_peer *peer = tdi_calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    if (tdi_server_session_init(&peer->session, &core->space, &settings, now, NULL) != TD_OK) {
        tdi_free(peer);
        return NULL;
    }
    peer->connection = connection;
    snprintf(peer->name, sizeof peer->name, "%s", name);
    peer->next = core->peers;
    if (core->peers)
        core->peers->prev = peer;
    core->peers = peer;
    core->peer_count++;
    if (core->stopping || core->stats.sessions_now >= (uint64_t)core->settings.sessions_max) {
        tdi_server_session_end(&peer->session, TD_BUSY, "the server has no room for another device",
                               now);
        tdi_core_log(core, peer, "refused: %d devices are connected",
                     (int)core->stats.sessions_now);
        core->driver.close(core->driver.user, connection, 0);
        return peer;
    }
    peer->counted = 1;
    core->stats.sessions_total++;
    core->stats.sessions_now++;
    return peer;
}

/* A peer without connection and without jobs is no more. */
static void free_if_over(tdi_server_core *core, tdi_peer *peer) {
    if (peer->connection || peer->out)
        return;
    if (peer->prev)
        peer->prev->next = peer->next;
    else
        core->peers = peer->next;
    if (peer->next)
        peer->next->prev = peer->prev;
    core->peer_count--;
    tdi_free(peer);
}

void tdi_server_core_gone(tdi_server_core *core, tdi_peer *peer) {
    if (peer->session.state != TDI_SERVER_ENDED)
        tdi_core_log(core, peer, "gone");
    tdi_peer_discard_waiting(core, peer);
    tdi_peer_release(core, peer);
    tdi_server_session_fini(&peer->session);
    peer->session.state = TDI_SERVER_ENDED;
    peer->connection = NULL;
    if (peer->counted)
        core->stats.sessions_now--;
    free_if_over(core, peer);
}

void tdi_server_core_recv(tdi_server_core *core, tdi_peer *peer, const uint8_t *bytes, size_t size,
                          td_time now) {
    tdi_server_event event;
    core->stats.bytes_received += size;
    while (tdi_server_session_recv(&peer->session, &bytes, &size, now, &event) !=
           TDI_SERVER_EVENT_NONE)
        tdi_peer_handle(core, peer, &event, now);
    settle(core, peer, now);
}

static void on_opened(tdi_server_core *core, tdi_job *job, td_time now) {
    tdi_target *target = job->target;
    if (job->status != TD_OK && target->error.status == TD_OK)
        target->error = job->error;
    if (--target->opening)
        return;
    target->state = target->error.status == TD_OK ? TDI_TARGET_READY : TDI_TARGET_FAILED;
    tdi_peer_target_opened(core, target, now);
}

void tdi_server_core_done(tdi_server_core *core, tdi_job *job, td_time now) {
    tdi_peer *peer = job->peer;
    core->depth[job->worker]--;
    core->out--;
    tdi_core_dispatch(core);
    if (peer)
        peer->out--;
    if (job->kind == TDI_JOB_OPEN)
        on_opened(core, job, now);
    else if (!peer->connection || peer->session.state == TDI_SERVER_ENDED)
        core->stats.frames_dropped += job->kind == TDI_JOB_FRAME;
    else if (job->kind == TDI_JOB_FRAME)
        tdi_peer_answer_frame(core, peer, job, now);
    else
        tdi_peer_answer_file(core, peer, job, now);
    tdi_core_job_give(core, job);
    if (!peer)
        return;
    if (peer->connection)
        settle(core, peer, now);
    free_if_over(core, peer);
}

tdi_outbox *tdi_peer_outbox(tdi_peer *peer) {
    return &peer->session.link.outbox;
}

void tdi_server_core_sent(tdi_server_core *core, tdi_peer *peer, size_t bytes, td_time now) {
    core->stats.bytes_sent += bytes;
    tdi_server_session_sent(&peer->session, bytes, now);
    settle(core, peer, now);
}

td_time tdi_peer_expiry(const tdi_peer *peer) {
    return tdi_server_session_expiry(&peer->session);
}

void tdi_server_core_on_expiry(tdi_server_core *core, tdi_peer *peer, td_time now) {
    tdi_server_event event;
    if (tdi_server_session_on_expiry(&peer->session, now, &event) != TDI_SERVER_EVENT_NONE)
        tdi_peer_handle(core, peer, &event, now);
    settle(core, peer, now);
}

int tdi_peer_is_hungry(const tdi_peer *peer) {
    return peer->session.state != TDI_SERVER_ENDED && !peer->lane.blocked;
}

void tdi_server_core_stop(tdi_server_core *core, td_time now) {
    core->stopping = 1;
    for (tdi_peer *peer = core->peers, *next; peer; peer = next) {
        next = peer->next;
        if (peer->session.settings.silence > TDI_STOP_PATIENCE)
            peer->session.settings.silence = TDI_STOP_PATIENCE;
        if (peer->connection)
            settle(core, peer, now);
    }
}

int tdi_server_core_is_idle(const tdi_server_core *core) {
    return core->peer_count == 0 && core->out == 0;
}

void tdi_server_core_stats(const tdi_server_core *core, td_server_stats *out) {
    *out = core->stats;
}
