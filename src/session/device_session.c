/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's end of one connection. docs/protocol.md has its table of states.
 */
#include "session/device_session.h"

#include <string.h>

#include "base/status.h"

#define BIT(type) (1u << TDI_MESSAGE_##type)

td_status tdi_device_session_init(tdi_device_session *session, tdi_space *space,
                                  const tdi_device_session_settings *settings, td_time now,
                                  td_error *err) {
    memset(session, 0, sizeof *session);
    session->settings = *settings;
    session->waiting_since = now;
    session->keepalive = TD_S(10);
    TD_TRY(tdi_link_init(&session->link, space,
                         BIT(HELLO_ACK) | BIT(READY) | BIT(CONFIRM) | BIT(RESULT) | BIT(DROP) |
                             BIT(BUNDLE_RESPONSE),
                         now, err));
    session->link.inbox.payload_max = TDI_OUTPUT_BYTES_MAX;
    td_duration silence_ms = settings->silence / TD_MS(1);
    tdi_message hello = {.type = TDI_MESSAGE_HELLO};
    hello.hello.version_min = TDI_VERSION_MIN;
    hello.hello.version_max = TDI_VERSION_MAX;
    hello.hello.software = TDI_SOFTWARE;
    hello.hello.silence_ms = silence_ms < 1                    ? 1
                             : silence_ms > TDI_SILENCE_MS_MAX ? TDI_SILENCE_MS_MAX
                                                               : (uint32_t)silence_ms;
    td_status status = tdi_link_put(&session->link, &hello, NULL, 0, now, err);
    if (status != TD_OK)
        tdi_link_fini(&session->link);
    return status;
}

void tdi_device_session_fini(tdi_device_session *session) {
    tdi_link_fini(&session->link);
}

static int is_waiting(const tdi_device_session *session) {
    if (session->state == TDI_DEVICE_ENDED)
        return 0;
    return session->state == TDI_DEVICE_GREETING || session->switch_waits ||
           session->bundle_waits || session->frame_count || session->link.ping_waits;
}

/* To be called before something new is waited for. */
static void begin_waiting(tdi_device_session *session, td_time now) {
    if (!is_waiting(session))
        session->waiting_since = now;
}

static tdi_device_event_kind ended(tdi_device_session *session, tdi_device_event *event) {
    session->state = TDI_DEVICE_ENDED;
    session->link.ended = 1;
    return event->kind = TDI_DEVICE_EVENT_ENDED;
}

static tdi_device_event_kind failed(tdi_device_session *session, td_time now,
                                    tdi_device_event *event) {
    tdi_link_end(&session->link, event->error.status, event->error.message, now);
    return ended(session, event);
}

/* Whether nothing is on its way up, so that a ping measures an empty message. */
static int is_up_idle(const tdi_device_session *session) {
    return session->unconfirmed == 0 && session->link.outbox.bytes == 0;
}

static td_status ping(tdi_device_session *session, td_time now, td_error *err) {
    int clean = is_up_idle(session);
    begin_waiting(session, now);
    return tdi_link_ping(&session->link, clean, now, err);
}

static td_status refresh_round_trip(tdi_device_session *session, td_time now, td_error *err) {
    const tdi_link *link = &session->link;
    if (link->ping_waits || !is_up_idle(session))
        return TD_OK;
    if (link->rtt && now - link->rtt_at < TDI_ROUND_TRIP_AGE)
        return TD_OK;
    return ping(session, now, err);
}

static td_status on_hello_ack(tdi_device_session *session, const tdi_hello_ack *ack, td_time now,
                              td_error *err) {
    if (session->state != TDI_DEVICE_GREETING)
        return tdi_fail(err, TD_PROTOCOL, "HelloAck came twice");
    if (ack->version < TDI_VERSION_MIN || ack->version > TDI_VERSION_MAX)
        return tdi_fail(err, TD_VERSION,
                        "the server answered with protocol version %u, this device speaks %d to %d",
                        ack->version, TDI_VERSION_MIN, TDI_VERSION_MAX);
    session->state = TDI_DEVICE_OPEN;
    session->keepalive = TD_MS(ack->silence_ms) / 3;
    /* Hello and its answer are nearly empty: a first round trip. A ping follows for one without the
     * greeting's work. */
    tdi_link_round_trip(&session->link, now - session->waiting_since, now);
    return ping(session, now, err);
}

/* The slot of a frame under way, or -1. */
static int find_frame(const tdi_device_session *session, uint64_t id) {
    for (size_t i = 0; i < session->frame_count; i++)
        if (session->frames[i].id == id)
            return (int)i;
    return -1;
}

static td_status on_confirm(tdi_device_session *session, const tdi_confirm *confirm, td_time now,
                            tdi_device_event *event) {
    int i = find_frame(session, confirm->frame_id);
    if (i < 0 || session->frames[i].confirmed)
        return tdi_fail(&event->error, TD_PROTOCOL,
                        "frame %llu is confirmed but does not wait for it",
                        (unsigned long long)confirm->frame_id);
    tdi_sent_frame *frame = &session->frames[i];
    if (confirm->bytes != frame->bytes)
        return tdi_fail(&event->error, TD_PROTOCOL, "frame %llu had %zu bytes, %llu are confirmed",
                        (unsigned long long)frame->id, frame->bytes,
                        (unsigned long long)confirm->bytes);
    frame->confirmed = 1;
    session->unconfirmed--;
    td_duration took = now - frame->sent;
    /* No empty message takes longer than a full one: a quicker confirmation is the better measure.
     */
    if (took < session->link.rtt)
        tdi_link_round_trip(&session->link, took, now);
    event->rtt = session->link.rtt;
    event->network = took > event->rtt ? took - event->rtt : 0;
    event->frame = *frame;
    return refresh_round_trip(session, now, &event->error);
}

/* A result or a drop: the frame is no longer under way. */
static td_status on_outcome(tdi_device_session *session, uint64_t id, td_time now,
                            tdi_device_event *event) {
    int i = find_frame(session, id);
    if (i < 0 || !session->frames[i].confirmed)
        return tdi_fail(&event->error, TD_PROTOCOL,
                        "frame %llu has an outcome but does not wait for one",
                        (unsigned long long)id);
    event->frame = session->frames[i];
    session->frame_count--;
    memmove(&session->frames[i], &session->frames[i + 1],
            (session->frame_count - (size_t)i) * sizeof session->frames[0]);
    return refresh_round_trip(session, now, &event->error);
}

static td_status on_answer(uint64_t id, uint64_t last, int *waits, const char *what,
                           td_error *err) {
    if (!*waits || id != last)
        return tdi_fail(err, TD_PROTOCOL, "%s %llu was not asked for", what,
                        (unsigned long long)id);
    *waits = 0;
    return TD_OK;
}

/* Checks one message against the state; the event's kind, or NONE with event->error filled in. */
static tdi_device_event_kind accept(tdi_device_session *session, td_time now,
                                    tdi_device_event *event) {
    tdi_message *m = &event->in.message;
    td_error *err = &event->error;
    td_status status = TD_PROTOCOL;
    tdi_device_event_kind kind = TDI_DEVICE_EVENT_NONE;
    if (session->state == TDI_DEVICE_GREETING && m->type != TDI_MESSAGE_HELLO_ACK &&
        m->type != TDI_MESSAGE_ERROR) {
        tdi_fail(err, TD_PROTOCOL, "%s came before HelloAck", tdi_message_name(m->type));
        return TDI_DEVICE_EVENT_NONE;
    }
    switch (m->type) {
    case TDI_MESSAGE_HELLO_ACK:
        status = on_hello_ack(session, &m->hello_ack, now, err);
        kind = TDI_DEVICE_EVENT_OPEN;
        break;
    case TDI_MESSAGE_READY:
        status = on_answer(m->ready.switch_id, session->last_switch, &session->switch_waits,
                           "switch", err);
        kind = TDI_DEVICE_EVENT_READY;
        break;
    case TDI_MESSAGE_CONFIRM:
        status = on_confirm(session, &m->confirm, now, event);
        kind = TDI_DEVICE_EVENT_CONFIRMED;
        break;
    case TDI_MESSAGE_RESULT:
        status = on_outcome(session, m->result.frame_id, now, event);
        kind = TDI_DEVICE_EVENT_RESULT;
        break;
    case TDI_MESSAGE_DROP:
        status = on_outcome(session, m->drop.frame_id, now, event);
        kind = TDI_DEVICE_EVENT_DROPPED;
        break;
    case TDI_MESSAGE_BUNDLE_RESPONSE:
        status = on_answer(m->bundle_response.request_id, session->last_request,
                           &session->bundle_waits, "bundle request", err);
        kind = TDI_DEVICE_EVENT_BUNDLE;
        break;
    case TDI_MESSAGE_ERROR:
        tdi_fail(err, m->error.status, "the server ended the connection: %s", m->error.reason);
        kind = TDI_DEVICE_EVENT_ENDED;
        status = TD_OK;
        break;
    default:
        tdi_fail(err, TD_PROTOCOL, "%s is not expected here", tdi_message_name(m->type));
        break;
    }
    return status == TD_OK ? kind : TDI_DEVICE_EVENT_NONE;
}

tdi_device_event_kind tdi_device_session_recv(tdi_device_session *session, const uint8_t **bytes,
                                              size_t *size, td_time now, tdi_device_event *event) {
    memset(event, 0, sizeof *event);
    if (session->state == TDI_DEVICE_ENDED) {
        *bytes += *size;
        *size = 0;
        return TDI_DEVICE_EVENT_NONE;
    }
    td_status status = tdi_link_feed(&session->link, bytes, size, now, &event->in, &event->error);
    if (status == TD_AGAIN)
        return TDI_DEVICE_EVENT_NONE;
    if (status != TD_OK)
        return failed(session, now, event);
    event->kind = accept(session, now, event);
    if (event->kind == TDI_DEVICE_EVENT_NONE || event->kind == TDI_DEVICE_EVENT_ENDED) {
        tdi_blocks_give(&session->link.inbox.space->blocks, event->in.payload);
        event->in.payload = NULL;
        return event->kind == TDI_DEVICE_EVENT_ENDED ? ended(session, event)
                                                     : failed(session, now, event);
    }
    return event->kind;
}

void tdi_device_session_sent(tdi_device_session *session, size_t bytes, td_time now) {
    tdi_link_sent(&session->link, bytes, now);
}

tdi_device_event_kind tdi_device_session_closed(tdi_device_session *session, const char *reason,
                                                tdi_device_event *event) {
    memset(event, 0, sizeof *event);
    if (session->state == TDI_DEVICE_ENDED)
        return TDI_DEVICE_EVENT_NONE;
    tdi_fail(&event->error, TD_CLOSED, "the connection to the server broke: %s", reason);
    return ended(session, event);
}

static td_time earlier(td_time a, td_time b) {
    return a < b ? a : b;
}
static td_time later(td_time a, td_time b) {
    return a > b ? a : b;
}

/* When the server counts as dead. */
static td_time dead_at(const tdi_device_session *session) {
    if (!is_waiting(session))
        return TDI_NEVER;
    return later(session->link.heard, session->waiting_since) + session->settings.silence;
}

/* When to ask whether it is still there (it answers even while it computes), or to show that this
 * end is. */
static td_time ping_at(const tdi_device_session *session) {
    if (session->state != TDI_DEVICE_OPEN)
        return TDI_NEVER;
    if (!is_waiting(session))
        return session->link.said + session->keepalive;
    td_time quiet_since = later(session->link.heard, session->waiting_since);
    td_time at = later(quiet_since, session->link.ping_at) + session->settings.silence / 4;
    return earlier(at, session->link.said + session->keepalive);
}

td_time tdi_device_session_expiry(const tdi_device_session *session) {
    return earlier(dead_at(session), ping_at(session));
}

tdi_device_event_kind tdi_device_session_on_expiry(tdi_device_session *session, td_time now,
                                                   tdi_device_event *event) {
    memset(event, 0, sizeof *event);
    if (session->state == TDI_DEVICE_ENDED)
        return TDI_DEVICE_EVENT_NONE;
    if (now >= dead_at(session)) {
        tdi_fail(&event->error, TD_TIMEOUT, "the server has been silent for %g s",
                 (double)session->settings.silence * 1e-9);
        return failed(session, now, event);
    }
    if (now >= ping_at(session) && ping(session, now, &event->error) != TD_OK)
        return failed(session, now, event);
    return TDI_DEVICE_EVENT_NONE;
}

static td_status check_open(const tdi_device_session *session, td_error *err) {
    switch (session->state) {
    case TDI_DEVICE_GREETING:
        return tdi_fail(err, TD_AGAIN, "the server has not answered Hello yet");
    case TDI_DEVICE_OPEN:
        return TD_OK;
    default:
        return tdi_fail(err, TD_CLOSED, "the connection is closed");
    }
}

td_status tdi_device_session_switch(tdi_device_session *session, tdi_switch *request, td_time now,
                                    td_error *err) {
    TD_TRY(check_open(session, err));
    if (session->switch_waits)
        return tdi_fail(err, TD_BUSY, "the switch before is not ready yet");
    request->switch_id = session->last_switch + 1;
    tdi_message message = {.type = TDI_MESSAGE_SWITCH, .switch_request = *request};
    begin_waiting(session, now);
    TD_TRY(tdi_link_put(&session->link, &message, NULL, 0, now, err));
    session->last_switch++;
    session->switch_waits = 1;
    return TD_OK;
}

td_status tdi_device_session_bundle(tdi_device_session *session, tdi_bundle_request *request,
                                    td_time now, td_error *err) {
    TD_TRY(check_open(session, err));
    if (session->bundle_waits)
        return tdi_fail(err, TD_BUSY, "the bundle request before is not answered yet");
    request->request_id = session->last_request + 1;
    tdi_message message = {.type = TDI_MESSAGE_BUNDLE_REQUEST, .bundle_request = *request};
    begin_waiting(session, now);
    TD_TRY(tdi_link_put(&session->link, &message, NULL, 0, now, err));
    session->last_request++;
    session->bundle_waits = 1;
    return TD_OK;
}

int tdi_device_session_room(const tdi_device_session *session, size_t more) {
    size_t window = (size_t)session->settings.window;
    return session->unconfirmed + more <= window && session->frame_count + more <= window + 1;
}

td_status tdi_device_session_frame(tdi_device_session *session, const tdi_frame *frame,
                                   const uint8_t *payload, size_t payload_bytes, td_time now,
                                   td_error *err) {
    TD_TRY(check_open(session, err));
    if (!tdi_device_session_room(session, 1))
        return tdi_fail(err, TD_BUSY, "the window of %d frames is full", session->settings.window);
    if (frame->frame_id <= session->last_frame)
        return tdi_fail(err, TD_ARGUMENT, "frame %llu comes after %llu",
                        (unsigned long long)frame->frame_id,
                        (unsigned long long)session->last_frame);
    tdi_message message = {.type = TDI_MESSAGE_FRAME, .frame = *frame};
    begin_waiting(session, now);
    TD_TRY(tdi_link_put(&session->link, &message, payload, payload_bytes, now, err));
    session->last_frame = frame->frame_id;
    tdi_sent_frame sent = {frame->frame_id, now, payload_bytes, 0};
    session->frames[session->frame_count++] = sent;
    session->unconfirmed++;
    return TD_OK;
}
