/* SPDX-License-Identifier: Apache-2.0 */
/* Networks on arrays: whole and cut, one picture and several, and what does not fit. */
#include "tiny_model.h"

#include <math.h>

#define PICTURES 3
#define ELEMENTS (3 * TINY_SIDE * TINY_SIDE)

static td_array noise(int64_t batch) {
    tdi_prng prng = {3};
    size_t count = (size_t)batch * ELEMENTS;
    float *values = tdi_malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(2 * tdi_prng_unit(&prng) - 1);
    return (td_array){
        TD_DTYPE_F32, {4, {batch, 3, TINY_SIDE, TINY_SIDE}}, values, count * sizeof *values};
}

static td_array_run *open_run(td_model *model, const char *cut, const char *codec, int64_t batch) {
    const td_array_run_settings settings = {cut, codec, batch, 1, TD_PRECISION_F32};
    td_array_run *run = NULL;
    must(td_array_run_open(model, &settings, &run, err));
    return run;
}

/* The outputs of that many pictures; `bytes` may be NULL. */
static void logits(td_model *model, const char *cut, const char *codec, int64_t batch, float *out,
                   size_t *bytes) {
    td_array_run *run = open_run(model, cut, codec, batch);
    td_array input = noise(batch);
    td_array_result result;
    must(td_array_run_execute(run, &input, 1, &result, err));
    assert_int_equal(result.output_count, 1);
    assert_int_equal(result.outputs[0].dtype, TD_DTYPE_F32);
    assert_int_equal(result.outputs[0].shape.rank, 2);
    assert_int_equal(result.outputs[0].shape.dim[0], batch);
    assert_int_equal(result.outputs[0].bytes, (size_t)batch * TINY_CLASSES * sizeof(float));
    memcpy(out, result.outputs[0].data, result.outputs[0].bytes);
    if (bytes)
        *bytes = result.bytes;
    td_array_clear(&input);
    td_array_run_close(run);
}

static double difference(const float *a, const float *b, size_t count) {
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

static void cuts_give_what_the_whole_network_gives(void **state) {
    const tiny *t = *state;
    static const char *const cuts[] = {"relu1", "conv2,relu1", "logits", "output"};
    float whole[TINY_CLASSES], cut[TINY_CLASSES];
    size_t bytes;
    logits(t->model, NULL, NULL, 1, whole, &bytes);
    assert_int_equal(bytes, 0);
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        logits(t->model, cuts[i], "raw", 1, cut, &bytes);
        assert_true(difference(cut, whole, TINY_CLASSES) < 1e-5);
        assert_true(bytes > 0);
    }
}

static void pictures_of_a_batch_pass_the_codec_one_by_one(void **state) {
    const tiny *t = *state;
    float whole[PICTURES * TINY_CLASSES], cut[PICTURES * TINY_CLASSES], alone[TINY_CLASSES];
    size_t one, all;
    logits(t->model, NULL, NULL, PICTURES, whole, NULL);
    logits(t->model, "relu1", "f16", 1, alone, &one);
    logits(t->model, "relu1", "f16", PICTURES, cut, &all);
    assert_int_equal(all, PICTURES * one);
    assert_true(difference(cut, alone, TINY_CLASSES) < 1e-5);
    assert_true(difference(cut, whole, PICTURES * TINY_CLASSES) < 1e-2);
    assert_true(difference(cut, whole, PICTURES * TINY_CLASSES) > 0);
    logits(t->model, "output", "f16", PICTURES, cut, &all);
    assert_int_equal(all, PICTURES * TINY_CLASSES * 2);
    assert_true(difference(cut, whole, PICTURES * TINY_CLASSES) < 1e-1);
}

static void arrays_that_do_not_fit_are_refused(void **state) {
    const tiny *t = *state;
    td_array_run *run = open_run(t->model, NULL, NULL, 1);
    td_array input = noise(2), wrong = input;
    td_array_result result;
    td_error err = {0};
    assert_int_equal(td_array_run_execute(run, &input, 1, &result, &err), TD_MISMATCH);
    assert_non_null(strstr(err.message, "takes 1x3x32x32 of float32"));
    assert_non_null(strstr(err.message, "2x3x32x32"));
    wrong.shape.dim[0] = 1;
    wrong.dtype = TD_DTYPE_F64;
    assert_int_equal(td_array_run_execute(run, &wrong, 1, &result, &err), TD_MISMATCH);
    assert_int_equal(td_array_run_execute(run, &input, 0, &result, &err), TD_ARGUMENT);
    td_array_clear(&input);
    td_array_run_close(run);
}

static void settings_that_do_not_fit_are_refused(void **state) {
    const tiny *t = *state;
    const struct {
        td_array_run_settings settings;
        td_status status;
    } cases[] = {
        {{NULL, "raw", 1, 1, TD_PRECISION_F32}, TD_ARGUMENT},
        {{NULL, NULL, 0, 1, TD_PRECISION_F32}, TD_ARGUMENT},
        {{NULL, NULL, 1, -1, TD_PRECISION_F32}, TD_ARGUMENT},
        {{"input", NULL, 1, 1, TD_PRECISION_F32}, TD_CUT},
        {{"conv2", NULL, 1, 1, TD_PRECISION_F32}, TD_CUT},
        {{"nothing", NULL, 1, 1, TD_PRECISION_F32}, TD_NOT_FOUND},
        {{"relu1", "zip", 1, 1, TD_PRECISION_F32}, TD_STRATEGY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_array_run *run = NULL;
        td_error err = {0};
        td_status status = td_array_run_open(t->model, &cases[i].settings, &run, &err);
        if (status != cases[i].status || !err.message[0] || run)
            fail_msg("case %zu: %s \"%s\"", i, td_status_name(status), err.message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_give_what_the_whole_network_gives),
        cmocka_unit_test(pictures_of_a_batch_pass_the_codec_one_by_one),
        cmocka_unit_test(arrays_that_do_not_fit_are_refused),
        cmocka_unit_test(settings_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, tiny_setup, tiny_teardown);
}
