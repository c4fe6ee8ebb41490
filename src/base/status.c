/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and texts of statuses; filling in td_error.
 */
#include "base/status.h"

#include <stdio.h>
#include <string.h>

#define TD_STRING_(x) #x
#define TD_STRING(x)  TD_STRING_(x)

const char *td_version(void) {
    return TD_STRING(TD_VERSION_MAJOR) "." TD_STRING(TD_VERSION_MINOR) "." TD_STRING(
        TD_VERSION_PATCH);
}

const char *td_status_name(td_status status) {
    switch (status) {
#define STATUS_NAME(name, value, text)                                                             \
    case TD_##name:                                                                                \
        return "TD_" #name;
        TD_STATUS_MAP(STATUS_NAME)
#undef STATUS_NAME
    }
    return "TD_?";
}

const char *td_status_text(td_status status) {
    switch (status) {
#define STATUS_TEXT(name, value, text)                                                             \
    case TD_##name:                                                                                \
        return text;
        TD_STATUS_MAP(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "unknown status";
}

static void fill(td_error *err, td_status status, int64_t offset, const char *format,
                 va_list args) {
    if (!err)
        return;
    err->status = status;
    err->offset = offset;
    vsnprintf(err->message, sizeof err->message, format, args);
}

td_status tdi_fail(td_error *err, td_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, status, -1, format, args);
    va_end(args);
    return status;
}

td_status tdi_fail_at(td_error *err, td_status status, int64_t offset, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, status, offset, format, args);
    va_end(args);
    return status;
}

td_status tdi_fail_memory(td_error *err) {
    return tdi_fail(err, TD_MEMORY, "out of memory");
}

td_status tdi_fail_prefix(td_error *err, td_status status, const char *format, ...) {
    if (err) {
        char prefix[TD_ERROR_MESSAGE_BYTES];
        char message[TD_ERROR_MESSAGE_BYTES];
        va_list args;
        va_start(args, format);
        vsnprintf(prefix, sizeof prefix, format, args);
        va_end(args);
        memcpy(message, err->message, sizeof message);
        size_t used = strlen(prefix) < sizeof err->message - 3 ? strlen(prefix)
                                                               : sizeof err->message - 3;
        size_t left = sizeof err->message - used - 3;
        size_t kept = strlen(message) < left ? strlen(message) : left;
        memcpy(err->message, prefix, used);
        memcpy(err->message + used, ": ", 2);
        memcpy(err->message + used + 2, message, kept);
        err->message[used + 2 + kept] = 0;
        err->status = status;
    }
    return status;
}
