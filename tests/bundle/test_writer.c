/* SPDX-License-Identifier: Apache-2.0 */
/* Writing bundles: all or nothing, replacing, refusing, names. */
#include "sample.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/prng.h"
#include "bundle/name.h"

static size_t entries(const char *folder) {
    char **names;
    size_t count;
    assert_int_equal(tdi_folder_list(sample_at(folder), &names, &count, NULL), TD_OK);
    tdi_names_free(names, count);
    return count;
}

static void test_nothing_is_left_of_a_bundle_that_is_not_finished(void **state) {
    (void)state;
    tdi_bundle_writer *writer = sample_writer(sample_at("b"), 0);
    assert_false(tdi_path_exists(sample_at("b")));
    assert_int_equal(entries(""), 1);
    tdi_bundle_writer_free(writer);
    assert_int_equal(entries(""), 0);
}

static void test_parents_are_made_and_slashes_at_the_end_ignored(void **state) {
    (void)state;
    sample_bundle("x/y/b///", "sample");
    assert_true(tdi_path_exists(sample_at("x/y/b/bundle.json")));
    assert_int_equal(entries("x/y"), 1);
}

static void test_an_existing_folder_is_replaced_only_on_request(void **state) {
    (void)state;
    tdi_bundle_writer *writer;
    td_error err = {0};
    sample_bundle("b", "old");
    assert_int_equal(tdi_bundle_writer_new(sample_at("b"), 0, &writer, &err), TD_ARGUMENT);
    assert_non_null(strstr(err.message, "exists already"));

    writer = sample_writer(sample_at("b"), 1);
    tdi_bundle about = sample_about("new");
    assert_int_equal(tdi_bundle_writer_finish(writer, &about, NULL), TD_OK);
    tdi_bundle_writer_free(writer);
    assert_int_equal(entries(""), 1);
    tdi_bundle *bundle;
    assert_int_equal(tdi_bundle_open(sample_at("b"), &bundle, NULL), TD_OK);
    assert_string_equal(bundle->name, "new");
    tdi_bundle_free(bundle);
}

static void test_a_folder_that_is_no_bundle_is_never_replaced(void **state) {
    (void)state;
    tdi_bundle_writer *writer;
    td_error err = {0};
    assert_int_equal(tdi_folder_make(sample_at("home"), NULL), TD_OK);
    sample_put("home/letter.txt", "dear");
    assert_int_equal(tdi_bundle_writer_new(sample_at("home"), 1, &writer, &err), TD_ARGUMENT);
    assert_non_null(strstr(err.message, "not a bundle"));
    assert_int_equal(tdi_bundle_writer_new("", 1, &writer, &err), TD_ARGUMENT);
    assert_int_equal(tdi_bundle_writer_new("/", 1, &writer, &err), TD_ARGUMENT);

    /* Nor one that appeared in the meantime. */
    writer = sample_writer(sample_at("late"), 0);
    assert_int_equal(tdi_folder_make(sample_at("late"), NULL), TD_OK);
    sample_put("late/letter.txt", "dear");
    tdi_bundle about = sample_about("sample");
    assert_int_equal(tdi_bundle_writer_finish(writer, &about, &err), TD_ARGUMENT);
    tdi_bundle_writer_free(writer);
    assert_int_equal(entries("late"), 1);
    assert_int_equal(entries(""), 2);
}

static void test_names_that_lead_outside_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {
        "",   "/a",  "../a",        "a/../b",   "a\\b", ".a",    "a/.b", "a//b",
        "a/", "a b", "bundle.json", "\xc3\xa4", "a\nb", "a/b/.", "~/a*"};
    tdi_bundle_writer *writer = sample_writer(sample_at("b"), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(tdi_bundle_writer_add(writer, names[i], "x", 1, NULL), TD_ARGUMENT);
    assert_int_equal(tdi_bundle_writer_add(writer, "model.onnx", "x", 1, NULL), TD_ARGUMENT);
    assert_int_equal(tdi_bundle_writer_add(writer, "profiles/a-b_c.1.json", "{}", 2, NULL), TD_OK);
    tdi_bundle_writer_free(writer);
}

static void test_a_bundle_that_could_not_be_opened_is_not_written(void **state) {
    (void)state;
    td_error err = {0};
    tdi_bundle_writer *writer = sample_writer(sample_at("b"), 0);
    tdi_bundle about = sample_about("not a name");
    assert_int_equal(tdi_bundle_writer_finish(writer, &about, &err), TD_FORMAT);
    assert_non_null(strstr(err.message, "`name`"));
    about = sample_about("sample");
    about.model_path = (char *)(uintptr_t) "missing.onnx";
    assert_int_equal(tdi_bundle_writer_finish(writer, &about, &err), TD_FORMAT);
    about.model_path = NULL;
    assert_int_equal(tdi_bundle_writer_finish(writer, &about, &err), TD_ARGUMENT);
    tdi_bundle_writer_free(writer);
    assert_int_equal(entries(""), 0);
}

/* A limit on the size of files stands in for a full disk. */
static void test_a_full_disk_is_reported_and_leaves_the_old_bundle(void **state) {
    (void)state;
    struct rlimit old, small;
    td_error err = {0};
    uint8_t *bytes = calloc(1, 1 << 20);
    sample_bundle("b", "old");
    tdi_bundle_writer *writer = sample_writer(sample_at("b"), 1);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 1 << 16;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    td_status status = tdi_bundle_writer_add(writer, "big.bin", bytes, 1 << 20, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(status, TD_IO);
    assert_non_null(strstr(err.message, "big.bin"));
    tdi_bundle_writer_free(writer);
    free(bytes);
    assert_int_equal(entries(""), 1);
    tdi_bundle *bundle;
    assert_int_equal(tdi_bundle_open(sample_at("b"), &bundle, NULL), TD_OK);
    assert_string_equal(bundle->name, "old");
    tdi_bundle_free(bundle);
}

static void test_file_names_of_cuts(void **state) {
    (void)state;
    static const char *const kept[] = {"conv1", "block_6_project", "layer1.0.add", "a-b"};
    char path[TDI_CALIBRATION_PATH_BYTES], expected[TDI_CALIBRATION_PATH_BYTES];
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        tdi_calibration_path(kept[i], path);
        snprintf(expected, sizeof expected, "calibration/%s.tdc", kept[i]);
        assert_string_equal(path, expected);
    }
    tdi_calibration_path("a/b:0,c", path);
    assert_int_equal(strncmp(path, "calibration/a_b_0_c-", 20), 0);
    assert_int_equal(strlen(path), 20 + 16 + 4);
    tdi_calibration_path(".hidden", path);
    assert_int_equal(strncmp(path, "calibration/_hidden-", 20), 0);
}

static void test_two_cuts_never_share_a_file(void **state) {
    (void)state;
    char longest[3000], path[TDI_CALIBRATION_PATH_BYTES], other[TDI_CALIBRATION_PATH_BYTES];
    tdi_calibration_path("a b", path);
    assert_true(tdi_bundle_path_valid(path));
    /* A cut that is named as the file of another one. */
    size_t size = strlen(path) - strlen("calibration/") - strlen(".tdc");
    snprintf(longest, sizeof longest, "%.*s", (int)size, path + strlen("calibration/"));
    tdi_calibration_path(longest, other);
    assert_string_not_equal(path, other);
    tdi_calibration_path("a_b", other);
    assert_string_not_equal(path, other);
    tdi_calibration_path("a,b", other);
    assert_string_not_equal(path, other);

    tdi_prng prng = {test_seed(3)};
    for (int round = 0; round < 1000; round++) {
        size_t length = 1 + tdi_prng_below(&prng, sizeof longest - 2);
        for (size_t i = 0; i < length; i++)
            longest[i] = (char)(1 + tdi_prng_below(&prng, 255));
        longest[length] = 0;
        tdi_calibration_path(longest, path);
        assert_true(tdi_bundle_path_valid(path));
        longest[length - 1] ^= 1;
        if (!longest[length - 1])
            continue;
        tdi_calibration_path(longest, other);
        assert_string_not_equal(path, other);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SAMPLE(test_nothing_is_left_of_a_bundle_that_is_not_finished),
        WITH_SAMPLE(test_parents_are_made_and_slashes_at_the_end_ignored),
        WITH_SAMPLE(test_an_existing_folder_is_replaced_only_on_request),
        WITH_SAMPLE(test_a_folder_that_is_no_bundle_is_never_replaced),
        WITH_SAMPLE(test_names_that_lead_outside_are_refused),
        WITH_SAMPLE(test_a_bundle_that_could_not_be_opened_is_not_written),
        WITH_SAMPLE(test_a_full_disk_is_reported_and_leaves_the_old_bundle),
        cmocka_unit_test(test_file_names_of_cuts),
        cmocka_unit_test(test_two_cuts_never_share_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
