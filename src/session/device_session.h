/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's end of one connection: bytes and the time in, bytes and events out. Keeps the window
 * rule (no new frame before the one before it is confirmed), knows which frames are under way,
 * measures round trips, notices silence.
 */
#ifndef TDI_SESSION_DEVICE_SESSION_H
#define TDI_SESSION_DEVICE_SESSION_H

#include "session/link.h"

#define TDI_WINDOW_MAX    64
#define TDI_UNDER_WAY_MAX (TDI_WINDOW_MAX + 1)

/* A round trip older than this is measured again as soon as nothing is on its way up. */
#define TDI_ROUND_TRIP_AGE TD_MS(250)

typedef struct tdi_device_session_settings {
    td_duration silence; /* a server that is waited for and says nothing for so long is dead */
    int window;          /* frames sent and not confirmed; 1..TDI_WINDOW_MAX */
} tdi_device_session_settings;

typedef enum tdi_device_state {
    TDI_DEVICE_GREETING, /* HelloAck is awaited */
    TDI_DEVICE_OPEN,
    TDI_DEVICE_ENDED
} tdi_device_state;

/* A frame that has been sent and has no outcome yet. */
typedef struct tdi_sent_frame {
    uint64_t id;
    td_time sent;
    size_t bytes;
    int confirmed;
} tdi_sent_frame;

typedef struct tdi_device_session {
    tdi_device_session_settings settings;
    tdi_link link;
    tdi_device_state state;
    td_time waiting_since; /* since when something has been waited for, without a break */
    td_duration keepalive; /* how long this end may say nothing */
    uint64_t last_frame, last_switch, last_request;
    int switch_waits, bundle_waits;
    tdi_sent_frame frames[TDI_UNDER_WAY_MAX]; /* in the order in which they were sent */
    size_t frame_count, unconfirmed;
} tdi_device_session;

typedef enum tdi_device_event_kind {
    TDI_DEVICE_EVENT_NONE,
    TDI_DEVICE_EVENT_OPEN,      /* in.message.hello_ack; requests may be made now */
    TDI_DEVICE_EVENT_READY,     /* in.message.ready */
    TDI_DEVICE_EVENT_CONFIRMED, /* in.message.confirm, frame, network */
    TDI_DEVICE_EVENT_RESULT,    /* in.message.result, in.payload, frame */
    TDI_DEVICE_EVENT_DROPPED,   /* in.message.drop, frame */
    TDI_DEVICE_EVENT_BUNDLE,    /* in.message.bundle_response, in.payload */
    TDI_DEVICE_EVENT_ENDED      /* error; frames under way have no outcome but this */
} tdi_device_event_kind;

typedef struct tdi_device_event {
    tdi_device_event_kind kind;
    tdi_incoming in; /* its strings are valid until the next call on a session of the same space */
    tdi_sent_frame frame;     /* the frame that the message speaks of */
    td_duration network, rtt; /* CONFIRMED: the time to the confirmation, less a round trip */
    td_error error;
} tdi_device_event;

/* Puts Hello into the outbox. */
td_status tdi_device_session_init(tdi_device_session *session, tdi_space *space,
                                  const tdi_device_session_settings *settings, td_time now,
                                  td_error *err);
void tdi_device_session_fini(tdi_device_session *session);

/*
 * Takes bytes from *bytes, moving it on, until something happened or all are used up (kind NONE).
 * After ENDED everything is ignored.
 */
tdi_device_event_kind tdi_device_session_recv(tdi_device_session *session, const uint8_t **bytes,
                                              size_t *size, td_time now, tdi_device_event *event);
/* The transport has taken `bytes` from session->link.outbox. */
void tdi_device_session_sent(tdi_device_session *session, size_t bytes, td_time now);
/* The transport is gone: ENDED, unless the session had ended before. */
tdi_device_event_kind tdi_device_session_closed(tdi_device_session *session, const char *reason,
                                                tdi_device_event *event);
/* When to call tdi_device_session_on_expiry(); TDI_NEVER: no need. Changes with every other call.
 */
td_time tdi_device_session_expiry(const tdi_device_session *session);
tdi_device_event_kind tdi_device_session_on_expiry(tdi_device_session *session, td_time now,
                                                   tdi_device_event *event);

/*
 * Asks for a model at a cut; `request->switch_id` is filled in. One request at a time: TD_BUSY. The
 * functions from here on return TD_AGAIN before OPEN and TD_CLOSED after ENDED.
 */
td_status tdi_device_session_switch(tdi_device_session *session, tdi_switch *request, td_time now,
                                    td_error *err);
/* Asks for a range of a file; one request at a time; `request->request_id` is filled in. */
td_status tdi_device_session_bundle(tdi_device_session *session, tdi_bundle_request *request,
                                    td_time now, td_error *err);

/* Whether the window, and what is under way, leave room for `more` frames. */
int tdi_device_session_room(const tdi_device_session *session, size_t more);
/* Sends a frame. Ids must rise. TD_BUSY where there is no room. */
td_status tdi_device_session_frame(tdi_device_session *session, const tdi_frame *frame,
                                   const uint8_t *payload, size_t payload_bytes, td_time now,
                                   td_error *err);

#endif
