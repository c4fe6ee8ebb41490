/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <pthread.h>

#include "tiny_model.h"

#include "pipeline/pipeline.h"

static td_picture picture_of(const tiny *t, size_t index) {
    td_source *source = tiny_source(t->records_path);
    td_picture picture;
    must(td_source_read(source, index, &picture, NULL, err));
    td_source_close(source);
    return picture;
}

/* The whole network's logits. */
static void run_whole(td_model *model, const td_picture *picture, float logits[TINY_CLASSES]) {
    td_head *head;
    const void *outputs[1];
    must(td_head_open(model, "output", NULL, &head, err));
    assert_int_equal(td_head_tensor_count(head), 1);
    must(td_head_run(head, picture, outputs, err));
    memcpy(logits, outputs[0], TINY_CLASSES * sizeof *logits);
    td_head_close(head);
}

static void check_cut(td_model *model, const char *cut, const td_picture *picture) {
    float whole[TINY_CLASSES];
    td_head *head;
    td_tail *tail;
    const void *features[TDI_CUT_TENSORS_MAX];
    const float *outputs[1];
    double largest = 0;
    run_whole(model, picture, whole);
    must(td_head_open(model, cut, NULL, &head, err));
    must(td_tail_open(model, cut, NULL, &tail, err));
    must(td_head_run(head, picture, features, err));
    must(td_tail_run(tail, features, outputs, err));
    assert_int_equal(td_tail_output_elements(tail, 0), TINY_CLASSES);
    for (int i = 0; i < TINY_CLASSES; i++)
        largest = fmax(largest, fabs((double)whole[i]));
    for (int i = 0; i < TINY_CLASSES; i++)
        if (fabs((double)outputs[0][i] - whole[i]) > 1e-4 * largest)
            fail_msg("%s: logit %d is %g, not %g", cut, i, (double)outputs[0][i], (double)whole[i]);
    td_tail_close(tail);
    td_head_close(head);
}

static void head_then_tail_is_the_whole_network_at_every_cut(void **state) {
    tiny *t = *state;
    td_picture picture = picture_of(t, 3);
    td_cut_info info;
    for (size_t i = 0; td_model_cut(t->model, i, &info) == TD_OK; i++)
        check_cut(t->model, info.name, &picture);
    check_cut(t->model, "relu1,conv2", &picture);
    check_cut(t->model, "input", &picture);
    check_cut(t->model, "output", &picture);
    td_picture_clear(&picture);
}

static void at_input_the_features_are_the_fitted_picture(void **state) {
    tiny *t = *state;
    td_head *head;
    td_picture picture = picture_of(t, 0), fitted;
    const void *features[1];
    must(td_head_open(t->model, "input", NULL, &head, err));
    td_layout layout = td_head_layout(head, 0);
    assert_int_equal(layout.dtype, TD_DTYPE_U8);
    assert_int_equal(layout.order, TD_ORDER_HWC);
    assert_int_equal(layout.channels, 3);
    assert_int_equal(layout.height, TINY_SIDE);
    must(td_recipe_fit(td_model_recipe(t->model), &picture, &fitted, err));
    must(td_head_run(head, &picture, features, err));
    assert_memory_equal(features[0], fitted.pixels, 3 * TINY_SIDE * TINY_SIDE);
    td_head_close(head);
    td_picture_clear(&fitted);
    td_picture_clear(&picture);
}

static void pictures_of_any_size_are_fitted(void **state) {
    tiny *t = *state;
    td_head *head;
    const void *features[1];
    uint8_t pixels[3 * 70 * 41];
    memset(pixels, 128, sizeof pixels);
    td_picture picture = {70, 41, 3, pixels};
    must(td_head_open(t->model, "relu1", NULL, &head, err));
    must(td_head_run(head, &picture, features, err));
    td_head_close(head);
}

static void layouts_drop_the_batch(void **state) {
    tiny *t = *state;
    td_head *head;
    must(td_head_open(t->model, "flatten", NULL, &head, err));
    td_layout layout = td_head_layout(head, 0);
    assert_int_equal(layout.channels, TINY_CHANNELS);
    assert_int_equal(layout.height, 1);
    assert_int_equal(layout.width, 1);
    assert_int_equal(td_head_layout(head, 1).dtype, TD_DTYPE_NONE);
    td_head_close(head);
}

/* Many open and close the same half while others run it. */
static void *open_run_close(void *user) {
    td_model *model = user;
    uint8_t pixels[3 * 32 * 32];
    memset(pixels, 77, sizeof pixels);
    td_picture picture = {32, 32, 3, pixels};
    intptr_t failed = 0;
    for (int i = 0; i < 20; i++) {
        td_head *head = NULL;
        const void *features[1];
        failed |= td_head_open(model, i % 2 ? "relu1" : "add", NULL, &head, NULL) ||
                  td_head_run(head, &picture, features, NULL);
        td_head_close(head);
    }
    return (void *)failed;
}

static void threads_share_a_model(void **state) {
    tiny *t = *state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_run_close, t->model), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

static void wrong_settings_are_refused(void **state) {
    tiny *t = *state;
    td_head *head;
    td_half_settings settings = td_half_settings_default();
    assert_int_equal(settings.threads, 1);
    settings.threads = 65;
    assert_int_equal(td_head_open(t->model, "relu1", &settings, &head, NULL), TD_ARGUMENT);
    settings.threads = 2;
    must(td_head_open(t->model, "relu1", &settings, &head, err));
    td_head_close(head);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_then_tail_is_the_whole_network_at_every_cut),
        cmocka_unit_test(at_input_the_features_are_the_fitted_picture),
        cmocka_unit_test(pictures_of_any_size_are_fitted),
        cmocka_unit_test(layouts_drop_the_batch),
        cmocka_unit_test(threads_share_a_model),
        cmocka_unit_test(wrong_settings_are_refused),
    };
    return cmocka_run_group_tests(tests, tiny_setup, tiny_teardown);
}
