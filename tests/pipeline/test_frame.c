/* SPDX-License-Identifier: Apache-2.0 */
#include "tiny_model.h"

#include "pipeline/pipeline.h"

typedef struct pair {
    tdi_sender *sender;
    tdi_receiver *receiver;
    td_picture picture;
} pair;

static pair open_pair(const tiny *t, const char *cut, const char *strategy) {
    pair p;
    td_source *source = tiny_source(t->records_path);
    must(tdi_sender_open(t->model, cut, strategy, NULL, &p.sender, err));
    must(tdi_receiver_open(t->model, cut, strategy, NULL, &p.receiver, err));
    must(td_source_read(source, 0, &p.picture, NULL, err));
    td_source_close(source);
    return p;
}

static void close_pair(pair *p) {
    tdi_sender_close(p->sender);
    tdi_receiver_close(p->receiver);
    td_picture_clear(&p->picture);
}

static void a_frame_goes_from_picture_to_outputs(void **state) {
    pair p = open_pair(*state, "relu2", "f16");
    tdi_sent sent;
    tdi_received received;
    must(tdi_sender_frame(p.sender, &p.picture, &sent, err));
    assert_int_equal(sent.tensor_count, 1);
    assert_int_equal(sent.sizes[0], sent.size);
    assert_int_equal(sent.size, 2 * TINY_CHANNELS * TINY_SIDE * TINY_SIDE);
    assert_true(sent.ic > 0 && sent.ec > 0);
    must(tdi_receiver_frame(p.receiver, sent.bytes, sent.size, sent.sizes, 1, &received, err));
    assert_int_equal(received.output_count, 1);
    assert_int_equal(received.output_elements[0], TINY_CLASSES);
    assert_true(received.es > 0 && received.is > 0);
    close_pair(&p);
}

static void sizes_of_several_tensors_add_up(void **state) {
    pair p = open_pair(*state, "relu1,conv2", "uniform:levels=16,min=-4,max=4");
    tdi_sent sent;
    tdi_received received;
    assert_string_equal(tdi_coder_strategy(tdi_sender_coder(p.sender)),
                        tdi_coder_strategy(tdi_receiver_coder(p.receiver)));
    assert_int_equal(tdi_coder_tensor_count(tdi_sender_coder(p.sender)), 2);
    assert_int_equal(tdi_coder_elements(tdi_sender_coder(p.sender)),
                     2 * TINY_CHANNELS * TINY_SIDE * TINY_SIDE);
    must(tdi_sender_frame(p.sender, &p.picture, &sent, err));
    assert_int_equal(sent.tensor_count, 2);
    assert_int_equal(sent.sizes[0] + sent.sizes[1], sent.size);
    assert_true(sent.size <= tdi_coder_bound(tdi_sender_coder(p.sender)));
    must(tdi_receiver_frame(p.receiver, sent.bytes, sent.size, sent.sizes, 2, &received, err));
    close_pair(&p);
}

static void sizes_that_do_not_fit_the_bytes_are_refused(void **state) {
    pair p = open_pair(*state, "relu1,conv2", "f16");
    tdi_sent sent;
    tdi_received received;
    must(tdi_sender_frame(p.sender, &p.picture, &sent, err));
    const uint32_t half = (uint32_t)(sent.size / 2);
    const uint32_t wrong[][2] = {{half, half - 1},       {half, half + 1},     {UINT32_MAX, half},
                                 {UINT32_MAX, 1 + half}, {half - 2, half + 2}, {0, 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(
            tdi_receiver_frame(p.receiver, sent.bytes, sent.size, wrong[i], 2, &received, NULL),
            TD_FORMAT);
    assert_int_equal(
        tdi_receiver_frame(p.receiver, sent.bytes, sent.size, sent.sizes, 1, &received, NULL),
        TD_FORMAT);
    close_pair(&p);
}

static void every_truncation_is_an_error(void **state) {
    pair p = open_pair(*state, "input", "picture+jpeg:quality=50");
    tdi_sent sent;
    tdi_received received;
    must(tdi_sender_frame(p.sender, &p.picture, &sent, err));
    for (uint32_t size = 0; size < sent.size; size++) {
        td_status status = tdi_receiver_frame(p.receiver, sent.bytes, size, &size, 1, &received,
                                              NULL);
        assert_true(status == TD_FORMAT || status == TD_LIMIT);
    }
    close_pair(&p);
}

static void a_strategy_that_needs_calibration_says_what_to_do(void **state) {
    tiny *t = *state;
    tdi_coder *coder;
    td_error error = {0};
    assert_int_equal(tdi_coder_open(t->model, "relu2", "uniform:levels=16,clip=3", &coder, &error),
                     TD_NOT_FOUND);
    assert_non_null(strstr(error.message, "relu2"));
    assert_non_null(strstr(error.message, "tandem prepare"));
    assert_int_equal(tdi_coder_open(t->model, "relu2", "unifrom:levels=16", &coder, &error),
                     TD_STRATEGY);
    assert_int_equal(tdi_coder_open(t->model, "relu2", "picture+png", &coder, &error), TD_STRATEGY);
}

static void without_calibration_its_hash_is_zero(void **state) {
    tiny *t = *state;
    tdi_coder *coder;
    const tdi_hash zero = {{0}};
    must(tdi_coder_open(t->model, "relu2", "raw", &coder, err));
    tdi_hash hash = tdi_coder_calibration_hash(coder);
    assert_true(tdi_hash_equal(&hash, &zero));
    tdi_coder_close(coder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_goes_from_picture_to_outputs),
        cmocka_unit_test(sizes_of_several_tensors_add_up),
        cmocka_unit_test(sizes_that_do_not_fit_the_bytes_are_refused),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(a_strategy_that_needs_calibration_says_what_to_do),
        cmocka_unit_test(without_calibration_its_hash_is_zero),
    };
    return cmocka_run_group_tests(tests, tiny_setup, tiny_teardown);
}
