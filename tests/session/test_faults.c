/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer may not do: each ends the session with a typed error, which the peer is told.
 */
#include "pair.h"

static int setup(void **state) {
    pair *p = malloc(sizeof *p);
    pair_init_with(p, TD_S(2), 4);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    pair_fini(*state);
    free(*state);
    return 0;
}

/* Hands an end a message that its peer's session would never send. */
static size_t build(pair *p, const tdi_message *message, const void *payload, size_t payload_bytes,
                    uint8_t *out, size_t room) {
    size_t size;
    assert_int_equal(tdi_message_encode(message, payload_bytes, &p->device_space.scratch, out, room,
                                        &size, NULL),
                     TD_OK);
    assert_true(payload_bytes <= room - size);
    if (payload_bytes)
        memcpy(out + size, payload, payload_bytes);
    return size + payload_bytes;
}

static void tell_server(pair *p, const tdi_message *message, const void *payload,
                        size_t payload_bytes) {
    uint8_t bytes[4096];
    size_t size = build(p, message, payload, payload_bytes, bytes, sizeof bytes);
    pair_to_server(p, bytes, size);
}

static void tell_device(pair *p, const tdi_message *message) {
    uint8_t bytes[4096];
    size_t size = build(p, message, NULL, 0, bytes, sizeof bytes);
    pair_to_device(p, bytes, size);
}

/* The server has ended with `status`, and says so to the device. */
static void assert_server_ended(pair *p, td_status status) {
    char log[128];
    snprintf(log, sizeof log, "server-ended:%s ", td_status_name(status));
    pair_expect(p, log);
    assert_true(p->server_error.message[0] != 0);
    pair_carry(p);
    snprintf(log, sizeof log, "ended:%s ", td_status_name(status));
    assert_non_null(strstr(p->log, log));
    assert_non_null(strstr(p->device_error.message, p->server_error.message));
}

static void assert_device_ended(pair *p, td_status status) {
    char log[128];
    snprintf(log, sizeof log, "ended:%s ", td_status_name(status));
    pair_expect(p, log);
    pair_carry(p);
    assert_non_null(strstr(p->log, "server-ended:"));
    assert_non_null(strstr(p->server_error.message, p->device_error.message));
}

static void versions_without_overlap_end_in_version(void **state) {
    pair *p = *state;
    tdi_message hello = {.type = TDI_MESSAGE_HELLO, .hello = {2, 9, "future", 2000}};
    tell_server(p, &hello, NULL, 0);
    assert_server_ended(p, TD_VERSION);
}

static void the_highest_common_version_is_spoken(void **state) {
    pair *p = *state;
    tdi_message hello = {.type = TDI_MESSAGE_HELLO, .hello = {1, 9, "future", 2000}};
    tell_server(p, &hello, NULL, 0);
    assert_int_equal(p->server.state, TDI_SERVER_OPEN);
    pair_move(p, 0);
    pair_expect(p, "open ");
}

static void a_version_that_was_not_offered_is_refused(void **state) {
    pair *p = *state;
    tdi_message ack = {.type = TDI_MESSAGE_HELLO_ACK, .hello_ack = {2, "future", 2000}};
    tell_device(p, &ack);
    pair_expect(p, "ended:TD_VERSION ");
}

static void hello_comes_first_and_once(void **state) {
    pair *p = *state;
    tdi_message early = {.type = TDI_MESSAGE_BUNDLE_REQUEST, .bundle_request = {1, "m", "p", 0, 1}};
    tdi_message hello = {.type = TDI_MESSAGE_HELLO, .hello = {1, 1, "", 2000}};
    tell_server(p, &early, NULL, 0);
    pair_expect(p, "server-ended:TD_PROTOCOL ");
    pair q;
    pair_init_with(&q, TD_S(2), 1);
    pair_open(&q);
    tell_server(&q, &hello, NULL, 0);
    assert_server_ended(&q, TD_PROTOCOL);
    pair_fini(&q);
}

static void a_frame_without_a_switch_has_no_room(void **state) {
    pair *p = *state;
    uint32_t size = 1;
    tdi_message frame = {.type = TDI_MESSAGE_FRAME, .frame = {1, 1, &size, 1}};
    pair_carry(p);
    pair_expect(p, "open ");
    tell_server(p, &frame, "x", 1);
    assert_server_ended(p, TD_LIMIT);
}

static void a_frame_above_the_switches_bound_ends_before_its_bytes_come(void **state) {
    pair *p = *state;
    uint32_t size = 1001;
    uint8_t bytes[256];
    size_t written;
    tdi_message frame = {.type = TDI_MESSAGE_FRAME, .frame = {1, 1, &size, 1}};
    pair_open(p);
    assert_int_equal(tdi_message_encode(&frame, size, &p->device_space.scratch, bytes, sizeof bytes,
                                        &written, NULL),
                     TD_OK);
    size_t taken = p->server_space.blocks.taken_bytes;
    pair_to_server(p, bytes, TDI_HEADER_BYTES);
    assert_true(p->server_space.blocks.taken_bytes <= taken + 1024); /* the Error alone */
    assert_server_ended(p, TD_LIMIT);
}

static void frame_ids_rise(void **state) {
    pair *p = *state;
    uint32_t size = 1;
    tdi_message frame = {.type = TDI_MESSAGE_FRAME, .frame = {3, 1, &size, 1}};
    pair_open(p);
    tell_server(p, &frame, "x", 1);
    pair_expect(p, "");
    tell_server(p, &frame, "x", 1);
    pair_expect(p, "server-ended:TD_PROTOCOL ");
    assert_int_equal(p->frame_count, 1);
}

static void requests_wait_for_the_one_before(void **state) {
    pair *p = *state;
    tdi_message first = {.type = TDI_MESSAGE_BUNDLE_REQUEST, .bundle_request = {1, "m", "p", 0, 1}};
    tdi_message second = {.type = TDI_MESSAGE_BUNDLE_REQUEST,
                          .bundle_request = {2, "m", "p", 0, 1}};
    pair_open(p);
    p->answers = 0;
    tell_server(p, &first, NULL, 0);
    tell_server(p, &second, NULL, 0);
    assert_server_ended(p, TD_PROTOCOL);
}

static void garbage_ends_at_its_first_bytes(void **state) {
    pair *p = *state;
    static const char garbage[] = "GET / HTTP/1.1\r\nHost: tandem\r\n\r\n";
    pair_to_server(p, (const uint8_t *)garbage, sizeof garbage - 1);
    assert_server_ended(p, TD_PROTOCOL);
    size_t before = p->server.link.outbox.bytes;
    pair_to_server(p, (const uint8_t *)garbage, sizeof garbage - 1); /* ignored from now on */
    assert_int_equal(p->server.link.outbox.bytes, before);
}

static void an_oversized_length_ends_before_memory_is_given(void **state) {
    pair *p = *state;
    static const uint8_t header[TDI_HEADER_BYTES] = {'T',  'D',  5,    0,    0xff, 0xff,
                                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    pair_open(p);
    pair_to_server(p, header, sizeof header);
    assert_server_ended(p, TD_LIMIT);
}

static void a_broken_control_part_ends_in_format(void **state) {
    pair *p = *state;
    static const uint8_t bytes[] = {'T', 'D', 10, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    pair_open(p);
    pair_to_server(p, bytes, sizeof bytes);
    assert_server_ended(p, TD_FORMAT);
}

static void messages_of_the_other_direction_are_refused(void **state) {
    pair *p = *state;
    tdi_message confirm = {.type = TDI_MESSAGE_CONFIRM, .confirm = {1, 1}};
    pair_open(p);
    tell_server(p, &confirm, NULL, 0);
    assert_server_ended(p, TD_PROTOCOL);
}

static void answers_that_nobody_waits_for_end_the_device(void **state) {
    (void)state;
    const tdi_message wrong[] = {
        {.type = TDI_MESSAGE_READY, .ready = {2, TD_OK, "", "raw", 1}},
        {.type = TDI_MESSAGE_READY, .ready = {1, TD_OK, "", "raw", 1}},
        {.type = TDI_MESSAGE_CONFIRM, .confirm = {1, 10}},
        {.type = TDI_MESSAGE_RESULT, .result = {.frame_id = 1}},
        {.type = TDI_MESSAGE_DROP, .drop = {1, TD_BUSY, ""}},
        {.type = TDI_MESSAGE_BUNDLE_RESPONSE, .bundle_response = {1, TD_OK, "", 1}},
        {.type = TDI_MESSAGE_HELLO_ACK, .hello_ack = {1, "", 1000}},
        {.type = TDI_MESSAGE_PONG, .ping = {99}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        pair q;
        pair_init_with(&q, TD_S(2), 1);
        pair_open(&q);
        tell_device(&q, &wrong[i]);
        assert_device_ended(&q, TD_PROTOCOL);
        pair_fini(&q);
    }
}

static void a_confirmation_speaks_of_the_bytes_that_were_sent(void **state) {
    pair *p = *state;
    tdi_message confirm = {.type = TDI_MESSAGE_CONFIRM, .confirm = {1, 9}};
    pair_open(p);
    assert_int_equal(pair_send(p, 1, 10), TD_OK);
    tell_device(p, &confirm);
    pair_expect(p, "ended:TD_PROTOCOL ");
}

static void a_result_follows_its_confirmation_and_comes_once(void **state) {
    pair *p = *state;
    tdi_message result = {.type = TDI_MESSAGE_RESULT, .result = {.frame_id = 1}};
    pair_open(p);
    assert_int_equal(pair_send(p, 1, 10), TD_OK);
    pair_carry(p);
    tell_device(p, &result);
    tell_device(p, &result);
    pair_expect(p, "confirmed:1 result:1 ended:TD_PROTOCOL ");
    pair q;
    pair_init_with(&q, TD_S(2), 1);
    pair_open(&q);
    assert_int_equal(pair_send(&q, 1, 10), TD_OK);
    tell_device(&q, &result);
    pair_expect(&q, "ended:TD_PROTOCOL ");
    pair_fini(&q);
}

/* Payloads above the limit of memory are skipped: the frame is confirmed, and its owner told that
 * the bytes are gone. */
static void a_payload_without_room_is_skipped(void **state) {
    pair *p = *state;
    tdi_server_event event = {0};
    pair_open(p);
    p->server_space.blocks.limit_bytes = 0;
    assert_int_equal(pair_send(p, 1, 300), TD_OK);
    tdi_span span;
    uint8_t copy[1024];
    assert_int_equal(tdi_outbox_spans(&p->device.link.outbox, &span, 1), 1);
    memcpy(copy, span.data, span.size);
    const uint8_t *bytes = copy;
    size_t size = span.size;
    assert_int_equal(tdi_server_session_recv(&p->server, &bytes, &size, p->now, &event),
                     TDI_SERVER_EVENT_FRAME);
    assert_null(event.in.payload);
    assert_int_equal(event.in.payload_bytes, 300);
}

/* Any bytes at all, from a fixed generator: an end, or nothing. */
static void random_bytes_never_break_a_session(void **state) {
    uint64_t seed = test_seed(20260101), x = seed | 1;
    (void)state;
    for (int round = 0; round < 300; round++) {
        pair q;
        uint8_t bytes[256];
        pair_init_with(&q, TD_S(2), 1);
        if (round % 2)
            pair_open(&q);
        for (size_t i = 0; i < sizeof bytes; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            bytes[i] = (uint8_t)x;
        }
        memcpy(bytes, "TD", 2);
        bytes[2] = (uint8_t)(x % 15);
        bytes[3] = 0;
        memset(bytes + 4, 0, 8);
        bytes[4] = (uint8_t)(x >> 8 & 63);
        pair_to_server(&q, bytes, sizeof bytes);
        pair_to_device(&q, bytes, sizeof bytes);
        pair_fini(&q);
    }
}

int main(void) {
#define FAULT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        FAULT_TEST(versions_without_overlap_end_in_version),
        FAULT_TEST(the_highest_common_version_is_spoken),
        FAULT_TEST(a_version_that_was_not_offered_is_refused),
        FAULT_TEST(hello_comes_first_and_once),
        FAULT_TEST(a_frame_without_a_switch_has_no_room),
        FAULT_TEST(a_frame_above_the_switches_bound_ends_before_its_bytes_come),
        FAULT_TEST(frame_ids_rise),
        FAULT_TEST(requests_wait_for_the_one_before),
        FAULT_TEST(garbage_ends_at_its_first_bytes),
        FAULT_TEST(an_oversized_length_ends_before_memory_is_given),
        FAULT_TEST(a_broken_control_part_ends_in_format),
        FAULT_TEST(messages_of_the_other_direction_are_refused),
        FAULT_TEST(answers_that_nobody_waits_for_end_the_device),
        FAULT_TEST(a_confirmation_speaks_of_the_bytes_that_were_sent),
        FAULT_TEST(a_result_follows_its_confirmation_and_comes_once),
        FAULT_TEST(a_payload_without_room_is_skipped),
        FAULT_TEST(random_bytes_never_break_a_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
