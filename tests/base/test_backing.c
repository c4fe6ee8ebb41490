/* SPDX-License-Identifier: Apache-2.0 */
/* Files that stay open: what may happen to them meanwhile, and what may not. */
#include <support.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/backing.h"
#include "base/file.h"

static const char content[] = "0123456789";

typedef struct place {
    char folder[256], path[512];
    tdi_backing *file;
} place;

static int setup(void **state) {
    static place p;
    test_folder(p.folder);
    snprintf(p.path, sizeof p.path, "%s/file", p.folder);
    assert_int_equal(tdi_file_write(p.path, content, 10, NULL), TD_OK);
    assert_int_equal(tdi_backing_open(p.path, 10, &p.file, NULL), TD_OK);
    *state = &p;
    return 0;
}

static int teardown(void **state) {
    place *p = *state;
    tdi_backing_unref(p->file);
    return tdi_folder_remove(p->folder, NULL);
}

static void assert_readable(const place *p) {
    char part[4] = {0};
    assert_int_equal(tdi_backing_read(p->file, 3, part, 4, NULL), TD_OK);
    assert_memory_equal(part, content + 3, 4);
}

static void parts_are_read(void **state) {
    const place *p = *state;
    tdi_hash hash, expected = tdi_hash_of(content, 10);
    assert_int_equal(tdi_backing_bytes(p->file), 10);
    assert_readable(p);
    assert_int_equal(tdi_backing_hash(p->file, &hash, NULL), TD_OK);
    assert_true(tdi_hash_equal(&hash, &expected));
}

static void a_deleted_file_stays_readable(void **state) {
    const place *p = *state;
    assert_int_equal(unlink(p->path), 0);
    assert_readable(p);
}

static void a_replaced_file_stays_readable(void **state) {
    const place *p = *state;
    tdi_backing *other;
    assert_int_equal(tdi_file_write(p->path, "another", 7, NULL), TD_OK);
    assert_readable(p);
    assert_int_equal(tdi_backing_open(p->path, 10, &other, NULL), TD_OK);
    assert_true(tdi_backing_id(other) != tdi_backing_id(p->file));
    tdi_backing_unref(other);
}

static void assert_refused(const place *p, size_t offset, size_t bytes) {
    char part[10];
    td_error err;
    assert_int_equal(tdi_backing_read(p->file, offset, part, bytes, &err), TD_MISMATCH);
    assert_non_null(strstr(err.message, p->path));
    assert_non_null(strstr(err.message, "open the model again"));
}

static void a_file_that_is_written_to_is_refused(void **state) {
    const place *p = *state;
    /* Nobody waits for the clock of the file system: the file was written long ago. */
    const struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
    place old = *p;
    assert_int_equal(utimensat(AT_FDCWD, p->path, long_ago, 0), 0);
    assert_int_equal(tdi_backing_open(p->path, 10, &old.file, NULL), TD_OK);
    assert_readable(&old);
    FILE *file = fopen(p->path, "r+");
    assert_non_null(file);
    assert_int_equal(fputc('x', file), 'x');
    assert_int_equal(fclose(file), 0);
    assert_refused(&old, 3, 4);
    tdi_backing_unref(old.file);
}

static void a_file_that_is_cut_short_is_refused(void **state) {
    const place *p = *state;
    assert_int_equal(truncate(p->path, 5), 0);
    assert_refused(p, 3, 4);
    assert_refused(p, 0, 2);
}

static void what_is_no_file_is_not_opened(void **state) {
    const place *p = *state;
    tdi_backing *file;
    td_error err;
    assert_int_equal(tdi_backing_open(p->folder, 10, &file, &err), TD_IO);
    assert_int_equal(tdi_backing_open(p->path, 9, &file, &err), TD_LIMIT);
    assert_int_equal(unlink(p->path), 0);
    assert_int_equal(tdi_backing_open(p->path, 10, &file, &err), TD_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parts_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deleted_file_stays_readable, setup, teardown),
        cmocka_unit_test_setup_teardown(a_replaced_file_stays_readable, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_written_to_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_cut_short_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_not_opened, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
