/* SPDX-License-Identifier: Apache-2.0 */
/* Cropping, resizing and colours: from a picture to the network's input. */
#include "fixtures.h"

#include <math.h>

#include "media/picture.h"
#include "media/recipe.h"
#include "media/resize.h"

static td_picture flat_picture(int32_t width, int32_t height, int channels, const uint8_t *color) {
    td_picture picture;
    assert_int_equal(
        tdi_picture_new(width, height, channels, TD_PICTURE_PIXELS_MAX, &picture, NULL), TD_OK);
    for (int i = 0; i < width * height; i++)
        memcpy(picture.pixels + i * channels, color, (size_t)channels);
    return picture;
}

static td_picture fit(const char *text, const td_picture *picture) {
    td_recipe recipe;
    td_picture out;
    td_error err = {0};
    if (td_recipe_parse(text, &recipe, &err) || td_recipe_fit(&recipe, picture, &out, &err))
        fail_msg("%s: %s", text, err.message);
    assert_int_equal(out.width, recipe.width);
    assert_int_equal(out.height, recipe.height);
    return out;
}

static void test_constant_pictures_stay_constant_at_any_size(void **state) {
    (void)state;
    static const int sides[][4] = {
        {100, 70, 224, 224}, {1, 1, 50, 3}, {640, 480, 32, 32}, {997, 13, 1, 1}, {31, 500, 64, 20}};
    const uint8_t color[3] = {255, 0, 131};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        for (int channels = 1; channels <= 3; channels += 2) {
            td_picture picture = flat_picture(sides[i][0], sides[i][1], channels, color), out;
            tdi_area all = {0, 0, picture.width, picture.height};
            assert_int_equal(
                tdi_picture_resize(&picture, &all, sides[i][2], sides[i][3], &out, NULL), TD_OK);
            for (int p = 0; p < out.width * out.height; p++)
                assert_memory_equal(out.pixels + p * channels, color, (size_t)channels);
            td_picture_clear(&picture);
            td_picture_clear(&out);
        }
}

static void test_gradients_stay_monotonic_and_reach_their_ends(void **state) {
    (void)state;
    static const int widths[] = {17, 64, 200, 600};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        td_picture picture = flat_picture(256, 4, 1, (const uint8_t *)"");
        for (int p = 0; p < 256 * 4; p++)
            picture.pixels[p] = (uint8_t)(p % 256);
        td_picture out;
        tdi_area all = {0, 0, 256, 4};
        assert_int_equal(tdi_picture_resize(&picture, &all, widths[i], 3, &out, NULL), TD_OK);
        for (int x = 1; x < out.width; x++)
            assert_true(out.pixels[x - 1] <= out.pixels[x]);
        assert_true(out.pixels[0] < 256 / widths[i] + 2);
        assert_true(out.pixels[out.width - 1] > 253 - 256 / widths[i]);
        td_picture_clear(&picture);
        td_picture_clear(&out);
    }
}

/* Were samples taken as linear light or picked one by one, the mean of black and white would not be
 * 128. */
static void test_shrinking_a_checkerboard_averages_it(void **state) {
    (void)state;
    td_picture board = flat_picture(256, 256, 1, (const uint8_t *)"");
    for (int y = 0; y < 256; y++)
        for (int x = 0; x < 256; x++)
            board.pixels[256 * y + x] = (x + y) % 2 ? 255 : 0;
    td_picture out = fit("color=gray;size=16", &board);
    for (int i = 0; i < 16 * 16; i++)
        assert_true(abs(out.pixels[i] - 128) <= 2);
    td_picture_clear(&board);
    td_picture_clear(&out);
}

/* Pillow 9.4: Image.resize((5, 3), Image.LANCZOS) of the picture below. */
static void test_resizing_equals_pillow(void **state) {
    (void)state;
    static const uint8_t shrunk[] = {227, 230, 231, 56,  65,  71,  80,  83,  89,  113, 137, 148,
                                     123, 177, 201, 123, 142, 160, 72,  99,  126, 103, 131, 155,
                                     125, 165, 189, 144, 191, 199, 43,  92,  140, 90,  137, 184,
                                     117, 164, 214, 124, 178, 171, 190, 217, 51};
    td_picture picture = fixture_picture(16, 10, 3), out;
    tdi_area all = {0, 0, 16, 10};
    assert_int_equal(tdi_picture_resize(&picture, &all, 5, 3, &out, NULL), TD_OK);
    assert_int_equal(sizeof shrunk, 5 * 3 * 3);
    assert_memory_equal(out.pixels, shrunk, sizeof shrunk);
    td_picture_clear(&picture);
    td_picture_clear(&out);
}

static void test_a_picture_of_the_right_size_passes_unchanged(void **state) {
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        td_picture picture = fixture_picture(40, 24, channels);
        td_picture out = fit(channels == 1 ? "color=gray;size=40x24" : "size=40x24", &picture);
        assert_same_picture(&picture, &out);
        td_picture_clear(&out);
        out = fit(channels == 1 ? "color=gray;size=40x24;crop=stretch" : "caffe;size=40x24",
                  &picture);
        assert_same_picture(&picture, &out);
        td_picture_clear(&picture);
        td_picture_clear(&out);
    }
}

static void test_center_crop_takes_the_middle_rounded_down(void **state) {
    (void)state;
    static const struct {
        int width, height, side_w, side_h, left, top;
        const char *recipe;
    } cases[] = {
        {13, 8, 8, 8, 2, 0, "size=8"},        {8, 13, 8, 8, 0, 2, "size=8"},
        {21, 10, 20, 10, 0, 0, "size=20x10"}, {30, 11, 22, 11, 4, 0, "size=22x11"},
        {9, 9, 9, 3, 0, 3, "size=9x3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        td_picture picture = fixture_picture(cases[i].width, cases[i].height, 3);
        td_picture out = fit(cases[i].recipe, &picture);
        for (int y = 0; y < cases[i].side_h; y++)
            assert_memory_equal(out.pixels + 3 * y * cases[i].side_w,
                                picture.pixels +
                                    3 * ((y + cases[i].top) * cases[i].width + cases[i].left),
                                (size_t)(3 * cases[i].side_w));
        td_picture_clear(&picture);
        td_picture_clear(&out);
    }
}

static void test_stretch_uses_the_whole_picture(void **state) {
    (void)state;
    td_picture picture = flat_picture(30, 10, 1, (const uint8_t *)"");
    for (int i = 0; i < 300; i++)
        picture.pixels[i] = i % 30 < 10 ? 0 : i % 30 < 20 ? 100 : 200;
    td_picture cropped = fit("color=gray;size=3", &picture);
    td_picture stretched = fit("color=gray;size=3;crop=stretch", &picture);
    assert_int_equal(cropped.pixels[0], 100);
    assert_true(stretched.pixels[0] < 20);
    assert_true(stretched.pixels[2] > 180);
    td_picture_clear(&picture);
    td_picture_clear(&cropped);
    td_picture_clear(&stretched);
}

static void test_grey_and_colour_convert_both_ways(void **state) {
    (void)state;
    static const uint8_t colors[][4] = {/* red, green, blue, luma */
                                        {255, 0, 0, 76},   {0, 255, 0, 150},     {0, 0, 255, 29},
                                        {7, 7, 7, 7},      {255, 255, 255, 255}, {12, 34, 56, 30},
                                        {200, 100, 1, 119}};
    for (size_t i = 0; i < sizeof colors / sizeof *colors; i++) {
        td_picture picture = flat_picture(5, 5, 3, colors[i]);
        td_picture grey = fit("color=gray;size=5", &picture);
        assert_int_equal(grey.channels, 1);
        assert_int_equal(grey.pixels[7], colors[i][3]);
        td_picture back = fit("size=9", &grey);
        assert_int_equal(back.channels, 3);
        for (int p = 0; p < 9 * 9 * 3; p++)
            assert_int_equal(back.pixels[p], colors[i][3]);
        td_picture_clear(&picture);
        td_picture_clear(&grey);
        td_picture_clear(&back);
    }
}

static void test_apply_normalizes_and_orders_channels(void **state) {
    (void)state;
    td_recipe recipe;
    float chw[6];
    const uint8_t pixels[6] = {10, 20, 30, 255, 0, 128};
    assert_int_equal(td_recipe_parse("caffe;size=2x1", &recipe, NULL), TD_OK);
    tdi_recipe_apply(&recipe, pixels, chw);
    const float bgr[6] = {30 - 104, 128 - 104, 20 - 117, 0 - 117, 10 - 123, 255 - 123};
    for (int i = 0; i < 6; i++)
        assert_true(chw[i] == bgr[i]);

    assert_int_equal(td_recipe_parse("tf;size=2x1", &recipe, NULL), TD_OK);
    tdi_recipe_apply(&recipe, pixels, chw);
    assert_true(chw[1] == 1.0f);
    assert_true(chw[3] == -1.0f);

    assert_int_equal(td_recipe_parse("torch;size=2x1", &recipe, NULL), TD_OK);
    tdi_recipe_apply(&recipe, pixels, chw);
    assert_true(fabsf(chw[2] - (20 / 255.0f - 0.456f) / 0.224f) < 1e-6f);

    assert_int_equal(td_recipe_parse("color=gray;size=6x1;mean=0.5;std=0.25", &recipe, NULL),
                     TD_OK);
    tdi_recipe_apply(&recipe, pixels, chw);
    assert_true(fabsf(chw[3] - 2) < 1e-6f);
    assert_true(fabsf(chw[4] + 2) < 1e-6f);
}

static void test_what_cannot_be_fitted_is_refused(void **state) {
    (void)state;
    td_picture picture = fixture_picture(8, 8, 3), out;
    td_recipe recipe;
    td_error err = {0};
    assert_int_equal(td_recipe_parse("unit", &recipe, NULL), TD_OK);
    assert_int_equal(td_recipe_fit(&recipe, &picture, &out, &err), TD_ARGUMENT);
    assert_non_null(strstr(err.message, "size=N"));
    recipe.width = 30000;
    recipe.height = 30000;
    assert_int_equal(td_recipe_fit(&recipe, &picture, &out, &err), TD_LIMIT);
    recipe.width = recipe.height = 8;
    picture.channels = 2;
    assert_int_equal(td_recipe_fit(&recipe, &picture, &out, &err), TD_ARGUMENT);
    picture.channels = 3;
    td_picture_clear(&picture);
    assert_int_equal(td_recipe_fit(&recipe, &picture, &out, &err), TD_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant_pictures_stay_constant_at_any_size),
        cmocka_unit_test(test_gradients_stay_monotonic_and_reach_their_ends),
        cmocka_unit_test(test_shrinking_a_checkerboard_averages_it),
        cmocka_unit_test(test_resizing_equals_pillow),
        cmocka_unit_test(test_a_picture_of_the_right_size_passes_unchanged),
        cmocka_unit_test(test_center_crop_takes_the_middle_rounded_down),
        cmocka_unit_test(test_stretch_uses_the_whole_picture),
        cmocka_unit_test(test_grey_and_colour_convert_both_ways),
        cmocka_unit_test(test_apply_normalizes_and_orders_channels),
        cmocka_unit_test(test_what_cannot_be_fitted_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
