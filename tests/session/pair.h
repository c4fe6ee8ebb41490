/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's and a server's end joined in memory, with a clock that the test moves and a transport
 * that it cuts into pieces. Events are kept as text and in counters.
 */
#ifndef TDT_SESSION_PAIR_H
#define TDT_SESSION_PAIR_H

#include <support.h>

#include "session/device_session.h"
#include "session/server_session.h"

typedef struct pair {
    tdi_space device_space, server_space;
    tdi_device_session device;
    tdi_server_session server;
    td_time now;
    size_t chunk;    /* bytes that the transport carries at once; 0: all */
    int mute_server; /* its bytes do not arrive */
    int mute_device;
    char log[4096]; /* one word per event: "open ready confirmed:1 result:1 ended:TD_TIMEOUT " */
    td_error device_error, server_error;
    td_duration network; /* of the last confirmation */
    tdi_switch asked;    /* the last switch that the server saw; its strings are gone */
    uint64_t frames[64]; /* that the server got and has not answered */
    size_t frame_count;
    int answers; /* the server answers switches and bundles by itself */
    uint8_t last_payload[64];
    size_t last_payload_bytes;
} pair;

static inline void pair_note(pair *p, const char *format, ...) TD_PRINTF(2, 3);
static inline void pair_note(pair *p, const char *format, ...) {
    size_t at = strlen(p->log);
    va_list args;
    va_start(args, format);
    vsnprintf(p->log + at, sizeof p->log - at, format, args);
    va_end(args);
}

/* Expects the log so far, and empties it. */
static inline void pair_expect(pair *p, const char *log) {
    assert_string_equal(p->log, log);
    p->log[0] = 0;
}

static inline void pair_init_with(pair *p, td_duration silence, int window) {
    tdi_device_session_settings device = {silence, window};
    tdi_server_session_settings server = {TD_S(30)};
    memset(p, 0, sizeof *p);
    p->now = TD_S(100);
    p->answers = 1;
    assert_int_equal(tdi_space_init(&p->device_space, 1 << 20, 1 << 20, NULL), TD_OK);
    assert_int_equal(tdi_space_init(&p->server_space, 1 << 20, 1 << 20, NULL), TD_OK);
    assert_int_equal(tdi_server_session_init(&p->server, &p->server_space, &server, p->now, NULL),
                     TD_OK);
    assert_int_equal(tdi_device_session_init(&p->device, &p->device_space, &device, p->now, NULL),
                     TD_OK);
}

static inline void pair_fini(pair *p) {
    tdi_device_session_fini(&p->device);
    tdi_server_session_fini(&p->server);
    tdi_space_fini(&p->device_space);
    tdi_space_fini(&p->server_space);
}

static inline void pair_keep_payload(pair *p, tdi_blocks *blocks, tdi_block *payload) {
    if (payload) {
        p->last_payload_bytes = payload->size < sizeof p->last_payload ? payload->size
                                                                       : sizeof p->last_payload;
        memcpy(p->last_payload, payload->data, p->last_payload_bytes);
    }
    tdi_blocks_give(blocks, payload);
}

static inline void pair_device_event(pair *p, const tdi_device_event *e) {
    const tdi_message *m = &e->in.message;
    switch (e->kind) {
    case TDI_DEVICE_EVENT_NONE:
        break;
    case TDI_DEVICE_EVENT_OPEN:
        pair_note(p, "open ");
        break;
    case TDI_DEVICE_EVENT_READY:
        pair_note(p, m->ready.status ? "refused:%s " : "ready ", m->ready.reason);
        break;
    case TDI_DEVICE_EVENT_CONFIRMED:
        pair_note(p, "confirmed:%llu ", (unsigned long long)e->frame.id);
        p->network = e->network;
        break;
    case TDI_DEVICE_EVENT_RESULT:
        pair_note(p, "result:%llu ", (unsigned long long)e->frame.id);
        break;
    case TDI_DEVICE_EVENT_DROPPED:
        pair_note(p, "dropped:%llu:%s ", (unsigned long long)e->frame.id,
                  td_status_name(m->drop.status));
        break;
    case TDI_DEVICE_EVENT_BUNDLE:
        pair_note(p, "chunk:%zu ", e->in.payload_bytes);
        break;
    case TDI_DEVICE_EVENT_ENDED:
        pair_note(p, "ended:%s ", td_status_name(e->error.status));
        p->device_error = e->error;
        break;
    }
    pair_keep_payload(p, &p->device_space.blocks, e->in.payload);
}

static inline void pair_server_event(pair *p, const tdi_server_event *e) {
    const tdi_message *m = &e->in.message;
    switch (e->kind) {
    case TDI_SERVER_EVENT_NONE:
    case TDI_SERVER_EVENT_HELLO:
        break;
    case TDI_SERVER_EVENT_SWITCH:
        p->asked = m->switch_request;
        if (p->answers) {
            tdi_ready ready = {m->switch_request.switch_id, TD_OK, "", "raw", 1000};
            assert_int_equal(tdi_server_session_ready(&p->server, &ready, p->now, NULL), TD_OK);
        }
        break;
    case TDI_SERVER_EVENT_FRAME:
        p->frames[p->frame_count++] = m->frame.frame_id;
        break;
    case TDI_SERVER_EVENT_BUNDLE:
        if (p->answers) {
            tdi_bundle_response response = {m->bundle_request.request_id, TD_OK, "", 5};
            assert_int_equal(tdi_server_session_bundle(&p->server, &response,
                                                       (const uint8_t *)"hello", 5, p->now, NULL),
                             TD_OK);
        }
        break;
    case TDI_SERVER_EVENT_ENDED:
        pair_note(p, "server-ended:%s ", td_status_name(e->error.status));
        p->server_error = e->error;
        break;
    case TDI_SERVER_EVENT_STUCK:
        pair_note(p, "server-stuck ");
        break;
    }
    pair_keep_payload(p, &p->server_space.blocks, e->in.payload);
}

static inline void pair_to_server(pair *p, const uint8_t *bytes, size_t size) {
    tdi_server_event event;
    while (tdi_server_session_recv(&p->server, &bytes, &size, p->now, &event) !=
           TDI_SERVER_EVENT_NONE)
        pair_server_event(p, &event);
    assert_int_equal(size, 0);
}

static inline void pair_to_device(pair *p, const uint8_t *bytes, size_t size) {
    tdi_device_event event;
    while (tdi_device_session_recv(&p->device, &bytes, &size, p->now, &event) !=
           TDI_DEVICE_EVENT_NONE)
        pair_device_event(p, &event);
    assert_int_equal(size, 0);
}

/* Moves one piece of an outbox; whether there was one. */
static inline int pair_move(pair *p, int from_device) {
    tdi_outbox *outbox = from_device ? &p->device.link.outbox : &p->server.link.outbox;
    tdi_span span;
    uint8_t copy[4096];
    if (!tdi_outbox_spans(outbox, &span, 1))
        return 0;
    size_t n = p->chunk && p->chunk < span.size ? p->chunk : span.size;
    if (n > sizeof copy)
        n = sizeof copy;
    memcpy(copy, span.data, n);
    if (from_device)
        tdi_device_session_sent(&p->device, n, p->now);
    else
        tdi_server_session_sent(&p->server, n, p->now);
    if (from_device && !p->mute_device)
        pair_to_server(p, copy, n);
    if (!from_device && !p->mute_server)
        pair_to_device(p, copy, n);
    return 1;
}

/* Carries bytes both ways until there are none. */
static inline void pair_carry(pair *p) {
    int moved;
    do {
        moved = pair_move(p, 1);
        moved |= pair_move(p, 0);
    } while (moved);
}

/* Lets time pass; each end is woken when it asked to be. */
static inline void pair_wait(pair *p, td_duration span) {
    td_time end = p->now + span;
    for (;;) {
        td_time a = tdi_device_session_expiry(&p->device),
                b = tdi_server_session_expiry(&p->server);
        td_time next = a < b ? a : b;
        if (next > end)
            break;
        if (next > p->now)
            p->now = next;
        tdi_device_event device;
        tdi_server_event server;
        if (a <= p->now &&
            tdi_device_session_on_expiry(&p->device, p->now, &device) != TDI_DEVICE_EVENT_NONE)
            pair_device_event(p, &device);
        if (b <= p->now &&
            tdi_server_session_on_expiry(&p->server, p->now, &server) != TDI_SERVER_EVENT_NONE)
            pair_server_event(p, &server);
        pair_carry(p);
        assert_true(tdi_device_session_expiry(&p->device) > p->now);
    }
    p->now = end;
}

/* Greets and switches. */
static inline void pair_open(pair *p) {
    tdi_switch request = {.model = "m", .recipe = "", .cut = "c", .strategy = "raw", .top = 5};
    pair_carry(p);
    assert_int_equal(tdi_device_session_switch(&p->device, &request, p->now, NULL), TD_OK);
    pair_carry(p);
    pair_expect(p, "open ready ");
}

static inline td_status pair_send(pair *p, uint64_t id, size_t bytes) {
    static uint8_t payload[4096];
    uint32_t size = (uint32_t)bytes;
    tdi_frame frame = {id, 1, &size, 1};
    for (size_t i = 0; i < bytes; i++)
        payload[i] = (uint8_t)(id + i);
    return tdi_device_session_frame(&p->device, &frame, payload, bytes, p->now, NULL);
}

static inline void pair_answer(pair *p, uint64_t id) {
    tdi_result result = {.frame_id = id};
    assert_int_equal(tdi_server_session_result(&p->server, &result, NULL, 0, p->now, NULL), TD_OK);
}

#endif
