/* SPDX-License-Identifier: Apache-2.0 */
#include "args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tandem/model.h>

#include "cli.h"

#define NAME_MAX_CHARS 31

static size_t min3(size_t a, size_t b, size_t c) {
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein's distance of two short names; long ones are far from everything. */
static size_t distance(const char *a, const char *b) {
    size_t row[NAME_MAX_CHARS + 1], na = strlen(a), nb = strlen(b);
    if (na > NAME_MAX_CHARS || nb > NAME_MAX_CHARS)
        return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[nb];
}

const char *args_nearest(const char *wanted, const char *const *names, size_t count) {
    const char *best = NULL;
    size_t best_distance = 3;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(wanted, names[i]);
        if (d < best_distance && d < strlen(names[i])) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}

static void list_add(arg_list *list, const char *item) {
    list->items = cli_realloc(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = item;
}

void args_list_free(arg_list *list) {
    free(list->items);
    list->items = NULL;
    list->count = 0;
}

static int parse_integer(const char *text, int64_t *out) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *out = value;
    return end != text && *end == 0 && errno == 0;
}

static args_result bad_value(const arg_verb *verb, const arg_option *option, const char *text,
                             const char *expected) {
    cli_usage(verb->name, "--%s takes %s, not \"%s\"", option->name, expected, text);
    return ARGS_BAD;
}

static args_result set_integer(const arg_verb *verb, const arg_option *option, const char *text) {
    char expected[64];
    int64_t value;
    if (!parse_integer(text, &value) || value < option->min || value > option->max) {
        snprintf(expected, sizeof expected, "a number from %lld to %lld", (long long)option->min,
                 (long long)option->max);
        return bad_value(verb, option, text, expected);
    }
    *(int64_t *)option->value = value;
    return ARGS_OK;
}

static args_result set_subset(const arg_verb *verb, const arg_option *option, const char *text) {
    int64_t *subset = option->value;
    const char *slash = strchr(text, '/');
    char k[16] = "";
    if (slash && (size_t)(slash - text) < sizeof k) {
        memcpy(k, text, (size_t)(slash - text));
        if (parse_integer(k, &subset[0]) && parse_integer(slash + 1, &subset[1]) &&
            subset[0] >= 0 && subset[0] < subset[1] && subset[1] <= INT32_MAX)
            return ARGS_OK;
    }
    return bad_value(verb, option, text, "K/N with K below N, such as 0/2");
}

/* Says what will be done instead where the processor lacks the instructions. */
static args_result set_precision(const arg_verb *verb, const arg_option *option, const char *text) {
    td_precision *precision = option->value;
    if (td_precision_parse(text, precision, NULL) != TD_OK)
        return bad_value(verb, option, text, "f32, bf16 or int8");
    if (!td_precision_available(*precision))
        fprintf(stderr,
                "tandem %s: this processor has no instructions for %s: computing with f32\n",
                verb->name, text);
    return ARGS_OK;
}

static args_result set_value(const arg_verb *verb, const arg_option *option, const char *text) {
    switch (option->kind) {
    case ARG_FLAG:
        *(int *)option->value = 1;
        break;
    case ARG_TEXT:
        *(const char **)option->value = text;
        break;
    case ARG_LIST:
        list_add(option->value, text);
        break;
    case ARG_INTEGER:
        return set_integer(verb, option, text);
    case ARG_SUBSET:
        return set_subset(verb, option, text);
    case ARG_PRECISION:
        return set_precision(verb, option, text);
    }
    return ARGS_OK;
}

static args_result unknown(const arg_verb *verb, const char *argument) {
    const char *names[32];
    char name[NAME_MAX_CHARS + 1];
    size_t count = 0, length = strcspn(argument, "=");
    for (; count < verb->option_count && count < 32; count++)
        names[count] = verb->options[count].name;
    snprintf(name, sizeof name, "%.*s", (int)(length < 64 ? length : 64), argument);
    const char *near = args_nearest(name + strspn(name, "-"), names, count);
    if (near)
        cli_usage(verb->name, "unknown option %.*s, did you mean --%s?", (int)length, argument,
                  near);
    else
        cli_usage(verb->name, "unknown option %.*s", (int)length, argument);
    return ARGS_BAD;
}

static const arg_option *find_option(const arg_verb *verb, const char *argument) {
    for (size_t i = 0; i < verb->option_count; i++) {
        const arg_option *option = &verb->options[i];
        size_t length = strlen(option->name);
        if (argument[1] == '-' && !strncmp(argument + 2, option->name, length) &&
            (argument[2 + length] == 0 || argument[2 + length] == '='))
            return option;
        if (option->letter && argument[1] == option->letter && argument[2] == 0)
            return option;
    }
    return NULL;
}

/* One option at argv[*at]; moves *at over a value of its own. */
static args_result parse_option(const arg_verb *verb, int argc, char **argv, int *at) {
    const char *argument = argv[*at];
    const arg_option *option = find_option(verb, argument);
    if (!option)
        return unknown(verb, argument);
    const char *equals = argument[1] == '-' ? strchr(argument, '=') : NULL;
    if (option->kind == ARG_FLAG) {
        if (equals) {
            cli_usage(verb->name, "--%s takes no value", option->name);
            return ARGS_BAD;
        }
        return set_value(verb, option, NULL);
    }
    if (!equals && *at + 1 >= argc) {
        cli_usage(verb->name, "--%s needs a value: %s", option->name, option->metavar);
        return ARGS_BAD;
    }
    return set_value(verb, option, equals ? equals + 1 : argv[++*at]);
}

static void print_help(const arg_verb *verb) {
    printf("usage: tandem %s %s\n\n%s\n", verb->name, verb->usage, verb->about);
    if (verb->option_count)
        printf("\noptions:\n");
    for (size_t i = 0; i < verb->option_count; i++) {
        const arg_option *option = &verb->options[i];
        char head[64], letter[8] = "";
        if (option->letter)
            snprintf(letter, sizeof letter, "-%c, ", option->letter);
        snprintf(head, sizeof head, "%s--%s%s%s", letter, option->name, option->metavar ? " " : "",
                 option->metavar ? option->metavar : "");
        printf("  %-24s", head);
        if (strlen(head) > 23)
            printf("\n%26s", "");
        for (const char *line = option->help; line;) {
            const char *end = strchr(line, '\n');
            printf("%.*s\n", end ? (int)(end - line) : (int)strlen(line), line);
            line = end ? end + 1 : NULL;
            if (line)
                printf("%26s", "");
        }
    }
    if (verb->epilog)
        printf("\n%s\n", verb->epilog);
}

args_result args_parse(const arg_verb *verb, int argc, char **argv, arg_list *operands) {
    int only_operands = 0;
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        if (only_operands || argument[0] != '-' || argument[1] == 0) {
            list_add(operands, argument);
            continue;
        }
        if (!strcmp(argument, "--")) {
            only_operands = 1;
            continue;
        }
        if (!strcmp(argument, "--help") || !strcmp(argument, "-h")) {
            print_help(verb);
            return ARGS_HELP;
        }
        args_result result = parse_option(verb, argc, argv, &i);
        if (result != ARGS_OK)
            return result;
    }
    return ARGS_OK;
}
