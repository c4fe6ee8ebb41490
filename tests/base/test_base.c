/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses, bounded bytes, text, hashes, files and the worker pool. */
#include "support.h"

#include <errno.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/status.h"
#include "base/text.h"

static void test_statuses_have_distinct_negative_values(void **state) {
    (void)state;
    static const int values[] = {
#define VALUE(name, value, text) value,
        TD_STATUS_MAP(VALUE)
#undef VALUE
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_int_equal(values[i], -(int)i);
    assert_string_equal(td_status_name(TD_FORMAT), "TD_FORMAT");
    assert_string_equal(td_status_name((td_status)1), "TD_?");
    assert_string_equal(td_status_text(TD_OK), "success");
}

static void test_messages_are_cut_not_overrun(void **state) {
    (void)state;
    char longest[2000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    struct {
        td_error err;
        uint8_t canary[16];
    } guarded;
    memset(&guarded, 0x5a, sizeof guarded);
    assert_int_equal(tdi_fail(&guarded.err, TD_IO, "%s", longest), TD_IO);
    assert_int_equal(strlen(guarded.err.message), TD_ERROR_MESSAGE_BYTES - 1);
    assert_int_equal(tdi_fail_prefix(&guarded.err, TD_IO, "%s", longest), TD_IO);
    assert_true(strlen(guarded.err.message) < TD_ERROR_MESSAGE_BYTES);
    for (size_t i = 0; i < sizeof guarded.canary; i++)
        assert_int_equal(guarded.canary[i], 0x5a);
    tdi_fail_at(&guarded.err, TD_FORMAT, 17, "bad");
    tdi_fail_prefix(&guarded.err, TD_FORMAT, "file %d", 3);
    assert_string_equal(guarded.err.message, "file 3: bad");
    assert_int_equal(guarded.err.offset, 17);
    assert_int_equal(tdi_fail(NULL, TD_LIMIT, "ignored"), TD_LIMIT);
}

static void test_reading_past_the_end_sticks(void **state) {
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 5};
    tdi_reader r = tdi_reader_init(bytes, sizeof bytes);
    assert_int_equal(tdi_read_u16(&r), 0x0201);
    assert_int_equal(tdi_reader_left(&r), 3);
    assert_int_equal(tdi_read_u32(&r), 0);
    assert_true(r.failed);
    assert_int_equal(tdi_read_u8(&r), 0);
    r = tdi_reader_init(bytes, sizeof bytes);
    assert_null(tdi_read_bytes(&r, SIZE_MAX));
    assert_true(r.failed);
}

static void test_writing_past_the_end_sticks_and_writes_nothing(void **state) {
    (void)state;
    uint8_t bytes[6] = {0};
    tdi_writer w = tdi_writer_init(bytes, 5);
    tdi_write_u32(&w, 0x04030201);
    tdi_write_u16(&w, 0xffff);
    assert_true(w.failed);
    tdi_write_u8(&w, 0xff);
    const uint8_t expected[6] = {1, 2, 3, 4, 0, 0};
    assert_memory_equal(bytes, expected, sizeof expected);
    w = tdi_writer_init(bytes, sizeof bytes);
    tdi_write_f32(&w, 1.5f);
    tdi_reader r = tdi_reader_init(bytes, 4);
    assert_true(tdi_read_f32(&r) == 1.5f);
}

static void test_numbers_parse_strictly(void **state) {
    (void)state;
    double d;
    int64_t i;
    assert_int_equal(tdi_parse_double("3.25e-1", &d), 0);
    assert_true(d == 0.325);
    static const char *const bad[] = {"",    " 1",   "1 ",    "1,5",   "nan",
                                      "inf", "0x10", "1e999", "1.5.2", "--1"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        assert_int_equal(tdi_parse_double(bad[k], &d), -1);
        assert_int_equal(tdi_parse_int(bad[k], -100, 100, &i), -1);
    }
    assert_int_equal(tdi_parse_int("-7", -7, 7, &i), 0);
    assert_int_equal(i, -7);
    assert_int_equal(tdi_parse_int("8", -7, 7, &i), -1);
    assert_int_equal(tdi_parse_int("99999999999999999999", INT64_MIN, INT64_MAX, &i), -1);
}

static void test_floats_format_shortest_that_reads_back(void **state) {
    (void)state;
    char text[32];
    tdi_format_float(0.1f, text, sizeof text);
    assert_string_equal(text, "0.1");
    tdi_format_float(1.0f / 3.0f, text, sizeof text);
    assert_true(strtof(text, NULL) == 1.0f / 3.0f);
}

static void test_suggestions_name_near_names_only(void **state) {
    (void)state;
    static const char *const names[] = {"uniform", "pack", "jpeg", "png"};
    tdi_text text = {0};
    tdi_text_suggest(&text, "unifrom", names, 4);
    char *said = tdi_text_take(&text);
    assert_string_equal(said, " (did you mean \"uniform\"?)");
    tdi_free(said);
    tdi_text_suggest(&text, "completely-different", names, 4);
    said = tdi_text_take(&text);
    assert_string_equal(said, "");
    tdi_free(said);
}

static void test_hash_equals_the_standard_vector(void **state) {
    (void)state;
    char text[TDI_HASH_TEXT_BYTES];
    tdi_hash hash = tdi_hash_of("abc", 3), parsed;
    tdi_hash_format(&hash, text);
    assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    tdi_hasher *hasher = tdi_hasher_new();
    tdi_hasher_add(hasher, "a", 1);
    tdi_hasher_add(hasher, "bc", 2);
    tdi_hash piecewise = tdi_hasher_end(hasher);
    assert_true(tdi_hash_equal(&hash, &piecewise));
    assert_int_equal(tdi_hash_parse(text, &parsed), 0);
    assert_true(tdi_hash_equal(&hash, &parsed));
    text[5] = 'G';
    assert_int_equal(tdi_hash_parse(text, &parsed), -1);
    assert_int_equal(tdi_hash_parse("ba78", &parsed), -1);
}

static void test_files_are_written_whole_and_read_with_a_limit(void **state) {
    (void)state;
    char folder[256];
    test_folder(folder);
    char *deep = tdi_path_join(folder, "a/b");
    td_error err;
    assert_int_equal(tdi_folder_make(deep, &err), TD_OK);
    assert_int_equal(tdi_folder_make(deep, &err), TD_OK);
    char *path = tdi_path_join(deep, "file.txt");
    assert_int_equal(tdi_file_write(path, "old", 3, &err), TD_OK);
    assert_int_equal(tdi_file_write(path, "newer", 5, &err), TD_OK);
    uint8_t *data;
    size_t size;
    assert_int_equal(tdi_file_read(path, 4, &data, &size, &err), TD_LIMIT);
    assert_int_equal(tdi_file_read(path, 5, &data, &size, &err), TD_OK);
    assert_int_equal(size, 5);
    assert_string_equal((char *)data, "newer");
    tdi_free(data);
    char **names;
    size_t count;
    assert_int_equal(tdi_folder_list(deep, &names, &count, &err), TD_OK);
    assert_int_equal(count, 1); /* no temporary file is left */
    tdi_names_free(names, count);
    assert_int_equal(tdi_file_read(deep, 100, &data, &size, &err), TD_IO);
    assert_non_null(strstr(err.message, "folder"));
    assert_int_equal(tdi_file_read("/nonexistent/x", 100, &data, &size, &err), TD_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nonexistent/x"));
    assert_int_equal(tdi_file_write("/nonexistent/x", "a", 1, &err), TD_NOT_FOUND);
    assert_int_equal(tdi_folder_remove(folder, &err), TD_OK);
    assert_false(tdi_path_exists(folder));
    char *stem = tdi_path_stem("models/net.onnx", ".onnx");
    assert_string_equal(stem, "net");
    tdi_free(stem);
    stem = tdi_path_stem("bundles/net/", ".onnx");
    assert_string_equal(stem, "net");
    tdi_free(stem);
    tdi_free(path);
    tdi_free(deep);
}

static td_status mark(void *user, int worker, size_t item, td_error *err) {
    (void)worker;
    (void)err;
    ((uint8_t *)user)[item]++;
    return TD_OK;
}

static td_status fail_from_30(void *user, int worker, size_t item, td_error *err) {
    (void)user;
    (void)worker;
    return item >= 30 ? tdi_fail(err, TD_FORMAT, "item %zu", item) : TD_OK;
}

static int count_last(const char *what, uint64_t done, uint64_t total, void *user) {
    (void)what;
    if (done == total)
        ++*(int *)user;
    return 0;
}

static void test_pool_runs_every_item_once(void **state) {
    (void)state;
    uint8_t seen[500] = {0};
    int finished = 0;
    assert_int_equal(tdi_pool_run(4, sizeof seen, mark, seen, "items", count_last, &finished, NULL),
                     TD_OK);
    for (size_t i = 0; i < sizeof seen; i++)
        assert_int_equal(seen[i], 1);
    assert_int_equal(finished, 1);
    assert_int_equal(tdi_pool_run(4, 0, mark, seen, "items", NULL, NULL, NULL), TD_OK);
}

static void test_pool_reports_the_lowest_failing_item(void **state) {
    (void)state;
    td_error err;
    assert_int_equal(tdi_pool_run(4, 100, fail_from_30, NULL, "items", NULL, NULL, &err),
                     TD_FORMAT);
    assert_string_equal(err.message, "item 30");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses_have_distinct_negative_values),
        cmocka_unit_test(test_messages_are_cut_not_overrun),
        cmocka_unit_test(test_reading_past_the_end_sticks),
        cmocka_unit_test(test_writing_past_the_end_sticks_and_writes_nothing),
        cmocka_unit_test(test_numbers_parse_strictly),
        cmocka_unit_test(test_floats_format_shortest_that_reads_back),
        cmocka_unit_test(test_suggestions_name_near_names_only),
        cmocka_unit_test(test_hash_equals_the_standard_vector),
        cmocka_unit_test(test_files_are_written_whole_and_read_with_a_limit),
        cmocka_unit_test(test_pool_runs_every_item_once),
        cmocka_unit_test(test_pool_reports_the_lowest_failing_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
