/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that stays open, so that parts of it can be read when they are needed and given back when
 * they are not. It may be deleted or replaced meanwhile, but must not be written to.
 */
#ifndef TDI_BASE_BACKING_H
#define TDI_BASE_BACKING_H

#include "base/hash.h"

/* Reference counted, for any number of threads. */
typedef struct tdi_backing tdi_backing;

/* Opens a regular file of at most `limit` bytes. */
td_status tdi_backing_open(const char *path, size_t limit, tdi_backing **out, td_error *err);
/* Around a regular file that is open for reading, and closed here also on failure; `name` is what
 * messages call it. */
td_status tdi_backing_around(int fd, const char *name, tdi_backing **out, td_error *err);
tdi_backing *tdi_backing_ref(tdi_backing *backing);
void tdi_backing_unref(tdi_backing *backing); /* NULL is allowed */

size_t tdi_backing_bytes(const tdi_backing *backing);
/* Of no other backing of this process, also after this one is gone. */
uint64_t tdi_backing_id(const tdi_backing *backing);

/* TD_MISMATCH where the file was written to after it was opened. The range must lie in the file. */
td_status tdi_backing_read(const tdi_backing *backing, size_t offset, void *out, size_t bytes,
                           td_error *err);
/* Of the whole content. */
td_status tdi_backing_hash(const tdi_backing *backing, tdi_hash *out, td_error *err);

#endif
