/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's connection. One lock guards the core; the loop's callbacks take it, and so do callers,
 * who use the core directly and then wake the loop to send what the outbox has.
 */
#include "net/client.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/status.h"
#include "net/address.h"
#include "net/outcomes.h"
#include "net/signals.h"
#include "net/stream.h"

#define READ_BUFFER_BYTES (64u * 1024)
#define CONNECT_PATIENCE  TD_S(5)
/* Outcomes that nobody has taken; above it no frame is taken. */
#define OUTCOMES_MAX 4096

struct tdi_client {
    tdi_device_session_settings settings;
    char *server;
    uv_loop_t loop;
    uv_thread_t thread;
    uv_async_t wake;
    uv_timer_t patience; /* for connecting */
    uint8_t *read_buffer;
    int has_loop, has_lock, has_changed, has_thread;

    /* Of the loop's thread. */
    tdi_stream stream;
    int has_stream; /* its handles are not all closed */
    uv_connect_t connect;
    tdi_address addresses[TDI_ADDRESSES_MAX];
    size_t address_count, address_at;

    uv_mutex_t lock; /* guards all below */
    uv_cond_t changed;
    tdi_device_core *core; /* from being connected on */
    int closing;           /* the owner wants it closed */
    int is_open;           /* greeted */
    int reserved;
    size_t under_way;
    tdi_outcomes outcomes;
    td_error error; /* why it is of no use any more; status 0: it is */
    struct {
        int waits;
        td_error error;
    } opening; /* the answer to a switch */
    struct {
        int waits;
        td_error error;
        uint8_t *out;
        size_t room, got;
        uint64_t total;
    } reading; /* the answer to a read */
};

/* What the core tells; the lock is held. */

static void on_open(void *user) {
    tdi_client *c = user;
    c->is_open = 1;
    uv_cond_broadcast(&c->changed);
}

static void on_ready(void *user, const tdi_ready *ready) {
    tdi_client *c = user;
    c->opening.waits = 0;
    if (ready->status != TD_OK)
        tdi_fail(&c->opening.error, ready->status, "%s", ready->reason);
    uv_cond_broadcast(&c->changed);
}

static void on_chunk(void *user, const tdi_bundle_response *response, const uint8_t *bytes,
                     size_t size) {
    tdi_client *c = user;
    c->reading.waits = 0;
    c->reading.total = response->total;
    c->reading.got = 0;
    if (response->status != TD_OK) {
        tdi_fail(&c->reading.error, response->status, "%s", response->reason);
    } else if (size > c->reading.room) {
        tdi_fail(&c->reading.error, TD_PROTOCOL,
                 "the server sent %zu bytes of a file, %zu were asked for", size, c->reading.room);
    } else if (size) {
        memcpy(c->reading.out, bytes, size);
        c->reading.got = size;
    }
    uv_cond_broadcast(&c->changed);
}

static void on_room(void *user) {
    uv_cond_broadcast(&((tdi_client *)user)->changed);
}

static void on_outcome(void *user, const td_outcome *outcome) {
    tdi_client *c = user;
    c->under_way--;
    tdi_outcomes_put(&c->outcomes, outcome);
    uv_cond_broadcast(&c->changed);
}

static void on_ended(void *user, const td_error *error) {
    tdi_client *c = user;
    if (c->error.status == TD_OK)
        c->error = *error;
    tdi_stream_close(&c->stream, TDI_STREAM_FLUSH);
    uv_cond_broadcast(&c->changed);
}

/* What the stream tells. tdi_stream_update() is always called with the lock held, so `sent`, `lost`
 * from it are, too. */

static void on_bytes(void *user, const uint8_t *bytes, size_t size) {
    tdi_client *c = user;
    tdi_device_core_recv(c->core, bytes, size, tdi_now());
}

static void on_sent(void *user, size_t bytes) {
    tdi_client *c = user;
    tdi_device_core_sent(c->core, bytes, tdi_now());
}

static void on_lost(void *user, const char *reason) {
    tdi_client *c = user;
    tdi_device_core_lost(c->core, reason, tdi_now());
}

static td_time get_expiry(void *user) {
    return tdi_device_core_expiry(((tdi_client *)user)->core);
}

static void on_expired(void *user) {
    tdi_client *c = user;
    tdi_device_core_on_expiry(c->core, tdi_now());
}

static int is_hungry(void *user) {
    (void)user;
    return 1;
}

static void enter(void *user) {
    uv_mutex_lock(&((tdi_client *)user)->lock);
}
static void leave(void *user) {
    uv_mutex_unlock(&((tdi_client *)user)->lock);
}

/* Connecting: one address after the other. */

static void try_next_address(tdi_client *c);

/* The stream's handles are closed: after a failed attempt the next address has its turn. */
static void on_closed(void *user) {
    tdi_client *c = user;
    c->has_stream = 0;
    uv_mutex_lock(&c->lock);
    int over = c->core || c->closing || c->address_at == c->address_count;
    if (over) {
        uv_timer_stop(&c->patience);
        if (c->error.status == TD_OK)
            tdi_fail(&c->error, TD_CLOSED, "the connection to %s is closed", c->server);
        uv_cond_broadcast(&c->changed);
    }
    uv_mutex_unlock(&c->lock);
    if (!over)
        try_next_address(c);
}

static const tdi_stream_calls stream_calls = {on_bytes,  on_sent,   on_lost, get_expiry, on_expired,
                                              is_hungry, on_closed, enter,   leave};

static void connect_failed(tdi_client *c, int status) {
    uv_mutex_lock(&c->lock);
    if (c->address_at == c->address_count && c->error.status == TD_OK && !c->closing)
        tdi_fail(&c->error, TD_IO, "cannot connect to %s: %s; is `tandem serve` running there?",
                 c->server, uv_strerror(status));
    uv_mutex_unlock(&c->lock);
    tdi_stream_close(&c->stream, TDI_STREAM_CUT);
    tdi_stream_update(&c->stream);
}

static void on_connected(uv_connect_t *request, int status) {
    tdi_client *c = request->data;
    static const tdi_device_driver calls = {on_open,    on_ready, on_chunk, on_room,
                                            on_outcome, on_ended, NULL};
    tdi_device_driver driver = calls;
    driver.user = c;
    if (status == UV_ECANCELED)
        return; /* closed by somebody else, who says why */
    if (status) {
        connect_failed(c, status);
        return;
    }
    uv_timer_stop(&c->patience);
    uv_mutex_lock(&c->lock);
    if (tdi_device_core_new(&c->settings, &driver, tdi_now(), &c->core, &c->error) == TD_OK)
        tdi_stream_start(&c->stream, tdi_device_core_outbox(c->core));
    else
        tdi_stream_close(&c->stream, TDI_STREAM_CUT);
    tdi_stream_update(&c->stream);
    uv_mutex_unlock(&c->lock);
}

static void try_next_address(tdi_client *c) {
    const struct sockaddr *address =
        (const struct sockaddr *)&c->addresses[c->address_at++].storage;
    int failed = tdi_stream_init(&c->stream, &c->loop, &stream_calls, c, c->read_buffer,
                                 READ_BUFFER_BYTES);
    if (failed) {
        uv_mutex_lock(&c->lock);
        tdi_fail(&c->error, TD_IO, "cannot connect to %s: %s", c->server, uv_strerror(failed));
        uv_cond_broadcast(&c->changed);
        uv_mutex_unlock(&c->lock);
        return;
    }
    c->has_stream = 1;
    c->connect.data = c;
    failed = uv_tcp_connect(&c->connect, &c->stream.tcp, address, on_connected);
    if (failed)
        connect_failed(c, failed);
}

static void on_impatient(uv_timer_t *timer) {
    tdi_client *c = timer->data;
    uv_mutex_lock(&c->lock);
    if (c->error.status == TD_OK)
        tdi_fail(&c->error, TD_TIMEOUT, "cannot connect to %s: no answer within %d s", c->server,
                 (int)(CONNECT_PATIENCE / TD_S(1)));
    c->address_at = c->address_count;
    uv_mutex_unlock(&c->lock);
    tdi_stream_close(&c->stream, TDI_STREAM_CUT);
    tdi_stream_update(&c->stream);
}

/* Somebody has put something into the outbox, or wants it all closed. */
static void on_wake(uv_async_t *async) {
    tdi_client *c = async->data;
    uv_mutex_lock(&c->lock);
    if (c->closing) {
        if (c->has_stream)
            tdi_stream_close(&c->stream, TDI_STREAM_CUT);
        uv_close((uv_handle_t *)&c->wake, NULL);
        uv_close((uv_handle_t *)&c->patience, NULL);
    }
    if (c->has_stream)
        tdi_stream_update(&c->stream);
    uv_mutex_unlock(&c->lock);
}

static void run_loop(void *arg) {
    tdi_client *c = arg;
    tdi_signals_block();
    uv_timer_start(&c->patience, on_impatient, (uint64_t)(CONNECT_PATIENCE / TD_MS(1)), 0);
    try_next_address(c);
    uv_run(&c->loop, UV_RUN_DEFAULT);
}

/* Opening and closing. */

static void close_any(uv_handle_t *handle, void *user) {
    (void)user;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void tdi_client_close(tdi_client *c) {
    if (!c)
        return;
    if (c->has_thread) {
        uv_mutex_lock(&c->lock);
        c->closing = 1;
        uv_mutex_unlock(&c->lock);
        uv_async_send(&c->wake);
        uv_thread_join(&c->thread);
    }
    if (c->has_loop) {
        uv_walk(&c->loop, close_any, NULL);
        uv_run(&c->loop, UV_RUN_DEFAULT);
        uv_loop_close(&c->loop);
    }
    tdi_device_core_free(c->core);
    tdi_outcomes_fini(&c->outcomes);
    if (c->has_changed)
        uv_cond_destroy(&c->changed);
    if (c->has_lock)
        uv_mutex_destroy(&c->lock);
    tdi_free(c->read_buffer);
    tdi_free(c->server);
    tdi_free(c);
}

static td_status start(tdi_client *c, td_error *err) {
    TD_TRY(tdi_address_resolve(c->server, c->addresses, &c->address_count, err));
    c->has_loop = uv_loop_init(&c->loop) == 0;
    c->has_lock = uv_mutex_init(&c->lock) == 0;
    c->has_changed = uv_cond_init(&c->changed) == 0;
    if (!c->has_loop || !c->has_lock || !c->has_changed ||
        uv_async_init(&c->loop, &c->wake, on_wake))
        return tdi_fail_memory(err);
    uv_timer_init(&c->loop, &c->patience); /* cannot fail */
    c->wake.data = c->patience.data = c;
    c->has_thread = uv_thread_create(&c->thread, run_loop, c) == 0;
    return c->has_thread ? TD_OK
                         : tdi_fail(err, TD_MEMORY, "the device's thread could not be started");
}

/* Waits for *flag to be set, or for the end. Called and returns with the lock held. */
static td_status wait_while(tdi_client *c, const int *flag, int value, td_error *err) {
    while (*flag == value && c->error.status == TD_OK)
        uv_cond_wait(&c->changed, &c->lock);
    if (*flag != value)
        return TD_OK;
    if (err)
        *err = c->error;
    return c->error.status;
}

td_status tdi_client_open(const tdi_client_settings *settings, tdi_client **out, td_error *err) {
    tdi_client *c = tdi_calloc(1, sizeof *c);
    if (!c)
        return tdi_fail_memory(err);
    c->settings.silence = settings->silence;
    c->settings.window = settings->window;
    c->server = tdi_strdup(settings->server);
    c->read_buffer = tdi_malloc(READ_BUFFER_BYTES);
    td_status status = c->server && c->read_buffer ? start(c, err) : tdi_fail_memory(err);
    if (status == TD_OK) {
        uv_mutex_lock(&c->lock);
        status = wait_while(c, &c->is_open, 0, err);
        uv_mutex_unlock(&c->lock);
    }
    if (status != TD_OK) {
        tdi_client_close(c);
        return status;
    }
    *out = c;
    return TD_OK;
}

/* Calls that block. */

/* The core's state where it has one; the reason for its end else. The lock is held. */
static td_status check_alive(const tdi_client *c, td_error *err) {
    if (c->error.status == TD_OK)
        return TD_OK;
    if (err)
        *err = c->error;
    return c->error.status;
}

td_status tdi_client_read(tdi_client *c, const char *model, const char *path, uint64_t offset,
                          uint32_t length, uint8_t *out, size_t *got, uint64_t *total,
                          td_error *err) {
    tdi_bundle_request request = {0, model, path, offset, length};
    uv_mutex_lock(&c->lock);
    memset(&c->reading, 0, sizeof c->reading);
    c->reading.waits = 1;
    c->reading.out = out;
    c->reading.room = length;
    td_status status = check_alive(c, err);
    if (status == TD_OK)
        status = tdi_device_core_read(c->core, &request, tdi_now(), err);
    if (status == TD_OK) {
        uv_async_send(&c->wake);
        status = wait_while(c, &c->reading.waits, 1, err);
    }
    if (status == TD_OK && c->reading.error.status != TD_OK) {
        status = c->reading.error.status;
        if (err)
            *err = c->reading.error;
    }
    *got = c->reading.got;
    *total = c->reading.total;
    uv_mutex_unlock(&c->lock);
    return status;
}

td_status tdi_client_switch(tdi_client *c, tdi_switch *request, td_error *err) {
    uv_mutex_lock(&c->lock);
    memset(&c->opening, 0, sizeof c->opening);
    c->opening.waits = 1;
    td_status status = check_alive(c, err);
    if (status == TD_OK)
        status = tdi_device_core_switch(c->core, request, tdi_now(), err);
    if (status == TD_OK) {
        uv_async_send(&c->wake);
        status = wait_while(c, &c->opening.waits, 1, err);
    }
    if (status == TD_OK && c->opening.error.status != TD_OK) {
        status = c->opening.error.status;
        if (err)
            *err = c->opening.error;
    }
    uv_mutex_unlock(&c->lock);
    return status;
}

td_status tdi_client_reserve(tdi_client *c, td_error *err) {
    td_status status;
    uv_mutex_lock(&c->lock);
    while (c->error.status == TD_OK && !tdi_device_core_room(c->core, 1))
        uv_cond_wait(&c->changed, &c->lock);
    status = check_alive(c, err);
    if (status == TD_OK && c->outcomes.count >= OUTCOMES_MAX)
        status = tdi_fail(err, TD_BUSY, "%d outcomes wait to be taken with td_device_next()",
                          OUTCOMES_MAX);
    if (status == TD_OK)
        status = tdi_outcomes_prepare(&c->outcomes, c->under_way + 1, err);
    if (status == TD_OK)
        c->reserved = 1;
    uv_mutex_unlock(&c->lock);
    return status;
}

void tdi_client_release(tdi_client *c) {
    uv_mutex_lock(&c->lock);
    c->reserved = 0;
    uv_cond_broadcast(&c->changed);
    uv_mutex_unlock(&c->lock);
}

td_status tdi_client_frame(tdi_client *c, const tdi_device_frame *frame, td_error *err) {
    uv_mutex_lock(&c->lock);
    c->reserved = 0;
    td_status status = check_alive(c, err);
    if (status == TD_OK)
        status = tdi_device_core_frame(c->core, frame, tdi_now(), err);
    if (status == TD_OK) {
        c->under_way++;
        uv_async_send(&c->wake);
    }
    uv_cond_broadcast(&c->changed);
    uv_mutex_unlock(&c->lock);
    return status;
}

td_status tdi_client_next(tdi_client *c, td_outcome *out, td_error *err) {
    td_status status = TD_OK;
    uv_mutex_lock(&c->lock);
    while (!c->outcomes.count && (c->under_way || c->reserved))
        uv_cond_wait(&c->changed, &c->lock);
    if (!tdi_outcomes_take(&c->outcomes, out))
        status = tdi_fail(err, TD_NOT_FOUND, "no frame is under way");
    uv_mutex_unlock(&c->lock);
    return status;
}
