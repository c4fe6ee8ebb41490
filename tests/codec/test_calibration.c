/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of a tensor against a plain double computation, merging, and the .tdc file.
 */
#include <float.h>

#include "codec_support.h"

#include "base/memory.h"

enum { CHANNELS = 3, PLANE = 8, ELEMENTS = CHANNELS * PLANE };

static td_calibration *finish(const tdi_calibration_builder *b) {
    td_calibration *c = NULL;
    td_error err = {0};
    if (tdi_calibration_builder_finish(b, &c, &err) != TD_OK)
        fail_msg("%s", err.message);
    return c;
}

static void near(double a, double b, double tolerance) {
    if (!(fabs(a - b) <= tolerance * fmax(fabs(b), 1e-30)))
        fail_msg("%.9g is not near %.9g", a, b);
}

/* Means far from zero, where careless summing loses most. */
static void statistics_are_those_of_a_double_computation(void **state) {
    (void)state;
    enum { PICTURES = 5000 };
    tdi_prng p = {test_seed(20)};
    td_layout layout = features(CHANNELS, 2, 4);
    tdi_calibration_builder *b = tdi_calibration_builder_new("conv", &layout);
    assert_non_null(b);
    double sum[ELEMENTS] = {0}, sum2[ELEMENTS] = {0}, low = INFINITY, high = -INFINITY;
    for (int i = 0; i < PICTURES; i++) {
        float x[ELEMENTS];
        for (int k = 0; k < ELEMENTS; k++) {
            double offset = k % PLANE * 50;
            x[k] = (float)(offset + (k + 1) * 0.1 * (double)random_normal(&p));
            sum[k] += (double)x[k] - offset;
            sum2[k] += ((double)x[k] - offset) * ((double)x[k] - offset);
            low = fmin(low, (double)x[k]);
            high = fmax(high, (double)x[k]);
        }
        tdi_calibration_builder_add(b, x);
    }
    td_calibration *c = finish(b);
    assert_string_equal(c->tensor, "conv");
    assert_true(c->pictures == PICTURES && c->nonfinite == 0 && c->min == low && c->max == high);
    double all_mean = 0, all_square = 0;
    for (int ch = 0; ch < CHANNELS; ch++) {
        double mean = 0, square = 0;
        for (int k = ch * PLANE; k < (ch + 1) * PLANE; k++) {
            double offset = k % PLANE * 50, m = sum[k] / PICTURES,
                   variance = sum2[k] / PICTURES - m * m;
            near((double)c->element_sigma[k], sqrt(variance), 1e-4);
            assert_true(fabs((double)c->element_mean[k] - (offset + m)) <=
                        1e-5 * offset + 1e-5 * sqrt(variance));
            mean += (offset + m) / PLANE;
            square += (variance + (offset + m) * (offset + m)) / PLANE;
        }
        near((double)c->channel_mean[ch], mean, 1e-6);
        near((double)c->channel_sigma[ch], sqrt(square - mean * mean), 1e-6);
        all_mean += mean / CHANNELS;
        all_square += square / CHANNELS;
    }
    near(c->mean, all_mean, 1e-12);
    near(c->sigma, sqrt(all_square - all_mean * all_mean), 1e-9);
    td_calibration_unref(c);
    tdi_calibration_builder_free(b);
}

static void expect_equal(const td_calibration *a, const td_calibration *b) {
    assert_true(a->pictures == b->pictures && a->nonfinite == b->nonfinite && a->min == b->min &&
                a->max == b->max);
    near(a->mean, b->mean, 1e-10);
    near(a->sigma, b->sigma, 1e-10);
    for (int i = 0; i < a->layout.channels; i++) {
        near((double)a->channel_mean[i], (double)b->channel_mean[i], 2e-5);
        near((double)a->channel_sigma[i], (double)b->channel_sigma[i], 2e-5);
    }
    for (int64_t i = 0; i < td_layout_elements(&a->layout); i++) {
        near((double)a->element_mean[i], (double)b->element_mean[i], 2e-5);
        near((double)a->element_sigma[i], (double)b->element_sigma[i], 2e-5);
    }
}

static void merged_parts_equal_one_pass(void **state) {
    (void)state;
    tdi_prng p = {test_seed(21)};
    const td_layout layouts[] = {features(CHANNELS, 2, 4), features(ELEMENTS, 1, 1)};
    for (size_t l = 0; l < 2; l++) {
        tdi_calibration_builder *one = tdi_calibration_builder_new("a", &layouts[l]), *part[4];
        for (int i = 0; i < 4; i++)
            part[i] = tdi_calibration_builder_new("a", &layouts[l]);
        for (int i = 0; i < 900; i++) {
            float x[ELEMENTS];
            for (int k = 0; k < ELEMENTS; k++)
                x[k] = 3 + (float)k + random_normal(&p);
            tdi_calibration_builder_add(one, x);
            tdi_calibration_builder_add(part[i < 100 ? 0 : 1 + i % 2],
                                        x); /* the last stays empty */
        }
        for (int i = 1; i < 4; i++)
            tdi_calibration_builder_merge(part[0], part[i]);
        tdi_calibration_builder_merge(part[3], part[0]); /* into an empty one */
        td_calibration *whole = finish(one), *merged = finish(part[0]), *moved = finish(part[3]);
        expect_equal(merged, whole);
        expect_equal(moved, whole);
        td_calibration_unref(whole);
        td_calibration_unref(merged);
        td_calibration_unref(moved);
        tdi_calibration_builder_free(one);
        for (int i = 0; i < 4; i++)
            tdi_calibration_builder_free(part[i]);
    }
}

static void values_that_are_not_finite_are_counted_and_left_out(void **state) {
    (void)state;
    td_layout layout = features(1, 1, 2);
    tdi_calibration_builder *b = tdi_calibration_builder_new("a", &layout);
    const float x[4][2] = {{1, NAN}, {INFINITY, 4}, {3, 4}, {2, -INFINITY}};
    for (int i = 0; i < 4; i++)
        tdi_calibration_builder_add(b, x[i]);
    td_calibration *c = finish(b);
    assert_true(c->nonfinite == 3 && c->pictures == 4);
    near(c->mean, (1 + 4 + 3 + 4 + 2) / 5.0, 1e-12);
    assert_true(c->min == 1 && c->max == 4);
    assert_true(isfinite(c->element_mean[0]) && isfinite(c->element_sigma[1]));
    td_calibration_unref(c);
    tdi_calibration_builder_free(b);
}

static void statistics_of_nothing_are_refused(void **state) {
    (void)state;
    td_layout layout = features(1, 1, 2);
    const float nan[2] = {NAN, NAN}, huge[2] = {FLT_MAX, -FLT_MAX},
                huge_too[2] = {-FLT_MAX, FLT_MAX};
    td_calibration *c;
    td_error err = {0};
    tdi_calibration_builder *b = tdi_calibration_builder_new("relu", &layout);
    assert_int_equal(tdi_calibration_builder_finish(b, &c, &err), TD_ARGUMENT);
    tdi_calibration_builder_add(b, nan);
    assert_int_equal(tdi_calibration_builder_finish(b, &c, &err), TD_ARGUMENT);
    assert_non_null(strstr(err.message, "\"relu\""));
    tdi_calibration_builder_free(b);
    b = tdi_calibration_builder_new("relu", &layout);
    tdi_calibration_builder_add(b, huge);
    tdi_calibration_builder_add(b, huge_too);
    assert_int_equal(tdi_calibration_builder_finish(b, &c, &err), TD_LIMIT);
    tdi_calibration_builder_free(b);
}

static void add_part(td_calibration *c, const char *name, const char *content) {
    tdi_calibration_part *part = &c->parts[c->part_count++];
    snprintf(part->name, sizeof part->name, "%s", name);
    part->size = strlen(content);
    part->bytes = (uint8_t *)tdi_strdup(content);
}

/* Two tensors: one with all there is, one without statistics per element. */
static tdi_calibration_set sample_set(tdi_prng *p) {
    tdi_calibration_set set = {0};
    const td_layout layouts[] = {features(CHANNELS, 2, 4), features(5, 1, 1)};
    set.cut = tdi_strdup("a,b");
    set.tensors = tdi_calloc(2, sizeof(td_calibration *));
    for (int i = 0; i < 2; i++) {
        tdi_calibration_builder *b = tdi_calibration_builder_new(i ? "b" : "a", &layouts[i]);
        for (int k = 0; k < 10; k++) {
            float x[ELEMENTS];
            fill_normal(p, x, ELEMENTS);
            tdi_calibration_builder_add(b, x);
        }
        set.tensors[set.tensor_count++] = finish(b);
        tdi_calibration_builder_free(b);
    }
    set.tensors[0]->parts = tdi_calloc(2, sizeof(tdi_calibration_part));
    add_part(set.tensors[0], "tfc", "klt");
    add_part(set.tensors[0], "fifteen-letters", "");
    tdi_free(set.tensors[1]->element_mean);
    tdi_free(set.tensors[1]->element_sigma);
    set.tensors[1]->element_mean = set.tensors[1]->element_sigma = NULL;
    return set;
}

static void files_read_back_as_written(void **state) {
    (void)state;
    tdi_prng p = {test_seed(22)};
    tdi_calibration_set set = sample_set(&p), read;
    uint8_t *bytes, *again;
    size_t size, again_size;
    td_error err = {0};
    assert_int_equal(tdi_calibration_set_write(&set, &bytes, &size, &err), TD_OK);
    if (tdi_calibration_set_parse(bytes, size, &read, &err) != TD_OK)
        fail_msg("%s", err.message);
    assert_string_equal(read.cut, "a,b");
    assert_int_equal(read.tensor_count, 2);
    assert_true(tdi_hash_equal(&read.hash, &set.hash));
    expect_equal(read.tensors[0], set.tensors[0]);
    assert_string_equal(read.tensors[0]->tensor, "a");
    assert_true(read.tensors[0]->mean == set.tensors[0]->mean);
    assert_null(read.tensors[1]->element_mean);
    assert_memory_equal(read.tensors[1]->channel_mean, set.tensors[1]->channel_mean,
                        5 * sizeof(float));
    const tdi_calibration_part *part = tdi_calibration_part_find(read.tensors[0], "tfc");
    assert_non_null(part);
    assert_int_equal(part->size, 3);
    assert_memory_equal(part->bytes, "klt", 3);
    assert_int_equal(tdi_calibration_part_find(read.tensors[0], "fifteen-letters")->size, 0);
    assert_null(tdi_calibration_part_find(read.tensors[0], "tf"));
    assert_int_equal(tdi_calibration_set_write(&read, &again, &again_size, &err), TD_OK);
    assert_int_equal(again_size, size);
    assert_memory_equal(again, bytes, size);
    tdi_free(bytes);
    tdi_free(again);
    tdi_calibration_set_clear(&set);
    tdi_calibration_set_clear(&read);
}

static td_status parse_copy(const uint8_t *bytes, size_t size, td_error *err) {
    uint8_t *copy = malloc(size ? size : 1);
    tdi_calibration_set set;
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    td_status status = tdi_calibration_set_parse(copy, size, &set, err);
    if (status == TD_OK)
        tdi_calibration_set_clear(&set);
    free(copy);
    return status;
}

static void damaged_files_are_refused_or_harmless(void **state) {
    (void)state;
    tdi_prng p = {test_seed(23)};
    tdi_calibration_set set = sample_set(&p);
    uint8_t *bytes;
    size_t size;
    td_error err = {0};
    assert_int_equal(tdi_calibration_set_write(&set, &bytes, &size, &err), TD_OK);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(parse_copy(bytes, i, &err), TD_FORMAT);
        assert_true(err.offset >= 0 && (size_t)err.offset <= i);
    }
    uint8_t *longer = malloc(size + 1);
    assert_non_null(longer);
    memcpy(longer, bytes, size);
    longer[size] = 0;
    assert_int_equal(parse_copy(longer, size + 1, &err), TD_FORMAT);
    for (int round = 0; round < 20000; round++) {
        memcpy(longer, bytes, size);
        for (uint64_t n = tdi_prng_below(&p, 3) + 1; n > 0; n--)
            longer[tdi_prng_below(&p, round % 2 ? size : 100)] = (uint8_t)tdi_prng_next(&p);
        td_status status = parse_copy(longer, size, &err);
        assert_true(status == TD_OK || status == TD_FORMAT || status == TD_VERSION);
    }
    free(longer);
    tdi_free(bytes);
    tdi_calibration_set_clear(&set);
}

/* Where fields are in a file of the cut "a" of one tensor "a", 1x1x1, without statistics per
 * element and parts. */
enum {
    AT_VERSION = 8,
    AT_TENSORS = 12,
    AT_CUT = 16,
    AT_LAYOUT = 26,
    AT_CHANNELS = 30,
    AT_PICTURES = 42,
    AT_SIGMA = 66,
    AT_MIN = 74,
    AT_CHANNEL_SIGMA = 94,
    AT_PARTS = 98,
    FILE_BYTES = 102
};

static void fields_are_checked(void **state) {
    (void)state;
    static const struct {
        size_t at;
        const char *bytes;
        size_t count;
        td_status status;
        const char *words;
    } cases[] = {
        {0, "X", 1, TD_FORMAT, "no calibration file"},
        {AT_VERSION, "\2", 1, TD_VERSION, "version 2"},
        {AT_TENSORS, "\0", 1, TD_FORMAT, "number of tensors"},
        {AT_TENSORS, "\1\4", 2, TD_FORMAT, "number of tensors"},
        {AT_CUT, "\0", 1, TD_FORMAT, "name is missing"},
        {AT_CUT, "\xff\xff\xff\xff", 4, TD_FORMAT, "too long"},
        {AT_CUT + 4, "\0", 1, TD_FORMAT, "holds a NUL"},
        {AT_LAYOUT, "\0", 1, TD_FORMAT, "layout"},
        {AT_LAYOUT + 1, "\2", 1, TD_FORMAT, "layout"},
        {AT_LAYOUT + 2, "\2", 1, TD_FORMAT, "layout"},
        {AT_LAYOUT + 3, "\1", 1, TD_FORMAT, "layout"},
        {AT_CHANNELS, "\0", 1, TD_FORMAT, "shape"},
        {AT_CHANNELS, "\xff\xff\xff\xff", 4, TD_FORMAT, "shape"},
        {AT_CHANNELS, "\0\0\0\x10", 4, TD_FORMAT, "cut short"},
        {AT_CHANNELS, "\0\1\0\0\0\1\0\0\0\1\1", 12, TD_FORMAT, "shape"},
        {AT_PICTURES, "\0", 1, TD_FORMAT, "no picture"},
        {AT_SIGMA, "\0\0\0\0\0\0\xf0\xbf", 8, TD_FORMAT, "impossible"},
        {AT_SIGMA, "\0\0\0\0\0\0\xf0\x7f", 8, TD_FORMAT, "impossible"},
        {AT_MIN, "\0\0\0\0\0\0\xf0\x40", 8, TD_FORMAT, "impossible"},
        {AT_CHANNEL_SIGMA, "\0\0\x80\xbf", 4, TD_FORMAT, "deviation"},
        {AT_CHANNEL_SIGMA, "\0\0\xc0\x7f", 4, TD_FORMAT, "deviation"},
        {AT_PARTS, "\1", 1, TD_FORMAT, "parts"},
        {AT_PARTS, "\xff\xff\xff\xff", 4, TD_FORMAT, "parts"},
    };
    td_layout layout = features(1, 1, 1);
    td_calibration *c = calibration_of(layout, 0, 1), *tensors[1] = {c};
    float zero[1] = {0};
    c->tensor = tdi_strdup("a");
    c->pictures = 1;
    c->channel_mean = c->channel_sigma = zero;
    char cut[] = "a";
    tdi_calibration_set set = {cut, tensors, 1, {{0}}};
    uint8_t *bytes, copy[FILE_BYTES];
    size_t size;
    assert_int_equal(tdi_calibration_set_write(&set, &bytes, &size, NULL), TD_OK);
    assert_int_equal(size, FILE_BYTES);
    assert_int_equal(parse_copy(bytes, size, NULL), TD_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_error err = {0};
        memcpy(copy, bytes, size);
        memcpy(copy + cases[i].at, cases[i].bytes, cases[i].count);
        if (parse_copy(copy, size, &err) != cases[i].status || !strstr(err.message, cases[i].words))
            fail_msg("case %zu: \"%s\" does not say %s", i, err.message, cases[i].words);
    }
    c->channel_mean = c->channel_sigma = NULL;
    td_calibration_unref(c);
    tdi_free(bytes);
}

static void names_that_do_not_fit_are_not_written(void **state) {
    (void)state;
    tdi_prng p = {1};
    uint8_t *bytes;
    size_t size;
    tdi_calibration_set set = sample_set(&p);
    tdi_free(set.cut);
    set.cut = tdi_strdup("");
    assert_int_equal(tdi_calibration_set_write(&set, &bytes, &size, NULL), TD_LIMIT);
    tdi_calibration_set_clear(&set);
    assert_int_equal(tdi_calibration_set_write(&set, &bytes, &size, NULL), TD_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_are_those_of_a_double_computation),
        cmocka_unit_test(merged_parts_equal_one_pass),
        cmocka_unit_test(values_that_are_not_finite_are_counted_and_left_out),
        cmocka_unit_test(statistics_of_nothing_are_refused),
        cmocka_unit_test(files_read_back_as_written),
        cmocka_unit_test(damaged_files_are_refused_or_harmless),
        cmocka_unit_test(fields_are_checked),
        cmocka_unit_test(names_that_do_not_fit_are_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
