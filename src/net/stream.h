/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TCP connection on a libuv loop: reads while its owner is hungry, writes what the outbox has,
 * wakes the owner at its expiry, closes once everything is flushed. Knows no messages. All calls
 * come from the loop's thread.
 */
#ifndef TDI_NET_STREAM_H
#define TDI_NET_STREAM_H

#include <uv.h>

#include "session/outbox.h"

/* What the owner does. `bytes`, `sent` and `expired` may lead to tdi_stream_close(); none may free
 * the stream but `closed`. */
typedef struct tdi_stream_calls {
    void (*bytes)(void *user, const uint8_t *bytes, size_t size);
    void (*sent)(void *user, size_t bytes);       /* the first bytes of the outbox are gone */
    void (*lost)(void *user, const char *reason); /* the other end closed, or the connection broke;
                                                     the stream closes itself */
    td_time (*expiry)(void *user);
    void (*expired)(void *user);
    int (*hungry)(void *user);
    void (*closed)(void *user); /* the last call; the memory may be reused */
    /* Around all that the loop does with a stream, for an owner whose outbox is used by other
     * threads, too. May be NULL. */
    void (*enter)(void *user);
    void (*leave)(void *user);
} tdi_stream_calls;

typedef struct tdi_stream {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    uv_shutdown_t shutdown;
    const tdi_stream_calls *calls;
    void *user;
    tdi_outbox *outbox;
    uint8_t *read_buffer; /* shared by the streams of a loop */
    size_t read_buffer_bytes;
    int handles; /* not closed yet */
    int reading, writing;
    size_t write_bytes; /* of the write under way */
    int reset;          /* close without sending what the kernel has */
    int due;            /* the expiry has passed, the sockets are looked at once more */
    td_time armed;      /* what the timer is set to; 0: not set */
    enum {
        TDI_STREAM_OPEN,
        TDI_STREAM_FLUSHING,  /* closes when the outbox is empty */
        TDI_STREAM_LINGERING, /* all is sent; waits for the other end to have read it */
        TDI_STREAM_CLOSED
    } state;
} tdi_stream;

/* Prepares the handles; 0 or a libuv error, after which there is nothing to undo. */
int tdi_stream_init(tdi_stream *stream, uv_loop_t *loop, const tdi_stream_calls *calls, void *user,
                    uint8_t *read_buffer, size_t read_buffer_bytes);
/* The connection is made: from now on the owner is called. */
void tdi_stream_start(tdi_stream *stream, tdi_outbox *outbox);
/* Outbox, expiry or appetite may have changed. */
void tdi_stream_update(tdi_stream *stream);
typedef enum tdi_stream_ending {
    TDI_STREAM_FLUSH, /* send what the outbox has, then close */
    TDI_STREAM_CUT,   /* close at once */
    TDI_STREAM_RESET  /* close at once, and have the kernel forget what it has not sent, too */
} tdi_stream_ending;

/* May be called again to end it sooner. Takes effect with the next tdi_stream_update(). */
void tdi_stream_close(tdi_stream *stream, tdi_stream_ending ending);

#endif
