/* SPDX-License-Identifier: Apache-2.0 */
/* Running out of memory at every allocation in turn: a status, nothing leaked, nothing half done.
 */
#include "sample.h"

#include "base/file.h"
#include "base/memory.h"

static long left = -1; /* allocations until they fail; negative: never */
static long live;

static int may_allocate(void) {
    return left < 0 || left-- > 0;
}

static void *counted_malloc(size_t bytes, void *user) {
    (void)user;
    void *p = may_allocate() ? malloc(bytes) : NULL;
    live += p != NULL;
    return p;
}

static void *counted_calloc(size_t count, size_t bytes, void *user) {
    (void)user;
    void *p = may_allocate() ? calloc(count, bytes) : NULL;
    live += p != NULL;
    return p;
}

static void *counted_realloc(void *old, size_t bytes, void *user) {
    (void)user;
    void *p = may_allocate() ? realloc(old, bytes) : NULL;
    live += p && !old;
    return p;
}

static void counted_free(void *p, void *user) {
    (void)user;
    live -= p != NULL;
    free(p);
}

typedef td_status (*attempt)(td_error *err);

/* Fails allocation 0, 1, 2, ... of `run` until it gets through without a failure. */
static void fail_each(const char *what, attempt run) {
    long before = live;
    for (long n = 0;; n++) {
        td_error err = {0};
        left = n;
        td_status status = run(&err);
        int got_through = left > 0;
        left = -1;
        if (live != before)
            fail_msg("%s, allocation %ld: %ld blocks are left", what, n, live - before);
        if (status != TD_OK && status != TD_MEMORY)
            fail_msg("%s, allocation %ld: %s: %s", what, n, td_status_name(status), err.message);
        if (got_through) {
            assert_int_equal(status, TD_OK);
            print_message("%s: %ld allocations\n", what, n);
            return;
        }
    }
}

static td_status read_bundle(td_error *err) {
    tdi_bundle *bundle;
    tdi_labels *labels = NULL;
    tdi_hash *pictures = NULL;
    tdi_calibration_set set = {0};
    tdi_ranges ranges = {0};
    size_t count;
    TD_TRY(tdi_bundle_open(sample_at("b"), &bundle, err));
    td_status status = tdi_bundle_labels(bundle, &labels, err);
    if (status == TD_OK)
        status = tdi_bundle_pictures(bundle, &pictures, &count, err);
    if (status == TD_OK)
        status = tdi_bundle_calibration(bundle, SAMPLE_CUT, &set, err);
    if (status == TD_OK)
        status = tdi_bundle_ranges(bundle, &ranges, err);
    tdi_ranges_clear(&ranges);
    tdi_calibration_set_clear(&set);
    tdi_labels_free(labels);
    tdi_free(pictures);
    tdi_bundle_free(bundle);
    return status;
}

static td_status write_bundle(td_error *err) {
    tdi_bundle_writer *writer;
    tdi_bundle about = sample_about("sample");
    tdi_hash hash = {{1}};
    tdi_ranges ranges = {0};
    about.labels_path = NULL;
    TD_TRY(tdi_bundle_writer_new(sample_at("written"), 1, &writer, err));
    td_status status = tdi_bundle_writer_add(writer, "model.onnx", "m", 1, err);
    if (status == TD_OK)
        status = tdi_bundle_writer_pictures(writer, &hash, 1, err);
    if (status == TD_OK)
        status = tdi_ranges_add(&ranges, "relu1", 0, 6, err);
    if (status == TD_OK)
        status = tdi_bundle_writer_ranges(writer, &ranges, err);
    if (status == TD_OK)
        status = tdi_bundle_writer_finish(writer, &about, err);
    tdi_ranges_clear(&ranges);
    tdi_bundle_writer_free(writer);
    return status;
}

static td_status open_repository(td_error *err) {
    tdi_repository repository;
    const char *path = sample_at("repo");
    TD_TRY(tdi_repository_open(&path, 1, &repository, err));
    assert_int_equal(repository.count, 2);
    assert_int_equal(tdi_repository_find(&repository, "a")->version, 4);
    tdi_repository_clear(&repository);
    return TD_OK;
}

static td_status read_pictures(td_error *err) {
    td_source *source;
    td_picture picture, fitted;
    td_recipe recipe;
    const char *path = test_source("models/fashion/pictures");
    TD_TRY(td_source_open(&path, 1, &source, err));
    td_status status = td_recipe_parse("size=20x10", &recipe, err);
    if (status == TD_OK)
        status = td_source_read(source, 0, &picture, NULL, err);
    if (status == TD_OK) {
        status = td_recipe_fit(&recipe, &picture, &fitted, err);
        td_picture_clear(&picture);
    }
    if (status == TD_OK)
        td_picture_clear(&fitted);
    td_source_close(source);
    return status;
}

static void test_reading_a_bundle(void **state) {
    (void)state;
    sample_bundle("b", "sample");
    fail_each("reading", read_bundle);
}

static void test_writing_a_bundle_leaves_the_old_one_or_the_new_one(void **state) {
    (void)state;
    fail_each("writing", write_bundle);
    tdi_bundle *bundle;
    assert_int_equal(tdi_bundle_open(sample_at("written"), &bundle, NULL), TD_OK);
    tdi_bundle_free(bundle);
}

static void test_opening_a_repository(void **state) {
    (void)state;
    sample_bundle("repo/a/1", "a");
    sample_bundle("repo/a/2", "a");
    char *text = sample_get("repo/a/2/bundle.json");
    strstr(text, "\"version\": 3,")[11] = '4';
    sample_put("repo/a/2/bundle.json", text);
    free(text);
    sample_bundle("repo/b", "b");
    fail_each("repository", open_repository);
}

static void test_reading_and_fitting_pictures(void **state) {
    (void)state;
    fail_each("pictures", read_pictures);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SAMPLE(test_reading_a_bundle),
        WITH_SAMPLE(test_writing_a_bundle_leaves_the_old_one_or_the_new_one),
        WITH_SAMPLE(test_opening_a_repository),
        cmocka_unit_test(test_reading_and_fitting_pictures),
    };
    const td_memory memory = {counted_malloc, counted_calloc, counted_realloc, counted_free, NULL};
    if (td_memory_set(&memory) != TD_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
