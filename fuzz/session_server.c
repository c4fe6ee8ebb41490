/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's end of a connection, driven by a script: each step is a byte that says what happens,
 * and for incoming bytes a length and the bytes. The first byte says whether the greeting and a
 * switch have been.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "session/server_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static tdi_space space;
static tdi_server_session session;
static td_time now;
static uint64_t frames[256];
static size_t frame_count;
static uint64_t switch_id, request_id;
static int was_ended;

static void handle(const tdi_server_event *event) {
    if (was_ended && event->kind != TDI_SERVER_EVENT_STUCK)
        abort();
    switch (event->kind) {
    case TDI_SERVER_EVENT_SWITCH:
        switch_id = event->in.message.switch_request.switch_id;
        break;
    case TDI_SERVER_EVENT_FRAME:
        if (frame_count < sizeof frames / sizeof frames[0])
            frames[frame_count++] = event->in.message.frame.frame_id;
        if (event->in.payload && event->in.payload->size != event->in.payload_bytes)
            abort();
        break;
    case TDI_SERVER_EVENT_BUNDLE:
        request_id = event->in.message.bundle_request.request_id;
        break;
    case TDI_SERVER_EVENT_ENDED:
        was_ended = 1;
        break;
    default:
        break;
    }
    tdi_blocks_give(&space.blocks, event->in.payload);
}

static void feed(const uint8_t *bytes, size_t size) {
    tdi_server_event event;
    uint8_t *copy = malloc(size ? size : 1);
    const uint8_t *at = copy;
    memcpy(copy, bytes, size);
    while (tdi_server_session_recv(&session, &at, &size, now, &event) != TDI_SERVER_EVENT_NONE)
        handle(&event);
    if (size)
        abort();
    free(copy);
}

static void say(const tdi_message *message) {
    uint8_t bytes[TDI_MESSAGE_BYTES_MAX / 8];
    size_t size;
    if (tdi_message_encode(message, 0, &space.scratch, bytes, sizeof bytes, &size, NULL) == TD_OK)
        feed(bytes, size);
}

static void answer(uint8_t how) {
    static const float outputs[4];
    static const uint64_t elements[1] = {4};
    tdi_ready ready = {switch_id, how & 16 ? TD_CUT : TD_OK, "", "raw", 2000};
    tdi_bundle_response response = {request_id, TD_OK, "", 3};
    tdi_result result = {.frame_id = 1, .output_elements = elements, .output_count = 1};
    switch (how & 3) {
    case 0:
        if (switch_id)
            (void)tdi_server_session_ready(&session, &ready, now, NULL);
        switch_id = 0;
        break;
    case 1:
        if (request_id)
            (void)tdi_server_session_bundle(&session, &response, (const uint8_t *)"abc", 3, now,
                                            NULL);
        request_id = 0;
        break;
    case 2:
        if (!frame_count)
            break;
        result.frame_id = frames[--frame_count];
        (void)tdi_server_session_result(&session, &result, outputs, sizeof outputs, now, NULL);
        break;
    default:
        if (frame_count)
            (void)tdi_server_session_drop(&session, frames[--frame_count], TD_BUSY, "busy", now,
                                          NULL);
        break;
    }
}

static void pass_time(uint8_t how) {
    tdi_server_event event;
    now += TD_MS(1) << (how & 15);
    if (tdi_server_session_expiry(&session) <= now &&
        tdi_server_session_on_expiry(&session, now, &event) != TDI_SERVER_EVENT_NONE)
        handle(&event);
}

static void begin(uint8_t how) {
    tdi_message hello = {.type = TDI_MESSAGE_HELLO, .hello = {1, 1, "fuzz", 2000}};
    tdi_message request = {.type = TDI_MESSAGE_SWITCH};
    tdi_switch wanted = {1, "m", {{1}}, "", "c", "raw", {{0}}, 5, 0};
    request.switch_request = wanted;
    if (how & 1)
        say(&hello);
    if ((how & 3) == 3) {
        say(&request);
        answer(0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tdi_server_session_settings settings = {TD_S(2)};
    if (!space.staging && tdi_space_init(&space, 8192, 1 << 20, NULL) != TD_OK)
        return 0;
    now = TD_S(1);
    frame_count = 0;
    switch_id = request_id = 0;
    was_ended = 0;
    if (!size || tdi_server_session_init(&session, &space, &settings, now, NULL) != TD_OK)
        return 0;
    begin(*data++);
    for (size--; size;) {
        uint8_t step = *data++;
        size--;
        if (step < 128) {
            size_t n = step < size ? step : size;
            feed(data, n);
            data += n;
            size -= n;
        } else if (step < 160) {
            answer(step);
        } else if (step < 192) {
            pass_time(step);
        } else {
            size_t n = session.link.outbox.bytes < step ? session.link.outbox.bytes : step;
            tdi_server_session_sent(&session, n, now);
        }
    }
    tdi_server_session_fini(&session);
    if (space.blocks.taken_bytes)
        abort();
    return 0;
}
