/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every stage that writes bytes: round trips, sizes as specified, and the room that it needs and
 * keeps to.
 */
#include "codec_support.h"

#include "codec/strategy.h"
#include "tensor/tile.h"

#define CANARY 0xa5

static const int level_counts[] = {2, 3, 4, 5, 7, 16, 17, 255, 256, 257, 1000, 65535, 65536};
#define LEVEL_COUNTS (sizeof level_counts / sizeof level_counts[0])

static td_layout layout_at(size_t index) {
    const td_layout layouts[] = {features(1, 1, 1),  features(1, 1, 7),  features(13, 1, 1),
                                 features(5, 3, 2),  features(3, 17, 9), features(1, 33, 1),
                                 features(64, 7, 7), features(2, 1, 40)};
    return layouts[index % 8];
}

/* Encodes into exactly the bound, checks that nothing is written past what is reported; the caller
 * frees *bytes. */
static size_t encode(td_codec *codec, const void *in, uint8_t **bytes) {
    size_t bound = td_codec_bound(codec), written = 0;
    td_error err = {0};
    *bytes = malloc(bound + 64);
    assert_non_null(*bytes);
    memset(*bytes, CANARY, bound + 64);
    if (td_codec_encode(codec, in, *bytes, bound, &written, &err) != TD_OK)
        fail_msg("%s: %s", td_codec_strategy(codec), err.message);
    assert_in_range(written, 1, bound);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal((*bytes)[bound + i], CANARY);
    return written;
}

/* Levels of random values over the whole interval 0..levels-1, decoded losslessly. Returns the
 * size. */
static size_t round_trip(const char *coder, int levels, td_layout layout, tdi_prng *p,
                         int extremes) {
    char strategy[96];
    size_t count = (size_t)td_layout_elements(&layout);
    float *in = malloc(count * sizeof *in), *out = malloc(count * sizeof *out);
    assert_true(in && out);
    for (size_t i = 0; i < count; i++) {
        uint64_t level = tdi_prng_below(p, (uint64_t)levels);
        in[i] = (float)(extremes == 1 ? levels - 1 : extremes == 2 ? 0 : (int)level);
    }
    snprintf(strategy, sizeof strategy, "uniform:levels=%d,min=0,max=%d+%s", levels, levels - 1,
             coder);
    td_codec *codec = open_codec(strategy, layout, NULL);
    uint8_t *bytes;
    size_t size = encode(codec, in, &bytes);
    td_error err = {0};
    if (td_codec_decode(codec, bytes, size, out, &err) != TD_OK)
        fail_msg("%s: %s", strategy, err.message);
    assert_memory_equal(in, out, count * sizeof *in);
    uint8_t *again;
    assert_int_equal(encode(codec, in, &again), size);
    assert_memory_equal(bytes, again, size);
    td_codec_close(codec);
    free(bytes);
    free(again);
    free(in);
    free(out);
    return size;
}

/* The specification in docs/strategies.md, in other words than the code's: by long double and brute
 * force. */
static size_t packed_bytes(int levels, size_t elements) {
    unsigned best_k = 0, best_bits = 0;
    for (unsigned k = 1; powl(levels, k) < 0x1p64L; k++) {
        unsigned bits = 0;
        while (ldexpl(1, (int)bits) < powl(levels, k))
            bits++;
        if (!best_k || bits * best_k < best_bits * k) {
            best_k = k;
            best_bits = bits;
        }
    }
    size_t bits = elements / best_k * best_bits;
    for (unsigned last = 0; ldexpl(1, (int)last) < powl(levels, (unsigned)(elements % best_k));) {
        last++;
        bits++;
    }
    return (bits + 7) / 8;
}

static void pack_round_trips_in_the_specified_size(void **state) {
    (void)state;
    tdi_prng p = {test_seed(4)};
    for (size_t k = 0; k < LEVEL_COUNTS; k++)
        for (size_t i = 0; i < 8; i++)
            for (int extremes = 0; extremes < 3; extremes++) {
                td_layout layout = layout_at(i);
                size_t elements = (size_t)td_layout_elements(&layout);
                size_t size = round_trip("pack", level_counts[k], layout, &p, extremes);
                assert_int_equal(size, packed_bytes(level_counts[k], elements));
            }
}

static void pack_is_near_log2_of_levels(void **state) {
    (void)state;
    for (int levels = 2; levels <= 65536; levels += levels < 300 ? 1 : 97) {
        double bits = 8.0 * (double)packed_bytes(levels, 1000000) / 1e6;
        assert_true(bits >= log2(levels) - 1e-9);
        assert_true(bits <= log2(levels) + 1 / floor(63.999 / log2(levels)) + 1e-4);
    }
}

static void packed_bytes_are_these(void **state) {
    (void)state;
    const float three[7] = {2, 1, 0, 2, 2, 1, 2};
    const float sixteen[3] = {1, 15, 8};
    /* 2 + 1*3 + 0*9 + 2*27 + 2*81 + 1*243 + 2*729 = 1922 = 0x782, in 12 bits */
    const uint8_t three_bytes[2] = {0x82, 0x07}, sixteen_bytes[2] = {0xf1, 0x08};
    uint8_t *bytes;
    td_codec *codec = open_codec("uniform:levels=3,min=0,max=2", features(7, 1, 1), NULL);
    assert_int_equal(encode(codec, three, &bytes), 2);
    assert_memory_equal(bytes, three_bytes, 2);
    free(bytes);
    td_codec_close(codec);
    codec = open_codec("uniform:levels=16,min=0,max=15", features(3, 1, 1), NULL);
    assert_int_equal(encode(codec, sixteen, &bytes), 2);
    assert_memory_equal(bytes, sixteen_bytes, 2);
    free(bytes);
    td_codec_close(codec);
}

static void pack_refuses_what_an_encoder_never_writes(void **state) {
    (void)state;
    float out[7];
    td_error err = {0};
    td_codec *codec = open_codec("uniform:levels=3,min=0,max=2", features(7, 1, 1), NULL);
    /* 3^7 - 1 = 2186 = 0x88a is the highest group. */
    const uint8_t good[2] = {0x8a, 0x08}, high[2] = {0x8b, 0x08}, rest[2] = {0x8a, 0x18};
    assert_int_equal(td_codec_decode(codec, good, 2, out, &err), TD_OK);
    assert_int_equal(td_codec_decode(codec, high, 2, out, &err), TD_FORMAT);
    assert_int_equal(err.offset, 1);
    assert_int_equal(td_codec_decode(codec, rest, 2, out, &err), TD_FORMAT);
    assert_int_equal(td_codec_decode(codec, good, 1, out, &err), TD_FORMAT);
    assert_int_equal(td_codec_decode(codec, good, 0, out, &err), TD_FORMAT);
    assert_int_equal(td_codec_decode(codec, NULL, 0, out, &err), TD_FORMAT);
    td_codec_close(codec);
}

static void png_is_lossless_at_every_depth(void **state) {
    (void)state;
    tdi_prng p = {test_seed(5)};
    for (size_t k = 0; k < LEVEL_COUNTS; k++)
        for (size_t i = 0; i < 8; i++) {
            round_trip("png", level_counts[k], layout_at(i), &p, 0);
            round_trip("png:level=0", level_counts[k], layout_at(i), &p, 1);
        }
}

static int png_depth(int levels) {
    char strategy[64];
    float in[16] = {0};
    uint8_t *bytes;
    snprintf(strategy, sizeof strategy, "uniform:levels=%d,min=0,max=1+png", levels);
    td_codec *codec = open_codec(strategy, features(1, 4, 4), NULL);
    encode(codec, in, &bytes);
    int depth = bytes[24];
    free(bytes);
    td_codec_close(codec);
    return depth;
}

static void png_takes_the_least_depth(void **state) {
    (void)state;
    assert_int_equal(png_depth(2), 1);
    assert_int_equal(png_depth(3), 2);
    assert_int_equal(png_depth(4), 2);
    assert_int_equal(png_depth(5), 4);
    assert_int_equal(png_depth(16), 4);
    assert_int_equal(png_depth(17), 8);
    assert_int_equal(png_depth(256), 8);
    assert_int_equal(png_depth(257), 16);
}

/* At quality 100 a sample is off by a few at most, so few levels, far apart, survive. */
static void jpeg_keeps_few_levels_at_quality_100(void **state) {
    (void)state;
    tdi_prng p = {test_seed(6)};
    for (int levels = 2; levels <= 32; levels++)
        for (size_t i = 0; i < 8; i++)
            round_trip("jpeg:quality=100", levels, layout_at(i), &p, 0);
}

static void jpeg_is_near_and_shrinks_with_quality(void **state) {
    (void)state;
    td_layout layout = features(24, 20, 20);
    enum { N = 24 * 20 * 20 };
    static float in[N], out[N];
    for (int c = 0; c < 24; c++)
        for (int y = 0; y < 20; y++)
            for (int x = 0; x < 20; x++)
                in[(c * 20 + y) * 20 + x] = (float)(sin(0.3 * x + c) + cos(0.2 * y * (c % 3 + 1)));
    static const struct {
        const char *strategy;
        double rms;
    } cases[] = {{"uniform:levels=256,min=-2,max=2+jpeg:quality=100", 0.02},
                 {"uniform:levels=256,min=-2,max=2+jpeg:quality=80", 0.12},
                 {"uniform:levels=256,min=-2,max=2+jpeg:quality=20", 0.3},
                 {"uniform:levels=64,min=-2,max=2+jpeg:quality=20", 0.3}};
    size_t before = SIZE_MAX;
    for (size_t k = 0; k < 4; k++) {
        td_codec *codec = open_codec(cases[k].strategy, layout, NULL);
        uint8_t *bytes;
        size_t size = encode(codec, in, &bytes);
        assert_int_equal(td_codec_decode(codec, bytes, size, out, NULL), TD_OK);
        double sum = 0;
        for (int i = 0; i < N; i++)
            sum += ((double)in[i] - (double)out[i]) * ((double)in[i] - (double)out[i]);
        assert_true(sqrt(sum / N) < cases[k].rms);
        assert_true(k == 3 || size < before);
        before = size;
        free(bytes);
        td_codec_close(codec);
    }
}

/* The bytes are a picture that any viewer opens. */
static void tiles_lie_in_the_near_square_grid(void **state) {
    (void)state;
    td_layout layout = features(5, 2, 3);
    td_grid grid = td_grid_near_square(&layout);
    float in[30] = {0};
    uint8_t *bytes;
    td_codec *codec = open_codec("uniform:levels=256,min=0,max=1+png", layout, NULL);
    encode(codec, in, &bytes);
    assert_int_equal(bytes[19], tdi_grid_width(&grid));
    assert_int_equal(bytes[23], tdi_grid_height(&grid));
    free(bytes);
    td_codec_close(codec);
}

static void pictures_pass_at_the_cut_input(void **state) {
    (void)state;
    tdi_prng p = {test_seed(7)};
    enum { W = 33, H = 21 };
    for (int channels = 1; channels <= 3; channels += 2) {
        td_layout layout = picture(channels, H, W);
        uint8_t in[W * H * 3], out[W * H * 3], *bytes;
        size_t count = (size_t)(W * H * channels);
        fill_bytes(&p, in, count);
        static const char *const lossless[] = {"raw", "picture+png", "picture+png:level=0"};
        for (size_t k = 0; k < 3; k++) {
            td_codec *codec = open_codec(lossless[k], layout, NULL);
            size_t size = encode(codec, in, &bytes);
            assert_int_equal(td_codec_decode(codec, bytes, size, out, NULL), TD_OK);
            assert_memory_equal(in, out, count);
            assert_true(k || size == count);
            free(bytes);
            td_codec_close(codec);
        }
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++)
                for (int c = 0; c < channels; c++)
                    in[(y * W + x) * channels + c] = (uint8_t)(x * 4 + y * 3 + c * 30);
        td_codec *codec = open_codec("picture+jpeg:quality=95", layout, NULL);
        size_t size = encode(codec, in, &bytes);
        assert_int_equal(td_codec_decode(codec, bytes, size, out, NULL), TD_OK);
        for (size_t i = 0; i < count; i++)
            assert_true(abs(in[i] - out[i]) <= 8);
        free(bytes);
        td_codec_close(codec);
    }
}

static const char *const feature_strategies[] = {
    "raw",
    "f16",
    "uniform:levels=65536,min=-3,max=3",
    "uniform:levels=7,min=-3,max=3",
    "uniform:levels=256,min=-3,max=3+jpeg:quality=100",
    "uniform:levels=256,min=-2,max=2+jpeg:quality=1",
    "uniform:levels=2,min=-2,max=2+jpeg:quality=100",
    "uniform:levels=256,min=-2,max=2+png",
    "uniform:levels=65536,min=-2,max=2+png:level=0",
    "uniform:levels=65536,min=-2,max=2+png:level=1",
    "uniform:levels=3,min=-2,max=2+png:level=0",
};
static const char *const picture_strategies[] = {"raw", "picture+jpeg:quality=100",
                                                 "picture+jpeg:quality=1", "picture+png:level=0",
                                                 "picture+png:level=9"};

/* Noise that no codec can shrink, flat tensors, and extremes beside each other. */
static void bound_suffices_for_incompressible_tensors(void **state) {
    (void)state;
    tdi_prng p = {test_seed(8)};
    for (size_t i = 0; i < 8 * 3; i++) {
        td_layout layout = layout_at(i);
        size_t count = (size_t)td_layout_elements(&layout);
        float *in = malloc(count * sizeof *in);
        assert_non_null(in);
        for (size_t k = 0; k < count; k++)
            in[k] = i < 8    ? random_normal(&p)
                    : i < 16 ? (tdi_prng_next(&p) & 1 ? 9.0f : -9.0f)
                             : 0.1f;
        for (size_t k = 0; k < sizeof feature_strategies / sizeof feature_strategies[0]; k++) {
            uint8_t *bytes;
            td_codec *codec = open_codec(feature_strategies[k], layout, NULL);
            encode(codec, in, &bytes);
            free(bytes);
            td_codec_close(codec);
        }
        free(in);
    }
    for (int size = 1; size < 100; size += 11)
        for (size_t k = 0; k < sizeof picture_strategies / sizeof picture_strategies[0]; k++) {
            uint8_t *bytes, *in = malloc((size_t)(size * size * 3));
            assert_non_null(in);
            fill_bytes(&p, in, (size_t)(size * size * 3));
            for (int i = 0; size % 2 && i < size * size * 3; i++)
                in[i] = in[i] & 1 ? 255 : 0;
            td_codec *codec = open_codec(picture_strategies[k], picture(3, size, size), NULL);
            encode(codec, in, &bytes);
            free(bytes);
            free(in);
            td_codec_close(codec);
        }
}

static void expect_limit_below_the_need(td_codec *codec, const void *in) {
    uint8_t *bytes;
    size_t size = encode(codec, in, &bytes), step = size > 200 ? size / 97 : 1;
    for (size_t room = 0; room < size; room += step) {
        size_t written = 77;
        memset(bytes, CANARY, size);
        assert_int_equal(td_codec_encode(codec, in, bytes, room, &written, NULL), TD_LIMIT);
        assert_int_equal(written, 77);
        for (size_t i = room; i < size; i++)
            assert_int_equal(bytes[i], CANARY);
    }
    size_t written = 0;
    assert_int_equal(td_codec_encode(codec, in, bytes, size - 1, &written, NULL), TD_LIMIT);
    assert_int_equal(td_codec_encode(codec, in, bytes, size, &written, NULL), TD_OK);
    assert_int_equal(written, size);
    free(bytes);
    td_codec_close(codec);
}

static void short_room_is_a_limit_and_nothing_is_written_past_it(void **state) {
    (void)state;
    tdi_prng p = {test_seed(9)};
    float in[6 * 9 * 9];
    uint8_t samples[3 * 40 * 40];
    fill_normal(&p, in, 6 * 9 * 9);
    fill_bytes(&p, samples, sizeof samples);
    for (size_t k = 0; k < sizeof feature_strategies / sizeof feature_strategies[0]; k++)
        expect_limit_below_the_need(open_codec(feature_strategies[k], features(6, 9, 9), NULL), in);
    for (size_t k = 0; k < sizeof picture_strategies / sizeof picture_strategies[0]; k++)
        expect_limit_below_the_need(open_codec(picture_strategies[k], picture(3, 40, 40), NULL),
                                    samples);
}

/* The examples of docs/strategies.md, and a JPEG: the same bytes give the same levels for good. */
static const uint8_t golden_pack[] = {0x3c, 0x3b};
static const uint8_t golden_f16[] = {0x00, 0xbc, 0x66, 0xb2, 0x66, 0x2e,
                                     0x00, 0x38, 0xec, 0x39, 0x00, 0x3c};
static const uint8_t golden_png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44,
    0x52, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x02, 0x04, 0x00, 0x00, 0x00, 0x00, 0x7d,
    0xef, 0xd4, 0xc7, 0x00, 0x00, 0x00, 0x0e, 0x49, 0x44, 0x41, 0x54, 0x08, 0xd7, 0x63, 0x60,
    0x52, 0x60, 0x30, 0x76, 0x00, 0x00, 0x01, 0x36, 0x00, 0x96, 0x0d, 0x3b, 0x88, 0x82, 0x00,
    0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};
static const uint8_t golden_jpeg[] = {
    0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x01, 0x00, 0x00, 0x01,
    0x00, 0x01, 0x00, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x03, 0x02, 0x02, 0x03, 0x02, 0x02, 0x03,
    0x03, 0x03, 0x03, 0x04, 0x03, 0x03, 0x04, 0x05, 0x08, 0x05, 0x05, 0x04, 0x04, 0x05, 0x0a, 0x07,
    0x07, 0x06, 0x08, 0x0c, 0x0a, 0x0c, 0x0c, 0x0b, 0x0a, 0x0b, 0x0b, 0x0d, 0x0e, 0x12, 0x10, 0x0d,
    0x0e, 0x11, 0x0e, 0x0b, 0x0b, 0x10, 0x16, 0x10, 0x11, 0x13, 0x14, 0x15, 0x15, 0x15, 0x0c, 0x0f,
    0x17, 0x18, 0x16, 0x14, 0x18, 0x12, 0x14, 0x15, 0x14, 0xff, 0xc0, 0x00, 0x0b, 0x08, 0x00, 0x02,
    0x00, 0x03, 0x01, 0x01, 0x11, 0x00, 0xff, 0xc4, 0x00, 0x14, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0xff, 0xc4, 0x00, 0x1f,
    0x10, 0x00, 0x02, 0x01, 0x02, 0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x01, 0x02, 0x06, 0x03, 0x07, 0x00, 0x05, 0x11, 0x15, 0x21, 0x22, 0x41, 0xff, 0xda, 0x00,
    0x08, 0x01, 0x01, 0x00, 0x00, 0x3f, 0x00, 0x7f, 0x5a, 0xcb, 0x4f, 0x08, 0x10, 0x1c, 0xa1, 0x04,
    0x36, 0x3e, 0x12, 0x9a, 0x3d, 0x34, 0x5d, 0xae, 0x86, 0x8a, 0x8a, 0xec, 0xaa, 0xa3, 0xa7, 0x00,
    0x00, 0x00, 0x1e, 0x00, 0x06, 0x3f, 0xff, 0xd9};

static void golden_bytes_keep_their_meaning(void **state) {
    (void)state;
    static const struct {
        const char *strategy;
        const uint8_t *bytes;
        size_t size;
        int written_so; /* by every version of the libraries */
    } cases[] = {
        {"uniform:levels=5,min=-1,max=1", golden_pack, sizeof golden_pack, 1},
        {"f16", golden_f16, sizeof golden_f16, 1},
        {"uniform:levels=5,min=-1,max=1+png", golden_png, sizeof golden_png, 0},
        {"uniform:levels=5,min=-1,max=1+jpeg:quality=90", golden_jpeg, sizeof golden_jpeg, 0},
    };
    const float in[6] = {-1, -0.2f, 0.1f, 0.5f, 0.74f, 1}, levels[6] = {-1, 0, 0, 0.5f, 0.5f, 1};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        td_codec *codec = open_codec(cases[k].strategy, features(2, 1, 3), NULL);
        float out[6];
        uint8_t *bytes;
        assert_int_equal(td_codec_decode(codec, cases[k].bytes, cases[k].size, out, NULL), TD_OK);
        for (int i = 0; i < 6; i++)
            assert_true(k == 1 ? fabsf(out[i] - in[i]) < 3e-4f : out[i] == levels[i]);
        size_t size = encode(codec, in, &bytes);
        if (cases[k].written_so) {
            assert_int_equal(size, cases[k].size);
            assert_memory_equal(bytes, cases[k].bytes, size);
        }
        free(bytes);
        td_codec_close(codec);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pack_round_trips_in_the_specified_size),
        cmocka_unit_test(pack_is_near_log2_of_levels),
        cmocka_unit_test(packed_bytes_are_these),
        cmocka_unit_test(pack_refuses_what_an_encoder_never_writes),
        cmocka_unit_test(png_is_lossless_at_every_depth),
        cmocka_unit_test(png_takes_the_least_depth),
        cmocka_unit_test(jpeg_keeps_few_levels_at_quality_100),
        cmocka_unit_test(jpeg_is_near_and_shrinks_with_quality),
        cmocka_unit_test(tiles_lie_in_the_near_square_grid),
        cmocka_unit_test(pictures_pass_at_the_cut_input),
        cmocka_unit_test(golden_bytes_keep_their_meaning),
        cmocka_unit_test(bound_suffices_for_incompressible_tensors),
        cmocka_unit_test(short_room_is_a_limit_and_nothing_is_written_past_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
