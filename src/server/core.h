/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server core: sessions, models, switches, frames, files. It says what to send and what to
 * compute and is told what happened; it has no sockets, no threads, no clock. All calls come from
 * one thread.
 */
#ifndef TDI_SERVER_CORE_H
#define TDI_SERVER_CORE_H

#include <tandem/server.h>

#include "server/catalog.h"
#include "server/job.h"
#include "session/server_session.h"

/* A peer whose outbox holds more than this is not read from, nor computed for, until it has taken
 * some. */
#define TDI_PEER_OUTBOX_MAX (1024u * 1024)
/* Frames of one peer that wait for a worker. */
#define TDI_PEER_FRAMES_MAX 128
/* Jobs that a worker is given at once: one to do and one to go on with. */
#define TDI_WORKER_DEPTH 2
/* How long a stopping server waits for a peer to read what is left. */
#define TDI_STOP_PATIENCE TD_S(5)

typedef struct tdi_server_core tdi_server_core;
typedef struct tdi_peer tdi_peer; /* one connection as the core knows it */

/* What the core asks for. None of these may call back into the core. */
typedef struct tdi_server_driver {
    /* Do the job on a worker, then call tdi_server_core_done(). Never more than TDI_WORKER_DEPTH at
     * once per worker. */
    void (*work)(void *user, int worker, tdi_job *job);
    /* The peer's outbox, expiry or appetite has changed. */
    void (*update)(void *user, void *connection);
    /* Send what the outbox has (or, with `abandon`, nothing more) and close; then
     * tdi_server_core_gone(). */
    void (*close)(void *user, void *connection, int abandon);
    void (*log)(void *user, const char *line);
    void *user;
} tdi_server_driver;

typedef struct tdi_server_core_settings {
    int workers;
    int sessions_max;
    int queue_max;
    td_duration silence;
    td_precision precision; /* of the tails */
} tdi_server_core_settings;

/* Takes the catalog over on success. */
td_status tdi_server_core_new(const tdi_server_core_settings *settings,
                              const tdi_server_driver *driver, tdi_catalog *catalog,
                              tdi_server_core **out, td_error *err);
/* Every peer must be gone and every job done. */
void tdi_server_core_free(tdi_server_core *core);

/*
 * A connection was made. Where there are too many sessions it is told so and closed. NULL where
 * it is to be closed without a word: there are far too many, or there is no memory. `name` is the
 * peer's address, for the log.
 */
tdi_peer *tdi_server_core_accept(tdi_server_core *core, void *connection, const char *name,
                                 td_time now);
void tdi_server_core_recv(tdi_server_core *core, tdi_peer *peer, const uint8_t *bytes, size_t size,
                          td_time now);
/* The connection does not exist any more; `peer` is invalid afterwards. */
void tdi_server_core_gone(tdi_server_core *core, tdi_peer *peer);
/* A job is done. */
void tdi_server_core_done(tdi_server_core *core, tdi_job *job, td_time now);

tdi_outbox *tdi_peer_outbox(tdi_peer *peer);
void tdi_server_core_sent(tdi_server_core *core, tdi_peer *peer, size_t bytes, td_time now);
td_time tdi_peer_expiry(const tdi_peer *peer);
void tdi_server_core_on_expiry(tdi_server_core *core, tdi_peer *peer, td_time now);
/* Whether bytes of the peer are welcome now. */
int tdi_peer_is_hungry(const tdi_peer *peer);

/* Refuses new frames, finishes those that were confirmed, then ends every session. */
void tdi_server_core_stop(tdi_server_core *core, td_time now);
/* Whether no peer is left and no job is out. */
int tdi_server_core_is_idle(const tdi_server_core *core);

void tdi_server_core_stats(const tdi_server_core *core, td_server_stats *out);

#endif
