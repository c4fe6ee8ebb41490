/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle of a tiny network, a server on it, pictures, and devices: what the tests over sockets
 * share.
 */
#ifndef TDT_NET_FIXTURE_H
#define TDT_NET_FIXTURE_H

#define TANDEM_UNSTABLE
#include <tandem/lab.h>
#include <tandem/tandem.h>

#include "pipeline/tiny_model.h"

#define FIXTURE_PICTURES 8

typedef struct fixture {
    char folder[256];
    char model[512], bundle[512], cache[512];
    td_server *server;
    char address[64];
    td_source *source;
    td_picture pictures[FIXTURE_PICTURES];
} fixture;

static inline void check_ok(td_status status, const td_error *error) {
    if (status != TD_OK)
        fail_msg("%s: %s", td_status_name(status), error->message);
}

/* Server settings that tests begin with: one bundle, a free port, two workers. */
static inline td_server_settings fixture_server_settings(const char *const *bundle) {
    td_server_settings settings = td_server_settings_default();
    settings.repositories = bundle;
    settings.repository_count = 1;
    settings.listen = "127.0.0.1:0";
    settings.threads = 2;
    return settings;
}

static inline void fixture_serve(fixture *f, td_server_settings settings) {
    td_error error = {0};
    check_ok(td_server_start(&settings, &f->server, &error), &error);
    snprintf(f->address, sizeof f->address, "127.0.0.1:%d", td_server_port(f->server));
}

static inline void fixture_make_bundle(fixture *f) {
    td_error error = {0};
    char records[512];
    const char *const path = tiny_records(f->folder, "calibration.bin", 3, 6, records);
    td_prepare_settings prepare = td_prepare_settings_default();
    check_ok(td_source_open(&path, 1, &prepare.pictures, &error), &error);
    prepare.model = f->model;
    prepare.bundle = f->bundle;
    prepare.threads = 1;
    check_ok(td_prepare(&prepare, &error), &error);
    td_source_close(prepare.pictures);
}

/* Group setup: bundle and pictures. */
static inline int fixture_setup(void **state) {
    td_error error = {0};
    fixture *f = calloc(1, sizeof *f);
    char records[512];
    test_folder(f->folder);
    tiny_write(f->folder, (tiny_settings){3, 0}, f->model);
    snprintf(f->bundle, sizeof f->bundle, "%s/tiny", f->folder);
    snprintf(f->cache, sizeof f->cache, "%s/cache", f->folder);
    fixture_make_bundle(f);
    const char *const path = tiny_records(f->folder, "pictures.bin", 9, FIXTURE_PICTURES, records);
    check_ok(td_source_open(&path, 1, &f->source, &error), &error);
    for (size_t i = 0; i < FIXTURE_PICTURES; i++)
        check_ok(td_source_read(f->source, i, &f->pictures[i], NULL, &error), &error);
    *state = f;
    return 0;
}

/* Test setup: a server with nothing but its defaults; and its end. */
static inline int fixture_start(void **state) {
    fixture *f = *state;
    const char *const bundle = f->bundle;
    fixture_serve(f, fixture_server_settings(&bundle));
    return 0;
}

static inline int fixture_stop(void **state) {
    fixture *f = *state;
    td_server_stop(f->server);
    f->server = NULL;
    return 0;
}

static inline int fixture_teardown(void **state) {
    fixture *f = *state;
    for (size_t i = 0; i < FIXTURE_PICTURES; i++)
        td_picture_clear(&f->pictures[i]);
    td_source_close(f->source);
    tdi_folder_remove(f->folder, NULL);
    free(f);
    return 0;
}

static inline td_device_settings fixture_device_settings(const fixture *f, const char *cut,
                                                         const char *codec) {
    td_device_settings settings = td_device_settings_default();
    settings.server = f->address;
    settings.model = f->bundle;
    settings.cut = cut;
    settings.codec = codec;
    settings.threads = 1;
    settings.cache = f->cache;
    return settings;
}

static inline td_device *fixture_device(const fixture *f, const char *cut, const char *codec) {
    td_device_settings settings = fixture_device_settings(f, cut, codec);
    td_error error = {0};
    td_device *device;
    check_ok(td_device_open(&settings, &device, &error), &error);
    return device;
}

/* Submits a picture and takes the outcome, which must be a result. */
static inline td_outcome fixture_run(td_device *device, const td_picture *picture) {
    td_error error = {0};
    td_outcome outcome;
    uint64_t id;
    check_ok(td_device_submit(device, picture, &id, &error), &error);
    check_ok(td_device_next(device, &outcome, &error), &error);
    check_ok(outcome.status, &outcome.reason);
    assert_int_equal(outcome.id, id);
    return outcome;
}

#endif
