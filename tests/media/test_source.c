/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of pictures: files, folders, indices and CIFAR records; narrowing them; reading them. */
#include "fixtures.h"

#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/pool.h"

static char folder[256];

static int make_folder(void **state) {
    (void)state;
    test_folder(folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    return tdi_folder_remove(folder, NULL);
}

static const char *at(const char *name) {
    static char path[4][600];
    static unsigned next;
    char *out = path[next++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

static void put(const char *name, const void *bytes, size_t size) {
    assert_int_equal(tdi_file_write(at(name), bytes, size, NULL), TD_OK);
}

static void put_text(const char *name, const char *text) {
    put(name, text, strlen(text));
}

/* A grey picture all of one value. */
static void put_picture(const char *name, uint8_t value) {
    static fixture file;
    uint8_t rows[6];
    memset(rows, value, sizeof rows);
    fixture_png(&file, rows, 3, 2, 1, &(png_options){0});
    put(name, file.bytes, file.size);
}

/* Record i has label i, red i, green 100 + i, blue ramp. */
static void put_records(const char *name, int count) {
    uint8_t *bytes = malloc((size_t)count * 3073);
    for (int i = 0; i < count; i++) {
        uint8_t *record = bytes + i * 3073;
        record[0] = (uint8_t)i;
        memset(record + 1, i, 1024);
        memset(record + 1025, 100 + i, 1024);
        for (int p = 0; p < 1024; p++)
            record[2049 + p] = (uint8_t)p;
    }
    put(name, bytes, (size_t)count * 3073);
    free(bytes);
}

static td_source *open_ok(const char *path) {
    td_source *source;
    td_error err = {0};
    if (td_source_open(&path, 1, &source, &err))
        fail_msg("%s", err.message);
    return source;
}

static td_status open_error(const char *path, td_error *err) {
    td_source *source = NULL;
    td_status status = td_source_open(&path, 1, &source, err);
    if (status == TD_OK)
        fail_msg("%s opens", path);
    return status;
}

static td_source_item item_at(const td_source *source, size_t index) {
    td_picture picture;
    td_source_item item;
    td_error err = {0};
    if (td_source_read(source, index, &picture, &item, &err))
        fail_msg("%s", err.message);
    td_picture_clear(&picture);
    return item;
}

static void test_folder_lists_its_pictures_by_name(void **state) {
    (void)state;
    static const char *const names[] = {"a.PNG", "b.png", "c.jpeg", "d.JpG", "e.webp", "f.bmp"};
    for (size_t i = 0; i < 6; i++)
        put_picture(names[5 - i], 10);
    put_picture(".hidden.png", 1);
    put_picture("png", 1);
    put_text("notes.txt", "no picture");
    put_records("more.bin", 2);
    assert_int_equal(tdi_folder_make(at("folder.png"), NULL), TD_OK);
    td_source *source = open_ok(folder);
    assert_int_equal(td_source_count(source), 6);
    assert_false(td_source_has_labels(source));
    for (size_t i = 0; i < 6; i++) {
        td_source_item item = item_at(source, i);
        assert_string_equal(item.name, names[i]);
        assert_int_equal(item.label, -1);
    }
    td_source_close(source);
}

static void test_control_characters_do_not_reach_the_name(void **state) {
    (void)state;
    put_picture("a\033[31m\n.png", 10);
    td_source *source = open_ok(folder);
    assert_string_equal(item_at(source, 0).name, "a?[31m?.png");
    td_source_close(source);
}

static void test_empty_folder_is_named_with_a_remedy(void **state) {
    (void)state;
    td_error err = {0};
    put_text("notes.txt", "no picture");
    assert_int_equal(open_error(folder, &err), TD_NOT_FOUND);
    assert_non_null(strstr(err.message, folder));
    assert_non_null(strstr(err.message, ".jpg"));
    assert_int_equal(open_error(at("nowhere"), &err), TD_NOT_FOUND);
    assert_non_null(strstr(err.message, "nowhere"));
    assert_int_equal(open_error(at("notes.txt"), &err), TD_FORMAT);
    assert_non_null(strstr(err.message, "notes.txt"));
    td_source *source;
    assert_int_equal(td_source_open(NULL, 0, &source, &err), TD_ARGUMENT);
}

static void test_index_gives_files_and_classes(void **state) {
    (void)state;
    assert_int_equal(tdi_folder_make(at("sub"), NULL), TD_OK);
    put_picture("b.png", 1);
    put_picture("a.png", 2);
    put_picture("sub/odd, \"name\".png", 3);
    put_picture("unlisted.png", 4);
    put_text("index.csv", "\xef\xbb\xbf\"file\",class,note\r\nb.png,7\r\n\r\n\"a.png\",0,x\n"
                          "\"sub/odd, \"\"name\"\".png\",\"12\"");
    td_source *source = open_ok(folder);
    assert_int_equal(td_source_count(source), 3);
    assert_true(td_source_has_labels(source));
    assert_string_equal(item_at(source, 0).name, "b.png");
    assert_int_equal(item_at(source, 0).label, 7);
    assert_int_equal(item_at(source, 1).label, 0);
    assert_string_equal(item_at(source, 2).name, "odd, \"name\".png");
    assert_int_equal(item_at(source, 2).label, 12);
    td_source_close(source);

    put_text("index.csv", "file,class\nb.png,\na.png,1\n");
    source = open_ok(folder);
    assert_false(td_source_has_labels(source));
    td_source_close(source);
}

static void test_index_errors_name_the_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
        int offset;
    } cases[] = {
        {"", "line 1", 0},
        {"name,class\n", "header", 0},
        {"file,class\na.png,1\nb.png,x\n", "line 3", 19},
        {"file,class\na.png,-1\n", "line 2", 11},
        {"file,class\na.png,99999999999\n", "line 2", 11},
        {"file,class\n,1\n", "line 2", 11},
        {"file,class\n/etc/passwd,1\n", "inside the folder", 11},
        {"file,class\n../a.png,1\n", "inside the folder", 11},
        {"file,class\nsub/../../a.png,1\n", "inside the folder", 11},
        {"file,class\nsub//a.png,1\n", "inside the folder", 11},
        {"file,class\n./a.png,1\n", "inside the folder", 11},
        {"file,class\na/,1\n", "inside the folder", 11},
        {"file,class\n\"a.png,1\n", "not closed", 11},
        {"file,class\n\"a\"b.png,1\n", "followed by a comma", 11},
        {"file,class\na\x01.png,1\n", "control", 11},
        {"file,class\na\xff.png,1\n", "UTF-8", 11},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        td_error err = {.offset = -1};
        put_text("index.csv", cases[i].text);
        assert_int_equal(open_error(folder, &err), TD_FORMAT);
        if (!strstr(err.message, cases[i].says) || !strstr(err.message, "index.csv") ||
            err.offset != cases[i].offset)
            fail_msg("case %zu: at %d: %s", i, (int)err.offset, err.message);
    }
    td_error err = {0};
    put_text("index.csv", "file,class\n");
    assert_int_equal(open_error(folder, &err), TD_NOT_FOUND);
    char *longest = malloc(3000);
    memcpy(longest, "file,class\n", 11);
    memset(longest + 11, 'x', 2988);
    longest[2999] = 0;
    put_text("index.csv", longest);
    assert_int_equal(open_error(folder, &err), TD_FORMAT);
    free(longest);
}

static void test_listed_file_that_is_missing_or_damaged_fails_when_read(void **state) {
    (void)state;
    td_picture picture;
    td_error err = {0};
    put_text("index.csv", "file,class\ngone.png,1\nbroken.png,2\n");
    put_text("broken.png", "\x89PNG\r\n\x1a\n");
    td_source *source = open_ok(folder);
    td_source_item item;
    assert_int_equal(td_source_read(source, 0, &picture, &item, &err), TD_NOT_FOUND);
    assert_non_null(strstr(err.message, "gone.png"));
    assert_string_equal(item.name, "gone.png");
    assert_int_equal(item.label, 1);
    assert_int_equal(td_source_read(source, 1, &picture, NULL, &err), TD_FORMAT);
    assert_non_null(strstr(err.message, "broken.png"));
    assert_int_equal(td_source_read(source, 2, &picture, NULL, &err), TD_ARGUMENT);
    td_source_close(source);
}

static void test_cifar_records_from_a_file_and_from_a_folder(void **state) {
    (void)state;
    put_records("test.bin", 5);
    for (int by_folder = 0; by_folder < 2; by_folder++) {
        td_source *source = open_ok(by_folder ? folder : at("test.bin"));
        td_picture picture;
        td_source_item item;
        assert_int_equal(td_source_count(source), 5);
        assert_true(td_source_has_labels(source));
        assert_int_equal(td_source_read(source, 3, &picture, &item, NULL), TD_OK);
        assert_int_equal(item.label, 3);
        assert_string_equal(item.name, "test.bin#3");
        assert_int_equal(picture.width, 32);
        assert_int_equal(picture.height, 32);
        assert_int_equal(picture.channels, 3);
        assert_memory_equal(picture.pixels + 3 * 33, ((uint8_t[]){3, 103, 33}), 3);
        td_picture_clear(&picture);
        td_source_close(source);
    }
    td_error err = {0};
    put("odd.bin", "odd", 3);
    assert_int_equal(open_error(at("odd.bin"), &err), TD_FORMAT);
    assert_non_null(strstr(err.message, "3073"));
    put("none.bin", "", 0);
    assert_int_equal(open_error(at("none.bin"), &err), TD_FORMAT);
}

static void test_record_file_that_shrinks_fails_when_read(void **state) {
    (void)state;
    put_records("test.bin", 2);
    td_source *source = open_ok(at("test.bin"));
    FILE *file = fopen(at("test.bin"), "r+b");
    assert_non_null(file);
    assert_int_equal(truncate(at("test.bin"), 4000), 0);
    fclose(file);
    td_picture picture;
    td_error err = {0};
    assert_int_equal(td_source_read(source, 1, &picture, NULL, &err), TD_IO);
    assert_non_null(strstr(err.message, "test.bin"));
    td_source_close(source);
}

static void test_several_paths_are_one_list_in_the_order_given(void **state) {
    (void)state;
    put_records("r.bin", 2);
    put_picture("p.png", 9);
    const char *paths[] = {at("p.png"), at("r.bin"), at("p.png")};
    td_source *source;
    assert_int_equal(td_source_open(paths, 3, &source, NULL), TD_OK);
    assert_int_equal(td_source_count(source), 4);
    assert_string_equal(item_at(source, 0).name, "p.png");
    assert_string_equal(item_at(source, 2).name, "r.bin#1");
    assert_string_equal(item_at(source, 3).name, "p.png");
    assert_false(td_source_has_labels(source));
    td_source_close(source);
}

static void assert_labels(td_source *source, const int *labels, size_t count) {
    assert_int_equal(td_source_count(source), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(item_at(source, i).label, labels[i]);
}

static void test_subset_takes_every_nth(void **state) {
    (void)state;
    put_records("r.bin", 10);
    td_source *source = open_ok(at("r.bin"));
    assert_int_equal(td_source_subset(source, 1, 3, NULL), TD_OK);
    assert_labels(source, (int[]){1, 4, 7}, 3);
    assert_int_equal(td_source_subset(source, 0, 2, NULL), TD_OK);
    assert_labels(source, (int[]){1, 7}, 2);
    td_error err = {0};
    assert_int_equal(td_source_subset(source, 2, 2, &err), TD_ARGUMENT);
    assert_int_equal(td_source_subset(source, 0, 0, &err), TD_ARGUMENT);
    assert_int_equal(td_source_subset(source, 5, 9, &err), TD_ARGUMENT);
    assert_non_null(strstr(err.message, "none of the 2"));
    assert_labels(source, (int[]){1, 7}, 2);
    td_source_close(source);
}

static void test_limit_takes_evenly_spaced_ones(void **state) {
    (void)state;
    put_records("r.bin", 10);
    td_source *source = open_ok(at("r.bin"));
    assert_int_equal(td_source_limit(source, 0, NULL), TD_OK);
    assert_int_equal(td_source_limit(source, 10, NULL), TD_OK);
    assert_int_equal(td_source_limit(source, 99, NULL), TD_OK);
    assert_int_equal(td_source_count(source), 10);
    assert_int_equal(td_source_limit(source, 4, NULL), TD_OK);
    assert_labels(source, (int[]){0, 2, 5, 7}, 4);
    assert_int_equal(td_source_limit(source, 1, NULL), TD_OK);
    assert_labels(source, (int[]){0}, 1);
    td_source_close(source);
}

static td_status read_any(void *user, int worker, size_t item, td_error *err) {
    const td_source *source = user;
    td_picture picture;
    td_source_item found;
    (void)worker;
    td_status status = td_source_read(source, item % td_source_count(source), &picture, &found,
                                      err);
    if (status != TD_OK)
        return status;
    int right = picture.pixels[0] == found.label;
    td_picture_clear(&picture);
    return right ? TD_OK : TD_MISMATCH;
}

static void test_many_threads_read_one_source(void **state) {
    (void)state;
    put_records("r.bin", 50);
    td_source *source = open_ok(at("r.bin"));
    td_error err = {0};
    assert_int_equal(tdi_pool_run(8, 4000, read_any, source, "pictures", NULL, NULL, &err), TD_OK);
    td_source_close(source);
}

static void test_evaluation_data_opens(void **state) {
    (void)state;
    const char *pictures = test_data("imagenet"), *records = test_data("cifar10");
    if (!pictures || !records)
        skip();
    td_source *source = open_ok(pictures);
    assert_int_equal(td_source_count(source), 500);
    assert_int_equal(item_at(source, 1).label, 2);
    td_source_close(source);
    source = open_ok(records);
    assert_int_equal(td_source_count(source), 5000);
    td_source_close(source);
}

#define WITH_FOLDER(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_folder_lists_its_pictures_by_name),
        WITH_FOLDER(test_control_characters_do_not_reach_the_name),
        WITH_FOLDER(test_empty_folder_is_named_with_a_remedy),
        WITH_FOLDER(test_index_gives_files_and_classes),
        WITH_FOLDER(test_index_errors_name_the_line),
        WITH_FOLDER(test_listed_file_that_is_missing_or_damaged_fails_when_read),
        WITH_FOLDER(test_cifar_records_from_a_file_and_from_a_folder),
        WITH_FOLDER(test_record_file_that_shrinks_fails_when_read),
        WITH_FOLDER(test_several_paths_are_one_list_in_the_order_given),
        WITH_FOLDER(test_subset_takes_every_nth),
        WITH_FOLDER(test_limit_takes_evenly_spaced_ones),
        WITH_FOLDER(test_many_threads_read_one_source),
        cmocka_unit_test(test_evaluation_data_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
