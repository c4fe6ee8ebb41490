/* SPDX-License-Identifier: Apache-2.0 */
/* What td_model_memory() says: parts, sums, and what it refuses. */
#include "tiny_model.h"

static td_memory_report report_at(td_model *model, const char *cut) {
    td_memory_report report;
    must(td_model_memory(model, cut, NULL, &report, err));
    for (size_t i = 0; i < report.part_count; i++) {
        const td_memory_part *part = &report.parts[i];
        size_t sum = 0;
        for (size_t k = 0; k < part->kind_count; k++) {
            assert_true(part->kinds[k].layers > 0);
            assert_non_null(strchr(part->kinds[k].implementation, ' '));
            if (k > 0)
                assert_true(part->kinds[k].bytes <= part->kinds[k - 1].bytes);
            sum += part->kinds[k].bytes;
        }
        assert_int_equal(sum, part->weights_bytes);
        assert_true(part->arena_bytes > 0);
    }
    return report;
}

static void whole_network_has_all_weights(void **state) {
    const tiny *t = *state;
    td_memory_report report = report_at(t->model, NULL);
    size_t parameter_bytes = (size_t)td_model_parameters(t->model) * sizeof(float);
    assert_int_equal(report.part_count, 1);
    assert_string_equal(report.parts[0].name, "network");
    assert_int_equal(report.model_bytes, parameter_bytes);
    assert_true(report.parts[0].weights_bytes >= parameter_bytes);
    /* Input and the widest pair of tensors live at the same time. */
    assert_true(report.parts[0].arena_bytes >= 2 * TINY_CHANNELS * TINY_SIDE * TINY_SIDE * 4);
    td_memory_report_clear(&report);
    assert_int_equal(report.part_count, 0);
}

static void halves_share_out_the_weights(void **state) {
    const tiny *t = *state;
    td_memory_report whole = report_at(t->model, NULL), halves = report_at(t->model, "relu1");
    assert_int_equal(halves.part_count, 2);
    assert_string_equal(halves.parts[0].name, "head");
    assert_string_equal(halves.parts[1].name, "tail");
    assert_true(halves.parts[0].weights_bytes > 0);
    assert_true(halves.parts[1].weights_bytes > 0);
    assert_true(halves.parts[0].weights_bytes < whole.parts[0].weights_bytes);
    assert_true(halves.parts[1].weights_bytes < whole.parts[0].weights_bytes);
    td_memory_report_clear(&whole);
    td_memory_report_clear(&halves);
}

static void ends_of_the_network_have_one_part(void **state) {
    const tiny *t = *state;
    static const char *const ends[] = {"input", "output"};
    for (size_t i = 0; i < 2; i++) {
        td_memory_report report = report_at(t->model, ends[i]);
        assert_int_equal(report.part_count, 1);
        assert_string_equal(report.parts[0].name, "network");
        td_memory_report_clear(&report);
    }
}

static void what_is_no_cut_is_refused(void **state) {
    const tiny *t = *state;
    const td_half_settings threads = {-1, TD_PRECISION_F32};
    td_memory_report report;
    td_error err = {0};
    assert_int_equal(td_model_memory(t->model, "conv2", NULL, &report, &err), TD_CUT);
    assert_int_equal(td_model_memory(t->model, "x", NULL, &report, &err), TD_NOT_FOUND);
    assert_int_equal(td_model_memory(t->model, NULL, &threads, &report, &err), TD_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_network_has_all_weights),
        cmocka_unit_test(halves_share_out_the_weights),
        cmocka_unit_test(ends_of_the_network_have_one_part),
        cmocka_unit_test(what_is_no_cut_is_refused),
    };
    return cmocka_run_group_tests(tests, tiny_setup, tiny_teardown);
}
