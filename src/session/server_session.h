/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's end of one connection: bytes and the time in, bytes and events out. Confirms frames
 * on receipt, answers pings, notices silence. Which models there are and what becomes of a frame is
 * its owner's business.
 */
#ifndef TDI_SESSION_SERVER_SESSION_H
#define TDI_SESSION_SERVER_SESSION_H

#include "session/link.h"

/* A connection that has not said Hello after this long is closed (or after `silence`, where that is
 * shorter). */
#define TDI_HELLO_DEADLINE TD_S(10)

typedef struct tdi_server_session_settings {
    td_duration silence; /* a device that says nothing, or reads nothing, for so long is gone */
} tdi_server_session_settings;

typedef enum tdi_server_state {
    TDI_SERVER_GREETING, /* Hello is awaited */
    TDI_SERVER_OPEN,
    TDI_SERVER_ENDED
} tdi_server_state;

typedef struct tdi_server_session {
    tdi_server_session_settings settings;
    tdi_link link;
    tdi_server_state state;
    td_time opened;
    td_duration amid_interval; /* how often a device that is amid a long message hears from us */
    uint64_t last_frame, last_switch, last_request;
    int switch_waits, bundle_waits; /* the owner has not answered yet */
    uint32_t frame_max[2];          /* largest frame of the newest two switches */
} tdi_server_session;

typedef enum tdi_server_event_kind {
    TDI_SERVER_EVENT_NONE,
    TDI_SERVER_EVENT_HELLO,  /* in.message.hello */
    TDI_SERVER_EVENT_SWITCH, /* in.message.switch_request; answer with tdi_server_session_ready() */
    TDI_SERVER_EVENT_FRAME,  /* in.message.frame, in.payload; answer with _result() or _drop(), once
                              */
    TDI_SERVER_EVENT_BUNDLE, /* in.message.bundle_request; answer with tdi_server_session_bundle()
                              */
    TDI_SERVER_EVENT_ENDED,  /* error.status, error.message; send what the outbox has, then close */
    TDI_SERVER_EVENT_STUCK   /* after ENDED: what the outbox has is not being read either, close at
                                once */
} tdi_server_event_kind;

typedef struct tdi_server_event {
    tdi_server_event_kind kind;
    tdi_incoming in; /* its strings are valid until the next call on a session of the same space */
    td_error error;
    int abandon; /* ENDED: for not reading, so do not send what the outbox has */
} tdi_server_event;

td_status tdi_server_session_init(tdi_server_session *session, tdi_space *space,
                                  const tdi_server_session_settings *settings, td_time now,
                                  td_error *err);
void tdi_server_session_fini(tdi_server_session *session);

/*
 * Takes bytes from *bytes, moving it on, until something happened or all are used up (kind NONE).
 * After ENDED everything is ignored.
 */
tdi_server_event_kind tdi_server_session_recv(tdi_server_session *session, const uint8_t **bytes,
                                              size_t *size, td_time now, tdi_server_event *event);
/* The transport has taken `bytes` from session->link.outbox. */
void tdi_server_session_sent(tdi_server_session *session, size_t bytes, td_time now);
/* When to call tdi_server_session_on_expiry(); TDI_NEVER: no need. Changes with every other call.
 */
td_time tdi_server_session_expiry(const tdi_server_session *session);
tdi_server_event_kind tdi_server_session_on_expiry(tdi_server_session *session, td_time now,
                                                   tdi_server_event *event);

/* Answers. They fail only for want of memory, or where the session has ended. */
td_status tdi_server_session_ready(tdi_server_session *session, const tdi_ready *ready, td_time now,
                                   td_error *err);
td_status tdi_server_session_result(tdi_server_session *session, const tdi_result *result,
                                    const float *outputs, size_t output_bytes, td_time now,
                                    td_error *err);
td_status tdi_server_session_drop(tdi_server_session *session, uint64_t frame_id, td_status status,
                                  const char *reason, td_time now, td_error *err);
td_status tdi_server_session_bundle(tdi_server_session *session,
                                    const tdi_bundle_response *response, const uint8_t *bytes,
                                    size_t size, td_time now, td_error *err);

/* Ends from this side: an Error goes out behind what the outbox has. */
void tdi_server_session_end(tdi_server_session *session, td_status status, const char *reason,
                            td_time now);

#endif
