/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's end of one connection. docs/protocol.md has its table of states.
 */
#include "session/server_session.h"

#include <string.h>

#include "base/status.h"

#define BIT(type) (1u << TDI_MESSAGE_##type)

td_status tdi_server_session_init(tdi_server_session *session, tdi_space *space,
                                  const tdi_server_session_settings *settings, td_time now,
                                  td_error *err) {
    memset(session, 0, sizeof *session);
    session->settings = *settings;
    session->opened = now;
    return tdi_link_init(&session->link, space,
                         BIT(HELLO) | BIT(SWITCH) | BIT(FRAME) | BIT(BUNDLE_REQUEST), now, err);
}

void tdi_server_session_fini(tdi_server_session *session) {
    tdi_link_fini(&session->link);
}

static tdi_server_event_kind ended(tdi_server_session *session, tdi_server_event *event) {
    session->state = TDI_SERVER_ENDED;
    session->link.ended = 1;
    return event->kind = TDI_SERVER_EVENT_ENDED;
}

/* Ends a session for what `event->error` says, telling the device. */
static tdi_server_event_kind failed(tdi_server_session *session, td_time now,
                                    tdi_server_event *event) {
    tdi_link_end(&session->link, event->error.status, event->error.message, now);
    return ended(session, event);
}

static td_status greet(tdi_server_session *session, const tdi_hello *hello, td_time now,
                       td_error *err) {
    if (session->state != TDI_SERVER_GREETING)
        return tdi_fail(err, TD_PROTOCOL, "Hello came twice");
    if (hello->version_min > TDI_VERSION_MAX || hello->version_max < TDI_VERSION_MIN)
        return tdi_fail(err, TD_VERSION,
                        "the device speaks protocol versions %u to %u, this server %d to %d",
                        hello->version_min, hello->version_max, TDI_VERSION_MIN, TDI_VERSION_MAX);
    uint32_t silence_ms = (uint32_t)(session->settings.silence / TD_MS(1));
    tdi_message ack = {.type = TDI_MESSAGE_HELLO_ACK};
    ack.hello_ack.version = hello->version_max < TDI_VERSION_MAX ? hello->version_max
                                                                 : TDI_VERSION_MAX;
    ack.hello_ack.software = TDI_SOFTWARE;
    ack.hello_ack.silence_ms = silence_ms < 1                    ? 1
                               : silence_ms > TDI_SILENCE_MS_MAX ? TDI_SILENCE_MS_MAX
                                                                 : silence_ms;
    TD_TRY(tdi_link_put(&session->link, &ack, NULL, 0, now, err));
    session->amid_interval = TD_MS(hello->silence_ms) / 4;
    if (session->amid_interval > TD_MS(500))
        session->amid_interval = TD_MS(500);
    session->state = TDI_SERVER_OPEN;
    return TD_OK;
}

static td_status rising(uint64_t id, uint64_t *last, const char *what, td_error *err) {
    if (id <= *last)
        return tdi_fail(err, TD_PROTOCOL, "%s %llu comes after %llu", what, (unsigned long long)id,
                        (unsigned long long)*last);
    *last = id;
    return TD_OK;
}

static td_status confirm(tdi_server_session *session, const tdi_incoming *in, td_time now,
                         td_error *err) {
    tdi_message message = {.type = TDI_MESSAGE_CONFIRM,
                           .confirm = {in->message.frame.frame_id, in->payload_bytes}};
    return tdi_link_put(&session->link, &message, NULL, 0, now, err);
}

static td_status accept_frame(tdi_server_session *session, const tdi_incoming *in, td_time now,
                              td_error *err) {
    TD_TRY(rising(in->message.frame.frame_id, &session->last_frame, "frame", err));
    return confirm(session, in, now, err);
}

static td_status accept_request(uint64_t id, uint64_t *last, int *waits, const char *what,
                                td_error *err) {
    if (*waits)
        return tdi_fail(err, TD_PROTOCOL, "%s %llu comes before the one before it is answered",
                        what, (unsigned long long)id);
    TD_TRY(rising(id, last, what, err));
    *waits = 1;
    return TD_OK;
}

/* Checks one message against the state; the event's kind, or NONE with event->error filled in. */
static tdi_server_event_kind accept(tdi_server_session *session, td_time now,
                                    tdi_server_event *event) {
    tdi_message *m = &event->in.message;
    td_error *err = &event->error;
    td_status status = TD_PROTOCOL;
    tdi_server_event_kind kind = TDI_SERVER_EVENT_NONE;
    if (session->state == TDI_SERVER_GREETING && m->type != TDI_MESSAGE_HELLO &&
        m->type != TDI_MESSAGE_ERROR) {
        tdi_fail(err, TD_PROTOCOL, "%s came before Hello", tdi_message_name(m->type));
        return TDI_SERVER_EVENT_NONE;
    }
    switch (m->type) {
    case TDI_MESSAGE_HELLO:
        status = greet(session, &m->hello, now, err);
        kind = TDI_SERVER_EVENT_HELLO;
        break;
    case TDI_MESSAGE_SWITCH:
        status = accept_request(m->switch_request.switch_id, &session->last_switch,
                                &session->switch_waits, "switch", err);
        kind = TDI_SERVER_EVENT_SWITCH;
        break;
    case TDI_MESSAGE_FRAME:
        status = accept_frame(session, &event->in, now, err);
        kind = TDI_SERVER_EVENT_FRAME;
        break;
    case TDI_MESSAGE_BUNDLE_REQUEST:
        status = accept_request(m->bundle_request.request_id, &session->last_request,
                                &session->bundle_waits, "bundle request", err);
        kind = TDI_SERVER_EVENT_BUNDLE;
        break;
    case TDI_MESSAGE_ERROR:
        tdi_fail(err, m->error.status, "the device ended the connection: %s", m->error.reason);
        kind = TDI_SERVER_EVENT_ENDED;
        status = TD_OK;
        break;
    default:
        tdi_fail(err, TD_PROTOCOL, "%s is not expected here", tdi_message_name(m->type));
        break;
    }
    return status == TD_OK ? kind : TDI_SERVER_EVENT_NONE;
}

tdi_server_event_kind tdi_server_session_recv(tdi_server_session *session, const uint8_t **bytes,
                                              size_t *size, td_time now, tdi_server_event *event) {
    memset(event, 0, sizeof *event);
    if (session->state == TDI_SERVER_ENDED) {
        *bytes += *size;
        *size = 0;
        return TDI_SERVER_EVENT_NONE;
    }
    session->link.inbox.payload_max = session->frame_max[0] > session->frame_max[1]
                                          ? session->frame_max[0]
                                          : session->frame_max[1];
    td_status status = tdi_link_feed(&session->link, bytes, size, now, &event->in, &event->error);
    if (status == TD_AGAIN)
        return TDI_SERVER_EVENT_NONE;
    if (status != TD_OK)
        return failed(session, now, event);
    event->kind = accept(session, now, event);
    if (event->kind == TDI_SERVER_EVENT_NONE || event->kind == TDI_SERVER_EVENT_ENDED) {
        tdi_blocks_give(&session->link.inbox.space->blocks, event->in.payload);
        event->in.payload = NULL;
        return event->kind == TDI_SERVER_EVENT_ENDED ? ended(session, event)
                                                     : failed(session, now, event);
    }
    return event->kind;
}

void tdi_server_session_sent(tdi_server_session *session, size_t bytes, td_time now) {
    tdi_link_sent(&session->link, bytes, now);
}

static td_time earlier(td_time a, td_time b) {
    return a < b ? a : b;
}

/* When the device counts as gone for saying nothing, and for reading nothing. */
static td_time silent_at(const tdi_server_session *session) {
    td_time at = session->link.heard + session->settings.silence;
    return session->state == TDI_SERVER_GREETING ? earlier(at, session->opened + TDI_HELLO_DEADLINE)
                                                 : at;
}

static td_time stuck_at(const tdi_server_session *session) {
    return session->link.outbox.bytes ? session->link.moved + session->settings.silence : TDI_NEVER;
}

static td_time amid_at(const tdi_server_session *session) {
    if (session->state != TDI_SERVER_OPEN || !tdi_inbox_is_amid(&session->link.inbox))
        return TDI_NEVER;
    return session->link.said + session->amid_interval;
}

td_time tdi_server_session_expiry(const tdi_server_session *session) {
    if (session->state == TDI_SERVER_ENDED)
        return stuck_at(session);
    return earlier(earlier(silent_at(session), stuck_at(session)), amid_at(session));
}

tdi_server_event_kind tdi_server_session_on_expiry(tdi_server_session *session, td_time now,
                                                   tdi_server_event *event) {
    memset(event, 0, sizeof *event);
    double seconds = (double)session->settings.silence * 1e-9;
    if (session->state == TDI_SERVER_ENDED)
        return event->kind = now >= stuck_at(session) ? TDI_SERVER_EVENT_STUCK
                                                      : TDI_SERVER_EVENT_NONE;
    if (now >= stuck_at(session)) {
        tdi_fail(&event->error, TD_TIMEOUT, "the device has read nothing for %g s", seconds);
        event->abandon = 1;
        return ended(session, event);
    }
    if (now >= silent_at(session)) {
        if (session->state == TDI_SERVER_GREETING)
            tdi_fail(&event->error, TD_TIMEOUT, "no Hello came in time");
        else
            tdi_fail(&event->error, TD_TIMEOUT, "the device has been silent for %g s", seconds);
        return failed(session, now, event);
    }
    if (now >= amid_at(session) && tdi_link_ping(&session->link, 0, now, &event->error) != TD_OK)
        return failed(session, now, event);
    return TDI_SERVER_EVENT_NONE;
}

td_status tdi_server_session_ready(tdi_server_session *session, const tdi_ready *ready, td_time now,
                                   td_error *err) {
    tdi_message message = {.type = TDI_MESSAGE_READY, .ready = *ready};
    session->switch_waits = 0;
    if (ready->status == TD_OK) {
        session->frame_max[1] = session->frame_max[0];
        session->frame_max[0] = (uint32_t)ready->frame_bytes_max;
    }
    return tdi_link_put(&session->link, &message, NULL, 0, now, err);
}

td_status tdi_server_session_result(tdi_server_session *session, const tdi_result *result,
                                    const float *outputs, size_t output_bytes, td_time now,
                                    td_error *err) {
    tdi_message message = {.type = TDI_MESSAGE_RESULT, .result = *result};
    return tdi_link_put(&session->link, &message, outputs, output_bytes, now, err);
}

td_status tdi_server_session_drop(tdi_server_session *session, uint64_t frame_id, td_status status,
                                  const char *reason, td_time now, td_error *err) {
    tdi_message message = {.type = TDI_MESSAGE_DROP, .drop = {frame_id, status, reason}};
    return tdi_link_put(&session->link, &message, NULL, 0, now, err);
}

td_status tdi_server_session_bundle(tdi_server_session *session,
                                    const tdi_bundle_response *response, const uint8_t *bytes,
                                    size_t size, td_time now, td_error *err) {
    tdi_message message = {.type = TDI_MESSAGE_BUNDLE_RESPONSE, .bundle_response = *response};
    session->bundle_waits = 0;
    return tdi_link_put(&session->link, &message, bytes, size, now, err);
}

void tdi_server_session_end(tdi_server_session *session, td_status status, const char *reason,
                            td_time now) {
    if (session->state == TDI_SERVER_ENDED)
        return;
    tdi_link_end(&session->link, status, reason, now);
    session->state = TDI_SERVER_ENDED;
}
