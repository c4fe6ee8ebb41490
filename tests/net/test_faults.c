/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong on a network: each fault costs the one connection, is counted, and leaves the
 * others alone.
 */
#include "fixture.h"
#include "raw_peer.h"

#include <uv.h>

#include "device/identity.h"

static td_server_stats stats_of(const fixture *f) {
    td_server_stats stats;
    td_server_stats_get(f->server, &stats);
    return stats;
}

/* Waits for a counter to reach a value; the server tells its counters a moment after the bytes that
 * it sends. */
#define wait_for(f, condition)                                                                     \
    do {                                                                                           \
        const struct timespec moment = {0, 1000000};                                               \
        int left = 5000;                                                                           \
        td_server_stats stats = stats_of(f);                                                       \
        for (; !(condition) && left; left--, stats = stats_of(f))                                  \
            nanosleep(&moment, NULL);                                                              \
        if (!left)                                                                                 \
            fail_msg("in vain waited for %s", #condition);                                         \
    } while (0)

static raw_peer *connect_raw(const fixture *f) {
    return raw_peer_connect(td_server_port(f->server));
}

/* Restarts the fixture's server with other settings. */
static void serve_anew(fixture *f, td_duration silence, int sessions_max) {
    const char *const bundle = f->bundle;
    td_server_settings settings = fixture_server_settings(&bundle);
    td_server_stop(f->server);
    f->server = NULL;
    settings.silence = silence;
    settings.sessions_max = sessions_max;
    fixture_serve(f, settings);
}

/* A switch as a real device with this bundle would ask for. */
static void switch_raw(const fixture *f, raw_peer *peer) {
    td_error error = {0};
    td_model *model;
    tdi_coder *coder;
    tdi_identity identity;
    check_ok(td_model_open(f->bundle, &model, &error), &error);
    check_ok(tdi_coder_open(model, "relu1", "raw", &coder, &error), &error);
    check_ok(tdi_identity_of(model, f->bundle, &identity, &error), &error);
    tdi_message message = {.type = TDI_MESSAGE_SWITCH};
    message.switch_request = tdi_identity_switch(&identity, "relu1", coder, 1, 0);
    message.switch_request.switch_id = 1;
    raw_say(peer, &message, 0);
    tdi_message ready = raw_hear_news(peer);
    assert_int_equal(ready.type, TDI_MESSAGE_READY);
    if (ready.ready.status != TD_OK)
        fail_msg("%s", ready.ready.reason);
    tdi_coder_close(coder);
    td_model_unref(model);
}

static void garbage_gets_a_typed_error_and_is_counted(void **state) {
    fixture *f = *state;
    td_device *device = fixture_device(f, "relu1", "raw");
    raw_peer *peer = connect_raw(f);
    uint64_t before = stats_of(f).protocol_errors;
    raw_write(peer, "GET / HTTP/1.1\r\n\r\n", 18);
    tdi_message error = raw_hear(peer);
    assert_int_equal(error.type, TDI_MESSAGE_ERROR);
    assert_int_equal(error.error.status, TD_PROTOCOL);
    assert_int_equal(raw_hear(peer).type, 0);
    raw_peer_free(peer);
    wait_for(f, stats.protocol_errors == before + 1);
    fixture_run(device, &f->pictures[0]);
    td_device_close(device);
}

static void an_oversized_length_gets_a_typed_error(void **state) {
    fixture *f = *state;
    raw_peer *peer = connect_raw(f);
    uint64_t before = stats_of(f).protocol_errors;
    raw_greet(peer);
    static const uint8_t header[TDI_HEADER_BYTES] = {'T', 'D', 5,    0,    0,    0,
                                                     0,   0,   0xff, 0xff, 0xff, 0xff};
    raw_write(peer, header, sizeof header);
    tdi_message error = raw_hear(peer);
    assert_int_equal(error.type, TDI_MESSAGE_ERROR);
    assert_int_equal(error.error.status, TD_LIMIT);
    raw_peer_free(peer);
    wait_for(f, stats.protocol_errors == before + 1);
}

static void a_device_that_dies_amid_a_frame_is_forgotten(void **state) {
    fixture *f = *state;
    td_device *device = fixture_device(f, "add", "raw");
    wait_for(f, stats.sessions_now == 1);
    uint32_t size = TINY_CHANNELS * TINY_SIDE * TINY_SIDE * 4;
    tdi_message frame = {.type = TDI_MESSAGE_FRAME, .frame = {1, 1, &size, 1}};
    uint8_t *features = calloc(1, size);
    for (int whole = 0; whole < 2;
         whole++) { /* half a frame; a whole one whose result finds nobody */
        raw_peer *peer = connect_raw(f);
        raw_greet(peer);
        switch_raw(f, peer);
        wait_for(f, stats.sessions_now == 2);
        raw_say(peer, &frame, size);
        raw_write(peer, features, whole ? size : size / 2);
        raw_peer_free(peer);
        wait_for(f, stats.sessions_now == 1);
        fixture_run(device, &f->pictures[1]);
    }
    free(features);
    td_device_close(device);
    wait_for(f, stats.sessions_now == 0);
    wait_for(f, stats.frames_received == stats.results_sent + stats.frames_dropped);
}

static void a_frame_that_does_not_decode_is_dropped_with_a_reason(void **state) {
    fixture *f = *state;
    raw_peer *peer = connect_raw(f);
    uint32_t size = 3;
    tdi_message frame = {.type = TDI_MESSAGE_FRAME, .frame = {1, 1, &size, 1}};
    raw_greet(peer);
    switch_raw(f, peer);
    raw_say(peer, &frame, size);
    raw_write(peer, "abc", size);
    tdi_message confirm = raw_hear_news(peer);
    assert_int_equal(confirm.type, TDI_MESSAGE_CONFIRM);
    assert_int_equal(confirm.confirm.bytes, 3);
    tdi_message drop = raw_hear_news(peer);
    assert_int_equal(drop.type, TDI_MESSAGE_DROP);
    assert_int_equal(drop.drop.status, TD_FORMAT);
    frame.frame.frame_id = 2;
    frame.frame.switch_id = 9;
    raw_say(peer, &frame, size);
    raw_write(peer, "abc", size);
    assert_int_equal(raw_hear_news(peer).type, TDI_MESSAGE_CONFIRM);
    drop = raw_hear_news(peer);
    assert_int_equal(drop.type, TDI_MESSAGE_DROP);
    assert_int_equal(drop.drop.status, TD_NOT_FOUND);
    raw_peer_free(peer);
}

static void a_stopped_server_ends_the_device_with_closed(void **state) {
    fixture *f = *state;
    td_error error = {0};
    td_outcome outcome;
    uint64_t id = 0, submitted = 0, outcomes = 0;
    td_device *device = fixture_device(f, "relu1", "raw");
    for (int i = 0; i < 2; i++) {
        check_ok(td_device_submit(device, &f->pictures[0], &id, &error), &error);
        submitted++;
    }
    td_server_stop(f->server);
    f->server = NULL;
    td_status status;
    while ((status = td_device_submit(device, &f->pictures[0], &id, &error)) == TD_OK)
        submitted++;
    assert_int_equal(status, TD_CLOSED);
    assert_non_null(strstr(error.message, "stopping"));
    while (td_device_next(device, &outcome, &error) == TD_OK) {
        outcomes++;
        assert_true(outcome.status == TD_OK || outcome.status == TD_CLOSED ||
                    outcome.status == TD_CANCELLED);
        assert_true(outcome.status == TD_OK || outcome.reason.message[0]);
    }
    assert_int_equal(outcomes, submitted);
    td_device_close(device);
}

/* A server that takes the connection, greets, opens, confirms or not, and then is silent or closes.
 */
static raw_peer *accept_device(int listener, int greet) {
    raw_peer *peer = raw_peer_new(accept(listener, NULL, NULL));
    assert_int_equal(raw_hear(peer).type, TDI_MESSAGE_HELLO);
    tdi_message ack = {.type = TDI_MESSAGE_HELLO_ACK, .hello_ack = {1, "raw", 30000}};
    if (greet)
        raw_say(peer, &ack, 0);
    return peer;
}

typedef struct opening {
    td_device_settings settings;
    td_device *device;
    td_status status;
    td_error error;
} opening;

static void open_device(void *arg) {
    opening *o = arg;
    o->status = td_device_open(&o->settings, &o->device, &o->error);
}

static td_duration since(const struct timespec *begin) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return TD_S(now.tv_sec - begin->tv_sec) + (now.tv_nsec - begin->tv_nsec);
}

static void silence_is_told_in_time(void **state) {
    fixture *f = *state;
    for (int greet = 0; greet < 2; greet++) {
        int port, listener = raw_listen(&port);
        char address[64];
        uv_thread_t thread;
        opening o = {.settings = fixture_device_settings(f, "relu1", "raw")};
        struct timespec begin;
        snprintf(address, sizeof address, "127.0.0.1:%d", port);
        o.settings.server = address;
        o.settings.silence = TD_MS(200);
        clock_gettime(CLOCK_MONOTONIC, &begin);
        assert_int_equal(uv_thread_create(&thread, open_device, &o), 0);
        raw_peer *peer = accept_device(listener, greet);
        uv_thread_join(&thread);
        assert_int_equal(o.status, TD_TIMEOUT);
        assert_non_null(strstr(o.error.message, "silent"));
        assert_true(since(&begin) >= TD_MS(200));
        raw_peer_free(peer);
        close(listener);
    }
}

static void a_server_that_closes_is_told_at_once(void **state) {
    fixture *f = *state;
    int port, listener = raw_listen(&port);
    char address[64];
    uv_thread_t thread;
    opening o = {.settings = fixture_device_settings(f, "relu1", "raw")};
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
    o.settings.server = address;
    o.settings.silence = TD_S(3600);
    assert_int_equal(uv_thread_create(&thread, open_device, &o), 0);
    raw_peer *peer = accept_device(listener, 1);
    while (raw_hear(peer).type != TDI_MESSAGE_SWITCH)
        ;
    raw_peer_free(peer);
    uv_thread_join(&thread);
    assert_int_equal(o.status, TD_CLOSED);
    close(listener);
}

/* Killed, or silent, between the confirmation of a frame and its result. */
static void a_frame_under_way_gets_the_reason_as_its_outcome(void **state) {
    fixture *f = *state;
    for (int silent = 0; silent < 2; silent++) {
        int port, listener = raw_listen(&port);
        char address[64];
        uv_thread_t thread;
        uint64_t id;
        td_outcome outcome;
        opening o = {.settings = fixture_device_settings(f, "relu1", "raw")};
        snprintf(address, sizeof address, "127.0.0.1:%d", port);
        o.settings.server = address;
        o.settings.silence = silent ? TD_MS(300) : TD_S(3600);
        assert_int_equal(uv_thread_create(&thread, open_device, &o), 0);
        raw_peer *peer = accept_device(listener, 1);
        assert_int_equal(raw_hear_news(peer).type, TDI_MESSAGE_SWITCH);
        tdi_message ready = {.type = TDI_MESSAGE_READY, .ready = {1, TD_OK, "", "raw", 1 << 20}};
        raw_say(peer, &ready, 0);
        uv_thread_join(&thread);
        check_ok(o.status, &o.error);
        check_ok(td_device_submit(o.device, &f->pictures[0], &id, &o.error), &o.error);
        assert_int_equal(raw_hear_news(peer).type, TDI_MESSAGE_FRAME);
        tdi_message confirm = {.type = TDI_MESSAGE_CONFIRM, .confirm = {1, peer->payload_bytes}};
        raw_say(peer, &confirm, 0);
        if (!silent)
            raw_peer_free(peer);
        check_ok(td_device_next(o.device, &outcome, &o.error), &o.error);
        assert_int_equal(outcome.id, id);
        assert_int_equal(outcome.status, silent ? TD_TIMEOUT : TD_CLOSED);
        assert_int_equal(td_device_next(o.device, &outcome, &o.error), TD_NOT_FOUND);
        assert_int_equal(td_device_submit(o.device, &f->pictures[0], &id, &o.error),
                         silent ? TD_TIMEOUT : TD_CLOSED);
        td_device_close(o.device);
        if (silent)
            raw_peer_free(peer);
        close(listener);
    }
}

static void no_server_is_one_clear_sentence(void **state) {
    fixture *f = *state;
    int port, listener = raw_listen(&port);
    char address[64];
    td_device *device;
    td_error error = {0};
    close(listener); /* now nobody listens there */
    td_device_settings settings = fixture_device_settings(f, "relu1", "raw");
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
    settings.server = address;
    assert_int_equal(td_device_open(&settings, &device, &error), TD_IO);
    assert_non_null(strstr(error.message, address));
    assert_non_null(strstr(error.message, "connection refused; is `tandem serve` running there?"));
}

static void an_address_in_use_is_named(void **state) {
    fixture *f = *state;
    const char *const bundle = f->bundle;
    td_server_settings settings = fixture_server_settings(&bundle);
    td_server *server;
    td_error error = {0};
    settings.listen = f->address;
    assert_int_equal(td_server_start(&settings, &server, &error), TD_IO);
    assert_non_null(strstr(error.message, f->address));
}

static void a_silent_connection_is_dropped_and_counted(void **state) {
    fixture *f = *state;
    serve_anew(f, TD_MS(150), 256);
    raw_peer *quiet = connect_raw(f), *greeted = connect_raw(f);
    raw_greet(greeted);
    tdi_message error = raw_hear(quiet);
    assert_int_equal(error.type, TDI_MESSAGE_ERROR);
    assert_int_equal(error.error.status, TD_TIMEOUT);
    assert_int_equal(raw_hear_news(greeted).error.status, TD_TIMEOUT);
    wait_for(f, stats.timeouts == 2 && stats.sessions_now == 0);
    raw_peer_free(quiet);
    raw_peer_free(greeted);
}

/* Asks and asks and never reads: the server stops reading, then gives the peer up, and serves
 * others meanwhile. */
static void a_peer_that_does_not_read_is_dropped_and_counted(void **state) {
    fixture *f = *state;
    serve_anew(f, TD_MS(600), 256);
    td_device *device = fixture_device(f, "relu1", "raw");
    raw_peer *peer = connect_raw(f);
    int small = 4096;
    setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    raw_greet(peer);
    static uint8_t pings[14 * 4096];
    tdi_message ping = {.type = TDI_MESSAGE_PING, .ping = {1}};
    size_t size;
    for (size_t i = 0; i < 4096; i++)
        tdi_message_encode(&ping, 0, &peer->scratch, pings + 14 * i, 14, &size, NULL);
    assert_int_equal(size, 14);
    while (send(peer->fd, pings, sizeof pings, MSG_NOSIGNAL) > 0)
        if (stats_of(f).timeouts)
            break;
    fixture_run(device, &f->pictures[0]);
    wait_for(f, stats.timeouts == 1);
    wait_for(f, stats.sessions_now == 1);
    raw_peer_free(peer);
    td_device_close(device);
}

static void one_device_too_many_is_told_busy(void **state) {
    fixture *f = *state;
    serve_anew(f, TD_S(30), 1);
    td_device *device = fixture_device(f, "relu1", "raw"), *another;
    td_device_settings settings = fixture_device_settings(f, "relu1", "raw");
    td_error error = {0};
    assert_int_equal(td_device_open(&settings, &another, &error), TD_BUSY);
    fixture_run(device, &f->pictures[0]);
    td_device_close(device);
    wait_for(f, stats.sessions_now == 0);
    td_device_close(fixture_device(f, "relu1", "raw"));
}

static void a_cut_that_is_none_is_refused_by_name(void **state) {
    fixture *f = *state;
    td_device_settings settings = fixture_device_settings(f, "conv2", "raw");
    td_device *device;
    td_error error = {0};
    assert_int_equal(td_device_open(&settings, &device, &error), TD_CUT);
    settings.cut = "nothing";
    assert_int_equal(td_device_open(&settings, &device, &error), TD_NOT_FOUND);
    assert_non_null(strstr(error.message, "nothing"));
}

int main(void) {
#define NET_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_start, fixture_stop)
    const struct CMUnitTest tests[] = {
        NET_TEST(garbage_gets_a_typed_error_and_is_counted),
        NET_TEST(an_oversized_length_gets_a_typed_error),
        NET_TEST(a_device_that_dies_amid_a_frame_is_forgotten),
        NET_TEST(a_frame_that_does_not_decode_is_dropped_with_a_reason),
        NET_TEST(a_stopped_server_ends_the_device_with_closed),
        NET_TEST(silence_is_told_in_time),
        NET_TEST(a_server_that_closes_is_told_at_once),
        NET_TEST(a_frame_under_way_gets_the_reason_as_its_outcome),
        NET_TEST(no_server_is_one_clear_sentence),
        NET_TEST(an_address_in_use_is_named),
        NET_TEST(a_silent_connection_is_dropped_and_counted),
        NET_TEST(a_peer_that_does_not_read_is_dropped_and_counted),
        NET_TEST(one_device_too_many_is_told_busy),
        NET_TEST(a_cut_that_is_none_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
