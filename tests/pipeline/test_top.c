/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include <support.h>

#include <tandem/model.h>

static void best_come_first_with_softmax_scores(void **state) {
    const float logits[4] = {0, 2, 1, 3};
    td_prediction top[3];
    (void)state;
    assert_int_equal(td_top(logits, 4, TD_OUTPUT_LOGITS, top, 3), 3);
    assert_int_equal(top[0].index, 3);
    assert_int_equal(top[1].index, 1);
    assert_int_equal(top[2].index, 2);
    double sum = 1 + exp(1) + exp(2) + exp(3);
    assert_float_equal(top[0].score, exp(3) / sum, 1e-6);
    assert_float_equal(top[2].score, exp(1) / sum, 1e-6);
}

static void equal_values_keep_the_order_of_classes(void **state) {
    const float values[5] = {0.1f, 0.3f, 0.3f, 0.1f, 0.2f};
    td_prediction top[5];
    (void)state;
    assert_int_equal(td_top(values, 5, TD_OUTPUT_PROBABILITIES, top, 5), 5);
    const int32_t expected[5] = {1, 2, 4, 0, 3};
    for (int i = 0; i < 5; i++)
        assert_int_equal(top[i].index, expected[i]);
    assert_float_equal(top[0].score, 0.3, 1e-7);
}

static void more_asked_for_than_there_are_gives_all(void **state) {
    const float values[2] = {0.25f, 0.75f};
    td_prediction top[10];
    (void)state;
    assert_int_equal(td_top(values, 2, TD_OUTPUT_PROBABILITIES, top, 10), 2);
    assert_int_equal(td_top(values, 2, TD_OUTPUT_PROBABILITIES, top, 0), 0);
    assert_int_equal(td_top(values, 2, TD_OUTPUT_RAW, top, 10), 0);
}

static void what_is_no_number_comes_last(void **state) {
    const float values[4] = {NAN, -1000, INFINITY, NAN};
    td_prediction top[4];
    (void)state;
    assert_int_equal(td_top(values, 4, TD_OUTPUT_LOGITS, top, 4), 4);
    assert_int_equal(top[0].index, 2);
    assert_int_equal(top[1].index, 1);
    assert_float_equal(top[0].score, 1, 0);
    const float none[2] = {NAN, NAN};
    assert_int_equal(td_top(none, 2, TD_OUTPUT_LOGITS, top, 2), 2);
    assert_float_equal(top[0].score, 0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(best_come_first_with_softmax_scores),
        cmocka_unit_test(equal_values_keep_the_order_of_classes),
        cmocka_unit_test(more_asked_for_than_there_are_gives_all),
        cmocka_unit_test(what_is_no_number_comes_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
