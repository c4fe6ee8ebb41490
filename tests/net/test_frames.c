/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames over a connection on loopback: they give what the same pipeline gives in one process.
 */
#include "fixture.h"

#include <uv.h>

static td_device *local_device(const fixture *f, const char *cut, const char *codec,
                               int raw_outputs) {
    td_device_settings settings = fixture_device_settings(f, cut, codec);
    td_error error = {0};
    td_device *device;
    settings.server = NULL;
    settings.raw_outputs = raw_outputs;
    check_ok(td_device_open(&settings, &device, &error), &error);
    return device;
}

static void assert_same(const td_outcome *a, const td_outcome *b) {
    assert_int_equal(a->bytes, b->bytes);
    assert_int_equal(a->prediction_count, b->prediction_count);
    for (size_t i = 0; i < a->prediction_count; i++) {
        assert_int_equal(a->predictions[i].index, b->predictions[i].index);
        assert_float_equal(a->predictions[i].score, b->predictions[i].score, 1e-6);
    }
}

static void remote_equals_local_at_every_kind_of_cut(void **state) {
    static const struct {
        const char *cut, *codec;
    } points[] = {
        {"input", "picture+jpeg:quality=90"},
        {"relu1", "uniform:levels=256,clip=3"},
        {"conv2,relu1", "raw"},
        {"add", "uniform:levels=16,clip=3+png"},
        {"output", "raw"},
    };
    const fixture *f = *state;
    for (size_t p = 0; p < sizeof points / sizeof points[0]; p++) {
        td_device *remote = fixture_device(f, points[p].cut, points[p].codec);
        td_device *local = local_device(f, points[p].cut, points[p].codec, 0);
        assert_string_equal(td_device_codec(remote), td_device_codec(local));
        assert_string_equal(td_device_cut(remote), td_device_cut(local));
        for (size_t i = 0; i < FIXTURE_PICTURES; i++) {
            td_outcome a = fixture_run(remote, &f->pictures[i]),
                       b = fixture_run(local, &f->pictures[i]);
            assert_same(&a, &b);
            assert_int_equal(a.prediction_count, 5);
        }
        td_device_close(remote);
        td_device_close(local);
    }
}

typedef struct runner {
    const fixture *f;
    td_device *device;
    int frames, window, results;
    uv_thread_t thread;
} runner;

/* Submits and takes as a camera would: the window decides how many are under way. */
static void run_frames(void *arg) {
    runner *r = arg;
    td_error error = {0};
    td_outcome outcome;
    uint64_t id, last = 0;
    int submitted = 0, taken = 0;
    while (taken < r->frames) {
        if (submitted < r->frames && submitted - taken < r->window) {
            const td_picture *picture = &r->f->pictures[submitted % FIXTURE_PICTURES];
            if (td_device_submit(r->device, picture, &id, &error) != TD_OK || id <= last)
                return;
            last = id;
            submitted++;
        } else {
            if (td_device_next(r->device, &outcome, &error) != TD_OK)
                return;
            r->results += outcome.status == TD_OK && outcome.prediction_count == 5;
            taken++;
        }
    }
}

static void devices_at_once_have_their_own_cuts(void **state) {
    static const char *const cuts[] = {"input", "relu1", "add", "output"};
    const fixture *f = *state;
    runner runners[4];
    for (int i = 0; i < 4; i++) {
        runners[i] = (runner){
            .f = f, .device = fixture_device(f, cuts[i], NULL), .frames = 40, .window = 1 + i};
        assert_int_equal(uv_thread_create(&runners[i].thread, run_frames, &runners[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        uv_thread_join(&runners[i].thread);
        assert_int_equal(runners[i].results, 40);
        td_device_close(runners[i].device);
    }
}

static void a_window_lets_frames_overlap(void **state) {
    const fixture *f = *state;
    td_device_settings settings = fixture_device_settings(f, "relu1", "raw");
    td_error error = {0};
    runner r = {.f = f, .frames = 64, .window = 8};
    settings.window = 8;
    check_ok(td_device_open(&settings, &r.device, &error), &error);
    run_frames(&r);
    assert_int_equal(r.results, 64);
    td_outcome outcome;
    assert_int_equal(td_device_next(r.device, &outcome, &error), TD_NOT_FOUND);
    td_device_close(r.device);
}

static void outputs_come_back_whole_where_asked_for(void **state) {
    const fixture *f = *state;
    td_device_settings settings = fixture_device_settings(f, "add", "raw");
    td_error error = {0};
    td_device *remote, *local = local_device(f, "add", "raw", 1);
    settings.raw_outputs = 1;
    check_ok(td_device_open(&settings, &remote, &error), &error);
    for (size_t i = 0; i < FIXTURE_PICTURES; i++) {
        td_outcome a = fixture_run(remote, &f->pictures[i]),
                   b = fixture_run(local, &f->pictures[i]);
        assert_int_equal(a.output_elements, TINY_CLASSES);
        assert_int_equal(b.output_elements, TINY_CLASSES);
        for (size_t k = 0; k < TINY_CLASSES; k++)
            assert_float_equal(a.output[k], b.output[k], 1e-5);
    }
    td_device_close(remote);
    td_device_close(local);
}

static void terms_are_measured_and_add_up(void **state) {
    const fixture *f = *state;
    td_device *device = fixture_device(f, "relu1", "uniform:levels=256,clip=3");
    for (int i = 0; i < 50; i++) {
        td_terms t = fixture_run(device, &f->pictures[0]).terms;
        assert_true(t.it > 0 && t.ic > 0 && t.ec > 0 && t.rtt > 0 && t.es > 0 && t.is > 0);
        assert_true(t.network >= 0 && t.queue >= 0);
        assert_true(t.ic + t.ec + t.es + t.is <= t.it);
        assert_true(!t.network || t.ic + t.ec + t.network + t.rtt + t.queue + t.es + t.is <= t.it);
    }
    td_device_close(device);
}

static void the_server_counts_what_it_did(void **state) {
    const fixture *f = *state;
    td_server_stats stats;
    td_device *device = fixture_device(f, "relu1", "raw");
    for (int i = 0; i < 3; i++)
        fixture_run(device, &f->pictures[i]);
    td_device_close(device);
    do
        td_server_stats_get(f->server, &stats);
    while (stats.sessions_now);
    assert_int_equal(stats.sessions_total, 1);
    assert_int_equal(stats.frames_received, 3);
    assert_int_equal(stats.results_sent, 3);
    assert_int_equal(stats.frames_dropped, 0);
    assert_true(stats.bytes_received > 3 * TINY_CHANNELS * TINY_SIDE * TINY_SIDE * 4);
    assert_true(stats.bytes_sent > 0);
}

static void a_server_on_loopback_is_not_public(void **state) {
    const fixture *f = *state;
    const char *const bundle = f->bundle;
    td_server_settings settings = fixture_server_settings(&bundle);
    td_error error = {0};
    td_server *server;
    assert_false(td_server_is_public(f->server));
    settings.listen = "0.0.0.0:0";
    check_ok(td_server_start(&settings, &server, &error), &error);
    assert_true(td_server_is_public(server));
    assert_true(td_server_port(server) > 0);
    td_server_stop(server);
}

int main(void) {
#define NET_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_start, fixture_stop)
    const struct CMUnitTest tests[] = {
        NET_TEST(remote_equals_local_at_every_kind_of_cut),
        NET_TEST(devices_at_once_have_their_own_cuts),
        NET_TEST(a_window_lets_frames_overlap),
        NET_TEST(outputs_come_back_whole_where_asked_for),
        NET_TEST(terms_are_measured_and_add_up),
        NET_TEST(the_server_counts_what_it_did),
        NET_TEST(a_server_on_loopback_is_not_public),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
