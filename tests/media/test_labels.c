/* SPDX-License-Identifier: Apache-2.0 */
/* Label files in their four forms, and what is refused. */
#include "support.h"

#include "base/file.h"
#include "base/memory.h"
#include "media/labels.h"

static tdi_labels *parse(const char *text) {
    tdi_labels *labels;
    td_error err = {0};
    if (tdi_labels_parse(text, strlen(text), &labels, &err))
        fail_msg("%s", err.message);
    return labels;
}

static void assert_label(const tdi_labels *labels, size_t index, const char *id, const char *name,
                         const char *description) {
    assert_string_equal(tdi_labels_id(labels, index), id);
    assert_string_equal(tdi_labels_name(labels, index), name);
    assert_string_equal(tdi_labels_description(labels, index), description);
}

static void test_names_ids_and_descriptions(void **state) {
    (void)state;
    tdi_labels *labels = parse("tench, Tinca tinca\n"
                               "n1\tgoldfish\n"
                               "n2\tshark\tgreat white, a fish\n"
                               "n01440764 tench, Tinca tinca\n"
                               "n01443537 goldfish\n"
                               "n014437 no synset\n"
                               "T-shirt/top\n"
                               "\tno id\n"
                               "Bäcker\n"
                               "n01440764 a\tno, synset\n");
    assert_int_equal(tdi_labels_count(labels), 10);
    assert_label(labels, 0, "", "tench, Tinca tinca", "");
    assert_label(labels, 1, "n1", "goldfish", "");
    assert_label(labels, 2, "n2", "shark", "great white, a fish");
    assert_label(labels, 3, "n01440764", "tench", "Tinca tinca");
    assert_label(labels, 4, "n01443537", "goldfish", "");
    assert_label(labels, 5, "", "n014437 no synset", "");
    assert_label(labels, 6, "", "T-shirt/top", "");
    assert_label(labels, 7, "", "no id", "");
    assert_label(labels, 8, "", "Bäcker", "");
    assert_label(labels, 9, "n01440764 a", "no, synset", "");
    tdi_labels_free(labels);
}

static void test_windows_line_ends_byte_order_mark_and_no_last_newline(void **state) {
    (void)state;
    tdi_labels *labels = parse("\xef\xbb\xbfone\r\ntwo\r\n\r\n\n");
    assert_int_equal(tdi_labels_count(labels), 2);
    assert_label(labels, 0, "", "one", "");
    assert_label(labels, 1, "", "two", "");
    tdi_labels_free(labels);
    labels = parse("a\nb");
    assert_int_equal(tdi_labels_count(labels), 2);
    tdi_labels_free(labels);
}

static void test_what_cannot_be_shown_or_counted_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int offset;
        const char *says;
    } cases[] = {
        {"", -1, "no labels"},
        {"\n\n", -1, "no labels"},
        {"a\n\nb\n", 2, "line 2 is empty"},
        {"a\nb\x1b[31m\n", 3, "line 2"},
        {"a\x7f", 1, "line 1"},
        {"a\xc2\x9b", 1, "line 1"},
        {"caf\xe9\n", 3, "UTF-8"},
        {"\xed\xa0\x80", 0, "UTF-8"},
        {"\xc0\xaf", 0, "UTF-8"},
        {"\xf4\x90\x80\x80", 0, "UTF-8"},
        {"\xe2\x82", 0, "UTF-8"},
        {"id\t\n", 0, "no name"},
        {"a\tb\tc\td\n", 0, "3 tabs"},
        {"x\ry\n", 1, "control"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tdi_labels *labels;
        td_error err = {.offset = -1};
        if (tdi_labels_parse(cases[i].text, strlen(cases[i].text), &labels, &err) != TD_FORMAT)
            fail_msg("case %zu is accepted", i);
        if (err.offset != cases[i].offset || !strstr(err.message, cases[i].says))
            fail_msg("case %zu: at %d: %s", i, (int)err.offset, err.message);
    }
    tdi_labels *labels;
    assert_int_equal(tdi_labels_parse("a\0b", 3, &labels, NULL), TD_FORMAT);
}

static void test_sizes_are_limited(void **state) {
    (void)state;
    size_t size = (16u << 20) + 1;
    char *text = malloc(size);
    tdi_labels *labels;
    memset(text, 'x', size);
    assert_int_equal(tdi_labels_parse(text, size, &labels, NULL), TD_LIMIT);
    assert_int_equal(tdi_labels_parse(text, 4097, &labels, NULL), TD_LIMIT);
    for (size_t i = 1; i < size; i += 2)
        text[i] = '\n';
    assert_int_equal(tdi_labels_parse(text, 2 * 1000001, &labels, NULL), TD_LIMIT);
    assert_int_equal(tdi_labels_parse(text, 2 * 1000000, &labels, NULL), TD_OK);
    assert_int_equal(tdi_labels_count(labels), 1000000);
    tdi_labels_free(labels);
    free(text);
}

static void test_labels_of_the_evaluation_data(void **state) {
    (void)state;
    const char *path = test_data("imagenet/labels.txt");
    if (!path)
        skip();
    uint8_t *text;
    size_t size;
    tdi_labels *labels;
    assert_int_equal(tdi_file_read(path, 1 << 20, &text, &size, NULL), TD_OK);
    assert_int_equal(tdi_labels_parse((const char *)text, size, &labels, NULL), TD_OK);
    assert_int_equal(tdi_labels_count(labels), 1000);
    assert_label(labels, 1, "", "goldfish, Carassius auratus", "");
    tdi_labels_free(labels);
    tdi_free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_ids_and_descriptions),
        cmocka_unit_test(test_windows_line_ends_byte_order_mark_and_no_last_newline),
        cmocka_unit_test(test_what_cannot_be_shown_or_counted_is_refused),
        cmocka_unit_test(test_sizes_are_limited),
        cmocka_unit_test(test_labels_of_the_evaluation_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
