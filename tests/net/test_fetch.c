/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that has only the name of a bundle: it fetches what it needs, once, checked, going on
 * where it broke off.
 */
#include <unistd.h>

#include "fixture.h"

#include "base/hash.h"
#include "bundle/bundle.h"

typedef struct fetched {
    uint64_t first, last, total;
    int calls;
    uint64_t cancel_at; /* bytes; 0: never */
} fetched;

static int on_progress(const char *what, uint64_t done, uint64_t total, void *user) {
    fetched *f = user;
    assert_string_equal(what, "bytes");
    if (!f->calls++)
        f->first = done;
    f->last = done;
    f->total = total;
    return f->cancel_at && done >= f->cancel_at;
}

static td_device_settings named(const fixture *f, const char *cut, const char *codec,
                                fetched *progress) {
    td_device_settings settings = fixture_device_settings(f, cut, codec);
    settings.model = "tiny";
    settings.progress = on_progress;
    settings.progress_user = progress;
    memset(progress, 0, sizeof *progress);
    return settings;
}

/* <cache>/tiny/<hash of the server's bundle.json>/`file` */
static void cached_path(const fixture *f, const char *file, char out[1024]) {
    char hash[TDI_HASH_TEXT_BYTES];
    td_error error = {0};
    tdi_bundle *bundle;
    check_ok(tdi_bundle_open(f->bundle, &bundle, &error), &error);
    tdi_hash_format(&bundle->hash, hash);
    tdi_bundle_free(bundle);
    snprintf(out, 1024, "%s/tiny/%s/%s", f->cache, hash, file);
}

static int start_without_cache(void **state) {
    fixture *f = *state;
    if (tdi_path_exists(f->cache))
        tdi_folder_remove(f->cache, NULL);
    return fixture_start(state);
}

static void a_name_is_enough(void **state) {
    const fixture *f = *state;
    fetched progress;
    td_device_settings settings = named(f, "relu1", "uniform:levels=256,clip=3", &progress);
    td_error error = {0};
    td_device *device;
    char path[1024];
    check_ok(td_device_open(&settings, &device, &error), &error);
    fixture_run(device, &f->pictures[0]);
    td_device_close(device);
    assert_true(progress.total > 0);
    assert_int_equal(progress.first, 0);
    assert_int_equal(progress.last, progress.total);
    cached_path(f, "calibration/relu1.tdc", path);
    assert_true(tdi_path_exists(path));
    cached_path(f, "calibration/add.tdc", path);
    assert_false(tdi_path_exists(path)); /* another cut's */

    settings = named(f, "relu1", "uniform:levels=256,clip=3", &progress);
    check_ok(td_device_open(&settings, &device, &error), &error);
    td_device_close(device);
    assert_int_equal(progress.calls, 1); /* all was there */

    settings = named(f, "add", "uniform:levels=256,clip=3", &progress);
    check_ok(td_device_open(&settings, &device, &error), &error);
    fixture_run(device, &f->pictures[0]);
    td_device_close(device);
    assert_true(tdi_path_exists(path));
}

static void a_broken_fetch_goes_on_where_it_was(void **state) {
    const fixture *f = *state;
    fetched progress;
    td_device_settings settings = named(f, "relu1", "raw", &progress);
    td_error error = {0};
    td_device *device;
    char path[1024], part[1032];
    uint8_t *bytes;
    size_t size;
    check_ok(td_device_open(&settings, &device, &error), &error);
    td_device_close(device);
    cached_path(f, "model.onnx", path);
    snprintf(part, sizeof part, "%s.part", path);
    /* As if it had broken off amid the model, whose first part is there. */
    char model[600];
    snprintf(model, sizeof model, "%s/model.onnx", f->bundle);
    check_ok(tdi_file_read(model, 1 << 24, &bytes, &size, &error), &error);
    unlink(path);
    check_ok(tdi_file_write(part, bytes, size / 2, &error), &error);
    tdi_free(bytes);
    settings = named(f, "relu1", "raw", &progress);
    check_ok(td_device_open(&settings, &device, &error), &error);
    assert_true(progress.first >= size / 2);
    assert_false(tdi_path_exists(part));
    fixture_run(device, &f->pictures[0]);
    td_device_close(device);
}

static void a_damaged_part_is_noticed_and_thrown_away(void **state) {
    const fixture *f = *state;
    fetched progress;
    td_device_settings settings = named(f, "relu1", "raw", &progress);
    td_error error = {0};
    td_device *device;
    char path[1024], part[1032];
    progress.cancel_at = 1;
    assert_int_equal(td_device_open(&settings, &device, &error), TD_CANCELLED);
    cached_path(f, "model.onnx", path);
    snprintf(part, sizeof part, "%s.part", path);
    if (tdi_path_exists(path))
        unlink(path);
    check_ok(tdi_file_write(part, "not a model", 11, &error), &error);
    settings = named(f, "relu1", "raw", &progress);
    assert_int_equal(td_device_open(&settings, &device, &error), TD_MISMATCH);
    assert_non_null(strstr(error.message, "model.onnx"));
    assert_false(tdi_path_exists(part));
    settings = named(f, "relu1", "raw", &progress);
    check_ok(td_device_open(&settings, &device, &error), &error);
    td_device_close(device);
}

static void a_name_that_the_server_lacks_is_told_with_those_it_has(void **state) {
    const fixture *f = *state;
    fetched progress;
    td_device_settings settings = named(f, "relu1", "raw", &progress);
    td_error error = {0};
    td_device *device;
    settings.model = "nothing";
    assert_int_equal(td_device_open(&settings, &device, &error), TD_NOT_FOUND);
    assert_non_null(strstr(error.message, "\"nothing\""));
    assert_non_null(strstr(error.message, "\"tiny\""));
    settings.model = "../escape";
    assert_int_equal(td_device_open(&settings, &device, &error), TD_NOT_FOUND);
}

static void a_model_file_will_do_where_it_is_the_servers(void **state) {
    const fixture *f = *state;
    fetched progress;
    td_device_settings settings = named(f, "relu1", "raw", &progress);
    td_error error = {0};
    td_device *device;
    settings.model = f->model; /* the .onnx file that the bundle was made of */
    check_ok(td_device_open(&settings, &device, &error), &error);
    fixture_run(device, &f->pictures[0]);
    td_device_close(device);
    assert_int_equal(progress.calls, 0);
}

/* Another bundle of the same name on the device's side. */
static void make_other_bundle(const fixture *f, const char *recipe, int seed, const char *model,
                              char out[512]) {
    td_error error = {0};
    char records[512];
    const char *const path = tiny_records(f->folder, "other.bin", (uint64_t)seed, 4, records);
    td_prepare_settings prepare = td_prepare_settings_default();
    check_ok(td_source_open(&path, 1, &prepare.pictures, &error), &error);
    snprintf(out, 512, "%s/other", f->folder);
    prepare.model = model;
    prepare.bundle = out;
    prepare.name = "tiny";
    prepare.recipe = recipe;
    prepare.replace = 1;
    prepare.threads = 1;
    check_ok(td_prepare(&prepare, &error), &error);
    td_source_close(prepare.pictures);
}

static void another_calibration_model_or_recipe_is_refused(void **state) {
    const fixture *f = *state;
    char other[512], folder[400], model[512];
    td_error error = {0};
    td_device *device;
    td_device_settings settings = fixture_device_settings(f, "relu1", "uniform:levels=256,clip=3");
    settings.model = other;
    make_other_bundle(f, NULL, 77, f->model, other);
    assert_int_equal(td_device_open(&settings, &device, &error), TD_MISMATCH);
    assert_non_null(strstr(error.message, "calibration"));
    make_other_bundle(f, "unit", 3, f->model, other);
    assert_int_equal(td_device_open(&settings, &device, &error), TD_MISMATCH);
    assert_non_null(strstr(error.message, "prepares pictures"));
    snprintf(folder, sizeof folder, "%.255s/softmax", f->folder);
    check_ok(tdi_folder_make(folder, &error), &error);
    tiny_write(folder, (tiny_settings){3, 1}, model);
    make_other_bundle(f, NULL, 3, model, other);
    assert_int_equal(td_device_open(&settings, &device, &error), TD_MISMATCH);
    assert_non_null(strstr(error.message, "model file"));
}

int main(void) {
#define NET_TEST(test) cmocka_unit_test_setup_teardown(test, start_without_cache, fixture_stop)
    const struct CMUnitTest tests[] = {
        NET_TEST(a_name_is_enough),
        NET_TEST(a_broken_fetch_goes_on_where_it_was),
        NET_TEST(a_damaged_part_is_noticed_and_thrown_away),
        NET_TEST(a_name_that_the_server_lacks_is_told_with_those_it_has),
        NET_TEST(a_model_file_will_do_where_it_is_the_servers),
        NET_TEST(another_calibration_model_or_recipe_is_refused),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
