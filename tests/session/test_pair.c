/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ends of a connection, joined in memory: greeting, window, results, silence.
 */
#include "pair.h"

static int setup(void **state) {
    pair *p = malloc(sizeof *p);
    pair_init_with(p, TD_S(2), 1);
    *state = p;
    return 0;
}

static int setup_window_4(void **state) {
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

static void greeting_opens_both_ends(void **state) {
    pair *p = *state;
    assert_int_equal(pair_send(p, 1, 10), TD_AGAIN);
    pair_carry(p);
    pair_expect(p, "open ");
    assert_int_equal(p->device.state, TDI_DEVICE_OPEN);
    assert_int_equal(p->server.state, TDI_SERVER_OPEN);
    assert_true(p->device.link.rtt > 0);
}

static void no_frame_before_the_one_before_is_confirmed(void **state) {
    pair *p = *state;
    pair_open(p);
    assert_int_equal(pair_send(p, 1, 100), TD_OK);
    assert_false(tdi_device_session_room(&p->device, 1));
    assert_int_equal(pair_send(p, 2, 100), TD_BUSY);
    pair_carry(p);
    pair_expect(p, "confirmed:1 ");
    assert_int_equal(p->last_payload_bytes, 64);
    assert_int_equal(p->last_payload[5], 6);
    assert_int_equal(pair_send(p, 2, 100), TD_OK);
    pair_carry(p);
    pair_expect(p, "confirmed:2 ");
    assert_int_equal(pair_send(p, 3, 100), TD_BUSY); /* two without an outcome */
    pair_answer(p, 1);
    pair_carry(p);
    pair_expect(p, "result:1 ");
    assert_int_equal(pair_send(p, 3, 100), TD_OK);
}

static void a_larger_window_takes_more(void **state) {
    pair *p = *state;
    pair_open(p);
    for (uint64_t id = 1; id <= 4; id++)
        assert_int_equal(pair_send(p, id, 10), TD_OK);
    assert_int_equal(pair_send(p, 5, 10), TD_BUSY);
    pair_carry(p);
    pair_expect(p, "confirmed:1 confirmed:2 confirmed:3 confirmed:4 ");
    assert_int_equal(pair_send(p, 5, 10), TD_OK);
    assert_int_equal(pair_send(p, 6, 10), TD_BUSY);
}

static void results_may_overtake_each_other(void **state) {
    pair *p = *state;
    pair_open(p);
    for (uint64_t id = 1; id <= 3; id++)
        assert_int_equal(pair_send(p, id, 10), TD_OK);
    pair_carry(p);
    pair_answer(p, 3);
    assert_int_equal(tdi_server_session_drop(&p->server, 1, TD_BUSY, "full", p->now, NULL), TD_OK);
    pair_answer(p, 2);
    pair_carry(p);
    pair_expect(p, "confirmed:1 confirmed:2 confirmed:3 result:3 dropped:1:TD_BUSY result:2 ");
    assert_int_equal(p->device.frame_count, 0);
}

/* The same events whatever the pieces in which the bytes arrive. */
static void pieces_of_any_size_give_the_same_events(void **state) {
    pair *p = *state;
    char whole[sizeof p->log] = "";
    for (size_t chunk = 0; chunk < 40; chunk++) {
        pair q;
        pair_init_with(&q, TD_S(2), 4);
        q.chunk = chunk;
        pair_open(&q);
        tdi_bundle_request request = {.model = "m", .path = "f", .length = 5};
        assert_int_equal(tdi_device_session_bundle(&q.device, &request, q.now, NULL), TD_OK);
        for (uint64_t id = 1; id <= 4; id++)
            assert_int_equal(pair_send(&q, id, id == 2 ? 0 : 100 * (size_t)id), TD_OK);
        pair_carry(&q);
        for (uint64_t id = 1; id <= 4; id++)
            pair_answer(&q, id);
        pair_carry(&q);
        if (chunk == 0)
            memcpy(whole, q.log, sizeof whole);
        assert_string_equal(q.log, whole);
        pair_fini(&q);
    }
    assert_string_equal(
        whole, "chunk:5 confirmed:1 confirmed:2 confirmed:3 confirmed:4 result:1 result:2 result:3 "
               "result:4 ");
    pair_carry(p);
}

static void network_is_confirmation_time_less_round_trip(void **state) {
    pair *p = *state;
    pair_open(p);
    tdi_link_round_trip(&p->device.link, TD_MS(10), p->now);
    assert_int_equal(pair_send(p, 1, 100), TD_OK);
    p->now += TD_MS(25);
    pair_carry(p);
    assert_int_equal(p->network, TD_MS(15));
    pair_answer(p, 1);
    pair_carry(p);
    assert_int_equal(pair_send(p, 2, 100), TD_OK);
    p->now += TD_MS(3); /* faster than the round trip that was measured */
    pair_carry(p);
    assert_int_equal(p->network, 0);
    assert_int_equal(p->device.link.rtt, TD_MS(3)); /* and thus a better measure of it */
}

static void the_round_trip_is_measured_again_when_it_is_old_and_the_way_up_is_free(void **state) {
    pair *p = *state;
    pair_open(p);
    uint64_t pings = p->device.link.ping_id;
    p->now += TDI_ROUND_TRIP_AGE / 2;
    assert_int_equal(pair_send(p, 1, 10), TD_OK);
    p->now += TD_MS(1);
    pair_carry(p);
    pair_answer(p, 1);
    pair_carry(p);
    assert_int_equal(p->device.link.ping_id, pings);
    p->now += TDI_ROUND_TRIP_AGE;
    assert_int_equal(pair_send(p, 2, 10), TD_OK);
    p->now += TD_MS(1);
    pair_carry(p);
    assert_int_equal(p->device.link.ping_id, pings + 1);
    assert_int_equal(p->device.link.rtt_at, p->now);
}

static void a_silent_server_that_is_waited_for_is_dead(void **state) {
    pair *p = *state;
    pair_open(p);
    assert_int_equal(pair_send(p, 1, 10), TD_OK);
    pair_carry(p);
    pair_expect(p, "confirmed:1 ");
    p->mute_server = 1;
    pair_wait(p, TD_MS(1999));
    pair_expect(p, "");
    pair_wait(p, TD_MS(2));
    assert_non_null(strstr(p->log, "ended:TD_TIMEOUT"));
    assert_non_null(strstr(p->device_error.message, "silent for 2 s"));
}

static void a_server_that_computes_for_long_is_alive(void **state) {
    pair *p = *state;
    pair_open(p);
    assert_int_equal(pair_send(p, 1, 10), TD_OK);
    pair_carry(p);
    pair_wait(p, TD_S(60)); /* no result, but pongs */
    pair_expect(p, "confirmed:1 ");
    pair_answer(p, 1);
    pair_carry(p);
    pair_expect(p, "result:1 ");
}

static void an_idle_connection_is_kept_alive(void **state) {
    pair *p = *state;
    pair_open(p);
    pair_wait(p, TD_S(300));
    pair_expect(p, "");
    assert_int_equal(p->server.state, TDI_SERVER_OPEN);
}

static void a_silent_device_is_dropped(void **state) {
    pair *p = *state;
    pair_open(p);
    p->mute_device = 1;
    p->mute_server = 1;
    pair_wait(p, TD_S(31));
    assert_non_null(strstr(p->log, "server-ended:TD_TIMEOUT"));
}

static void a_connection_that_says_nothing_is_dropped(void **state) {
    pair *p = *state;
    p->mute_device = 1;
    p->mute_server = 1;
    pair_wait(p, TDI_HELLO_DEADLINE);
    assert_non_null(strstr(p->log, "server-ended:TD_TIMEOUT"));
    assert_non_null(strstr(p->server_error.message, "no Hello"));
}

/* The frame needs 40 s; the server, which has nothing to answer meanwhile, must not be taken for
 * dead. */
static void a_long_upload_is_no_silence(void **state) {
    pair *p = *state;
    pair_open(p);
    assert_int_equal(pair_send(p, 1, 400), TD_OK);
    size_t total = p->device.link.outbox.bytes;
    p->chunk = 1;
    for (size_t i = 0; i < total - 1; i++) {
        assert_true(pair_move(p, 1));
        while (pair_move(p, 0))
            ;
        td_time end = p->now + TD_MS(100);
        while (p->now < end) {
            tdi_server_event server;
            tdi_device_event device;
            p->now += TD_MS(10);
            if (tdi_server_session_expiry(&p->server) <= p->now)
                assert_int_equal(tdi_server_session_on_expiry(&p->server, p->now, &server),
                                 TDI_SERVER_EVENT_NONE);
            if (tdi_device_session_expiry(&p->device) <= p->now)
                assert_int_equal(tdi_device_session_on_expiry(&p->device, p->now, &device),
                                 TDI_DEVICE_EVENT_NONE);
            while (pair_move(p, 0))
                ;
        }
    }
    pair_carry(p);
    pair_expect(p, "confirmed:1 ");
}

static void a_device_that_does_not_read_is_abandoned(void **state) {
    pair *p = *state;
    tdi_server_event event;
    pair_open(p);
    pair_answer(p, 1); /* bytes that nobody takes */
    p->now += TD_S(20);
    p->server.link.heard = p->now;
    p->now += TD_S(11);
    assert_int_equal(tdi_server_session_on_expiry(&p->server, p->now, &event),
                     TDI_SERVER_EVENT_ENDED);
    assert_int_equal(event.error.status, TD_TIMEOUT);
    assert_true(event.abandon);
}

static void a_lost_connection_ends_the_device(void **state) {
    pair *p = *state;
    tdi_device_event event;
    pair_open(p);
    assert_int_equal(pair_send(p, 1, 10), TD_OK);
    assert_int_equal(tdi_device_session_closed(&p->device, "reset", &event),
                     TDI_DEVICE_EVENT_ENDED);
    assert_int_equal(event.error.status, TD_CLOSED);
    assert_int_equal(p->device.frame_count, 1);
    assert_int_equal(tdi_device_session_closed(&p->device, "reset", &event), TDI_DEVICE_EVENT_NONE);
    assert_int_equal(pair_send(p, 2, 10), TD_CLOSED);
}

static void a_stopping_server_says_so(void **state) {
    pair *p = *state;
    pair_open(p);
    tdi_server_session_end(&p->server, TD_CLOSED, "the server is stopping", p->now);
    pair_carry(p);
    pair_expect(p, "ended:TD_CLOSED ");
    assert_non_null(strstr(p->device_error.message, "the server is stopping"));
}

static void a_switch_can_be_refused_without_an_end(void **state) {
    pair *p = *state;
    tdi_switch request = {.model = "m", .recipe = "", .cut = "c", .strategy = "raw", .top = 5};
    pair_carry(p);
    p->answers = 0;
    assert_int_equal(tdi_device_session_switch(&p->device, &request, p->now, NULL), TD_OK);
    assert_int_equal(tdi_device_session_switch(&p->device, &request, p->now, NULL), TD_BUSY);
    pair_carry(p);
    tdi_ready ready = {1, TD_CUT, "no such cut", "", 0};
    assert_int_equal(tdi_server_session_ready(&p->server, &ready, p->now, NULL), TD_OK);
    pair_carry(p);
    pair_expect(p, "open refused:no such cut ");
    assert_int_equal(tdi_device_session_switch(&p->device, &request, p->now, NULL), TD_OK);
    assert_int_equal(request.switch_id, 2);
}

int main(void) {
#define PAIR_TEST(test)   cmocka_unit_test_setup_teardown(test, setup, teardown)
#define PAIR_TEST_4(test) cmocka_unit_test_setup_teardown(test, setup_window_4, teardown)
    const struct CMUnitTest tests[] = {
        PAIR_TEST(greeting_opens_both_ends),
        PAIR_TEST(no_frame_before_the_one_before_is_confirmed),
        PAIR_TEST_4(a_larger_window_takes_more),
        PAIR_TEST_4(results_may_overtake_each_other),
        PAIR_TEST(pieces_of_any_size_give_the_same_events),
        PAIR_TEST(network_is_confirmation_time_less_round_trip),
        PAIR_TEST(the_round_trip_is_measured_again_when_it_is_old_and_the_way_up_is_free),
        PAIR_TEST(a_silent_server_that_is_waited_for_is_dead),
        PAIR_TEST(a_server_that_computes_for_long_is_alive),
        PAIR_TEST(an_idle_connection_is_kept_alive),
        PAIR_TEST(a_silent_device_is_dropped),
        PAIR_TEST(a_connection_that_says_nothing_is_dropped),
        PAIR_TEST(a_long_upload_is_no_silence),
        PAIR_TEST(a_device_that_does_not_read_is_abandoned),
        PAIR_TEST(a_lost_connection_ends_the_device),
        PAIR_TEST(a_stopping_server_says_so),
        PAIR_TEST(a_switch_can_be_refused_without_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
