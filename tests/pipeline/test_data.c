/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accuracy of real networks on real pictures, against the figures that another runtime measured on
 * the same files.
 */
#define TANDEM_UNSTABLE
#include <tandem/lab.h>

#include <math.h>

#include <support.h>

#include "base/file.h"

static const char *const uncut[] = {"output"}, *const raw[] = {"raw"};

static td_source *source_of(const char *pictures, const uint32_t subset[2], size_t limit) {
    td_error err = {0};
    td_source *source = NULL;
    if (td_source_open(&pictures, 1, &source, &err) ||
        (subset && td_source_subset(source, subset[0], subset[1], &err)) ||
        (limit && td_source_limit(source, limit, &err)))
        fail_msg("%s", err.message);
    return source;
}

static void make_bundle(const char *model, const char *recipe, td_source *pictures,
                        const char *bundle) {
    td_error err = {0};
    td_prepare_settings prepare = td_prepare_settings_default();
    prepare.model = model;
    prepare.bundle = bundle;
    prepare.recipe = recipe;
    prepare.pictures = pictures;
    prepare.cuts = uncut;
    prepare.cut_count = 1;
    if (td_prepare(&prepare, &err))
        fail_msg("%s", err.message);
}

/* Uncut. */
static td_eval_report evaluate(const char *bundle, td_source *pictures, td_precision precision,
                               int threads) {
    td_error err = {0};
    td_eval_report report;
    td_eval_settings eval = td_eval_settings_default();
    eval.model = bundle;
    eval.pictures = pictures;
    eval.cuts = uncut;
    eval.cut_count = 1;
    eval.strategies = raw;
    eval.strategy_count = 1;
    eval.precision = precision;
    eval.threads = threads;
    if (td_eval(&eval, &report, &err))
        fail_msg("%s", err.message);
    return report;
}

/* The uncut network's correct answers on the pictures, through a bundle with the recipe. */
static size_t count_correct(const char *model, const char *pictures, const char *recipe,
                            int threads) {
    char folder[256], bundle[300];
    td_source *source = source_of(pictures, NULL, 0), *one = source_of(pictures, NULL, 1);
    test_folder(folder);
    snprintf(bundle, sizeof bundle, "%s/bundle", folder);
    make_bundle(model, recipe, one, bundle);
    td_eval_report report = evaluate(bundle, source, TD_PRECISION_F32, threads);
    size_t correct = report.uncut_correct;
    print_message("%s: %zu of %zu correct\n", model, correct, report.pictures);
    assert_float_equal(report.points[0].accuracy, report.uncut_accuracy, 0);
    td_eval_report_clear(&report);
    td_source_close(source);
    td_source_close(one);
    tdi_folder_remove(folder, NULL);
    return correct;
}

/* On other pictures than those that the ranges are from. */
static void check_cost(const char *model, const char *pictures, const char *recipe, size_t seen,
                       size_t unseen) {
    static const double kl_most[] = {
        [TD_PRECISION_F32] = 0, [TD_PRECISION_BF16] = 0.004, [TD_PRECISION_INT8] = 0.02};
    const uint32_t even[2] = {0, 2}, odd[2] = {1, 2};
    const char *m = test_data(model), *p = test_data(pictures);
    char folder[256], bundle[300];
    if (!m || !p)
        skip();
    td_source *calibration = source_of(p, even, seen), *others = source_of(p, odd, unseen);
    test_folder(folder);
    snprintf(bundle, sizeof bundle, "%s/bundle", folder);
    make_bundle(m, recipe, calibration, bundle);
    for (int precision = TD_PRECISION_F32; precision <= TD_PRECISION_INT8; precision++) {
        td_eval_report report = evaluate(bundle, others, (td_precision)precision, 0);
        print_message("%s, %s: KL %g, agreement %g\n", model, td_precision_name(report.precision),
                      report.points[0].kl, report.points[0].agreement);
        assert_true(report.points[0].kl <= kl_most[precision]);
        td_eval_report_clear(&report);
    }
    td_source_close(calibration);
    td_source_close(others);
    tdi_folder_remove(folder, NULL);
}

static void low_precisions_cost_little(void **state) {
    (void)state;
    check_cost("models/mobilenet_v2.onnx", "imagenet", "tf", 32, 64);
    check_cost("models/resnet56_cifar10.onnx", "cifar10/test_a.bin", "cifar", 100, 500);
}

static void check(const char *model, const char *pictures, const char *recipe, long expected,
                  long tolerance) {
    const char *m = test_data(model), *p = test_data(pictures);
    if (!m || !p)
        skip();
    long correct = (long)count_correct(m, p, recipe, 0);
    assert_in_range(correct, expected - tolerance, expected + tolerance);
}

static void mobilenet_v2_gets_442_of_500(void **state) {
    (void)state;
    check("models/mobilenet_v2.onnx", "imagenet", "tf", 442, 2);
}

static void resnet20_gets_4051_of_5000(void **state) {
    (void)state;
    check("models/resnet20_cifar10.onnx", "cifar10/test_a.bin", "cifar", 4051, 5);
}

static void resnet56_gets_4151_of_5000(void **state) {
    (void)state;
    check("models/resnet56_cifar10.onnx", "cifar10/test_a.bin", "cifar", 4151, 5);
}

/* Runs head and tail at a cut and returns how far the outputs are from `whole`, in parts of its
 * largest. */
static double distance_at_cut(td_model *model, const char *cut, const td_picture *picture,
                              const float *whole, size_t classes) {
    td_error err = {0};
    td_head *head = NULL;
    td_tail *tail = NULL;
    const void *features[1];
    const float *outputs[1];
    double worst = 0, largest = 0;
    if (td_head_open(model, cut, NULL, &head, &err) ||
        td_tail_open(model, cut, NULL, &tail, &err) || td_head_run(head, picture, features, &err) ||
        td_tail_run(tail, features, outputs, &err))
        fail_msg("%s: %s", cut, err.message);
    for (size_t i = 0; i < classes; i++) {
        worst = fmax(worst, fabs((double)outputs[0][i] - whole[i]));
        largest = fmax(largest, fabs((double)whole[i]));
    }
    td_tail_close(tail);
    td_head_close(head);
    return worst / largest;
}

static void check_every_cut(const char *model_name, const char *pictures, size_t cuts) {
    const char *path = test_data(model_name), *data = test_data(pictures);
    td_error err = {0};
    td_model *model = NULL;
    td_source *source = NULL;
    td_head *whole = NULL;
    td_picture picture;
    const void *outputs[1];
    td_cut_info info;
    double worst = 0;
    if (!path || !data)
        skip();
    if (td_model_open(path, &model, &err) || td_source_open(&data, 1, &source, &err) ||
        td_source_read(source, 7, &picture, NULL, &err) ||
        td_head_open(model, "output", NULL, &whole, &err) ||
        td_head_run(whole, &picture, outputs, &err))
        fail_msg("%s", err.message);
    td_layout layout = td_head_layout(whole, 0);
    assert_int_equal(td_model_cut_count(model), cuts);
    for (size_t i = 0; td_model_cut(model, i, &info) == TD_OK; i++) {
        double distance = distance_at_cut(model, info.name, &picture, outputs[0],
                                          (size_t)td_layout_elements(&layout));
        if (!(distance <= 1e-4))
            fail_msg("%s at %s: off by %g of the largest logit", model_name, info.name, distance);
        worst = fmax(worst, distance);
    }
    print_message("%s: at %zu cuts off by at most %g of the largest logit\n", model_name, cuts,
                  worst);
    td_head_close(whole);
    td_picture_clear(&picture);
    td_source_close(source);
    td_model_unref(model);
}

static void every_cut_of_the_shared_models_gives_the_same_logits(void **state) {
    (void)state;
    check_every_cut("models/resnet20_cifar10.onnx", "cifar10/test_a.bin", 23);
    check_every_cut("models/resnet56_cifar10.onnx", "cifar10/test_a.bin", 59);
    check_every_cut("models/mobilenet_v2.onnx", "imagenet", 49);
    check_every_cut("models/mobilenet_v2_fp16w.onnx", "imagenet", 49);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_of_the_shared_models_gives_the_same_logits),
        cmocka_unit_test(low_precisions_cost_little),
        cmocka_unit_test(mobilenet_v2_gets_442_of_500),
        cmocka_unit_test(resnet20_gets_4051_of_5000),
        cmocka_unit_test(resnet56_gets_4151_of_5000),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
