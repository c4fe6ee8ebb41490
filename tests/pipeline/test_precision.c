/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What low precisions cost on the network that ships, on pictures that were not calibrated on, and
 * who is refused them.
 */
#define TANDEM_UNSTABLE
#include <tandem/lab.h>

#include "tiny_model.h"

#include "bundle/bundle.h"
#include "pipeline/pipeline.h"

typedef struct shipped {
    char folder[256], bundle[300];
} shipped;

static td_source *source_of(const char *relative) {
    const char *path = test_source(relative);
    td_source *source = NULL;
    must(td_source_open(&path, 1, &source, err));
    return source;
}

static int make_bundle(void **state) {
    static shipped s;
    td_prepare_settings settings = td_prepare_settings_default();
    test_folder(s.folder);
    snprintf(s.bundle, sizeof s.bundle, "%s/fashion", s.folder);
    settings.model = test_source("models/fashion/model.onnx");
    settings.bundle = s.bundle;
    settings.pictures = source_of("models/fashion/calibration");
    must(td_prepare(&settings, err));
    td_source_close(settings.pictures);
    *state = &s;
    return 0;
}

static int remove_bundle(void **state) {
    tdi_folder_remove(((shipped *)*state)->folder, NULL);
    return 0;
}

/* At both ends and amid the network, where halves find their tensors' ranges by name. */
static td_eval_report evaluate(const shipped *s, td_precision precision, int threads) {
    static const char *const cuts[] = {"output", "input", "layer2.0.relu2"};
    static const char *const raw[] = {"raw"};
    td_eval_settings settings = td_eval_settings_default();
    td_eval_report report;
    settings.model = s->bundle;
    settings.pictures = source_of("models/fashion/pictures");
    settings.cuts = cuts;
    settings.cut_count = 3;
    settings.strategies = raw;
    settings.strategy_count = 1;
    settings.precision = precision;
    settings.threads = threads;
    must(td_eval(&settings, &report, err));
    td_source_close(settings.pictures);
    assert_int_equal(report.point_count, 3);
    return report;
}

static void check_cost(const shipped *s, td_precision precision, double kl_most) {
    td_eval_report one = evaluate(s, precision, 1), three = evaluate(s, precision, 3);
    for (size_t i = 0; i < one.point_count; i++) {
        const td_eval_point *p = &one.points[i];
        print_message("%s, %s: KL %g, agreement %g\n", td_precision_name(precision), p->cut, p->kl,
                      p->agreement);
        assert_true(p->kl >= 0 && p->kl <= kl_most);
        assert_true(p->agreement >= 0.95);
        assert_true(p->kl == three.points[i].kl);
        if (td_precision_available(precision) && precision != TD_PRECISION_F32)
            assert_true(p->output_relative_mse > 0); /* it is not float32 */
    }
    td_eval_report_clear(&one);
    td_eval_report_clear(&three);
}

static void float32_costs_nothing(void **state) {
    td_eval_report report = evaluate(*state, TD_PRECISION_F32, 1);
    assert_true(report.points[0].kl == 0 && report.points[0].output_relative_mse == 0);
    td_eval_report_clear(&report);
}

static void bfloat16_costs_little(void **state) {
    check_cost(*state, TD_PRECISION_BF16, 0.001);
}

static void eight_bits_cost_little(void **state) {
    check_cost(*state, TD_PRECISION_INT8, 0.005);
}

static void eight_bits_need_ranges(void **state) {
    const td_half_settings settings = {1, TD_PRECISION_INT8};
    td_model *model;
    td_head *head;
    td_precision precision;
    td_error error = {0};
    (void)state;
    must(td_model_open(test_source("models/fashion/model.onnx"), &model, err));
    must(td_model_precision(model, TD_PRECISION_BF16, &precision, err));
    if (td_precision_available(TD_PRECISION_INT8)) {
        assert_int_equal(td_head_open(model, "output", &settings, &head, &error), TD_NOT_FOUND);
        assert_non_null(strstr(error.message, "prepare"));
    } else {
        must(td_head_open(model, "output", &settings, &head, err));
        td_head_close(head);
    }
    td_model_unref(model);
}

static void a_bundle_has_ranges_of_all_tensors(void **state) {
    const shipped *s = *state;
    td_model *model;
    must(td_model_open(s->bundle, &model, err));
    for (int v = 0; v < model->graph->value_count; v++) {
        const tdi_value *value = &model->graph->values[v];
        if (tdi_value_has_range(value) && !tdi_ranges_find(&model->ranges, value->name))
            fail_msg("no range of %s", value->name);
    }
    td_model_unref(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float32_costs_nothing),
        cmocka_unit_test(bfloat16_costs_little),
        cmocka_unit_test(eight_bits_cost_little),
        cmocka_unit_test(eight_bits_need_ranges),
        cmocka_unit_test(a_bundle_has_ranges_of_all_tensors),
    };
    return cmocka_run_group_tests(tests, make_bundle, remove_bundle);
}
