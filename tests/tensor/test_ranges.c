/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of tensors as a file, and the bounds that histograms find.
 */
#include <math.h>

#include "support.h"

#include "base/memory.h"
#include "base/prng.h"
#include "tensor/histogram.h"
#include "tensor/ranges.h"

static tdi_ranges sample(void) {
    tdi_ranges ranges = {0};
    assert_int_equal(tdi_ranges_add(&ranges, "relu", 0, 6, NULL), TD_OK);
    assert_int_equal(tdi_ranges_add(&ranges, "conv/1:0", -2.5f, 2.5f, NULL), TD_OK);
    assert_int_equal(tdi_ranges_add(&ranges, "zero", 0, 0, NULL), TD_OK);
    return ranges;
}

static void ranges_survive_the_file(void **state) {
    tdi_ranges ranges = sample(), read;
    uint8_t *bytes;
    size_t size;
    (void)state;
    assert_int_equal(tdi_ranges_write(&ranges, &bytes, &size, NULL), TD_OK);
    assert_int_equal(tdi_ranges_parse(bytes, size, &read, NULL), TD_OK);
    assert_int_equal(read.count, 3);
    assert_string_equal(read.items[0].name, "conv/1:0");
    const tdi_range *range = tdi_ranges_find(&read, "conv/1:0");
    assert_non_null(range);
    assert_true(range->low == -2.5f && range->high == 2.5f);
    assert_non_null(tdi_ranges_find(&read, "zero"));
    assert_null(tdi_ranges_find(&read, "rel"));
    assert_null(tdi_ranges_find(&read, "zz"));
    tdi_free(bytes);
    tdi_ranges_clear(&read);
    tdi_ranges_clear(&ranges);
}

static void every_prefix_fails_cleanly(void **state) {
    tdi_ranges ranges = sample(), read;
    uint8_t *bytes;
    size_t size;
    (void)state;
    assert_int_equal(tdi_ranges_write(&ranges, &bytes, &size, NULL), TD_OK);
    for (size_t n = 0; n < size; n++) {
        td_error err = {0};
        uint8_t *part = malloc(n + !n);
        memcpy(part, bytes, n);
        assert_int_equal(tdi_ranges_parse(part, n, &read, &err), TD_FORMAT);
        assert_true(err.offset >= 0 && (size_t)err.offset <= n);
        assert_int_equal(read.count, 0);
        free(part);
    }
    tdi_free(bytes);
    tdi_ranges_clear(&ranges);
}

/* The sample with `count` bytes at `offset` replaced. */
static td_status parse_changed(size_t offset, const void *change, size_t count) {
    tdi_ranges ranges = sample(), read;
    uint8_t *bytes;
    size_t size;
    assert_int_equal(tdi_ranges_write(&ranges, &bytes, &size, NULL), TD_OK);
    memcpy(bytes + offset, change, count);
    td_status status = tdi_ranges_parse(bytes, size, &read, NULL);
    tdi_ranges_clear(&read);
    tdi_ranges_clear(&ranges);
    tdi_free(bytes);
    return status;
}

static void files_that_break_a_rule_are_refused(void **state) {
    enum { VERSION = 8, COUNT = 12, FIRST = 16, NAME = FIRST + 4, LOW = NAME + 8, HIGH = LOW + 4 };
    const uint32_t two = 2, many = UINT32_MAX, none = 0;
    const float one = 1, minus = -1, nan = NAN, infinity = INFINITY;
    (void)state;
    assert_int_equal(parse_changed(0, "x", 1), TD_FORMAT);
    assert_int_equal(parse_changed(VERSION, &two, 4), TD_FORMAT);
    assert_int_equal(parse_changed(COUNT, &many, 4), TD_FORMAT);
    assert_int_equal(parse_changed(COUNT, &two, 4), TD_FORMAT); /* bytes are left over */
    assert_int_equal(parse_changed(FIRST, &none, 4), TD_FORMAT);
    assert_int_equal(parse_changed(FIRST, &many, 4), TD_FORMAT);
    assert_int_equal(parse_changed(NAME, "", 1), TD_FORMAT);
    assert_int_equal(parse_changed(NAME, "s", 1), TD_FORMAT); /* behind "relu" */
    assert_int_equal(parse_changed(LOW, &one, 4), TD_FORMAT);
    assert_int_equal(parse_changed(LOW, &nan, 4), TD_FORMAT);
    assert_int_equal(parse_changed(HIGH, &minus, 4), TD_FORMAT);
    assert_int_equal(parse_changed(HIGH, &infinity, 4), TD_FORMAT);
    assert_int_equal(parse_changed(NAME, "c", 1), TD_OK);
}

enum { COUNT = 20000 };

static float *make_values(int negative) {
    tdi_prng prng = {3};
    float *values = malloc(COUNT * sizeof *values);
    for (int i = 0; i < COUNT; i++)
        values[i] = (float)(0.1 * tdi_prng_unit(&prng)) * (negative && i % 2 ? -1.0f : 1.0f);
    values[0] = 1.2f; /* not worth its room */
    return values;
}

static double error_at(const float *values, double bound, int levels) {
    double sum = 0;
    for (int i = 0; i < COUNT; i++) {
        double v = fabs((double)values[i]), step = bound / levels;
        double q = fmin(nearbyint(v / step), levels) * step;
        sum += (v - q) * (v - q);
    }
    return sum;
}

static void bounds_lose_hardly_more_than_the_best(void **state) {
    tdi_histogram *h = tdi_histogram_new();
    float *values = make_values(0);
    double best = INFINITY;
    (void)state;
    tdi_histogram_add(h, values, COUNT);
    double bound = (double)tdi_histogram_bound(h, 31), top = (double)h->max;
    for (int i = 1; i <= 500; i++)
        best = fmin(best, error_at(values, top * i / 500, 31));
    assert_true(error_at(values, bound, 31) < 1.1 * best);
    assert_true(error_at(values, bound, 31) < 0.9 * error_at(values, top, 31));
    free(values);
    tdi_free(h);
}

static void histograms_do_not_depend_on_the_order(void **state) {
    tdi_histogram *forth = tdi_histogram_new(), *back = tdi_histogram_new();
    float *values = make_values(1);
    (void)state;
    for (int i = 0; i < COUNT; i += 100) {
        tdi_histogram_add(forth, values + i, 100);
        tdi_histogram_add(back, values + COUNT - 100 - i, 100);
    }
    assert_memory_equal(forth, back, sizeof *forth);
    free(values);
    tdi_free(forth);
    tdi_free(back);
}

static void ranges_are_one_sided_where_values_are(void **state) {
    const float odd[] = {NAN, INFINITY, -INFINITY, 0}, tiny[] = {1e-30f, 0};
    float low, high;
    (void)state;
    for (int negative = 0; negative < 2; negative++) {
        tdi_histogram *h = tdi_histogram_new();
        float *values = make_values(negative);
        tdi_histogram_add(h, values, COUNT);
        tdi_histogram_range(h, &low, &high);
        assert_true(high > 0 && low == (negative ? -high : 0));
        free(values);
        tdi_free(h);
    }
    tdi_histogram *h = tdi_histogram_new();
    tdi_histogram_range(h, &low, &high);
    assert_true(low == 0 && high == 0);
    tdi_histogram_add(h, odd, 4);
    tdi_histogram_add(h, tiny, 2);
    tdi_histogram_range(h, &low, &high);
    assert_true(isfinite(low) && high >= 0 && high < 1e-29f);
    tdi_free(h);
}

static void precisions_have_names(void **state) {
    td_precision precision;
    td_error err = {0};
    (void)state;
    for (int p = TD_PRECISION_F32; p <= TD_PRECISION_INT8; p++) {
        assert_int_equal(td_precision_parse(td_precision_name((td_precision)p), &precision, &err),
                         TD_OK);
        assert_int_equal(precision, p);
    }
    assert_int_equal(td_precision_parse("fp16", &precision, &err), TD_ARGUMENT);
    assert_non_null(strstr(err.message, "fp16"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_survive_the_file),
        cmocka_unit_test(every_prefix_fails_cleanly),
        cmocka_unit_test(files_that_break_a_rule_are_refused),
        cmocka_unit_test(bounds_lose_hardly_more_than_the_best),
        cmocka_unit_test(histograms_do_not_depend_on_the_order),
        cmocka_unit_test(ranges_are_one_sided_where_values_are),
        cmocka_unit_test(precisions_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
