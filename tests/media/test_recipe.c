/* SPDX-License-Identifier: Apache-2.0 */
/* Recipes as text. */
#include "support.h"

#include <math.h>

#include "base/prng.h"
#include "media/recipe.h"

static td_recipe parse(const char *text) {
    td_recipe recipe;
    td_error err = {0};
    if (td_recipe_parse(text, &recipe, &err))
        fail_msg("%s", err.message);
    return recipe;
}

static void test_named_recipes_are_what_their_frameworks_use(void **state) {
    (void)state;
    td_recipe torch = parse("torch"), tf = parse("tf"), caffe = parse("caffe"),
              unit = parse("unit");
    assert_int_equal(torch.color, TD_COLOR_RGB);
    assert_true(torch.scale == 1.0f / 255 && torch.mean[0] == 0.485f && torch.std[2] == 0.225f);
    assert_true(tf.scale == 1 / 127.5f && tf.mean[1] == 1 && tf.std[1] == 1);
    assert_int_equal(caffe.color, TD_COLOR_BGR);
    assert_true(caffe.scale == 1 && caffe.mean[0] == 104 && caffe.mean[1] == 117 &&
                caffe.mean[2] == 123 && caffe.std[0] == 1);
    assert_true(unit.scale == 1.0f / 255 && unit.mean[0] == 0 && unit.std[0] == 1);
    td_recipe cifar = parse("cifar");
    assert_memory_equal(&cifar, &torch, sizeof torch);
    assert_int_equal(torch.width, 0);
    assert_int_equal(parse("torch;size=192x160;crop=stretch").width, 192);
}

static void test_settings_may_be_left_out_and_be_fractions(void **state) {
    (void)state;
    td_recipe r = parse("std=1/4");
    assert_int_equal(r.color, TD_COLOR_RGB);
    assert_int_equal(r.crop, TD_CROP_CENTER);
    assert_true(r.scale == 1.0f / 255 && r.mean[2] == 0 && r.std[0] == 0.25f && r.std[2] == 0.25f);
    r = parse("color=bgr;scale=1;mean=1,2.5,-3e1;std=1,2,3;size=640x480;crop=stretch");
    assert_int_equal(r.color, TD_COLOR_BGR);
    assert_int_equal(r.crop, TD_CROP_STRETCH);
    assert_int_equal(r.width, 640);
    assert_int_equal(r.height, 480);
    assert_true(r.mean[2] == -30);
    assert_int_equal(tdi_recipe_channels(&r), 3);
    r = parse("color=gray;mean=0.286;std=0.353;size=28");
    assert_int_equal(tdi_recipe_channels(&r), 1);
    assert_int_equal(r.height, 28);
}

static void test_errors_name_the_key_and_the_place(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int offset;
        const char *says;
    } cases[] = {
        {"", 0, "expected torch"},
        {"torhc", 0, "torhc"},
        {"torch;", 6, "key=value"},
        {"torch;mean=0", 6, "size and crop"},
        {"color=rgb;", 10, "key=value"},
        {"color=red", 6, "`color` is rgb, bgr or gray"},
        {"color=", 6, "`color`"},
        {"colour=rgb", 0, "colour"},
        {"scale=1/0", 6, "`scale`"},
        {"scale=1/", 6, "`scale`"},
        {"scale=0x1", 6, "`scale`"},
        {"scale=1e39", 6, "`scale`"},
        {"scale=nan", 6, "`scale`"},
        {"scale=1/2/3", 6, "`scale`"},
        {"scale= 1", 6, "`scale`"},
        {"mean=1,2", 5, "one number or three"},
        {"mean=1,2,3,4", 5, "one number or three"},
        {"mean=1,,3", 7, "`mean`"},
        {"std=1,0,1", 6, "cannot be 0"},
        {"std=1e-50", 4, "cannot be 0"},
        {"std=1e-40", 0, "float32"},
        {"scale=1;std=1;scale=2", 14, "once"},
        {"size=0", 5, "`size`"},
        {"size=-3", 5, "`size`"},
        {"size=12x", 5, "`size`"},
        {"size=99999", 5, "`size`"},
        {"size=30000x30000", 5, "`size`"},
        {"crop=middle", 5, "`crop`"},
        {"mean=1,2,3;color=gray", 0, "`mean` takes one number"},
        {"color=gray;std=1,2,3", 11, "`std` takes one number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        td_recipe recipe;
        td_error err = {.offset = -2};
        if (td_recipe_parse(cases[i].text, &recipe, &err) != TD_FORMAT)
            fail_msg("\"%s\" is accepted", cases[i].text);
        if (err.offset != cases[i].offset || !strstr(err.message, cases[i].says))
            fail_msg("\"%s\": at %d: %s", cases[i].text, (int)err.offset, err.message);
    }
    char longest[2000];
    td_recipe recipe;
    memset(longest, '1', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(td_recipe_parse(longest, &recipe, NULL), TD_FORMAT);
    memcpy(longest, "scale=", 6);
    longest[1000] = 0;
    assert_int_equal(td_recipe_parse(longest, &recipe, NULL), TD_FORMAT);
    assert_int_equal(td_recipe_parse(NULL, &recipe, NULL), TD_ARGUMENT);
}

static float random_float(tdi_prng *prng) {
    uint32_t bits;
    float value;
    do {
        bits = (uint32_t)tdi_prng_next(prng);
        memcpy(&value, &bits, sizeof value);
    } while (!isfinite(value) || fabsf(value) > 1e15f || fabsf(value) < 1e-15f);
    return value;
}

static void test_format_reads_back_to_the_same_bits(void **state) {
    (void)state;
    static const char *const named[] = {"torch", "tf", "caffe", "unit", "cifar"};
    char text[TD_RECIPE_TEXT_BYTES];
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        td_recipe a = parse(named[i]);
        td_recipe_format(&a, text);
        td_recipe b = parse(text);
        assert_memory_equal(&a, &b, sizeof a);
    }
    tdi_prng prng = {test_seed(7)};
    for (int round = 0; round < 5000; round++) {
        td_recipe a = {0};
        a.color = (td_color)tdi_prng_below(&prng, 3);
        a.crop = (td_crop)tdi_prng_below(&prng, 2);
        a.width = (int32_t)tdi_prng_below(&prng, 2000);
        a.height = a.width ? 1 + (int32_t)tdi_prng_below(&prng, 2000) : 0;
        a.scale = random_float(&prng);
        for (int c = 0; c < 3; c++) {
            a.mean[c] = c && a.color == TD_COLOR_GRAY ? a.mean[0] : random_float(&prng);
            a.std[c] = c && a.color == TD_COLOR_GRAY ? a.std[0] : random_float(&prng);
        }
        td_recipe_format(&a, text);
        td_recipe b = parse(text);
        assert_memory_equal(&a, &b, sizeof a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named_recipes_are_what_their_frameworks_use),
        cmocka_unit_test(test_settings_may_be_left_out_and_be_fractions),
        cmocka_unit_test(test_errors_name_the_key_and_the_place),
        cmocka_unit_test(test_format_reads_back_to_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
