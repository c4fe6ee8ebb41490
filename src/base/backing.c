/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading parts of a file that stays open.
 */
#include "base/backing.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"

struct tdi_backing {
    tdi_refcount references;
    int fd;
    char *name;
    uint64_t id;
    size_t bytes;
    struct timespec written;
};

td_status tdi_backing_around(int fd, const char *name, tdi_backing **out, td_error *err) {
    static _Atomic uint64_t ids;
    struct stat st;
    tdi_backing *backing = tdi_calloc(1, sizeof *backing);
    if (!backing) {
        close(fd);
        return tdi_fail_memory(err);
    }
    backing->references = 1;
    backing->fd = fd;
    backing->name = tdi_strdup(name);
    backing->id = atomic_fetch_add(&ids, 1);
    td_status status = backing->name ? TD_OK : tdi_fail_memory(err);
    if (status == TD_OK && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)))
        status = tdi_fail(err, TD_IO, "cannot read %s: it is not a regular file", name);
    if (status != TD_OK) {
        tdi_backing_unref(backing);
        return status;
    }
    backing->bytes = (size_t)st.st_size;
    backing->written = st.st_mtim;
    *out = backing;
    return TD_OK;
}

td_status tdi_backing_open(const char *path, size_t limit, tdi_backing **out, td_error *err) {
    int fd = -1;
    TD_TRY(tdi_file_open(path, limit, &fd, err));
    return tdi_backing_around(fd, path, out, err);
}

tdi_backing *tdi_backing_ref(tdi_backing *backing) {
    tdi_refcount_take(&backing->references);
    return backing;
}

void tdi_backing_unref(tdi_backing *backing) {
    if (!backing || tdi_refcount_drop(&backing->references) > 0)
        return;
    close(backing->fd);
    tdi_free(backing->name);
    tdi_free(backing);
}

size_t tdi_backing_bytes(const tdi_backing *backing) {
    return backing->bytes;
}

uint64_t tdi_backing_id(const tdi_backing *backing) {
    return backing->id;
}

/* 0, or -1 with errno, which is 0 at the end of the file. */
static int read_fully(int fd, uint8_t *out, size_t bytes, size_t offset) {
    while (bytes > 0) {
        ssize_t got = pread(fd, out, bytes, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got == 0 ? 0 : errno;
            return -1;
        }
        out += got;
        offset += (size_t)got;
        bytes -= (size_t)got;
    }
    return 0;
}

td_status tdi_backing_read(const tdi_backing *backing, size_t offset, void *out, size_t bytes,
                           td_error *err) {
    struct stat st;
    int failed = read_fully(backing->fd, out, bytes, offset), code = errno;
    if (failed && code != 0)
        return tdi_fail(err, TD_IO, "cannot read %s: %s", backing->name, strerror(code));
    /* Looked at afterwards: what was read before a change is as good as ever. */
    if (failed || fstat(backing->fd, &st) != 0 || (size_t)st.st_size != backing->bytes ||
        st.st_mtim.tv_sec != backing->written.tv_sec ||
        st.st_mtim.tv_nsec != backing->written.tv_nsec)
        return tdi_fail(err, TD_MISMATCH,
                        "%s was written to while the model is in use: open the model again, and "
                        "replace files by renaming new ones",
                        backing->name);
    return TD_OK;
}

td_status tdi_backing_hash(const tdi_backing *backing, tdi_hash *out, td_error *err) {
    const size_t piece = (size_t)1 << 20;
    uint8_t *buffer = tdi_malloc(piece);
    tdi_hasher *hasher = tdi_hasher_new();
    td_status status = buffer && hasher ? TD_OK : tdi_fail_memory(err);
    for (size_t at = 0; status == TD_OK && at < backing->bytes;) {
        size_t bytes = backing->bytes - at < piece ? backing->bytes - at : piece;
        status = tdi_backing_read(backing, at, buffer, bytes, err);
        if (status == TD_OK)
            tdi_hasher_add(hasher, buffer, bytes);
        at += bytes;
    }
    tdi_free(buffer);
    if (hasher) {
        tdi_hash hash = tdi_hasher_end(hasher);
        if (status == TD_OK)
            *out = hash;
    }
    return status;
}
