/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that are no encoded tensor: every truncation, corruption, and pictures of another form than
 * the codec's. Nothing crashes, and what is accepted has values in range.
 */
#include "codec_support.h"

#include "codec/jpeg_file.h"
#include "codec/png_file.h"

typedef struct damage_case {
    const char *strategy;
    int is_picture;
    int exact_size; /* nothing but the size can be wrong */
} damage_case;

static const damage_case cases[] = {
    {"raw", 0, 1},
    {"raw", 1, 1},
    {"f16", 0, 0},
    {"uniform:levels=3,min=-2,max=2+pack", 0, 0},
    {"uniform:levels=256,min=-2,max=2+pack", 0, 1},
    {"uniform:levels=1000,min=-2,max=2+pack", 0, 0},
    {"uniform:levels=256,min=-2,max=2+jpeg:quality=70", 0, 0},
    {"uniform:levels=9,min=-2,max=2+png", 0, 0},
    {"uniform:levels=200,min=-2,max=2+png", 0, 0},
    {"uniform:levels=1000,min=-2,max=2+png", 0, 0},
    {"picture+jpeg:quality=70", 1, 0},
    {"picture+png", 1, 0},
};
#define CASES (sizeof cases / sizeof cases[0])

enum { ELEMENTS = 6 * 9 * 11 };

typedef struct subject {
    td_codec *codec;
    uint8_t *bytes; /* [bound] */
    size_t size, bound;
    float out[ELEMENTS];
} subject;

static void subject_open(subject *s, const damage_case *d, tdi_prng *p) {
    float in[ELEMENTS];
    uint8_t samples[ELEMENTS];
    fill_normal(p, in, ELEMENTS);
    fill_bytes(p, samples, ELEMENTS);
    td_layout layout = d->is_picture ? picture(3, 18, 11) : features(6, 9, 11);
    s->codec = open_codec(d->strategy, layout, NULL);
    s->bound = td_codec_bound(s->codec);
    s->bytes = malloc(s->bound);
    assert_non_null(s->bytes);
    const void *values = d->is_picture ? (const void *)samples : in;
    assert_int_equal(td_codec_encode(s->codec, values, s->bytes, s->bound, &s->size, NULL), TD_OK);
}

static void subject_close(subject *s) {
    td_codec_close(s->codec);
    free(s->bytes);
}

/* Decodes a copy of exactly `size` bytes, so that reading on is noticed. */
static td_status decode(subject *s, const uint8_t *bytes, size_t size, td_error *err) {
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    td_status status = td_codec_decode(s->codec, copy, size, s->out, err);
    free(copy);
    return status;
}

static void every_truncation_fails(void **state) {
    (void)state;
    tdi_prng p = {test_seed(10)};
    for (size_t k = 0; k < CASES; k++) {
        subject s;
        subject_open(&s, &cases[k], &p);
        for (size_t size = 0; size < s.size; size++) {
            td_error err = {0};
            td_status status = decode(&s, s.bytes, size, &err);
            if (status != TD_FORMAT || !err.message[0])
                fail_msg("%s cut to %zu of %zu bytes: %s", cases[k].strategy, size, s.size,
                         td_status_name(status));
        }
        assert_int_equal(decode(&s, s.bytes, s.size, NULL), TD_OK);
        subject_close(&s);
    }
}

static void bytes_that_follow_fail(void **state) {
    (void)state;
    tdi_prng p = {test_seed(11)};
    for (size_t k = 0; k < CASES; k++) {
        subject s;
        subject_open(&s, &cases[k], &p);
        uint8_t *longer = malloc(s.bound + 1);
        assert_non_null(longer);
        memcpy(longer, s.bytes, s.size);
        memset(longer + s.size, 0, s.bound + 1 - s.size);
        td_status status = decode(&s, longer, s.size + 1, NULL);
        assert_true(status == TD_FORMAT || status == TD_LIMIT);
        assert_int_equal(decode(&s, longer, s.bound + 1, NULL), TD_LIMIT);
        free(longer);
        subject_close(&s);
    }
}

static void expect_values_of_levels(const subject *s, const damage_case *d) {
    if (d->is_picture || strncmp(d->strategy, "uniform", 7))
        return;
    for (size_t i = 0; i < ELEMENTS; i++)
        assert_true(s->out[i] >= -2 && s->out[i] <= 2.0001f);
}

static void corruption_fails_or_stays_in_range(void **state) {
    (void)state;
    tdi_prng p = {test_seed(12)};
    for (size_t k = 0; k < CASES; k++) {
        subject s;
        subject_open(&s, &cases[k], &p);
        uint8_t *bad = malloc(s.size);
        assert_non_null(bad);
        for (int round = 0; round < 1500; round++) {
            td_error err = {0};
            memcpy(bad, s.bytes, s.size);
            /* Headers are where most can go wrong. */
            size_t reach = round % 3 ? s.size : s.size < 64 ? s.size : 64;
            for (uint64_t n = tdi_prng_below(&p, 4) + 1; n > 0; n--)
                bad[tdi_prng_below(&p, reach)] = (uint8_t)tdi_prng_next(&p);
            td_status status = decode(&s, bad, s.size, &err);
            if (status == TD_OK)
                expect_values_of_levels(&s, &cases[k]);
            else
                assert_true(status == TD_FORMAT && err.status == TD_FORMAT && err.message[0]);
            assert_true(status == TD_OK || !cases[k].exact_size);
        }
        /* What came before leaves no trace. */
        assert_int_equal(decode(&s, s.bytes, s.size, NULL), TD_OK);
        free(bad);
        subject_close(&s);
    }
}

static void pictures_of_another_form_are_refused(void **state) {
    (void)state;
    static uint8_t samples[64 * 64 * 3], bytes[100000];
    const tdi_jpeg_form form = {20, 10, 1},
                        others[] = {{10, 20, 1}, {20, 11, 1}, {21, 10, 1}, {20, 10, 3}};
    size_t size;
    for (size_t k = 0; k < 4; k++) {
        td_error err = {0};
        assert_int_equal(tdi_jpeg_write(&others[k], 50, samples, bytes, sizeof bytes, &size, NULL),
                         TD_OK);
        assert_int_equal(tdi_jpeg_read(&form, bytes, size, samples, &err), TD_FORMAT);
        assert_non_null(strstr(err.message, k == 3 ? "components" : "size"));
    }
    const tdi_png_form deep = {20, 10, 1, 4},
                       wrong[] = {{10, 20, 1, 4}, {20, 10, 1, 8}, {20, 10, 1, 2}, {20, 10, 3, 8}};
    for (size_t k = 0; k < 4; k++) {
        td_error err = {0};
        assert_int_equal(tdi_png_write(&wrong[k], 9, samples, bytes, sizeof bytes, &size, NULL),
                         TD_OK);
        assert_int_equal(tdi_png_read(&deep, bytes, size, samples, &err), TD_FORMAT);
        assert_int_equal(err.offset, 8);
    }
}

/* A header that promises 65500 x 65500 samples costs nothing: the size is compared first. */
static void hostile_headers_are_refused_before_memory_is_taken(void **state) {
    (void)state;
    static uint8_t samples[20 * 10], bytes[4096];
    const tdi_jpeg_form form = {20, 10, 1};
    td_error err = {0};
    size_t size, at = 0;
    assert_int_equal(tdi_jpeg_write(&form, 50, samples, bytes, sizeof bytes, &size, NULL), TD_OK);
    while (bytes[at] != 0xff || bytes[at + 1] != 0xc0)
        at++;
    memcpy(bytes + at + 5, "\xff\xdc\xff\xdc", 4);
    assert_int_equal(tdi_jpeg_read(&form, bytes, size, samples, &err), TD_FORMAT);
    assert_non_null(strstr(err.message, "another size"));
    memcpy(bytes + at, "\xff\xc2", 2); /* progressive */
    memcpy(bytes + at + 5, "\0\x0a\0\x14", 4);
    assert_int_equal(tdi_jpeg_read(&form, bytes, size, samples, &err), TD_FORMAT);
}

static void png_chunks_that_we_never_write_are_refused(void **state) {
    (void)state;
    static const uint8_t text[] = "\0\0\0\3tEXta\0b\0\0\0\0";
    static uint8_t samples[20 * 10], bytes[4096], edited[4200];
    const tdi_png_form form = {20, 10, 1, 8};
    td_error err = {0};
    size_t size;
    assert_int_equal(tdi_png_write(&form, 9, samples, bytes, sizeof bytes, &size, NULL), TD_OK);
    memcpy(edited, bytes, 33);
    memcpy(edited + 33, text, 15);
    memcpy(edited + 48, bytes + 33, size - 33);
    assert_int_equal(tdi_png_read(&form, edited, size + 15, samples, &err), TD_FORMAT);
    assert_non_null(strstr(err.message, "chunk other than"));
    assert_int_equal(err.offset, 33);
    memcpy(edited, bytes, size);
    edited[size - 13] ^= 1; /* the CRC of the data */
    assert_int_equal(tdi_png_read(&form, edited, size, samples, &err), TD_FORMAT);
    assert_non_null(strstr(err.message, "CRC"));
    /* All data twice. */
    size_t data = size - 33 - 12;
    memcpy(edited, bytes, size - 12);
    memcpy(edited + size - 12, bytes + 33, data + 12);
    assert_int_equal(tdi_png_read(&form, edited, size + data, samples, &err), TD_FORMAT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation_fails),
        cmocka_unit_test(bytes_that_follow_fail),
        cmocka_unit_test(corruption_fails_or_stays_in_range),
        cmocka_unit_test(pictures_of_another_form_are_refused),
        cmocka_unit_test(hostile_headers_are_refused_before_memory_is_taken),
        cmocka_unit_test(png_chunks_that_we_never_write_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
