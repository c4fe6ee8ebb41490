/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The insides of the server core, shared by its files: core.c (peers come and go, jobs go out and
 * come back), peer.c (what a device asks for), answer.c (what it is told).
 */
#ifndef TDI_SERVER_PARTS_H
#define TDI_SERVER_PARTS_H

#include "server/core.h"
#include "server/queue.h"

/* A switch of a device: the target of its frames, and what it wants back. */
typedef struct tdi_binding {
    uint64_t switch_id; /* 0: none */
    tdi_target *target; /* a user of it */
    tdi_hash calibration_hash;
    uint32_t top;
    int raw_outputs;
} tdi_binding;

struct tdi_peer {
    tdi_peer *prev, *next;
    void *connection; /* NULL: gone, the peer only waits for its jobs */
    char name[80];
    tdi_server_session session;
    tdi_binding bindings[2]; /* newest first: frames under way may still be of the one before */
    tdi_binding pending;     /* asked for, its target is opening */
    tdi_lane lane;
    size_t out;  /* jobs of this peer that workers have */
    int counted; /* among sessions_now */
};

struct tdi_server_core {
    tdi_server_core_settings settings;
    tdi_server_driver driver;
    tdi_catalog catalog;
    tdi_space space;
    tdi_queue queue;
    tdi_target *targets;
    tdi_peer *peers;
    size_t peer_count;
    int depth[TDI_WORKERS_MAX]; /* jobs that a worker has */
    size_t out;                 /* of all workers */
    tdi_job *idle_jobs;
    int stopping;
    td_server_stats stats;
};

void tdi_core_log(tdi_server_core *core, const tdi_peer *peer, const char *format, ...)
    TD_PRINTF(3, 4);

/* A cleared job that keeps its outputs' memory; NULL when out of memory. */
tdi_job *tdi_core_job_take(tdi_server_core *core, tdi_job_kind kind);
/* Gives back the job with payload and target. */
void tdi_core_job_give(tdi_server_core *core, tdi_job *job);
/* Hands waiting jobs to workers that have room. */
void tdi_core_dispatch(tdi_server_core *core);
void tdi_core_target_drop(tdi_server_core *core, tdi_target *target);

/* peer.c */
/* Does what an event of the peer's session asks for. */
void tdi_peer_handle(tdi_server_core *core, tdi_peer *peer, tdi_server_event *event, td_time now);
/* Answers the switches that wait for `target`, which has become ready or has failed. */
void tdi_peer_target_opened(tdi_server_core *core, tdi_target *target, td_time now);
/* Ends the jobs that wait; counts their frames as dropped. */
void tdi_peer_discard_waiting(tdi_server_core *core, tdi_peer *peer);
/* Releases the switches. */
void tdi_peer_release(tdi_server_core *core, tdi_peer *peer);

/* answer.c */
void tdi_peer_answer_frame(tdi_server_core *core, tdi_peer *peer, const tdi_job *job, td_time now);
void tdi_peer_answer_file(tdi_server_core *core, tdi_peer *peer, const tdi_job *job, td_time now);
/* The one outcome of a frame that is not computed. */
void tdi_peer_refuse_frame(tdi_server_core *core, tdi_peer *peer, uint64_t frame_id,
                           td_status status, const char *reason, td_time now);
/* An answer could not be sent: the session ends. TD_OK and sessions that had ended do nothing. */
void tdi_peer_check_sent(tdi_server_core *core, tdi_peer *peer, td_status status,
                         const td_error *error, td_time now);

#endif
