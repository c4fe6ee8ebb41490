/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategy strings: what parses, how it is written out, where and with what words the rest is
 * refused.
 */
#include "codec_support.h"

#include "base/memory.h"
#include "codec/strategy.h"

static void expect_canonical(const char *text, const char *canonical) {
    tdi_strategy s;
    td_error err = {0};
    if (tdi_strategy_parse(text, &s, &err) != TD_OK)
        fail_msg("%s: %s", text, err.message);
    char *formatted = tdi_strategy_format(&s);
    assert_string_equal(formatted, canonical);
    tdi_free(formatted);
    if (strcmp(text, canonical))
        expect_canonical(canonical, canonical);
}

static void settings_are_written_out(void **state) {
    (void)state;
    expect_canonical("raw", "raw");
    expect_canonical("f16", "f16");
    expect_canonical("uniform", "uniform:levels=256,clip=3.3+pack");
    expect_canonical("uniform+pack", "uniform:levels=256,clip=3.3+pack");
    expect_canonical("uniform:levels=16", "uniform:levels=16,clip=3.3+pack");
    expect_canonical("uniform:clip=2,levels=0016+png", "uniform:levels=16,clip=2+png:level=9");
    expect_canonical("uniform:max=1,min=-1+jpeg",
                     "uniform:levels=256,min=-1,max=1+jpeg:quality=90");
    expect_canonical("picture+jpeg:quality=80", "picture+jpeg:quality=80");
    expect_canonical("picture+png", "picture+png:level=9");
    expect_canonical("uniform:min=0,max=6.0000", "uniform:levels=256,min=0,max=6+pack");
    expect_canonical("uniform:min=-1e-3,max=1E30", "uniform:levels=256,min=-0.001,max=1e30+pack");
    expect_canonical("uniform:min=0.1,max=16777217",
                     "uniform:levels=256,min=0.1,max=16777216+pack");
}

static void numbers_survive_writing_out(void **state) {
    (void)state;
    tdi_prng p = {test_seed(1)};
    for (int i = 0; i < 2000; i++) {
        char text[128];
        double scale = pow(10, tdi_prng_unit(&p) * 50 - 25);
        float min = (float)((tdi_prng_unit(&p) - 0.5) * scale);
        float max = (float)(min + (tdi_prng_unit(&p) + 0.1) * scale);
        snprintf(text, sizeof text, "uniform:min=%.9e,max=%.9e", (double)min, (double)max);
        for (char *c = text; *c; c++)
            if (*c == '+')
                memmove(c, c + 1, strlen(c));
        tdi_strategy s, again;
        assert_int_equal(tdi_strategy_parse(text, &s, NULL), max > min ? TD_OK : TD_STRATEGY);
        char *formatted = tdi_strategy_format(&s);
        assert_int_equal(tdi_strategy_parse(formatted, &again, NULL), TD_OK);
        assert_memory_equal(s.stages[0].value, again.stages[0].value, sizeof s.stages[0].value);
        tdi_free(formatted);
    }
}

static void mistakes_are_named_with_their_position(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t offset;
        const char *words;
    } cases[] = {
        {"", 0, "expected the name of a stage, found the end"},
        {"jpg", 0, "there is no stage \"jpg\" (did you mean \"jpeg\""},
        {"unifrom", 0, "did you mean \"uniform\""},
        {"uniform+jepg", 8, "did you mean \"jpeg\""},
        {"uniform:level=4", 8, "\"uniform\" has no setting \"level\" (did you mean \"levels\""},
        {"raw:x=1", 4, "\"raw\" has no setting \"x\": it has none at all"},
        {"uniform:levels", 14, "expected \"=\" and a value, found the end"},
        {"uniform:levels=", 15, "expected a value, found the end"},
        {"uniform:", 8, "expected the name of a setting, found the end"},
        {"uniform:levels=4,", 17, "expected the name of a setting"},
        {"uniform:levels=4;clip=1", 16, "found \";\""},
        {"uniform:levels=1", 15, "\"levels\" must be an integer in 2..65536, not \"1\""},
        {"uniform:levels=65537", 15, "must be an integer in 2..65536"},
        {"uniform:levels=4.0", 15, "must be an integer"},
        {"uniform:levels=99999999999999999999", 15, "must be an integer"},
        {"uniform:clip=0", 13, "\"clip\" must be a number in 0.01..1000"},
        {"uniform:clip=nan", 13, "must be a number"},
        {"uniform:clip=0x10", 13, "must be a number"},
        {"uniform:clip=1.", 13, "must be a number"},
        {"uniform:clip=1e", 13, "must be a number"},
        {"uniform:clip=1e999", 13, "must be a number"},
        {"uniform:clip=2,clip=3", 15, "\"clip\" is given twice"},
        {"uniform:clip=2,min=0,max=1", 8, "\"clip\" excludes \"min\" and \"max\""},
        {"uniform:min=0", 8, "\"min\" needs \"max\" beside it"},
        {"uniform:max=0", 8, "\"max\" needs \"min\" beside it"},
        {"uniform:min=1,max=1", 14, "\"max\" must be clearly greater than \"min\""},
        {"uniform:min=2,max=1", 14, "\"max\" must be clearly greater than \"min\""},
        {"uniform:min=0,max=1e-44", 14, "\"max\" must be clearly greater than \"min\""},
        {"uniform:min=0,max=1e+5", 18, "\"max\" must be a number"},
        {"jpeg", 0, "put one before it, as in \"uniform+jpeg\", or \"picture+jpeg\""},
        {"pack", 0, "\"pack\" codes the levels of a quantizer"},
        {"picture", 0, "\"picture+jpeg\" or \"picture+png\""},
        {"picture+pack", 8,
         "\"pack\" cannot follow \"picture\", which needs one of \"jpeg\" \"png\""},
        {"raw+pack", 4, "\"raw\" stands alone"},
        {"uniform+raw", 8, "\"raw\" cannot follow \"uniform\""},
        {"uniform+pack+png", 13, "at most two stages"},
        {"uniform+", 8, "expected the name of a stage"},
        {" raw", 0, "a byte of value 32"},
        {"raw ", 3, "a byte of value 32"},
        {"RAW", 0, "there is no stage \"RAW\""},
        {"r\xc3\xa4w", 0, "there is no stage \"r\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tdi_strategy s;
        td_error err = {0};
        td_status status = tdi_strategy_parse(cases[i].text, &s, &err);
        if (status != TD_STRATEGY)
            fail_msg("%s: %s", cases[i].text, td_status_name(status));
        if (cases[i].words && !strstr(err.message, cases[i].words))
            fail_msg("%s: \"%s\" does not say %s", cases[i].text, err.message, cases[i].words);
        if (err.offset != cases[i].offset)
            fail_msg("%s: offset %lld", cases[i].text, (long long)err.offset);
        assert_int_equal(tdi_strategy_parse(cases[i].text, &s, NULL), TD_STRATEGY);
    }
}

static void long_strings_are_refused(void **state) {
    (void)state;
    char text[1000];
    tdi_strategy s;
    td_error err = {0};
    memset(text, 'u', sizeof text);
    text[255] = 0;
    assert_int_equal(tdi_strategy_parse(text, &s, &err), TD_STRATEGY);
    assert_int_equal(err.offset, 0);
    text[255] = 'u';
    text[999] = 0;
    assert_int_equal(tdi_strategy_parse(text, &s, &err), TD_STRATEGY);
    assert_int_equal(err.offset, 255);
}

static void use_of_calibration_is_told_from_the_string(void **state) {
    (void)state;
    int uses = -1;
    assert_int_equal(td_strategy_uses_calibration("uniform:levels=4+jpeg", &uses, NULL), TD_OK);
    assert_int_equal(uses, 1);
    assert_int_equal(td_strategy_uses_calibration("uniform:min=0,max=1", &uses, NULL), TD_OK);
    assert_int_equal(uses, 0);
    assert_int_equal(td_strategy_uses_calibration("f16", &uses, NULL), TD_OK);
    assert_int_equal(uses, 0);
    assert_int_equal(td_strategy_uses_calibration("f17", &uses, NULL), TD_STRATEGY);
    assert_int_equal(td_strategy_uses_calibration(NULL, &uses, NULL), TD_ARGUMENT);
}

/* What interfaces show is what the parser does. */
static void registry_describes_its_rules(void **state) {
    (void)state;
    assert_null(td_stage_at(td_stage_count()));
    for (size_t i = 0; i < tdi_stage_count(); i++) {
        const tdi_stage *stage = tdi_stage_at(i);
        assert_ptr_equal(td_stage_at(i), &stage->info);
        assert_ptr_equal(tdi_stage_find(stage->info.name, strlen(stage->info.name)), stage);
        assert_true(stage->info.setting_count <= TDI_SETTINGS_MAX);
        assert_true(stage->info.help[0] != 0);
        for (size_t k = 0; k < stage->info.setting_count; k++) {
            const td_setting_info *info = &stage->info.settings[k];
            char lower[32];
            const char *dots = strstr(info->range, "..");
            assert_non_null(dots);
            snprintf(lower, sizeof lower, "%.*s", (int)(dots - info->range), info->range);
            assert_true(strtod(lower, NULL) == stage->rules[k].min);
            assert_true(strtod(dots + 2, NULL) == stage->rules[k].max);
            double fallback = info->fallback ? strtod(info->fallback, NULL) : stage->rules[k].min;
            assert_true(fallback >= stage->rules[k].min && fallback <= stage->rules[k].max);
        }
    }
}

static td_status open_status(const char *strategy, td_layout layout, td_calibration *calibration,
                             td_error *err) {
    td_codec *codec = NULL;
    td_status status = td_codec_open(strategy, &layout, calibration, &codec, err);
    td_codec_close(codec);
    return status;
}

static void expect_refusal(const char *strategy, td_layout layout, td_calibration *calibration,
                           td_status wanted, const char *words) {
    td_error err = {0};
    td_status status = open_status(strategy, layout, calibration, &err);
    if (status != wanted || !strstr(err.message, words))
        fail_msg("%s: %s, \"%s\"", strategy, td_status_name(status), err.message);
}

static void strategies_must_suit_the_tensor(void **state) {
    (void)state;
    td_layout f = features(4, 3, 5), p = picture(3, 8, 8);
    td_calibration *own = calibration_of(f, 0, 1), *other = calibration_of(features(4, 5, 3), 0, 1);
    td_calibration *tall = calibration_of(features(1, 65501, 1), 0, 1);
    other->tensor = strdup("conv");
    expect_refusal("picture+jpeg", f, NULL, TD_STRATEGY, "cut \"input\" only");
    expect_refusal("f16", p, NULL, TD_STRATEGY, "\"picture+jpeg\", \"picture+png\" or \"raw\"");
    expect_refusal("uniform", p, own, TD_STRATEGY, "8-bit picture");
    expect_refusal("uniform", f, NULL, TD_NOT_FOUND, "tandem prepare");
    expect_refusal("uniform", f, other, TD_MISMATCH, "\"conv\"");
    expect_refusal("uniform:levels=257+jpeg", f, own, TD_STRATEGY,
                   "256 levels are the most for jpeg");
    expect_refusal("picture+jpeg", picture(4, 8, 8), NULL, TD_STRATEGY, "1 or 3 channels");
    expect_refusal("picture+png", picture(2, 8, 8), NULL, TD_STRATEGY, "1 or 3 channels");
    expect_refusal("picture+jpeg", picture(1, 1, 65501), NULL, TD_STRATEGY, "at most 65500");
    expect_refusal("uniform+jpeg:quality=5", tall->layout, tall, TD_STRATEGY, "at most 65500");
    expect_refusal("picture+png", picture(1, 1, 1000001), NULL, TD_STRATEGY, "at most 1000000");
    expect_refusal("raw", features(0, 1, 1), NULL, TD_ARGUMENT, "with elements");
    expect_refusal("raw", features(1 << 20, 1 << 20, 1 << 20), NULL, TD_LIMIT, "more than");
    td_layout odd = f;
    odd.dtype = TD_DTYPE_I64;
    expect_refusal("raw", odd, NULL, TD_ARGUMENT, "int64");
    odd.dtype = TD_DTYPE_F32;
    odd.order = TD_ORDER_HWC;
    expect_refusal("raw", odd, NULL, TD_ARGUMENT, "CHW");
    assert_int_equal(open_status("uniform", f, own, NULL), TD_OK);
    assert_int_equal(open_status("raw", p, NULL, NULL), TD_OK);
    assert_int_equal(open_status("raw", f, other, NULL), TD_OK);
    td_calibration_unref(own);
    td_calibration_unref(other);
    td_calibration_unref(tall);
}

static void codec_tells_its_strategy_and_affine_map(void **state) {
    (void)state;
    tdi_quantizer_affine a;
    td_layout f = features(4, 3, 5);
    td_calibration *c = calibration_of(f, 1, 2);
    td_codec *codec = open_codec("uniform:levels=5,clip=2+jpeg", f, c);
    td_calibration_unref(c); /* the codec keeps its own reference */
    assert_string_equal(td_codec_strategy(codec), "uniform:levels=5,clip=2+jpeg:quality=90");
    assert_int_equal(tdi_codec_affine(codec, &a, NULL), TD_OK);
    assert_int_equal(a.levels, 5);
    assert_true(a.min == -3 && a.step == 2);
    td_codec_close(codec);
    codec = open_codec("f16", f, NULL);
    assert_int_equal(tdi_codec_affine(codec, &a, NULL), TD_OK);
    assert_int_equal(a.levels, 1);
    td_codec_close(codec);
    codec = open_codec("raw", f, NULL);
    assert_int_equal(tdi_codec_affine(codec, &a, NULL), TD_OK);
    assert_int_equal(a.levels, 0);
    td_codec_close(codec);
    codec = open_codec("picture+png", picture(3, 4, 4), NULL);
    assert_int_equal(tdi_codec_affine(codec, &a, NULL), TD_UNSUPPORTED);
    td_codec_close(codec);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_written_out),
        cmocka_unit_test(numbers_survive_writing_out),
        cmocka_unit_test(mistakes_are_named_with_their_position),
        cmocka_unit_test(long_strings_are_refused),
        cmocka_unit_test(use_of_calibration_is_told_from_the_string),
        cmocka_unit_test(registry_describes_its_rules),
        cmocka_unit_test(strategies_must_suit_the_tensor),
        cmocka_unit_test(codec_tells_its_strategy_and_affine_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
