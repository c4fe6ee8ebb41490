/* SPDX-License-Identifier: Apache-2.0 */
#define TANDEM_UNSTABLE
#include <tandem/lab.h>

#include <math.h>

#include "tiny_model.h"

#include "bundle/bundle.h"
#include "pipeline/pipeline.h"

#define PICTURES 24

/* Makes `folder`/`name` on the records of the test with `threads` threads. */
static const char *prepare(const tiny *t, const char *name, int threads, char path[512]) {
    td_prepare_settings settings = td_prepare_settings_default();
    snprintf(path, 512, "%s/%s", t->folder, name);
    settings.model = t->model_path;
    settings.bundle = path;
    settings.name = "tiny";
    settings.recipe = "cifar";
    settings.replace = 1;
    settings.threads = threads;
    settings.pictures = tiny_source(t->records_path);
    must(td_prepare(&settings, err));
    td_source_close(settings.pictures);
    return path;
}

static void assert_same_file(const char *a, const char *b, const char *name) {
    char *pa = tdi_path_join(a, name), *pb = tdi_path_join(b, name);
    uint8_t *da, *db;
    size_t na, nb;
    must(tdi_file_read(pa, 1 << 24, &da, &na, err));
    must(tdi_file_read(pb, 1 << 24, &db, &nb, err));
    if (na != nb || memcmp(da, db, na) != 0)
        fail_msg("%s differs between one and three threads", name);
    tdi_free(da);
    tdi_free(db);
    tdi_free(pa);
    tdi_free(pb);
}

static void a_bundle_does_not_depend_on_the_number_of_threads(void **state) {
    tiny *t = *state;
    char one[512], three[512];
    tdi_bundle *bundle;
    prepare(t, "one", 1, one);
    prepare(t, "three", 3, three);
    must(tdi_bundle_open(one, &bundle, err));
    assert_int_equal(bundle->cut_count, 6);
    assert_same_file(one, three, "bundle.json");
    for (size_t i = 0; i < bundle->file_count; i++)
        assert_same_file(one, three, bundle->files[i].path);
    tdi_bundle_free(bundle);
}

static void statistics_are_those_of_the_features(void **state) {
    tiny *t = *state;
    char path[512];
    td_model *model;
    td_head *head;
    double sum = 0, squares = 0;
    must(td_model_open(prepare(t, "bundle", 2, path), &model, err));
    must(td_head_open(model, "relu1", NULL, &head, err));
    td_source *source = tiny_source(t->records_path);
    size_t elements = TINY_CHANNELS * TINY_SIDE * TINY_SIDE;
    for (size_t i = 0; i < PICTURES; i++) {
        td_picture picture;
        const void *features[1];
        must(td_source_read(source, i, &picture, NULL, err));
        must(td_head_run(head, &picture, features, err));
        for (size_t k = 0; k < elements; k++) {
            double v = ((const float *)features[0])[k];
            sum += v;
            squares += v * v;
        }
        td_picture_clear(&picture);
    }
    double n = (double)elements * PICTURES, mean = sum / n;
    const td_calibration *calibration = td_model_calibration(model, "relu1", 0);
    assert_non_null(calibration);
    assert_int_equal(calibration->pictures, PICTURES);
    assert_float_equal(calibration->mean, mean, 1e-4 * fabs(mean));
    assert_float_equal(calibration->sigma, sqrt(squares / n - mean * mean),
                       1e-4 * calibration->sigma);
    assert_null(td_model_calibration(model, "relu1", 1));
    assert_null(td_model_calibration(model, "relu1,conv2", 0));
    td_source_close(source);
    td_head_close(head);
    td_model_unref(model);
}

static void both_ends_get_the_same_calibration_hash(void **state) {
    tiny *t = *state;
    char path[512];
    td_model *a, *b;
    tdi_coder *ca, *cb;
    const tdi_hash zero = {{0}};
    prepare(t, "bundle", 2, path);
    must(td_model_open(path, &a, err));
    must(td_model_open(path, &b, err));
    must(tdi_coder_open(a, "add", "uniform:levels=16,clip=3", &ca, err));
    must(tdi_coder_open(b, "add", "uniform:levels=16,clip=3", &cb, err));
    tdi_hash ha = tdi_coder_calibration_hash(ca), hb = tdi_coder_calibration_hash(cb);
    assert_true(tdi_hash_equal(&ha, &hb));
    assert_false(tdi_hash_equal(&ha, &zero));
    tdi_coder_close(ca);
    tdi_coder_close(cb);
    td_model_unref(a);
    td_model_unref(b);
}

static void asked_for_cuts_alone_are_calibrated(void **state) {
    tiny *t = *state;
    static const char *const cuts[] = {"conv2,relu1", "output", "relu1,conv2"};
    char path[512];
    td_model *model;
    td_error error = {0};
    td_prepare_settings settings = td_prepare_settings_default();
    snprintf(path, sizeof path, "%s/cuts", t->folder);
    settings.model = t->model_path;
    settings.bundle = path;
    settings.pictures = tiny_source(t->records_path);
    settings.cuts = cuts;
    settings.cut_count = 3;
    must(td_prepare(&settings, err));
    must(td_model_open(path, &model, err));
    assert_string_equal(td_model_name(model), "cuts");
    assert_non_null(td_model_calibration(model, "conv2,relu1", 1));
    assert_non_null(td_model_calibration(model, "output", 0));
    assert_null(td_model_calibration(model, "relu1", 0));
    td_model_unref(model);
    /* What is there is not overwritten unless asked for. */
    assert_int_not_equal(td_prepare(&settings, &error), TD_OK);
    assert_non_null(strstr(error.message, "cuts"));
    td_source_close(settings.pictures);
}

static void labels_must_be_as_many_as_classes(void **state) {
    tiny *t = *state;
    char labels[512], bundle[512];
    td_error error = {0};
    td_prepare_settings settings = td_prepare_settings_default();
    snprintf(labels, sizeof labels, "%s/labels.txt", t->folder);
    snprintf(bundle, sizeof bundle, "%s/labelled", t->folder);
    must(tdi_file_write(labels, "a\nb\nc\n", 6, err));
    settings.model = t->model_path;
    settings.bundle = bundle;
    settings.labels = labels;
    settings.pictures = tiny_source(t->records_path);
    assert_int_equal(td_prepare(&settings, &error), TD_MISMATCH);
    assert_non_null(strstr(error.message, "3 labels"));
    assert_false(tdi_path_exists(bundle));
    td_source_close(settings.pictures);
}

static int cancel_at_half(const char *what, uint64_t done, uint64_t total, void *user) {
    (void)what;
    (void)user;
    return done * 2 >= total;
}

static void a_cancelled_prepare_leaves_nothing(void **state) {
    tiny *t = *state;
    char bundle[512];
    char **names;
    size_t before, after;
    td_prepare_settings settings = td_prepare_settings_default();
    snprintf(bundle, sizeof bundle, "%s/cancelled", t->folder);
    settings.model = t->model_path;
    settings.bundle = bundle;
    settings.pictures = tiny_source(t->records_path);
    settings.progress = cancel_at_half;
    must(tdi_folder_list(t->folder, &names, &before, err));
    tdi_names_free(names, before);
    assert_int_equal(td_prepare(&settings, NULL), TD_CANCELLED);
    must(tdi_folder_list(t->folder, &names, &after, err));
    tdi_names_free(names, after);
    assert_int_equal(before, after);
    td_source_close(settings.pictures);
}

static td_eval_settings eval_settings(const char *model, td_source *source, const char *const *cuts,
                                      size_t cut_count, const char *const *strategies,
                                      size_t strategy_count) {
    td_eval_settings settings = td_eval_settings_default();
    settings.model = model;
    settings.pictures = source;
    settings.cuts = cuts;
    settings.cut_count = cut_count;
    settings.strategies = strategies;
    settings.strategy_count = strategy_count;
    return settings;
}

static void lossless_strategies_lose_nothing(void **state) {
    tiny *t = *state;
    static const char *const cuts[] = {"relu1", "conv2,relu1"}, *const strategies[] = {"raw"};
    td_eval_report report;
    td_source *source = tiny_source(t->records_path);
    td_eval_settings settings = eval_settings(t->model_path, source, cuts, 2, strategies, 1);
    must(td_eval(&settings, &report, err));
    assert_int_equal(report.point_count, 2);
    assert_int_equal(report.pictures, PICTURES);
    for (size_t i = 0; i < 2; i++) {
        const td_eval_point *p = &report.points[i];
        assert_true(p->kl < 1e-9);
        assert_float_equal(p->agreement, 1, 0);
        assert_float_equal(p->accuracy, report.uncut_accuracy, 0);
        assert_true(isinf(p->psnr_db));
        assert_float_equal(p->bits_per_element, 32, 0);
        assert_float_equal(p->bytes_mean, 4 * (double)p->elements, 0);
        assert_true(p->output_relative_mse < 1e-9);
        assert_true(p->encode_us > 0 && p->decode_us > 0);
    }
    assert_string_equal(report.points[1].cut, "relu1,conv2");
    td_eval_report_clear(&report);
    td_source_close(source);
}

/* The same figures, by the plainest code that yields them. */
static void figures_are_those_of_running_it_by_hand(void **state) {
    tiny *t = *state;
    static const char *const cuts[] = {"relu2"}, *const strategies[] = {
                                                     "uniform:levels=3,min=0,max=2"};
    double kl = 0, squared_error = 0, low = INFINITY, high = -INFINITY;
    size_t agree = 0, correct = 0, uncut_correct = 0,
           elements = TINY_CHANNELS * TINY_SIDE * TINY_SIDE;
    td_head *head, *whole;
    td_tail *tail;
    float *rounded = tdi_calloc(elements, sizeof *rounded);
    td_source *source = tiny_source(t->records_path);
    must(td_head_open(t->model, "relu2", NULL, &head, err));
    must(td_head_open(t->model, "output", NULL, &whole, err));
    must(td_tail_open(t->model, "relu2", NULL, &tail, err));
    for (size_t i = 0; i < PICTURES; i++) {
        td_picture picture;
        td_source_item item;
        const void *features[1], *uncut[1];
        const float *outputs[1];
        td_prediction a, b, all_a[TINY_CLASSES], all_b[TINY_CLASSES];
        must(td_source_read(source, i, &picture, &item, err));
        must(td_head_run(whole, &picture, uncut, err));
        must(td_head_run(head, &picture, features, err));
        for (size_t k = 0; k < elements; k++) {
            float v = ((const float *)features[0])[k];
            rounded[k] = v >= 1.5f ? 2 : v >= 0.5f ? 1 : 0;
            squared_error += ((double)rounded[k] - v) * ((double)rounded[k] - v);
            low = fmin(low, v);
            high = fmax(high, v);
        }
        features[0] = rounded;
        must(td_tail_run(tail, features, outputs, err));
        td_top(uncut[0], TINY_CLASSES, TD_OUTPUT_LOGITS, all_a, TINY_CLASSES);
        td_top(outputs[0], TINY_CLASSES, TD_OUTPUT_LOGITS, all_b, TINY_CLASSES);
        a = all_a[0];
        b = all_b[0];
        for (int x = 0; x < TINY_CLASSES; x++)
            for (int y = 0; y < TINY_CLASSES; y++)
                if (all_a[x].index == all_b[y].index)
                    kl += (double)all_a[x].score *
                          log((double)all_a[x].score / (double)all_b[y].score);
        agree += a.index == b.index;
        correct += b.index == item.label;
        uncut_correct += a.index == item.label;
        td_picture_clear(&picture);
    }
    td_eval_report report;
    td_eval_settings settings = eval_settings(t->model_path, source, cuts, 1, strategies, 1);
    must(td_eval(&settings, &report, err));
    const td_eval_point *p = &report.points[0];
    assert_string_equal(p->strategy, "uniform:levels=3,min=0,max=2+pack");
    assert_int_equal(report.uncut_correct, uncut_correct);
    assert_float_equal(p->agreement, (double)agree / PICTURES, 1e-12);
    assert_float_equal(p->accuracy, (double)correct / PICTURES, 1e-12);
    assert_float_equal(p->kl, kl / PICTURES, 1e-4 * kl / PICTURES + 1e-6);
    double mse = squared_error / ((double)elements * PICTURES);
    assert_float_equal(p->psnr_db, 10 * log10((high - low) * (high - low) / mse), 0.01);
    assert_float_equal(p->bytes_mean, p->bytes_p95, 0);
    /* log2 3 bits and some rounding. */
    assert_true(p->bits_per_element > 1.58 && p->bits_per_element < 2.05);
    td_eval_report_clear(&report);
    td_source_close(source);
    td_tail_close(tail);
    td_head_close(whole);
    td_head_close(head);
    tdi_free(rounded);
}

static void figures_do_not_depend_on_the_number_of_threads(void **state) {
    tiny *t = *state;
    static const char *const cuts[] = {"relu1",   "relu2",  "add",         "conv1", "avgpool",
                                       "flatten", "output", "relu1,conv2", "relu1"};
    static const char *const strategies[] = {"uniform:levels=5,min=0,max=2+png", "f16"};
    td_eval_report one, three;
    td_source *source = tiny_source(t->records_path);
    td_eval_settings settings = eval_settings(t->model_path, source, cuts, 9, strategies, 2);
    settings.threads = 1;
    must(td_eval(&settings, &one, err));
    settings.threads = 3;
    must(td_eval(&settings, &three, err));
    assert_int_equal(one.point_count, 18);
    for (size_t i = 0; i < one.point_count; i++) {
        const td_eval_point *a = &one.points[i], *b = &three.points[i];
        assert_string_equal(a->cut, b->cut);
        assert_string_equal(a->strategy, b->strategy);
        assert_true(a->bytes_mean == b->bytes_mean && a->bytes_p95 == b->bytes_p95);
        assert_true(a->kl == b->kl && a->psnr_db == b->psnr_db);
        assert_true(a->agreement == b->agreement && a->accuracy == b->accuracy);
        assert_true(a->output_relative_mse == b->output_relative_mse);
    }
    td_eval_report_clear(&one);
    td_eval_report_clear(&three);
    td_source_close(source);
}

static void pictures_that_the_calibration_saw_are_refused(void **state) {
    tiny *t = *state;
    static const char *const cuts[] = {"relu1"}, *const fitted[] = {"uniform:levels=16,clip=3"},
                             *const plain[] = {"raw", "uniform:levels=16,min=0,max=2"};
    char bundle[512], fresh[512];
    td_eval_report report;
    td_error error = {0};
    prepare(t, "bundle", 2, bundle);
    td_source *seen = tiny_source(t->records_path);
    td_source *unseen = tiny_source(tiny_records(t->folder, "fresh.bin", 6, 7, fresh));
    td_eval_settings settings = eval_settings(bundle, seen, cuts, 1, fitted, 1);
    assert_int_equal(td_eval(&settings, &report, &error), TD_MISMATCH);
    assert_non_null(strstr(error.message, "24 of these 24"));
    settings.allow_overlap = 1;
    must(td_eval(&settings, &report, err));
    assert_int_equal(report.overlapping, 24);
    assert_int_equal(report.points[0].overlap, 1);
    td_eval_report_clear(&report);
    settings = eval_settings(bundle, seen, cuts, 1, plain, 2);
    must(td_eval(&settings, &report, err));
    assert_int_equal(report.points[0].overlap, 0);
    td_eval_report_clear(&report);
    settings = eval_settings(bundle, unseen, cuts, 1, fitted, 1);
    must(td_eval(&settings, &report, err));
    assert_int_equal(report.overlapping, 0);
    td_eval_report_clear(&report);
    td_source_close(seen);
    td_source_close(unseen);
}

static void what_does_not_fit_is_refused_before_anything_runs(void **state) {
    tiny *t = *state;
    static const char *const cuts[] = {"input", "relu1"}, *const picture[] = {"picture+png"},
                             *const wrong[] = {"relu9"};
    td_eval_report report;
    td_error error = {0};
    td_source *source = tiny_source(t->records_path);
    td_eval_settings settings = eval_settings(t->model_path, source, cuts, 2, picture, 1);
    assert_int_equal(td_eval(&settings, &report, &error), TD_STRATEGY);
    assert_non_null(strstr(error.message, "relu1"));
    settings.cuts = wrong;
    settings.cut_count = 1;
    assert_int_equal(td_eval(&settings, &report, &error), TD_NOT_FOUND);
    td_source_close(source);
}

static void without_cut_and_strategy_the_picture_is_measured(void **state) {
    tiny *t = *state;
    td_eval_report report;
    td_source *source = tiny_source(t->records_path);
    td_eval_settings settings = eval_settings(t->model_path, source, NULL, 0, NULL, 0);
    must(td_eval(&settings, &report, err));
    assert_int_equal(report.point_count, 1);
    assert_string_equal(report.points[0].cut, "input");
    assert_non_null(strstr(report.points[0].strategy, "picture+jpeg"));
    td_eval_report_clear(&report);
    td_source_close(source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_does_not_depend_on_the_number_of_threads),
        cmocka_unit_test(statistics_are_those_of_the_features),
        cmocka_unit_test(both_ends_get_the_same_calibration_hash),
        cmocka_unit_test(asked_for_cuts_alone_are_calibrated),
        cmocka_unit_test(labels_must_be_as_many_as_classes),
        cmocka_unit_test(a_cancelled_prepare_leaves_nothing),
        cmocka_unit_test(lossless_strategies_lose_nothing),
        cmocka_unit_test(figures_are_those_of_running_it_by_hand),
        cmocka_unit_test(figures_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(pictures_that_the_calibration_saw_are_refused),
        cmocka_unit_test(what_does_not_fit_is_refused_before_anything_runs),
        cmocka_unit_test(without_cut_and_strategy_the_picture_is_measured),
    };
    return cmocka_run_group_tests(tests, tiny_setup, tiny_teardown);
}
