/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's end of a connection, driven by a script: each step is a byte that says what happens,
 * and for incoming bytes a length and the bytes. The first byte says whether the greeting has been.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "session/device_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static tdi_space space;
static tdi_device_session session;
static td_time now;
static uint64_t next_frame;
static int was_ended;

static void handle(const tdi_device_event *event) {
    if (was_ended)
        abort();
    if (event->kind == TDI_DEVICE_EVENT_ENDED)
        was_ended = 1;
    if (session.unconfirmed > session.frame_count || session.frame_count > TDI_UNDER_WAY_MAX)
        abort();
    tdi_blocks_give(&space.blocks, event->in.payload);
}

static void feed(const uint8_t *bytes, size_t size) {
    tdi_device_event event;
    uint8_t *copy = malloc(size ? size : 1);
    const uint8_t *at = copy;
    memcpy(copy, bytes, size);
    while (tdi_device_session_recv(&session, &at, &size, now, &event) != TDI_DEVICE_EVENT_NONE)
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

static void ask(uint8_t how) {
    static const uint8_t payload[7];
    static const uint32_t sizes[1] = {7};
    tdi_switch request = {0, "m", {{1}}, "", "c", "raw", {{0}}, 5, 0};
    tdi_bundle_request range = {0, "m", "f", 0, 10};
    tdi_frame frame = {next_frame, 1, sizes, 1};
    switch (how & 3) {
    case 0:
        (void)tdi_device_session_switch(&session, &request, now, NULL);
        break;
    case 1:
        (void)tdi_device_session_bundle(&session, &range, now, NULL);
        break;
    default:
        if (tdi_device_session_frame(&session, &frame, payload, sizeof payload, now, NULL) == TD_OK)
            next_frame++;
        break;
    }
}

static void pass_time(uint8_t how) {
    tdi_device_event event;
    now += TD_MS(1) << (how & 15);
    if (tdi_device_session_expiry(&session) <= now &&
        tdi_device_session_on_expiry(&session, now, &event) != TDI_DEVICE_EVENT_NONE)
        handle(&event);
}

/* What an honest server would say next to the oldest frame. */
static void reply(uint8_t how) {
    tdi_message message = {.type = TDI_MESSAGE_CONFIRM,
                           .confirm = {session.frames[0].id, session.frames[0].bytes}};
    if (!session.frame_count)
        return;
    if (session.frames[0].confirmed) {
        message.type = how & 1 ? TDI_MESSAGE_RESULT : TDI_MESSAGE_DROP;
        memset(&message.result, 0, sizeof message.result);
        if (how & 1)
            message.result.frame_id = session.frames[0].id;
        else
            message.drop = (tdi_drop){session.frames[0].id, TD_BUSY, ""};
    }
    say(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tdi_device_session_settings settings = {TD_S(2), 4};
    tdi_message ack = {.type = TDI_MESSAGE_HELLO_ACK, .hello_ack = {1, "fuzz", 30000}};
    if (!space.staging && tdi_space_init(&space, 8192, 1 << 20, NULL) != TD_OK)
        return 0;
    now = TD_S(1);
    next_frame = 1;
    was_ended = 0;
    if (!size || tdi_device_session_init(&session, &space, &settings, now, NULL) != TD_OK)
        return 0;
    if (*data++ & 1)
        say(&ack);
    for (size--; size;) {
        uint8_t step = *data++;
        size--;
        if (step < 128) {
            size_t n = step < size ? step : size;
            feed(data, n);
            data += n;
            size -= n;
        } else if (step < 160) {
            ask(step);
        } else if (step < 192) {
            pass_time(step);
        } else if (step < 224) {
            reply(step);
        } else {
            size_t n = session.link.outbox.bytes < step ? session.link.outbox.bytes : step;
            tdi_device_session_sent(&session, n, now);
        }
    }
    tdi_device_session_fini(&session);
    if (space.blocks.taken_bytes)
        abort();
    return 0;
}
