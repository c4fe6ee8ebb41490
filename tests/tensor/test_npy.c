/* SPDX-License-Identifier: Apache-2.0 */
/* NumPy files: what is read, what is refused and how, and that what is written is what NumPy
 * writes. */
#include "support.h"

#include "base/memory.h"
#include "tensor/npy.h"
#include "tensor/tensor.h"

/* A file of that version with that header and `elements` bytes counting from 0; in a static buffer.
 */
static size_t file_of(int version, const char *header, size_t elements, uint8_t **out) {
    static uint8_t file[1024];
    size_t length = strlen(header), at = 10;
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (uint8_t)version;
    file[7] = 0;
    file[8] = (uint8_t)(length & 255);
    file[9] = (uint8_t)(length >> 8);
    if (version > 1)
        file[at++] = 0, file[at++] = 0;
    memcpy(file + at, header, length);
    at += length;
    for (size_t i = 0; i < elements; i++)
        file[at++] = (uint8_t)i;
    *out = file;
    return at;
}

static td_status parse(const char *header, size_t elements, td_array *out, td_error *err) {
    uint8_t *file;
    size_t size = file_of(1, header, elements, &file);
    return tdi_npy_parse(file, size, out, err);
}

static void expect_refusal(const char *header, size_t elements, td_status status,
                           const char *words) {
    td_error err = {TD_OK, -1, ""};
    td_array array;
    if (parse(header, elements, &array, &err) != status || !strstr(err.message, words))
        fail_msg("%s: %s \"%s\"", header, td_status_name(err.status), err.message);
}

#define HEADER(descr, order, shape)                                                                \
    "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }\n"

static void every_element_type_survives_writing_and_reading(void **state) {
    static const td_dtype dtypes[] = {
#define DTYPE(name, value, bytes, text) TD_DTYPE_##name,
        TD_DTYPE_MAP(DTYPE)
#undef DTYPE
    };
    uint8_t content[6 * 8];
    (void)state;
    memset(content, 1, sizeof content);
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        td_array array = {dtypes[i], {3, {1, 2, 3}}, content, 6 * td_dtype_bytes(dtypes[i])};
        td_array back;
        uint8_t *file;
        size_t size;
        assert_int_equal(tdi_npy_format(&array, &file, &size, NULL), TD_OK);
        assert_int_equal((size - array.bytes) % 64, 0);
        assert_int_equal(tdi_npy_parse(file, size, &back, NULL), TD_OK);
        assert_int_equal(back.dtype, dtypes[i]);
        assert_true(td_shape_equal(&back.shape, &array.shape));
        assert_int_equal(back.bytes, array.bytes);
        assert_memory_equal(back.data, content, back.bytes);
        td_array_clear(&back);
        tdi_free(file);
    }
}

static void bytes_written_are_those_of_numpy(void **state) {
    static const char expected[] =
        "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
        "                                                            \n";
    float values[2] = {1, -2};
    const td_array array = {TD_DTYPE_F32, {1, {2}}, values, sizeof values};
    uint8_t *file;
    size_t size;
    (void)state;
    assert_int_equal(tdi_npy_format(&array, &file, &size, NULL), TD_OK);
    assert_int_equal(size, sizeof expected - 1 + sizeof values);
    assert_memory_equal(file, expected, sizeof expected - 1);
    assert_memory_equal(file + sizeof expected - 1, values, sizeof values);
    tdi_free(file);
}

static void versions_shapes_and_spellings_are_read(void **state) {
    td_array array;
    uint8_t *file;
    (void)state;
    for (int version = 1; version <= 3; version++) {
        size_t size = file_of(version, HEADER("<i2", "False", "(3, 1)"), 6, &file);
        assert_int_equal(tdi_npy_parse(file, size, &array, NULL), TD_OK);
        assert_int_equal(array.dtype, TD_DTYPE_I16);
        assert_int_equal(array.shape.rank, 2);
        assert_int_equal(array.shape.dim[0], 3);
        td_array_clear(&array);
    }
    assert_int_equal(parse(HEADER("|u1", "False", "()"), 1, &array, NULL), TD_OK);
    assert_int_equal(array.shape.rank, 0);
    td_array_clear(&array);
    assert_int_equal(parse(HEADER("<f4", "False", "(0,)"), 0, &array, NULL), TD_OK);
    assert_int_equal(array.bytes, 0);
    td_array_clear(&array);
    assert_int_equal(
        parse("{\"shape\":(2,2),\"fortran_order\":False,\"descr\":\"<u1\"}", 4, &array, NULL),
        TD_OK);
    assert_int_equal(((uint8_t *)array.data)[3], 3);
    td_array_clear(&array);
}

static void what_is_refused_comes_with_the_remedy(void **state) {
    (void)state;
    expect_refusal(HEADER(">f4", "False", "(1,)"), 4, TD_UNSUPPORTED, "astype(\"<f4\")");
    expect_refusal(HEADER("<f4", "True", "(1,)"), 4, TD_UNSUPPORTED, "ascontiguousarray");
    expect_refusal(HEADER("<c8", "False", "(1,)"), 8, TD_UNSUPPORTED, "\"<c8\"");
    expect_refusal("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4,
                   TD_UNSUPPORTED, "one field");
    expect_refusal(HEADER("<f4", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), 4, TD_LIMIT, "8 axes");
    expect_refusal(HEADER("<f4", "False", "(2,)"), 4, TD_FORMAT, "not 2 of float32");
    expect_refusal(HEADER("<f4", "False", "(1,)"), 5, TD_FORMAT, "5 bytes");
    expect_refusal(HEADER("<f4", "False", "(4611686018427387904, 4)"), 0, TD_FORMAT, "0 bytes");
    expect_refusal(HEADER("<f4", "False", "(99999999999999999999,)"), 0, TD_FORMAT, "header");
    expect_refusal(HEADER("<f4", "False", "(-1,)"), 4, TD_FORMAT, "header");
    expect_refusal("{'descr': '<f4', 'shape': (1,), }", 4, TD_FORMAT, "header");
    expect_refusal("{'shape': (1,), 'descr': '<f4', 'shape': (1,), 'fortran_order': False}", 4,
                   TD_FORMAT, "header");
    expect_refusal("{'shape': (1,), 'descr': '<f4', 'more': 1, 'fortran_order': False}", 4,
                   TD_FORMAT, "header");
    td_error err = {TD_OK, -1, ""};
    td_array array;
    uint8_t *file;
    size_t size = file_of(4, HEADER("<f4", "False", "(1,)"), 4, &file);
    assert_int_equal(tdi_npy_parse(file, size, &array, &err), TD_UNSUPPORTED);
    size = file_of(2, HEADER("<f4", "False", "(1,)"), 4, &file);
    file[11] = 1; /* a header of 16 MB */
    assert_int_equal(tdi_npy_parse(file, size, &array, &err), TD_LIMIT);
}

static void every_prefix_fails_cleanly(void **state) {
    uint8_t *file;
    size_t size = file_of(2, HEADER("<f4", "False", "(1, 3)"), 12, &file);
    (void)state;
    for (size_t length = 0; length < size; length++) {
        td_error err = {TD_OK, -1, ""};
        td_array array;
        uint8_t *prefix = malloc(length + !length); /* exactly as long, for the sanitizer */
        memcpy(prefix, file, length);
        assert_int_equal(tdi_npy_parse(prefix, length, &array, &err), TD_FORMAT);
        assert_true(err.message[0]);
        free(prefix);
    }
}

static void files_are_named_in_messages(void **state) {
    char folder[256], path[300];
    td_array array = {TD_DTYPE_U8, {1, {3}}, (uint8_t[3]){7, 8, 9}, 3}, back;
    td_error err = {TD_OK, -1, ""};
    (void)state;
    test_folder(folder);
    snprintf(path, sizeof path, "%s/a.npy", folder);
    assert_int_equal(td_npy_write(path, &array, NULL), TD_OK);
    assert_int_equal(td_npy_read(path, &back, NULL), TD_OK);
    assert_memory_equal(back.data, array.data, 3);
    td_array_clear(&back);
    FILE *damaged = fopen(path, "wb");
    fputs("no array", damaged);
    fclose(damaged);
    assert_int_equal(td_npy_read(path, &back, &err), TD_FORMAT);
    assert_non_null(strstr(err.message, path));
    remove(path);
    remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_element_type_survives_writing_and_reading),
        cmocka_unit_test(bytes_written_are_those_of_numpy),
        cmocka_unit_test(versions_shapes_and_spellings_are_read),
        cmocka_unit_test(what_is_refused_comes_with_the_remedy),
        cmocka_unit_test(every_prefix_fails_cleanly),
        cmocka_unit_test(files_are_named_in_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
