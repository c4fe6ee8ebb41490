/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TCP connection on a libuv loop.
 */
#include "net/stream.h"

#include <string.h>

#include "base/clock.h"
#include "session/link.h"

#define SPANS 8
/* How long the other end may take to read the last byte and close. */
#define LINGER_MS 1000

static void enter(tdi_stream *stream) {
    if (stream->calls->enter)
        stream->calls->enter(stream->user);
}

static void leave(tdi_stream *stream) {
    if (stream->calls->leave)
        stream->calls->leave(stream->user);
}

static void on_handle_closed(uv_handle_t *handle) {
    tdi_stream *stream = handle->data;
    if (--stream->handles == 0)
        stream->calls->closed(stream->user);
}

static void close_now(tdi_stream *stream) {
    stream->state = TDI_STREAM_CLOSED;
    if (uv_is_closing((uv_handle_t *)&stream->tcp))
        return;
    if (!stream->reset || uv_tcp_close_reset(&stream->tcp, on_handle_closed))
        uv_close((uv_handle_t *)&stream->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&stream->timer, on_handle_closed);
}

int tdi_stream_init(tdi_stream *stream, uv_loop_t *loop, const tdi_stream_calls *calls, void *user,
                    uint8_t *read_buffer, size_t read_buffer_bytes) {
    memset(stream, 0, sizeof *stream);
    stream->calls = calls;
    stream->user = user;
    stream->read_buffer = read_buffer;
    stream->read_buffer_bytes = read_buffer_bytes;
    int failed = uv_tcp_init(loop, &stream->tcp);
    if (failed)
        return failed;
    uv_timer_init(loop, &stream->timer); /* cannot fail */
    stream->tcp.data = stream->timer.data = stream->write.data = stream->shutdown.data = stream;
    stream->handles = 2;
    return 0;
}

static void lose(tdi_stream *stream, const char *reason) {
    if (stream->state == TDI_STREAM_CLOSED)
        return;
    if (stream->state != TDI_STREAM_LINGERING)
        stream->calls->lost(stream->user, reason);
    close_now(stream);
}

static void give_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer) {
    tdi_stream *stream = handle->data;
    (void)wanted;
    *buffer = uv_buf_init((char *)stream->read_buffer, (unsigned)stream->read_buffer_bytes);
}

static void on_read(uv_stream_t *tcp, ssize_t size, const uv_buf_t *buffer) {
    tdi_stream *stream = tcp->data;
    enter(stream);
    if (size < 0)
        lose(stream, size == UV_EOF ? "the other end closed it" : uv_strerror((int)size));
    else if (size > 0 && stream->state == TDI_STREAM_OPEN)
        stream->calls->bytes(stream->user, (const uint8_t *)buffer->base, (size_t)size);
    tdi_stream_update(stream);
    leave(stream);
}

static void on_written(uv_write_t *write, int status) {
    tdi_stream *stream = write->data;
    size_t bytes = stream->write_bytes;
    stream->writing = 0;
    if (status == UV_ECANCELED)
        return;
    enter(stream);
    if (status)
        lose(stream, uv_strerror(status));
    else
        stream->calls->sent(stream->user, bytes);
    tdi_stream_update(stream);
    leave(stream);
}

/* Gives the outbox to the kernel: as much as it takes at once, the rest when it has room. */
static void write_outbox(tdi_stream *stream) {
    while (!stream->writing && stream->outbox->bytes && stream->state < TDI_STREAM_LINGERING) {
        tdi_span spans[SPANS];
        uv_buf_t buffers[SPANS];
        size_t count = tdi_outbox_spans(stream->outbox, spans, SPANS);
        size_t total = 0;
        for (size_t i = 0; i < count; i++) {
            union {
                const uint8_t *in;
                char *out;
            } u = {spans[i].data}; /* libuv does not write to it */
            buffers[i] = uv_buf_init(u.out, (unsigned)spans[i].size);
            total += spans[i].size;
        }
        uv_stream_t *tcp = (uv_stream_t *)&stream->tcp;
        int written = uv_try_write(tcp, buffers, (unsigned)count);
        if (written > 0) {
            stream->calls->sent(stream->user, (size_t)written);
            continue;
        }
        if (written == UV_EAGAIN)
            written = uv_write(&stream->write, tcp, buffers, (unsigned)count, on_written);
        if (written < 0) {
            lose(stream, uv_strerror(written));
            return;
        }
        stream->write_bytes = total;
        stream->writing = 1;
    }
}

/*
 * Timers run before the sockets are looked at: after a pause (a busy machine, a laptop that slept)
 * bytes may wait that would have put the expiry off. So they get their turn before it counts.
 */
static void on_timer(uv_timer_t *timer) {
    tdi_stream *stream = timer->data;
    enter(stream);
    stream->armed = 0;
    if (stream->state == TDI_STREAM_LINGERING) {
        stream->reset = 1;
        close_now(stream);
    } else if (stream->calls->expiry(stream->user) <= tdi_now()) {
        stream->due = !stream->due;
        if (stream->due) {
            uv_timer_start(timer, on_timer, 0, 0);
            stream->armed = tdi_now();
        } else {
            stream->calls->expired(stream->user);
        }
    } else {
        stream->due = 0;
    }
    tdi_stream_update(stream);
    leave(stream);
}

/* A timer that is early is left alone: it finds out when it fires. */
static void arm(tdi_stream *stream) {
    td_time at = stream->calls->expiry(stream->user);
    if (at == TDI_NEVER || (stream->armed && stream->armed <= at))
        return;
    td_time now = tdi_now();
    td_duration wait = at > now ? at - now : 0;
    uint64_t ms = (uint64_t)(wait / TD_MS(1)) + 1;
    uv_update_time(stream->tcp.loop);
    uv_timer_start(&stream->timer, on_timer, ms, 0);
    stream->armed = at;
}

static void on_shutdown(uv_shutdown_t *request, int status) {
    (void)request;
    (void)status;
}

static void linger(tdi_stream *stream) {
    stream->state = TDI_STREAM_LINGERING;
    if (uv_shutdown(&stream->shutdown, (uv_stream_t *)&stream->tcp, on_shutdown)) {
        close_now(stream);
        return;
    }
    uv_update_time(stream->tcp.loop);
    uv_timer_start(&stream->timer, on_timer, LINGER_MS, 0);
}

static void set_reading(tdi_stream *stream) {
    uv_stream_t *tcp = (uv_stream_t *)&stream->tcp;
    /* While flushing, bytes are read to be thrown away: unread ones would turn the close into a
     * reset. */
    int wanted = stream->state != TDI_STREAM_OPEN || stream->calls->hungry(stream->user);
    if (wanted && !stream->reading)
        stream->reading = uv_read_start(tcp, give_buffer, on_read) == 0;
    else if (!wanted && stream->reading) {
        uv_read_stop(tcp);
        stream->reading = 0;
    }
}

void tdi_stream_start(tdi_stream *stream, tdi_outbox *outbox) {
    stream->outbox = outbox;
    uv_tcp_nodelay(&stream->tcp, 1);
    tdi_stream_update(stream);
}

void tdi_stream_update(tdi_stream *stream) {
    if (stream->state == TDI_STREAM_CLOSED) {
        close_now(stream);
        return;
    }
    if (!stream->outbox || stream->state == TDI_STREAM_LINGERING)
        return;
    write_outbox(stream);
    if (stream->state == TDI_STREAM_CLOSED)
        return;
    if (stream->state == TDI_STREAM_FLUSHING && !stream->outbox->bytes && !stream->writing)
        linger(stream);
    else
        arm(stream);
    if (stream->state != TDI_STREAM_CLOSED)
        set_reading(stream);
}

void tdi_stream_close(tdi_stream *stream, tdi_stream_ending ending) {
    if (ending != TDI_STREAM_FLUSH)
        stream->state = TDI_STREAM_CLOSED;
    else if (stream->state == TDI_STREAM_OPEN)
        stream->state = TDI_STREAM_FLUSHING;
    stream->reset |= ending == TDI_STREAM_RESET;
}
