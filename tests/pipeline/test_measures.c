/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include <support.h>

#include "lab/measures.h"

static void divergence_of_logits_is_that_of_their_softmax(void **state) {
    /* p = (1/4, 3/4), q = (1/2, 1/2), whatever constant is added to the logits. */
    const float p[2] = {100, 100 + 1.0986123f}, q[2] = {-3, -3};
    (void)state;
    double expected = 0.25 * log(0.5) + 0.75 * log(1.5);
    assert_float_equal(tdi_kl(p, q, 2, TD_OUTPUT_LOGITS), expected, 1e-6);
    assert_float_equal(tdi_kl(p, p, 2, TD_OUTPUT_LOGITS), 0, 0);
}

static void divergence_survives_large_logits(void **state) {
    const float p[2] = {3000, 0}, q[2] = {0, 3000};
    (void)state;
    assert_float_equal(tdi_kl(p, q, 2, TD_OUTPUT_LOGITS), 3000, 1e-6);
}

static void probabilities_are_floored_and_normalized(void **state) {
    const float p[2] = {1, 3}, q[2] = {2, 2}, certain[2] = {1, 0}, other[2] = {0, 1};
    (void)state;
    double expected = 0.25 * log(0.5) + 0.75 * log(1.5);
    assert_float_equal(tdi_kl(p, q, 2, TD_OUTPUT_PROBABILITIES), expected, 1e-9);
    assert_float_equal(tdi_kl(certain, other, 2, TD_OUTPUT_PROBABILITIES),
                       -log(TDI_PROBABILITY_MIN), 1e-9);
    assert_true(isnan(tdi_kl(p, q, 2, TD_OUTPUT_RAW)));
}

static void the_first_of_equal_classes_counts(void **state) {
    const float values[4] = {NAN, 2, 2, 1};
    (void)state;
    assert_int_equal(tdi_first_class(values, 4), 1);
}

static void psnr_compares_the_error_with_the_range(void **state) {
    const td_layout layout = {TD_DTYPE_F32, TD_ORDER_CHW, 4, 1, 1};
    const td_layout bytes = {TD_DTYPE_U8, TD_ORDER_HWC, 3, 1, 1};
    const float a[4] = {-1, 0, 1, 3}, b[4] = {-1, 0.5f, 1, 2.5f};
    const uint8_t c[3] = {0, 100, 200}, d[3] = {1, 100, 198};
    (void)state;
    tdi_distortion f = tdi_distortion_empty(), u = tdi_distortion_empty();
    tdi_distortion_add(&f, &layout, a, b);
    tdi_distortion_add(&u, &bytes, c, d);
    assert_float_equal(f.squared_error, 0.5, 0);
    assert_float_equal(f.max - f.min, 4, 0);
    assert_float_equal(u.squared_error, 5, 0);
    assert_float_equal(tdi_psnr(4, 0.5 / 4), 10 * log10(128), 1e-12);
    assert_true(isinf(tdi_psnr(4, 0)));
}

static void median_and_percentile(void **state) {
    double odd[5] = {5, 1, 4, 2, 3}, even[4] = {4, 1, 3, 2}, many[20];
    (void)state;
    for (int i = 0; i < 20; i++)
        many[i] = 20 - i;
    assert_float_equal(tdi_median(odd, 5), 3, 0);
    assert_float_equal(tdi_median(even, 4), 2.5, 0);
    assert_float_equal(tdi_percentile(many, 20, 0.95), 19, 0);
    assert_float_equal(tdi_percentile(many, 1, 0.95), 1, 0);
    assert_true(isnan(tdi_median(odd, 0)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(divergence_of_logits_is_that_of_their_softmax),
        cmocka_unit_test(divergence_survives_large_logits),
        cmocka_unit_test(probabilities_are_floored_and_normalized),
        cmocka_unit_test(the_first_of_equal_classes_counts),
        cmocka_unit_test(psnr_compares_the_error_with_the_range),
        cmocka_unit_test(median_and_percentile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
