/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The uniform quantizer and float16: which level a value gets, what a level means, and values that
 * are no numbers.
 */
#include <float.h>

#include "codec_support.h"

#include "codec/stage.h"

#define COUNT 512

static void through(td_codec *codec, const float *in, float *out) {
    static uint8_t bytes[1 << 16];
    size_t written;
    td_error err = {0};
    assert_true(td_codec_bound(codec) <= sizeof bytes);
    if (td_codec_encode(codec, in, bytes, sizeof bytes, &written, &err) != TD_OK ||
        td_codec_decode(codec, bytes, written, out, &err) != TD_OK)
        fail_msg("%s: %s", td_codec_strategy(codec), err.message);
}

static float value_of(const tdi_quantizer_affine *a, int level) {
    return (float)((double)a->min + level * (double)a->step);
}

/* The value `ulps` floats above x. */
static float beside(float x, int ulps) {
    for (; ulps > 0; ulps--)
        x = nextafterf(x, INFINITY);
    for (; ulps < 0; ulps++)
        x = nextafterf(x, -INFINITY);
    return x;
}

static void levels_are_those_of_the_formula(void **state) {
    (void)state;
    tdi_prng p = {test_seed(2)};
    static const int levels[] = {2, 3, 7, 16, 255, 256, 257, 1000, 65536};
    for (size_t k = 0; k < sizeof levels / sizeof levels[0]; k++) {
        char strategy[64];
        float in[COUNT], out[COUNT];
        tdi_quantizer_affine a;
        snprintf(strategy, sizeof strategy, "uniform:levels=%d,min=-1.7,max=2.9", levels[k]);
        td_codec *codec = open_codec(strategy, features(COUNT, 1, 1), NULL);
        assert_int_equal(tdi_codec_affine(codec, &a, NULL), TD_OK);
        assert_int_equal(a.levels, levels[k]);
        for (int i = 0; i < COUNT;
             i++) { /* edges of bins and what is next to them, inside and outside of the interval */
            int level = (int)tdi_prng_below(&p, (uint64_t)levels[k] + 4) - 2;
            in[i] = beside(a.min + ((float)level + 0.5f) * a.step, i % 7 - 3);
        }
        through(codec, in, out);
        for (int i = 0; i < COUNT; i++) {
            float level = floorf((in[i] - a.min) / a.step + 0.5f);
            level = fminf(fmaxf(level, 0), (float)(levels[k] - 1));
            assert_true(out[i] == value_of(&a, (int)level));
        }
        td_codec_close(codec);
    }
}

static void every_level_survives(void **state) {
    (void)state;
    static const int levels[] = {2, 3, 7, 16, 255, 256, 257, 1000, 65536};
    for (size_t k = 0; k < sizeof levels / sizeof levels[0]; k++) {
        char strategy[64];
        tdi_quantizer_affine a;
        snprintf(strategy, sizeof strategy, "uniform:levels=%d,min=-3,max=5", levels[k]);
        td_codec *codec = open_codec(strategy, features(COUNT, 1, 1), NULL);
        assert_int_equal(tdi_codec_affine(codec, &a, NULL), TD_OK);
        assert_true(a.min == -3);
        assert_true(fabsf(value_of(&a, levels[k] - 1) - 5) < 1e-6f * 8);
        for (int first = 0; first < levels[k]; first += COUNT) {
            float in[COUNT], out[COUNT];
            for (int i = 0; i < COUNT; i++)
                in[i] = value_of(&a, first + i < levels[k] ? first + i : 0);
            through(codec, in, out);
            assert_memory_equal(in, out, sizeof in);
        }
        td_codec_close(codec);
    }
}

static void nan_goes_to_the_middle_and_infinities_to_the_ends(void **state) {
    (void)state;
    static const int levels[] = {2, 3, 256, 65536};
    for (size_t k = 0; k < sizeof levels / sizeof levels[0]; k++) {
        char strategy[64];
        float in[8] = {NAN, -NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, -0.0f, 100}, out[8];
        snprintf(strategy, sizeof strategy, "uniform:levels=%d,min=-4,max=6", levels[k]);
        td_codec *codec = open_codec(strategy, features(2, 2, 2), NULL);
        tdi_quantizer_affine a;
        assert_int_equal(tdi_codec_affine(codec, &a, NULL), TD_OK);
        through(codec, in, out);
        assert_true(out[0] == value_of(&a, levels[k] / 2) && out[1] == out[0]);
        assert_true(out[2] == value_of(&a, levels[k] - 1) && out[4] == out[2] && out[7] == out[2]);
        assert_true(out[3] == value_of(&a, 0) && out[5] == out[3]);
        td_codec_close(codec);
    }
}

static void interval_comes_from_the_calibration(void **state) {
    (void)state;
    td_layout layout = features(1, 1, 3);
    td_calibration *c = calibration_of(layout, 10, 0.5);
    td_codec *codec = open_codec("uniform:levels=3,clip=4", layout, c);
    float in[3] = {-100, 10.4f, 100}, out[3];
    through(codec, in, out);
    assert_true(out[0] == 8 && out[1] == 10 && out[2] == 12);
    td_codec_close(codec);
    td_calibration_unref(c);
}

static void constant_tensors_come_back_exactly(void **state) {
    (void)state;
    static const float constants[] = {0, 0.1f, -7.3f, 1e-20f, -3e20f, 16777217.0f};
    td_layout layout = features(1, 1, 2);
    for (size_t k = 0; k < sizeof constants / sizeof constants[0]; k++) {
        td_calibration *c = calibration_of(layout, (double)constants[k], 0);
        td_codec *codec = open_codec("uniform:levels=4", layout, c);
        float in[2] = {constants[k], constants[k]}, out[2];
        through(codec, in, out);
        assert_memory_equal(in, out, sizeof in);
        td_codec_close(codec);
        td_calibration_unref(c);
    }
}

static void impossible_calibrations_are_refused(void **state) {
    (void)state;
    static const double sigma[] = {1e300, 3e38, 1e39};
    td_layout layout = features(1, 1, 2);
    for (size_t k = 0; k < sizeof sigma / sizeof sigma[0]; k++) {
        td_calibration *c = calibration_of(layout, 0, sigma[k]);
        td_codec *codec = NULL;
        td_error err = {0};
        assert_int_equal(td_codec_open("uniform:levels=2", &layout, c, &codec, &err), TD_STRATEGY);
        assert_non_null(strstr(err.message, "give min and max"));
        td_calibration_unref(c);
    }
}

static void float16_is_nearest_and_finite(void **state) {
    (void)state;
    const float in[16] = {
        0,      -0.0f,     1,   -2.5f, 65504, 65519.99f,      65520,          INFINITY,
        -1e30f, -INFINITY, NAN, 6e-8f, 2e-8f, 1.00048828125f, 1.00146484375f, 0.1f};
    const float want[16] = {
        0,      -0.0f,  1, -2.5f,    65504, 65504, 65504,        65504,
        -65504, -65504, 0, 0x1p-24f, 0,     1,     1.001953125f, 0.0999755859375f};
    float out[16];
    td_codec *codec = open_codec("f16", features(16, 1, 1), NULL);
    through(codec, in, out);
    for (int i = 0; i < 16; i++)
        assert_true(out[i] == want[i]);
    td_codec_close(codec);
}

static void raw_keeps_every_bit(void **state) {
    (void)state;
    tdi_prng p = {test_seed(3)};
    uint8_t in[4 * COUNT], out[4 * COUNT];
    fill_bytes(&p, in, sizeof in);
    td_codec *codec = open_codec("raw", features(COUNT, 1, 1), NULL);
    size_t written;
    uint8_t bytes[4 * COUNT];
    assert_int_equal(td_codec_encode(codec, in, bytes, sizeof bytes, &written, NULL), TD_OK);
    assert_int_equal(td_codec_decode(codec, bytes, written, out, NULL), TD_OK);
    assert_memory_equal(in, out, sizeof in);
    td_codec_close(codec);
    codec = open_codec("raw", features(1, 1, 1), NULL);
    const float one = 1;
    const uint8_t wanted[4] = {0, 0, 0x80, 0x3f};
    assert_int_equal(td_codec_encode(codec, &one, bytes, 4, &written, NULL), TD_OK);
    assert_memory_equal(bytes, wanted, 4);
    td_codec_close(codec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_those_of_the_formula),
        cmocka_unit_test(every_level_survives),
        cmocka_unit_test(nan_goes_to_the_middle_and_infinities_to_the_ends),
        cmocka_unit_test(interval_comes_from_the_calibration),
        cmocka_unit_test(constant_tensors_come_back_exactly),
        cmocka_unit_test(impossible_calibrations_are_refused),
        cmocka_unit_test(float16_is_nearest_and_finite),
        cmocka_unit_test(raw_keeps_every_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
