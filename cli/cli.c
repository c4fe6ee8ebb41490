/* SPDX-License-Identifier: Apache-2.0 */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_fail(const char *verb, const td_error *err) {
    return cli_fail_text(verb, "%s", err->message[0] ? err->message : td_status_text(err->status));
}

int cli_fail_text(const char *verb, const char *format, ...) {
    va_list args;
    fprintf(stderr, "tandem %s: ", verb);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return CLI_FAILED;
}

int cli_usage(const char *verb, const char *format, ...) {
    va_list args;
    fprintf(stderr, "tandem %s: ", verb);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, " (see `tandem %s --help`)\n", verb);
    return CLI_USAGE;
}

int cli_print_json(const char *verb, json_t *document) {
    if (!document)
        return cli_fail_text(verb, "out of memory");
    json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(document);
    return CLI_OK;
}

int cli_finish(const char *verb, int code) {
    static int reported;
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    if (reported++)
        return code ? code : CLI_FAILED;
    /* Whoever closed the pipe has read what they wanted. */
    if (errno == EPIPE)
        return code ? code : CLI_FAILED;
    return cli_fail_text(verb, "cannot write standard output: %s",
                         errno ? strerror(errno) : "input/output error");
}

json_t *cli_json_real(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *cli_json_text(const char *text) {
    json_t *json = json_string(text);
    if (json)
        return json;
    size_t length = strlen(text);
    char *plain = cli_alloc(length + 1, 1);
    for (size_t i = 0; i < length; i++)
        plain[i] = (unsigned char)text[i] > 127 ? '?' : text[i];
    json = json_string(plain);
    free(plain);
    return json;
}

json_t *cli_json_shape_of_one(const td_shape *shape) {
    json_t *dims = json_array();
    for (int i = 1; i < shape->rank; i++)
        json_array_append_new(dims, json_integer(shape->dim[i]));
    return dims;
}

td_status cli_open_source(const char *const *paths, size_t path_count, const int64_t subset[2],
                          int64_t limit, td_source **out, td_error *err) {
    td_status status = td_source_open(paths, path_count, out, err);
    if (status)
        return status;
    if (subset[1] > 0)
        status = td_source_subset(*out, (uint32_t)subset[0], (uint32_t)subset[1], err);
    if (!status && limit > 0)
        status = td_source_limit(*out, (size_t)limit, err);
    if (status) {
        td_source_close(*out);
        *out = NULL;
    }
    return status;
}

static void *or_exit(void *ptr) {
    if (ptr)
        return ptr;
    fputs("tandem: out of memory\n", stderr);
    exit(CLI_FAILED);
}

void *cli_alloc(size_t count, size_t bytes) {
    return or_exit(calloc(count ? count : 1, bytes));
}
void *cli_realloc(void *ptr, size_t bytes) {
    return or_exit(realloc(ptr, bytes));
}
