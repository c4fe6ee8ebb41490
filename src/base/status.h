/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling in td_error, and forwarding statuses.
 */
#ifndef TDI_BASE_STATUS_H
#define TDI_BASE_STATUS_H

#include <stdarg.h>

#include <tandem/base.h>

/* Fills err (may be NULL) and returns `status`. The message is cut at the buffer's end. */
td_status tdi_fail(td_error *err, td_status status, const char *format, ...) TD_PRINTF(3, 4);
td_status tdi_fail_at(td_error *err, td_status status, int64_t offset, const char *format, ...)
    TD_PRINTF(4, 5);
/* TD_MEMORY with the usual sentence. */
td_status tdi_fail_memory(td_error *err);
/* Puts "prefix: " before the message that is already there, and returns err's status. */
td_status tdi_fail_prefix(td_error *err, td_status status, const char *format, ...) TD_PRINTF(3, 4);

/* Returns from the calling function when `expr` fails; only where there is nothing to release. */
#define TD_TRY(expr)                                                                               \
    do {                                                                                           \
        td_status td_try_status_ = (expr);                                                         \
        if (td_try_status_ != TD_OK)                                                               \
            return td_try_status_;                                                                 \
    } while (0)

#endif
