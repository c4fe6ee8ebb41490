/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategy strings. Knows the grammar and which kinds of stage may follow each other; what the
 * settings mean is the stages' own matter, and whether a strategy suits a tensor is codec.c's.
 */
#include "codec/strategy.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

typedef struct cursor {
    const char *text;
    size_t at;
    td_error *err;
} cursor;

typedef struct token {
    const char *text;
    size_t bytes, position;
} token;

static td_status fail(td_error *err, size_t position, const char *message) {
    return tdi_fail_at(err, TD_STRATEGY, (int64_t)position, "strategy, character %zu: %s",
                       position + 1, message);
}

/* Fails with a message that was composed; takes it. */
static td_status fail_text(td_error *err, size_t position, tdi_text *message) {
    td_status status = message->failed || !message->data ? fail(err, position, "it is not valid")
                                                         : fail(err, position, message->data);
    tdi_text_fini(message);
    return status;
}

static int is_digit(char c) {
    return c >= '0' && c <= '9';
}

static int is_word(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int is_value(char c) {
    return is_word(c) || c == '.' || c == '-';
}

static token take(cursor *c, int (*belongs)(char)) {
    token t = {c->text + c->at, 0, c->at};
    while (belongs(t.text[t.bytes]))
        t.bytes++;
    c->at += t.bytes;
    return t;
}

static td_status unexpected(const cursor *c, const char *wanted) {
    tdi_text message = {0};
    unsigned char found = (unsigned char)c->text[c->at];
    tdi_text_append(&message, "expected %s, found ", wanted);
    if (found == 0)
        tdi_text_append(&message, "the end");
    else if (found > 0x20 && found < 0x7f)
        tdi_text_append(&message, "\"%c\"", found);
    else
        tdi_text_append(&message, "a byte of value %u", found);
    return fail_text(c->err, c->at, &message);
}

/* [-]digits[.digits][e[-]digits]: no plus sign, which separates stages. */
static int is_number(const char *p) {
    if (*p == '-')
        p++;
    if (!is_digit(*p))
        return 0;
    while (is_digit(*p))
        p++;
    if (*p == '.') {
        if (!is_digit(*++p))
            return 0;
        while (is_digit(*p))
            p++;
    }
    if (*p == 'e' || *p == 'E') {
        if (*++p == '-')
            p++;
        if (!is_digit(*p))
            return 0;
        while (is_digit(*p))
            p++;
    }
    return *p == 0;
}

/* 0, or -1 where the text is no value that the rule allows. */
static int read_value(const char *text, const tdi_setting_rule *rule, double *out) {
    if (!is_number(text))
        return -1;
    double value;
    if (rule->type == TDI_SETTING_INTEGER) {
        int64_t integer;
        if (tdi_parse_int(text, (int64_t)rule->min, (int64_t)rule->max, &integer))
            return -1;
        value = (double)integer;
    } else {
        if (tdi_parse_double(text, &value) || !(value >= rule->min && value <= rule->max))
            return -1;
        value = (double)(float)value;
    }
    *out = value;
    return 0;
}

static void spec_init(tdi_stage_spec *spec, const tdi_stage *stage, size_t position) {
    memset(spec, 0, sizeof *spec);
    spec->stage = stage;
    spec->position = position;
    for (size_t i = 0; i < stage->info.setting_count; i++) {
        const char *fallback = stage->info.settings[i].fallback;
        spec->setting_position[i] = position;
        if (fallback && read_value(fallback, &stage->rules[i], &spec->value[i]) == 0)
            spec->origin[i] = TDI_SETTING_DEFAULT;
    }
}

static td_status unknown_stage(const cursor *c, token name) {
    const char *names[32];
    char wanted[TDI_STRATEGY_TEXT_MAX + 1];
    size_t count = 0;
    for (; count < tdi_stage_count() && count < sizeof names / sizeof names[0]; count++)
        names[count] = tdi_stage_at(count)->info.name;
    memcpy(wanted, name.text, name.bytes);
    wanted[name.bytes] = 0;
    tdi_text message = {0};
    tdi_text_append(&message, "there is no stage \"%s\"", wanted);
    tdi_text_suggest(&message, wanted, names, count);
    return fail_text(c->err, name.position, &message);
}

static td_status unknown_setting(const cursor *c, const tdi_stage *stage, token name) {
    const char *names[TDI_SETTINGS_MAX];
    char wanted[TDI_STRATEGY_TEXT_MAX + 1];
    for (size_t i = 0; i < stage->info.setting_count; i++)
        names[i] = stage->info.settings[i].name;
    memcpy(wanted, name.text, name.bytes);
    wanted[name.bytes] = 0;
    tdi_text message = {0};
    tdi_text_append(&message, "\"%s\" has no setting \"%s\"", stage->info.name, wanted);
    if (stage->info.setting_count == 0)
        tdi_text_append(&message, ": it has none at all");
    else
        tdi_text_suggest(&message, wanted, names, stage->info.setting_count);
    return fail_text(c->err, name.position, &message);
}

static td_status parse_setting(cursor *c, tdi_stage_spec *spec) {
    const td_stage_info *info = &spec->stage->info;
    token name = take(c, is_word);
    if (name.bytes == 0)
        return unexpected(c, "the name of a setting");
    size_t index = 0;
    while (index < info->setting_count &&
           (strlen(info->settings[index].name) != name.bytes ||
            memcmp(info->settings[index].name, name.text, name.bytes)))
        index++;
    if (index == info->setting_count)
        return unknown_setting(c, spec->stage, name);
    const char *known = info->settings[index].name;
    tdi_text message = {0};
    if (spec->origin[index] == TDI_SETTING_GIVEN) {
        tdi_text_append(&message, "\"%s\" is given twice", known);
        return fail_text(c->err, name.position, &message);
    }
    if (c->text[c->at] != '=')
        return unexpected(c, "\"=\" and a value");
    c->at++;
    token value = take(c, is_value);
    if (value.bytes == 0)
        return unexpected(c, "a value");
    char text[TDI_STRATEGY_TEXT_MAX + 1];
    memcpy(text, value.text, value.bytes);
    text[value.bytes] = 0;
    const tdi_setting_rule *rule = &spec->stage->rules[index];
    if (read_value(text, rule, &spec->value[index])) {
        tdi_text_append(&message, "\"%s\" must be %s in %s, not \"%s\"", known,
                        rule->type == TDI_SETTING_INTEGER ? "an integer" : "a number",
                        info->settings[index].range, text);
        return fail_text(c->err, value.position, &message);
    }
    spec->origin[index] = TDI_SETTING_GIVEN;
    spec->setting_position[index] = name.position;
    return TD_OK;
}

static td_status parse_stage(cursor *c, tdi_stage_spec *spec) {
    token name = take(c, is_word);
    if (name.bytes == 0)
        return unexpected(c, "the name of a stage");
    const tdi_stage *stage = tdi_stage_find(name.text, name.bytes);
    if (!stage)
        return unknown_stage(c, name);
    spec_init(spec, stage, name.position);
    if (c->text[c->at] == ':') {
        do {
            c->at++;
            TD_TRY(parse_setting(c, spec));
        } while (c->text[c->at] == ',');
    }
    char next = c->text[c->at];
    if (next != 0 && next != '+') {
        const char *wanted = spec->stage->info.setting_count ? "\":\", \",\", \"+\" or the end"
                                                             : "\"+\" or the end";
        return unexpected(c, wanted);
    }
    return stage->check ? stage->check(spec, c->err) : TD_OK;
}

static td_status check_first(const tdi_strategy *s, td_error *err) {
    const tdi_stage_spec *first = &s->stages[0];
    const char *name = first->stage->info.name;
    tdi_text message = {0};
    switch (first->stage->info.kind) {
    case TD_STAGE_LEVELS:
        tdi_text_append(
            &message,
            "\"%s\" codes the levels of a quantizer: put one before it, as in \"uniform+%s\"", name,
            name);
        if (first->stage->capabilities & TDI_STAGE_TAKES_PICTURE)
            tdi_text_append(&message, ", or \"picture+%s\" at the cut \"input\"", name);
        return fail_text(err, first->position, &message);
    case TD_STAGE_PICTURE:
        if (s->count == 1)
            return fail(err, first->position,
                        "\"picture\" needs a picture codec after it: "
                        "\"picture+jpeg\" or \"picture+png\"");
        return TD_OK;
    case TD_STAGE_FLOATS:
        if (s->count == 1)
            return TD_OK;
        tdi_text_append(&message, "\"%s\" stands alone: take away what follows it", name);
        return fail_text(err, s->stages[1].position, &message);
    default:
        return TD_OK;
    }
}

static td_status check_second(const tdi_strategy *s, td_error *err) {
    const tdi_stage *first = s->stages[0].stage, *second = s->stages[1].stage;
    int fits = second->info.kind == TD_STAGE_LEVELS &&
               (first->info.kind != TD_STAGE_PICTURE ||
                second->capabilities & TDI_STAGE_TAKES_PICTURE);
    if (fits)
        return TD_OK;
    tdi_text message = {0};
    tdi_text_append(&message, "\"%s\" cannot follow \"%s\", which needs one of", second->info.name,
                    first->info.name);
    for (size_t i = 0; i < tdi_stage_count(); i++) {
        const tdi_stage *stage = tdi_stage_at(i);
        if (stage->info.kind == TD_STAGE_LEVELS &&
            (first->info.kind != TD_STAGE_PICTURE || stage->capabilities & TDI_STAGE_TAKES_PICTURE))
            tdi_text_append(&message, " \"%s\"", stage->info.name);
    }
    return fail_text(err, s->stages[1].position, &message);
}

td_status tdi_strategy_parse(const char *text, tdi_strategy *out, td_error *err) {
    cursor c = {text, 0, err};
    tdi_strategy s;
    memset(&s, 0, sizeof s);
    size_t length = 0;
    while (length <= TDI_STRATEGY_TEXT_MAX && text[length])
        length++;
    if (length > TDI_STRATEGY_TEXT_MAX)
        return fail(err, TDI_STRATEGY_TEXT_MAX, "it is longer than 255 bytes");
    for (;;) {
        if (s.count == TDI_STRATEGY_STAGES_MAX)
            return fail(err, c.at, "a strategy has at most two stages");
        TD_TRY(parse_stage(&c, &s.stages[s.count]));
        s.count++;
        if (c.text[c.at] == 0)
            break;
        c.at++;
    }
    if (s.count == 1 && s.stages[0].stage->info.kind == TD_STAGE_QUANTIZER)
        spec_init(&s.stages[s.count++], &tdi_stage_pack, length);
    TD_TRY(check_first(&s, err));
    if (s.count == 2)
        TD_TRY(check_second(&s, err));
    *out = s;
    return TD_OK;
}

static void format_value(tdi_text *text, tdi_setting_type type, double value) {
    if (type == TDI_SETTING_INTEGER) {
        tdi_text_append(text, "%lld", (long long)value);
        return;
    }
    char number[64];
    tdi_format_float((float)value, number, sizeof number);
    for (const char *p = number; *p; p++)
        if (*p != '+') /* of an exponent: it would end the stage */
            tdi_text_append_bytes(text, p, 1);
}

char *tdi_strategy_format(const tdi_strategy *strategy) {
    tdi_text text = {0};
    for (size_t i = 0; i < strategy->count; i++) {
        const tdi_stage_spec *spec = &strategy->stages[i];
        const td_stage_info *info = &spec->stage->info;
        tdi_text_append(&text, "%s%s", i ? "+" : "", info->name);
        char separator = ':';
        for (size_t k = 0; k < info->setting_count; k++) {
            if (spec->origin[k] == TDI_SETTING_UNSET)
                continue;
            tdi_text_append(&text, "%c%s=", separator, info->settings[k].name);
            format_value(&text, spec->stage->rules[k].type, spec->value[k]);
            separator = ',';
        }
    }
    return tdi_text_take(&text);
}

int tdi_strategy_uses_calibration(const tdi_strategy *strategy) {
    for (size_t i = 0; i < strategy->count; i++) {
        const tdi_stage_spec *spec = &strategy->stages[i];
        if (spec->stage->uses_calibration && spec->stage->uses_calibration(spec))
            return 1;
    }
    return 0;
}

td_status td_strategy_uses_calibration(const char *strategy, int *out, td_error *err) {
    tdi_strategy parsed;
    if (!strategy || !out)
        return tdi_fail(err, TD_ARGUMENT,
                        "td_strategy_uses_calibration needs a strategy and a place for the answer");
    TD_TRY(tdi_strategy_parse(strategy, &parsed, err));
    *out = tdi_strategy_uses_calibration(&parsed);
    return TD_OK;
}
