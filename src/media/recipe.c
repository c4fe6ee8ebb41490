/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recipes as text. docs/bundle.md has the grammar.
 */
#include "media/recipe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"

#define TEXT_BYTES_MAX   1024
#define NUMBER_BYTES_MAX 64

static const struct {
    const char *name;
    td_recipe recipe;
} named[] = {
    {"torch",
     {TD_COLOR_RGB,
      TD_CROP_CENTER,
      0,
      0,
      1.0f / 255,
      {0.485f, 0.456f, 0.406f},
      {0.229f, 0.224f, 0.225f}}},
    {"tf", {TD_COLOR_RGB, TD_CROP_CENTER, 0, 0, 1 / 127.5f, {1, 1, 1}, {1, 1, 1}}},
    {"caffe", {TD_COLOR_BGR, TD_CROP_CENTER, 0, 0, 1, {104, 117, 123}, {1, 1, 1}}},
    {"unit", {TD_COLOR_RGB, TD_CROP_CENTER, 0, 0, 1.0f / 255, {0, 0, 0}, {1, 1, 1}}},
    {"cifar",
     {TD_COLOR_RGB,
      TD_CROP_CENTER,
      0,
      0,
      1.0f / 255,
      {0.485f, 0.456f, 0.406f},
      {0.229f, 0.224f, 0.225f}}},
};

#define NAMED_COUNT (sizeof named / sizeof named[0])

enum { KEY_COLOR, KEY_SCALE, KEY_MEAN, KEY_STD, KEY_SIZE, KEY_CROP, KEY_COUNT };
static const char *const keys[KEY_COUNT] = {"color", "scale", "mean", "std", "size", "crop"};
static const char *const colors[] = {"rgb", "bgr", "gray"};
static const char *const crops[] = {"center", "stretch"};

typedef struct parser {
    const char *text; /* whole */
    td_recipe recipe;
    const char *key_at[KEY_COUNT]; /* in the text; NULL: not given */
    int numbers[KEY_COUNT];        /* how many numbers its value has */
    int is_named;
    td_error *err;
} parser;

/* A piece of the text. */
typedef struct span {
    const char *at;
    size_t size;
} span;

/* Cuts off what comes before `end` (that character, or the end of the text); returns whether more
 * follows. */
static int span_next(span *rest, char end, span *out) {
    const char *found = memchr(rest->at, end, rest->size);
    out->at = rest->at;
    out->size = found ? (size_t)(found - rest->at) : rest->size;
    size_t used = out->size + (found ? 1 : 0);
    rest->at += used;
    rest->size -= used;
    return found != NULL;
}

static int span_equal(span s, const char *text) {
    return strlen(text) == s.size && !memcmp(s.at, text, s.size);
}

/* Copies a number for parsing; longer than any number is as bad as no number. */
static const char *span_number(span s, char copy[NUMBER_BYTES_MAX + 1]) {
    size_t size = s.size <= NUMBER_BYTES_MAX ? s.size : 0;
    memcpy(copy, s.at, size);
    copy[size] = 0;
    return copy;
}

static int find(span wanted, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (span_equal(wanted, names[i]))
            return (int)i;
    return -1;
}

static td_status fail(parser *p, span got, const char *what) {
    return tdi_fail_at(p->err, TD_FORMAT, (int64_t)(got.at - p->text),
                       "recipe \"%s\": %s, not \"%.*s\"", p->text, what, (int)got.size, got.at);
}

static td_status parse_choice(parser *p, span value, const char *const *names, size_t count,
                              const char *expected, int *out) {
    *out = find(value, names, count);
    return *out < 0 ? fail(p, value, expected) : TD_OK;
}

/* "1/255" or "0.5" */
static td_status parse_number(parser *p, span value, int key, float *out) {
    span rest = value, part;
    char copy[NUMBER_BYTES_MAX + 1], expected[64];
    double number = 0, divisor = 1;
    int is_fraction = span_next(&rest, '/', &part);
    int bad = tdi_parse_double(span_number(part, copy), &number);
    if (is_fraction && !bad)
        bad = tdi_parse_double(span_number(rest, copy), &divisor) || divisor == 0;
    float result = bad ? 0 : (float)(number / divisor);
    if (bad || !isfinite(result)) {
        snprintf(expected, sizeof expected, "`%s` takes numbers such as 0.5 or 1/255", keys[key]);
        return fail(p, value, expected);
    }
    *out = result;
    return TD_OK;
}

/* One number for all channels, or three. */
static td_status parse_numbers(parser *p, span value, int key, float out[3]) {
    span rest = value, part;
    int count = 0, more = 1;
    char expected[64];
    snprintf(expected, sizeof expected, "`%s` takes one number or three", keys[key]);
    while (more) {
        more = span_next(&rest, ',', &part);
        if (count == 3)
            return fail(p, value, expected);
        TD_TRY(parse_number(p, part, key, &out[count]));
        if (key == KEY_STD && out[count] == 0)
            return fail(p, part, "`std` divides and cannot be 0");
        count++;
    }
    if (count == 2)
        return fail(p, value, expected);
    if (count == 1)
        out[1] = out[2] = out[0];
    p->numbers[key] = count;
    return TD_OK;
}

static td_status parse_size(parser *p, span value) {
    span rest = value, part;
    char copy[NUMBER_BYTES_MAX + 1];
    int64_t width = 1, height;
    int is_pair = span_next(&rest, 'x', &part);
    int bad = tdi_parse_int(span_number(part, copy), 1, TD_PICTURE_SIDE_MAX, &width);
    height = width;
    if (is_pair && !bad)
        bad = tdi_parse_int(span_number(rest, copy), 1, TD_PICTURE_SIDE_MAX, &height);
    if (bad || width > TD_PICTURE_PIXELS_MAX / height)
        return fail(p, value, "`size` takes N or WxH in pixels");
    p->recipe.width = (int32_t)width;
    p->recipe.height = (int32_t)height;
    return TD_OK;
}

static td_status parse_value(parser *p, int key, span value) {
    int choice = 0;
    switch (key) {
    case KEY_COLOR:
        TD_TRY(parse_choice(p, value, colors, 3, "`color` is rgb, bgr or gray", &choice));
        p->recipe.color = (td_color)choice;
        return TD_OK;
    case KEY_CROP:
        TD_TRY(parse_choice(p, value, crops, 2, "`crop` is center or stretch", &choice));
        p->recipe.crop = (td_crop)choice;
        return TD_OK;
    case KEY_SCALE:
        return parse_number(p, value, key, &p->recipe.scale);
    case KEY_MEAN:
        return parse_numbers(p, value, key, p->recipe.mean);
    case KEY_STD:
        return parse_numbers(p, value, key, p->recipe.std);
    default:
        return parse_size(p, value);
    }
}

static td_status parse_name(parser *p, span item) {
    for (size_t i = 0; i < NAMED_COUNT; i++)
        if (span_equal(item, named[i].name)) {
            p->recipe = named[i].recipe;
            p->is_named = 1;
            return TD_OK;
        }
    return fail(p, item, "expected torch, tf, caffe, unit, cifar, or settings key=value;...");
}

static td_status parse_item(parser *p, span item) {
    span rest = item, name;
    if (!span_next(&rest, '=', &name))
        return item.at == p->text ? parse_name(p, item) : fail(p, item, "expected key=value");
    int key = find(name, keys, KEY_COUNT);
    if (key < 0)
        return fail(p, name, "a key is color, scale, mean, std, size or crop");
    if (p->is_named && key != KEY_SIZE && key != KEY_CROP)
        return fail(p, name, "only size and crop can follow a recipe's name");
    if (p->key_at[key])
        return fail(p, name, "a key is given once");
    p->key_at[key] = name.at;
    return parse_value(p, key, rest);
}

/* What only the whole shows: a grey recipe has one number each, and no pixel may leave the range of
 * floats. */
static td_status check_whole(parser *p) {
    if (p->recipe.color == TD_COLOR_GRAY)
        for (int key = KEY_MEAN; key <= KEY_STD; key++)
            if (p->numbers[key] == 3)
                return tdi_fail_at(p->err, TD_FORMAT, p->key_at[key] - p->text,
                                   "recipe \"%s\": with color=gray `%s` takes one number", p->text,
                                   keys[key]);
    for (int c = 0; c < 3; c++) {
        double most = (255.0 * p->recipe.scale - p->recipe.mean[c]) / p->recipe.std[c];
        double least = (0.0 - p->recipe.mean[c]) / p->recipe.std[c];
        if (!isfinite((float)most) || !isfinite((float)least))
            return tdi_fail_at(p->err, TD_FORMAT, 0,
                               "recipe \"%s\": its values leave the range of float32", p->text);
    }
    return TD_OK;
}

td_status td_recipe_parse(const char *text, td_recipe *out, td_error *err) {
    if (!text || !out)
        return tdi_fail(err, TD_ARGUMENT, "td_recipe_parse() needs a text and a recipe to fill");
    if (strlen(text) > TEXT_BYTES_MAX)
        return tdi_fail_at(err, TD_FORMAT, TEXT_BYTES_MAX, "a recipe has at most %d characters",
                           TEXT_BYTES_MAX);
    parser p = {.text = text,
                .recipe = {.scale = 1.0f / 255, .mean = {0, 0, 0}, .std = {1, 1, 1}},
                .err = err};
    span rest = {text, strlen(text)}, item;
    for (int more = 1; more;) {
        more = span_next(&rest, ';', &item);
        TD_TRY(parse_item(&p, item));
    }
    TD_TRY(check_whole(&p));
    *out = p.recipe;
    return TD_OK;
}

static void format_numbers(const float *values, int count, char *out, size_t out_bytes) {
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        char number[32];
        tdi_format_float(values[i], number, sizeof number);
        at += (size_t)snprintf(out + at, out_bytes - at, "%s%s", i ? "," : "", number);
    }
}

void td_recipe_format(const td_recipe *recipe, char out[TD_RECIPE_TEXT_BYTES]) {
    int channels = tdi_recipe_channels(recipe);
    char scale[32], mean[64], std[64], size[32] = "";
    tdi_format_float(recipe->scale, scale, sizeof scale);
    format_numbers(recipe->mean, channels, mean, sizeof mean);
    format_numbers(recipe->std, channels, std, sizeof std);
    if (recipe->width && recipe->height)
        snprintf(size, sizeof size, ";size=%dx%d", (int)recipe->width, (int)recipe->height);
    snprintf(out, TD_RECIPE_TEXT_BYTES, "color=%s;scale=%s;mean=%s;std=%s%s;crop=%s",
             colors[recipe->color], scale, mean, std, size, crops[recipe->crop]);
}
