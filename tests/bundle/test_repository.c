/* SPDX-License-Identifier: Apache-2.0 */
/* Which folders count as bundles of a server. */
#include "sample.h"

#include "base/file.h"

static void open_ok(const char *const *paths, size_t count, tdi_repository *out) {
    td_error err = {0};
    if (tdi_repository_open(paths, count, out, &err))
        fail_msg("%s", err.message);
}

static const tdi_bundle *find(const tdi_repository *repository, const char *name) {
    const tdi_bundle *bundle = tdi_repository_find(repository, name);
    if (!bundle)
        fail_msg("no bundle %s", name);
    return bundle;
}

static void test_a_bundle_is_a_repository_of_one(void **state) {
    (void)state;
    tdi_repository repository;
    sample_bundle("b", "one");
    const char *path = sample_at("b");
    open_ok(&path, 1, &repository);
    assert_int_equal(repository.count, 1);
    find(&repository, "one");
    assert_null(tdi_repository_find(&repository, "two"));
    tdi_repository_clear(&repository);
    assert_int_equal(repository.count, 0);
}

static void test_the_highest_version_is_taken_by_number(void **state) {
    (void)state;
    tdi_repository repository;
    sample_bundle("repo/cats/9", "cats");
    sample_bundle("repo/cats/10", "cats");
    sample_bundle("repo/cats/latest", "cats");
    assert_int_equal(tdi_folder_make(sample_at("repo/cats/11"), NULL), TD_OK);
    sample_bundle("repo/dogs/1", "dogs");
    const char *path = sample_at("repo");
    open_ok(&path, 1, &repository);
    assert_int_equal(repository.count, 2);
    assert_non_null(strstr(find(&repository, "cats")->folder, "/cats/10"));
    find(&repository, "dogs");
    tdi_repository_clear(&repository);
}

static void test_bundles_may_lie_directly_in_a_folder_beside_other_things(void **state) {
    (void)state;
    tdi_repository repository;
    sample_bundle("repo/a", "a");
    sample_bundle("repo/b", "b");
    sample_bundle("repo/.c.part", "c");
    sample_put("repo/README", "hello");
    assert_int_equal(tdi_folder_make(sample_at("repo/empty"), NULL), TD_OK);
    const char *path = sample_at("repo");
    open_ok(&path, 1, &repository);
    assert_int_equal(repository.count, 2);
    tdi_repository_clear(&repository);
}

static void test_several_paths_make_one_repository(void **state) {
    (void)state;
    tdi_repository repository;
    sample_bundle("repo/a/1", "a");
    sample_bundle("b", "b");
    const char *paths[] = {sample_at("repo"), sample_at("b")};
    open_ok(paths, 2, &repository);
    assert_int_equal(repository.count, 2);
    tdi_repository_clear(&repository);
}

static void test_two_bundles_of_one_name_are_both_named(void **state) {
    (void)state;
    tdi_repository repository = {NULL, 0};
    td_error err = {0};
    sample_bundle("x/a", "same");
    sample_bundle("y/a", "same");
    const char *paths[] = {sample_at("x"), sample_at("y/a")};
    assert_int_equal(tdi_repository_open(paths, 2, &repository, &err), TD_ARGUMENT);
    assert_non_null(strstr(err.message, "/x/a"));
    assert_non_null(strstr(err.message, "/y/a"));
    assert_null(repository.bundles);
}

static void test_no_bundle_or_a_damaged_one_is_an_error(void **state) {
    (void)state;
    tdi_repository repository;
    td_error err = {0};
    const char *path = sample_at("");
    assert_int_equal(tdi_repository_open(&path, 1, &repository, &err), TD_NOT_FOUND);
    assert_non_null(strstr(err.message, "tandem prepare"));
    path = sample_at("nowhere");
    assert_int_equal(tdi_repository_open(&path, 1, &repository, &err), TD_NOT_FOUND);
    assert_non_null(strstr(err.message, "nowhere"));
    assert_int_equal(tdi_repository_open(NULL, 0, &repository, &err), TD_ARGUMENT);

    sample_bundle("repo/a", "a");
    sample_bundle("repo/b", "b");
    sample_put("repo/b/bundle.json", "{}");
    path = sample_at("repo");
    assert_int_equal(tdi_repository_open(&path, 1, &repository, &err), TD_FORMAT);
    assert_non_null(strstr(err.message, "repo/b/bundle.json"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SAMPLE(test_a_bundle_is_a_repository_of_one),
        WITH_SAMPLE(test_the_highest_version_is_taken_by_number),
        WITH_SAMPLE(test_bundles_may_lie_directly_in_a_folder_beside_other_things),
        WITH_SAMPLE(test_several_paths_make_one_repository),
        WITH_SAMPLE(test_two_bundles_of_one_name_are_both_named),
        WITH_SAMPLE(test_no_bundle_or_a_damaged_one_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
