/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out: every allocation of ours fails once, at every place, and everything is
 * given back.
 */
#include "codec_support.h"

#include "base/memory.h"

static long live, until_failure; /* until_failure < 0: none */

static int fails(void) {
    if (until_failure < 0)
        return 0;
    return until_failure-- == 0;
}

static void *counted_malloc(size_t bytes, void *user) {
    (void)user;
    void *p = fails() ? NULL : malloc(bytes);
    live += p != NULL;
    return p;
}

static void *counted_calloc(size_t count, size_t bytes, void *user) {
    (void)user;
    void *p = fails() ? NULL : calloc(count, bytes);
    live += p != NULL;
    return p;
}

static void *counted_realloc(void *old, size_t bytes, void *user) {
    (void)user;
    void *p = fails() ? NULL : realloc(old, bytes);
    live += p && !old;
    return p;
}

static void counted_free(void *p, void *user) {
    (void)user;
    live -= p != NULL;
    free(p);
}

/* Opens, encodes, decodes; the number of live blocks is the same afterwards. */
static td_status use_codec(const char *strategy, td_layout layout, td_calibration *calibration) {
    static uint8_t bytes[1 << 14];
    static float in[64], out[64];
    td_codec *codec = NULL;
    td_error err = {0};
    size_t written;
    td_status status = td_codec_open(strategy, &layout, calibration, &codec, &err);
    if (status != TD_OK)
        return status;
    assert_int_equal(td_codec_encode(codec, in, bytes, sizeof bytes, &written, &err), TD_OK);
    assert_int_equal(td_codec_decode(codec, bytes, written, out, &err), TD_OK);
    td_codec_close(codec);
    return TD_OK;
}

static void opening_a_codec_survives_every_failure(void **state) {
    (void)state;
    static const char *const strategies[] = {
        "raw", "f16", "uniform", "uniform+jpeg", "uniform+png", "uniform:levels=1000+png"};
    td_layout layout = features(4, 4, 4);
    td_calibration *calibration = calibration_of(layout, 0, 1);
    for (size_t k = 0; k < 8; k++) {
        const char *strategy = k < 6 ? strategies[k] : k == 6 ? "picture+jpeg" : "picture+png";
        td_layout used = k < 6 ? layout : picture(3, 4, 4);
        long before = live;
        td_status status = TD_MEMORY;
        for (long n = 0; status != TD_OK; n++) {
            until_failure = n;
            status = use_codec(strategy, used, calibration);
            assert_true(status == TD_OK || status == TD_MEMORY);
            assert_int_equal(live, before);
            assert_int_equal(calibration->references, 1);
        }
        until_failure = -1;
    }
    td_calibration_unref(calibration);
}

/* Bad strings compose their messages on the heap; the status stands without it. */
static void refusing_a_strategy_survives_every_failure(void **state) {
    (void)state;
    static const char *const bad[] = {
        "jpg", "uniform:level=1", "uniform:levels=1", "uniform+raw", "jpeg", "?"};
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++)
        for (long n = 0; n < 8; n++) {
            long before = live;
            int uses;
            td_error err = {0};
            until_failure = n;
            assert_int_equal(td_strategy_uses_calibration(bad[k], &uses, &err), TD_STRATEGY);
            until_failure = -1;
            assert_true(err.message[0] != 0);
            assert_int_equal(live, before);
        }
}

static td_status build(td_calibration **out) {
    td_layout layout = features(2, 2, 2);
    const float x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    tdi_calibration_builder *b = tdi_calibration_builder_new("a", &layout);
    if (!b)
        return TD_MEMORY;
    tdi_calibration_builder_add(b, x);
    td_status status = tdi_calibration_builder_finish(b, out, NULL);
    tdi_calibration_builder_free(b);
    return status;
}

static td_status write_and_parse(tdi_calibration_set *set) {
    uint8_t *bytes;
    size_t size;
    tdi_calibration_set read;
    td_status status = tdi_calibration_set_write(set, &bytes, &size, NULL);
    if (status != TD_OK)
        return status;
    status = tdi_calibration_set_parse(bytes, size, &read, NULL);
    if (status == TD_OK)
        tdi_calibration_set_clear(&read);
    tdi_free(bytes);
    return status;
}

static void calibration_survives_every_failure(void **state) {
    (void)state;
    long before = live;
    td_calibration *c = NULL;
    td_status status = TD_MEMORY;
    for (long n = 0; status != TD_OK; n++) {
        assert_int_equal(live, before);
        until_failure = n;
        status = build(&c);
        assert_true(status == TD_OK || status == TD_MEMORY);
    }
    until_failure = -1;
    c->parts = tdi_calloc(1, sizeof *c->parts);
    c->part_count = 1;
    c->parts[0].name[0] = 'p';
    char cut[] = "a";
    tdi_calibration_set set = {cut, &c, 1, {{0}}};
    long full = live;
    status = TD_MEMORY;
    for (long n = 0; status != TD_OK; n++) {
        until_failure = n;
        status = write_and_parse(&set);
        assert_true(status == TD_OK || status == TD_MEMORY);
        assert_int_equal(live, full);
    }
    until_failure = -1;
    td_calibration_unref(c);
    assert_int_equal(live, before);
}

int main(void) {
    const td_memory memory = {counted_malloc, counted_calloc, counted_realloc, counted_free, NULL};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_a_codec_survives_every_failure),
        cmocka_unit_test(refusing_a_strategy_survives_every_failure),
        cmocka_unit_test(calibration_survives_every_failure),
    };
    until_failure = -1;
    if (td_memory_set(&memory) != TD_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
