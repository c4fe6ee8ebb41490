/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes, layouts, tiling, half floats and running moments. */
#include "support.h"

#include <math.h>

#include "base/prng.h"
#include "tensor/moments.h"
#include "tensor/tensor.h"
#include "tensor/tile.h"

static td_shape shape_of(int rank, int64_t a, int64_t b, int64_t c, int64_t d) {
    int64_t dim[4] = {a, b, c, d};
    return tdi_shape_of(rank, dim);
}

static void test_elements_refuse_symbols_and_overflow(void **state) {
    (void)state;
    td_shape s = shape_of(4, 1, 3, 224, 224);
    assert_int_equal(td_shape_elements(&s), 150528);
    s = shape_of(0, 0, 0, 0, 0);
    assert_int_equal(td_shape_elements(&s), 1);
    s = shape_of(2, TD_DIM_SYMBOLIC, 10, 0, 0);
    assert_int_equal(td_shape_elements(&s), -1);
    s = shape_of(3, (int64_t)1 << 40, (int64_t)1 << 40, 2, 0);
    assert_int_equal(td_shape_elements(&s), -1);
    s = shape_of(3, (int64_t)1 << 40, (int64_t)1 << 40, 0, 0);
    assert_int_equal(td_shape_elements(&s), 0);
}

static void test_shapes_format_as_people_write_them(void **state) {
    (void)state;
    char text[96];
    td_shape s = shape_of(4, TD_DIM_SYMBOLIC, 3, 224, 224);
    assert_int_equal(td_shape_format(&s, text, sizeof text), 11);
    assert_string_equal(text, "Nx3x224x224");
    assert_int_equal(td_shape_format(&s, text, 4), 11);
    assert_string_equal(text, "Nx3");
    s = shape_of(0, 0, 0, 0, 0);
    td_shape_format(&s, text, sizeof text);
    assert_string_equal(text, "scalar");
}

static void test_layouts_drop_the_batch_axis(void **state) {
    (void)state;
    td_layout l;
    td_error err;
    td_shape s = shape_of(4, TD_DIM_SYMBOLIC, 64, 14, 15);
    assert_int_equal(td_layout_from_shape(&s, TD_DTYPE_F32, &l, &err), TD_OK);
    assert_int_equal(l.channels, 64);
    assert_int_equal(l.height, 14);
    assert_int_equal(l.width, 15);
    s = shape_of(2, 1, 1000, 0, 0);
    assert_int_equal(td_layout_from_shape(&s, TD_DTYPE_F32, &l, &err), TD_OK);
    assert_int_equal(l.channels, 1000);
    assert_int_equal(td_layout_elements(&l), 1000);
    s = shape_of(3, 1, 197, 768, 0); /* tokens x features: channels x rows */
    assert_int_equal(td_layout_from_shape(&s, TD_DTYPE_F32, &l, &err), TD_OK);
    assert_int_equal(td_layout_elements(&l), 197 * 768);
    s = shape_of(4, 2, 64, 14, 14);
    assert_int_equal(td_layout_from_shape(&s, TD_DTYPE_F32, &l, &err), TD_UNSUPPORTED);
    assert_non_null(strstr(err.message, "export the model with a batch of 1"));
    s = shape_of(4, 1, 65536, 65536, 2);
    assert_int_equal(td_layout_from_shape(&s, TD_DTYPE_F32, &l, &err), TD_UNSUPPORTED);
}

static void test_grid_is_near_square_and_holds_every_channel(void **state) {
    (void)state;
    static const int32_t cases[][5] = {
        /* channels height width -> columns rows */
        {64, 14, 14, 8, 8}, {96, 14, 14, 10, 10}, {160, 7, 7, 13, 13}, {32, 28, 28, 6, 6},
        {1, 5, 9, 1, 1},    {1280, 1, 1, 36, 36}, {3, 100, 1, 3, 1},   {3, 1, 100, 1, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        td_layout l = {TD_DTYPE_F32, TD_ORDER_CHW, cases[i][0], cases[i][1], cases[i][2]};
        td_grid g = td_grid_near_square(&l);
        assert_int_equal(g.columns, cases[i][3]);
        assert_int_equal(g.rows, cases[i][4]);
        assert_true(g.rows * g.columns >= l.channels);
        assert_true((g.rows - 1) * g.columns < l.channels);
    }
}

static void test_tiling_and_untiling_give_back_the_tensor(void **state) {
    (void)state;
    tdi_prng prng = {test_seed(7)};
    for (int round = 0; round < 50; round++) {
        td_layout l = {TD_DTYPE_F32, TD_ORDER_CHW, (int32_t)(1 + tdi_prng_below(&prng, 40)),
                       (int32_t)(1 + tdi_prng_below(&prng, 12)),
                       (int32_t)(1 + tdi_prng_below(&prng, 12))};
        td_grid g = td_grid_near_square(&l);
        size_t n = (size_t)td_layout_elements(&l),
               samples = (size_t)tdi_grid_width(&g) * (size_t)tdi_grid_height(&g);
        uint16_t *a = malloc(2 * n), *b = malloc(2 * n), *picture = malloc(2 * samples);
        uint8_t *a8 = malloc(n), *b8 = malloc(n), *picture8 = malloc(samples);
        for (size_t i = 0; i < n; i++) {
            a[i] = (uint16_t)tdi_prng_below(&prng, 65000);
            a8[i] = (uint8_t)tdi_prng_below(&prng, 250);
        }
        tdi_tile_u16(&g, l.channels, a, picture, 65535);
        tdi_untile_u16(&g, l.channels, picture, b);
        assert_memory_equal(a, b, 2 * n);
        tdi_tile_u8(&g, l.channels, a8, picture8, 255);
        tdi_untile_u8(&g, l.channels, picture8, b8);
        assert_memory_equal(a8, b8, n);
        size_t filled = 0;
        for (size_t i = 0; i < samples; i++)
            filled += picture8[i] == 255;
        assert_int_equal(filled, samples - n);
        free(a), free(b), free(picture), free(a8), free(b8), free(picture8);
    }
}

static void test_every_half_survives_the_way_through_float(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        float value = tdi_f32_from_f16((uint16_t)bits);
        uint16_t back = tdi_f16_from_f32(value);
        if (isnan(value))
            assert_true((back & 0x7c00) == 0x7c00 && (back & 0x3ff));
        else
            assert_int_equal(back, bits);
        float b = tdi_f32_from_bf16((uint16_t)bits);
        if (!isnan(b))
            assert_int_equal(tdi_bf16_from_f32(b), bits);
    }
}

static void test_halves_round_to_nearest_even(void **state) {
    (void)state;
    assert_int_equal(tdi_f16_from_f32(1.0f + 0x1p-11f), 0x3c00);            /* tie, to even */
    assert_int_equal(tdi_f16_from_f32(1.0f + 3 * 0x1p-11f), 0x3c02);        /* tie, to even */
    assert_int_equal(tdi_f16_from_f32(1.0f + 0x1p-11f + 0x1p-20f), 0x3c01); /* above the tie */
    assert_int_equal(tdi_f16_from_f32(65519.996f), 0x7bff);
    assert_int_equal(tdi_f16_from_f32(65520.0f), 0x7c00);
    assert_int_equal(tdi_f16_from_f32(0x1p-25f), 0); /* half the least: to even */
    assert_int_equal(tdi_f16_from_f32(0x1.8p-25f), 1);
    assert_int_equal(tdi_f16_from_f32(-0x1p-24f), 0x8001);
}

static void test_moments_agree_however_they_are_split(void **state) {
    (void)state;
    tdi_prng prng = {test_seed(11)};
    float values[1000];
    for (size_t i = 0; i < 1000; i++)
        values[i] = (float)(1e4 + tdi_prng_unit(&prng));
    values[17] = NAN;
    values[18] = INFINITY;
    tdi_moments whole = tdi_moments_empty(), parts = tdi_moments_empty();
    assert_int_equal(tdi_moments_add(&whole, values, 1000), 2);
    for (size_t i = 0; i < 1000; i += 50)
        tdi_moments_add(&parts, values + i, 50);
    double mean = 0, m2 = 0;
    for (size_t i = 0; i < 1000; i++)
        if (isfinite(values[i]))
            mean += values[i] / 998.0;
    for (size_t i = 0; i < 1000; i++)
        if (isfinite(values[i]))
            m2 += (values[i] - mean) * (values[i] - mean);
    assert_int_equal(whole.count, 998);
    assert_true(fabs(whole.mean - mean) < 1e-9 && fabs(parts.mean - mean) < 1e-9);
    assert_true(fabs(whole.m2 / m2 - 1) < 1e-9 && fabs(parts.m2 / m2 - 1) < 1e-9);
    assert_true(whole.min == parts.min && whole.max == parts.max);
    tdi_moments empty = tdi_moments_empty();
    assert_true(tdi_moments_sigma(&empty) == 0);
}

static void test_tensors_are_counted(void **state) {
    (void)state;
    td_shape s = shape_of(2, 3, 5, 0, 0);
    tdi_tensor *t = tdi_tensor_new(TD_DTYPE_F32, &s);
    assert_int_equal(t->bytes, 60);
    assert_ptr_equal(tdi_tensor_ref(t), t);
    tdi_tensor_unref(t);
    ((float *)t->data)[14] = 1;
    tdi_tensor_unref(t);
    s = shape_of(1, TD_DIM_SYMBOLIC, 0, 0, 0);
    assert_null(tdi_tensor_new(TD_DTYPE_F32, &s));
}

static void shapes_are_read_as_they_are_written(void **state) {
    static const char *const good[] = {"1", "N", "1x3x224x224", "Nx3x1x999999", "1x2x3x4x5x6x7x8"};
    static const char *const bad[] = {"",
                                      "x",
                                      "1x",
                                      "x1",
                                      "1xx2",
                                      "0",
                                      "1x0",
                                      "-1x2",
                                      "1x3xn",
                                      "1 x2",
                                      "1x2 ",
                                      "1x2x3x4x5x6x7x8x9",
                                      "99999999999999999999"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        td_shape shape;
        char text[96];
        assert_int_equal(td_shape_parse(good[i], &shape, NULL), TD_OK);
        td_shape_format(&shape, text, sizeof text);
        assert_string_equal(text, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        td_shape shape;
        td_error err;
        if (td_shape_parse(bad[i], &shape, &err) != TD_ARGUMENT)
            fail_msg("\"%s\" is taken for a shape", bad[i]);
        assert_non_null(strstr(err.message, "1x3x224x224"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements_refuse_symbols_and_overflow),
        cmocka_unit_test(shapes_are_read_as_they_are_written),
        cmocka_unit_test(test_shapes_format_as_people_write_them),
        cmocka_unit_test(test_layouts_drop_the_batch_axis),
        cmocka_unit_test(test_grid_is_near_square_and_holds_every_channel),
        cmocka_unit_test(test_tiling_and_untiling_give_back_the_tensor),
        cmocka_unit_test(test_every_half_survives_the_way_through_float),
        cmocka_unit_test(test_halves_round_to_nearest_even),
        cmocka_unit_test(test_moments_agree_however_they_are_split),
        cmocka_unit_test(test_tensors_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
