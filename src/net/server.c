/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server on sockets: one loop thread that moves bytes and never computes, workers that compute
 * and never do network I/O. What to do with the bytes is the core's business (server/core.h).
 */
#include <stdio.h>
#include <string.h>

#include <tandem/server.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/status.h"
#include "net/address.h"
#include "net/signals.h"
#include "net/stream.h"
#include "net/workers.h"
#include "server/core.h"

#define READ_BUFFER_BYTES (64u * 1024)
#define BACKLOG           128

typedef struct connection {
    tdi_stream stream;
    struct td_server *server;
    tdi_peer *peer;
    struct connection *next_dirty;
    int dirty;
} connection;

struct td_server {
    uv_loop_t loop;
    uv_thread_t thread;
    uv_tcp_t listener;
    uv_async_t stop; /* the one call from other threads */
    uv_prepare_t publish;
    uv_mutex_t lock; /* guards `published` */
    td_server_stats published;
    tdi_workers *workers;
    tdi_server_core *core;
    connection *dirty;             /* the core has changed them since they were last looked at */
    tdi_job *posted, **posted_end; /* for the workers, once everything is sent */
    uint8_t *read_buffer;
    tdi_address address;
    void (*log)(const char *line, void *user);
    void *log_user;
    int has_loop, has_lock, has_thread, is_stopping;
    int owes_accept; /* a connection waits for memory; libuv announces no other before it is
                        accepted */
};

td_server_settings td_server_settings_default(void) {
    td_server_settings s = {0};
    s.listen = "127.0.0.1:7433";
    s.sessions_max = 256;
    s.queue_max = 1024;
    s.silence = TD_S(30);
    return s;
}

/* What the core asks for. It must not be called back from there: connections are noted and looked
 * at afterwards. */

static void mark(connection *c) {
    if (c->dirty)
        return;
    c->dirty = 1;
    c->next_dirty = c->server->dirty;
    c->server->dirty = c;
}

static void drive_work(void *user, int worker, tdi_job *job) {
    td_server *server = user;
    (void)worker; /* the job says it, too */
    job->next = NULL;
    *server->posted_end = job;
    server->posted_end = &job->next;
}

static void drive_update(void *user, void *connection_) {
    (void)user;
    mark(connection_);
}

static void drive_close(void *user, void *connection_, int abandon) {
    connection *c = connection_;
    (void)user;
    tdi_stream_close(&c->stream, abandon ? TDI_STREAM_RESET : TDI_STREAM_FLUSH);
    mark(c);
}

static void drive_log(void *user, const char *line) {
    td_server *server = user;
    if (server->log)
        server->log(line, server->log_user);
}

static void finish_if_idle(td_server *server) {
    if (!server->is_stopping || !server->workers || !tdi_server_core_is_idle(server->core))
        return;
    tdi_workers_stop(server->workers);
    server->workers = NULL;
    uv_close((uv_handle_t *)&server->stop, NULL);
    uv_close((uv_handle_t *)&server->publish, NULL);
}

/*
 * To be called after every call into the core. What is to be sent goes first: where processors are
 * contested, a worker that is woken may get this thread's, and a confirmation must not wait until a
 * frame is computed.
 */
static void look_after(td_server *server) {
    while (server->dirty) {
        connection *c = server->dirty;
        server->dirty = c->next_dirty;
        c->dirty = 0;
        tdi_stream_update(&c->stream);
    }
    while (server->posted) {
        tdi_job *job = server->posted;
        server->posted = job->next;
        tdi_workers_post(server->workers, job->worker, job);
    }
    server->posted_end = &server->posted;
    finish_if_idle(server);
}

/* What the streams tell. */

static void on_bytes(void *user, const uint8_t *bytes, size_t size) {
    connection *c = user;
    tdi_server_core_recv(c->server->core, c->peer, bytes, size, tdi_now());
    look_after(c->server);
}

static void on_sent(void *user, size_t bytes) {
    connection *c = user;
    /* Called from within tdi_stream_update(), which goes on itself. */
    tdi_server_core_sent(c->server->core, c->peer, bytes, tdi_now());
}

static void on_lost(void *user, const char *reason) {
    (void)user;
    (void)reason;
}

static td_time get_expiry(void *user) {
    return tdi_peer_expiry(((connection *)user)->peer);
}

static void on_expired(void *user) {
    connection *c = user;
    tdi_server_core_on_expiry(c->server->core, c->peer, tdi_now());
    look_after(c->server);
}

static int is_hungry(void *user) {
    return tdi_peer_is_hungry(((connection *)user)->peer);
}

static void on_connection(uv_stream_t *listener, int status);

static void on_closed(void *user) {
    connection *c = user;
    td_server *server = c->server;
    if (c->peer)
        tdi_server_core_gone(server->core, c->peer);
    if (c->dirty)
        for (connection **at = &server->dirty; *at; at = &(*at)->next_dirty)
            if (*at == c) {
                *at = c->next_dirty;
                break;
            }
    tdi_free(c);
    if (server->owes_accept && !server->is_stopping) {
        server->owes_accept = 0;
        on_connection((uv_stream_t *)&server->listener, 0);
    }
    look_after(server);
}

static const tdi_stream_calls stream_calls = {on_bytes,  on_sent,   on_lost, get_expiry, on_expired,
                                              is_hungry, on_closed, NULL,    NULL};

/* A new connection, named by its address. */
static void take_connection(td_server *server, connection *c) {
    tdi_address address;
    char name[TDI_ADDRESS_TEXT_BYTES] = "?";
    int size = sizeof address.storage;
    memset(&address, 0, sizeof address);
    if (uv_tcp_getpeername(&c->stream.tcp, (struct sockaddr *)&address.storage, &size) == 0)
        tdi_address_format(&address, name);
    c->peer = tdi_server_core_accept(server->core, c, name, tdi_now());
    if (c->peer)
        tdi_stream_start(&c->stream, tdi_peer_outbox(c->peer));
    else
        tdi_stream_close(&c->stream, TDI_STREAM_CUT);
    mark(c);
}

static void on_connection(uv_stream_t *listener, int status) {
    td_server *server = listener->data;
    if (status)
        return;
    connection *c = tdi_calloc(1, sizeof *c);
    if (!c || tdi_stream_init(&c->stream, &server->loop, &stream_calls, c, server->read_buffer,
                              READ_BUFFER_BYTES)) {
        tdi_free(c);
        server->owes_accept = 1;
        return;
    }
    c->server = server;
    if (uv_accept(listener, (uv_stream_t *)&c->stream.tcp)) {
        tdi_stream_close(&c->stream, TDI_STREAM_CUT);
        mark(c);
    } else {
        take_connection(server, c);
    }
    look_after(server);
}

/* What the workers do. */

static void run_job(void *user, void *task) {
    (void)user;
    tdi_job_run(task, tdi_now());
}

static void job_done(void *user, void *task) {
    td_server *server = user;
    tdi_server_core_done(server->core, task, tdi_now());
    look_after(server);
}

/* Just before the loop waits for something to happen. */
static void on_prepare(uv_prepare_t *prepare) {
    td_server *server = prepare->data;
    uv_mutex_lock(&server->lock);
    tdi_server_core_stats(server->core, &server->published);
    uv_mutex_unlock(&server->lock);
}

static void on_stop(uv_async_t *async) {
    td_server *server = async->data;
    if (server->is_stopping)
        return;
    server->is_stopping = 1;
    uv_close((uv_handle_t *)&server->listener, NULL);
    tdi_server_core_stop(server->core, tdi_now());
    look_after(server);
}

static void run_loop(void *arg) {
    td_server *server = arg;
    tdi_signals_block();
    uv_run(&server->loop, UV_RUN_DEFAULT);
}

/* Starting. */

static td_status check(const td_server_settings *s, td_error *err) {
    if (!s->repository_count)
        return tdi_fail(err, TD_ARGUMENT,
                        "the server needs at least one bundle or folder of bundles");
    if (s->threads < 0 || s->threads > TDI_WORKERS_MAX)
        return tdi_fail(err, TD_ARGUMENT, "threads is %d, it must be within 0..%d", s->threads,
                        TDI_WORKERS_MAX);
    if (s->sessions_max < 1 || s->queue_max < 1)
        return tdi_fail(err, TD_ARGUMENT, "sessions_max and queue_max must be at least 1");
    if (s->silence < TD_MS(1))
        return tdi_fail(err, TD_ARGUMENT, "silence must be at least 1 ms");
    return TD_OK;
}

static td_status bind_to(td_server *server, const char *text, td_error *err) {
    tdi_address addresses[TDI_ADDRESSES_MAX];
    size_t count;
    int size = sizeof server->address.storage;
    TD_TRY(tdi_address_resolve(text, addresses, &count, err));
    int failed = uv_tcp_init(&server->loop, &server->listener);
    server->listener.data = server;
    if (!failed)
        failed = uv_tcp_bind(&server->listener, (const struct sockaddr *)&addresses[0].storage, 0);
    if (!failed)
        failed = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
    if (!failed)
        failed = uv_tcp_getsockname(&server->listener, (struct sockaddr *)&server->address.storage,
                                    &size);
    if (failed)
        return tdi_fail(
            err, TD_IO, "cannot listen on %s: %s%s", text, uv_strerror(failed),
            failed == UV_EADDRINUSE ? "; another server may be running, choose another port" : "");
    return TD_OK;
}

static td_status open_core(td_server *server, const td_server_settings *settings, int workers,
                           td_error *err) {
    tdi_server_core_settings core = {workers, settings->sessions_max, settings->queue_max,
                                     settings->silence, settings->precision};
    tdi_server_driver driver = {drive_work, drive_update, drive_close,
                                settings->log ? drive_log : NULL, server};
    tdi_catalog catalog;
    TD_TRY(tdi_catalog_open(settings->repositories, settings->repository_count, &catalog, err));
    td_status status = TD_OK;
    for (size_t i = 0; i < catalog.count && status == TD_OK; i++) {
        td_precision precision;
        status = td_model_precision(catalog.models[i], settings->precision, &precision, err);
    }
    if (status == TD_OK)
        status = tdi_server_core_new(&core, &driver, &catalog, &server->core, err);
    if (status != TD_OK)
        tdi_catalog_close(&catalog);
    return status;
}

static td_status open_loop(td_server *server, int workers, td_error *err) {
    tdi_workers_calls calls = {run_job, job_done, server};
    server->read_buffer = tdi_malloc(READ_BUFFER_BYTES);
    server->has_lock = uv_mutex_init(&server->lock) == 0;
    if (!server->read_buffer || !server->has_lock ||
        uv_async_init(&server->loop, &server->stop, on_stop))
        return tdi_fail_memory(err);
    server->stop.data = server;
    uv_prepare_init(&server->loop, &server->publish); /* these two cannot fail */
    uv_prepare_start(&server->publish, on_prepare);
    server->publish.data = server;
    return tdi_workers_start(&server->loop, workers, TDI_WORKER_DEPTH, &calls, &server->workers,
                             err);
}

static void close_any(uv_handle_t *handle, void *user) {
    (void)user;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void destroy(td_server *server) {
    if (server->has_loop) {
        if (server->workers)
            tdi_workers_stop(server->workers);
        uv_walk(&server->loop, close_any, NULL);
        uv_run(&server->loop, UV_RUN_DEFAULT);
        uv_loop_close(&server->loop);
    }
    tdi_server_core_free(server->core);
    if (server->has_lock)
        uv_mutex_destroy(&server->lock);
    tdi_free(server->read_buffer);
    tdi_free(server);
}

td_status td_server_start(const td_server_settings *settings, td_server **out, td_error *err) {
    int workers = settings->threads;
    TD_TRY(check(settings, err));
    if (workers == 0)
        workers = tdi_cpu_count() < TDI_WORKERS_MAX ? tdi_cpu_count() : TDI_WORKERS_MAX;
    td_server *server = tdi_calloc(1, sizeof *server);
    if (!server)
        return tdi_fail_memory(err);
    server->posted_end = &server->posted;
    server->log = settings->log;
    server->log_user = settings->log_user;
    server->has_loop = uv_loop_init(&server->loop) == 0;
    td_status status = server->has_loop ? TD_OK : tdi_fail_memory(err);
    if (status == TD_OK)
        status = bind_to(
            server, settings->listen ? settings->listen : td_server_settings_default().listen, err);
    if (status == TD_OK)
        status = open_core(server, settings, workers, err);
    if (status == TD_OK)
        status = open_loop(server, workers, err);
    if (status == TD_OK) {
        server->has_thread = uv_thread_create(&server->thread, run_loop, server) == 0;
        if (!server->has_thread)
            status = tdi_fail(err, TD_MEMORY, "the server's thread could not be started");
    }
    if (status != TD_OK) {
        destroy(server);
        return status;
    }
    *out = server;
    return TD_OK;
}

int td_server_port(const td_server *server) {
    return tdi_address_port(&server->address);
}

int td_server_is_public(const td_server *server) {
    return !tdi_address_is_loopback(&server->address);
}

void td_server_stats_get(td_server *server, td_server_stats *out) {
    uv_mutex_lock(&server->lock);
    *out = server->published;
    uv_mutex_unlock(&server->lock);
}

void td_server_stop(td_server *server) {
    if (!server)
        return;
    uv_async_send(&server->stop);
    uv_thread_join(&server->thread);
    destroy(server);
}
