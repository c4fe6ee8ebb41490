/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server: serves the tails of one or several bundles to many devices.
 */
#ifndef TANDEM_SERVER_H
#define TANDEM_SERVER_H

#include <tandem/base.h>
#include <tandem/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct td_server td_server;

#define TD_DEFAULT_PORT 7433

typedef struct td_server_settings {
    const char *const
        *repositories; /* bundle folders, or folders `<name>/<version>/` of bundles; at least one */
    size_t repository_count;
    const char *listen;     /* "host:port"; default "127.0.0.1:7433"; port 0 picks a free one */
    int threads;            /* workers, each with one compute thread; 1..64; 0: one per processor */
    td_precision precision; /* of the tails; default float32. Models that it cannot be had for are
                               refused at the start */
    int sessions_max;       /* devices at once; default 256 */
    int queue_max;          /* frames waiting for a worker, over all devices; default 1024 */
    td_duration silence;    /* a device that says nothing for so long is dropped; default 30 s */
    void (*log)(const char *line,
                void *user); /* one line per event of note, from the loop's thread; may be NULL */
    void *log_user;
} td_server_settings;

TD_API td_server_settings td_server_settings_default(void);

typedef struct td_server_stats {
    uint64_t sessions_total, sessions_now;
    uint64_t frames_received, results_sent,
        frames_dropped; /* received = sent + dropped + under way */
    uint64_t bytes_received, bytes_sent;
    uint64_t protocol_errors; /* connections closed for what the peer sent */
    uint64_t timeouts;        /* connections closed for silence or for not reading */
} td_server_stats;

/*
 * Loads the bundles, binds the address and starts serving on threads of its own; returns once
 * connections are accepted. `settings` is copied.
 */
TD_API td_status td_server_start(const td_server_settings *settings, td_server **out,
                                 td_error *err);
/* The port that is listened on. */
TD_API int td_server_port(const td_server *server);
/* Whether the address listened on is reachable from other machines. */
TD_API int td_server_is_public(const td_server *server);
TD_API void td_server_stats_get(td_server *server, td_server_stats *out);
/* Stops accepting, finishes the frames that were confirmed, closes the connections, frees
 * everything. Blocks until done. */
TD_API void td_server_stop(td_server *server);

#ifdef __cplusplus
}
#endif

#endif
