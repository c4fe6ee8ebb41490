/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching a bundle into the cache. A file grows as <file>.part and gets its name when its hash is
 * right. The folder is named after the hash of bundle.json, so that all who write there at once
 * write the same bytes at the same places.
 */
#include "device/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"
#include "bundle/bundle.h"
#include "pipeline/pipeline.h"

#define MANIFEST           "bundle.json"
#define MANIFEST_BYTES_MAX (4u * 1024 * 1024)

/* A name that cannot lead out of the folder that it is put into. */
static int is_plain_name(const char *name) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return name[0] && name[0] != '.' && name[strspn(name, allowed)] == 0;
}

static char *cache_folder(const char *given) {
    if (given)
        return tdi_strdup(given);
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (xdg && xdg[0] == '/')
        return tdi_path_join(xdg, "tandem");
    return tdi_path_join(home && home[0] ? home : ".", ".cache/tandem");
}

/* <cache>/<model>/<hash> */
static td_status bundle_folder(const tdi_fetch_settings *s, const tdi_hash *hash, char **out,
                               td_error *err) {
    char text[TDI_HASH_TEXT_BYTES];
    tdi_hash_format(hash, text);
    char *cache = cache_folder(s->cache);
    char *model = cache ? tdi_path_join(cache, s->model) : NULL;
    *out = model ? tdi_path_join(model, text) : NULL;
    tdi_free(cache);
    tdi_free(model);
    return *out ? TD_OK : tdi_fail_memory(err);
}

static td_status read_manifest(const tdi_fetch_settings *s, uint8_t **bytes, size_t *size,
                               td_error *err) {
    uint64_t total = 0;
    size_t capacity = 0;
    td_status status;
    *bytes = NULL;
    *size = 0;
    do {
        size_t got = 0;
        if (tdi_grow(bytes, &capacity, *size + s->chunk_bytes, 1)) {
            status = tdi_fail_memory(err);
            break;
        }
        status = s->read(s->user, MANIFEST, *size, s->chunk_bytes, *bytes + *size, &got, &total,
                         err);
        if (status == TD_OK && total > MANIFEST_BYTES_MAX)
            status = tdi_fail(err, TD_LIMIT,
                              "the server's %s of \"%s\" has %llu bytes, at most %u are read",
                              MANIFEST, s->model, (unsigned long long)total, MANIFEST_BYTES_MAX);
        if (status == TD_OK && got == 0 && *size < total)
            status = tdi_fail(err, TD_FORMAT, "the server's %s of \"%s\" ends early", MANIFEST,
                              s->model);
        *size += got;
    } while (status == TD_OK && *size < total);
    if (status != TD_OK) {
        tdi_free(*bytes);
        *bytes = NULL;
    }
    return status;
}

/* Whether two cuts name the same tensors, in any order. */
static int same_cut(const char *a, const char *b) {
    size_t a_size = strlen(a);
    if (a_size != strlen(b))
        return 0;
    while (*a) {
        size_t n = strcspn(a, ",");
        const char *at = b;
        while (*at) {
            size_t m = strcspn(at, ",");
            if (m == n && !memcmp(a, at, n))
                break;
            at += m + (at[m] == ',');
        }
        if (!*at)
            return 0;
        a += n + (a[n] == ',');
    }
    return 1;
}

/* Whether a device that cuts at `cut` needs file `index`. */
static int is_needed(const tdi_bundle *bundle, size_t index, const char *cut) {
    const char *path = bundle->files[index].path;
    if (bundle->pictures_path && !strcmp(path, bundle->pictures_path))
        return 0;
    for (size_t i = 0; i < bundle->cut_count; i++)
        if (bundle->cuts[i].file == index)
            return same_cut(bundle->cuts[i].name, cut);
    return strncmp(path, "profiles/", 9) != 0;
}

typedef struct fetch {
    const tdi_fetch_settings *settings;
    const tdi_bundle *bundle;
    const char *folder;
    uint8_t *chunk;
    uint64_t done, total; /* of all files, for the progress */
} fetch;

static td_status report(const fetch *f, td_error *err) {
    const tdi_fetch_settings *s = f->settings;
    if (s->progress && s->progress("bytes", f->done, f->total, s->progress_user))
        return tdi_fail(err, TD_CANCELLED, "fetching \"%s\" was cancelled", s->model);
    return TD_OK;
}

static td_status write_at(int fd, const char *path, uint64_t offset, size_t size,
                          const uint8_t *bytes, td_error *err) {
    for (size_t at = 0; at < size;) {
        ssize_t n = pwrite(fd, bytes + at, size - at, (off_t)(offset + at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return tdi_fail(err, TD_IO, "cannot write %s: %s", path,
                            strerror(n < 0 ? errno : ENOSPC));
        at += (size_t)n;
    }
    return TD_OK;
}

/* Checks the whole file that `fd` is. */
static td_status check_hash(const fetch *f, int fd, const char *part, const tdi_bundle_file *file,
                            td_error *err) {
    uint64_t at = 0;
    tdi_hasher *hasher = tdi_hasher_new();
    if (!hasher)
        return tdi_fail_memory(err);
    for (;;) {
        ssize_t n = pread(fd, f->chunk, f->settings->chunk_bytes, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        tdi_hasher_add(hasher, f->chunk, (size_t)n);
        at += (uint64_t)n;
    }
    tdi_hash hash = tdi_hasher_end(hasher);
    if (at == file->size && tdi_hash_equal(&hash, &file->hash))
        return TD_OK;
    unlink(part);
    return tdi_fail(
        err, TD_MISMATCH,
        "%s of bundle \"%s\" came damaged: try again, or prepare the server's bundle anew",
        file->path, f->settings->model);
}

/* Brings `fd` from what it has to the whole file. */
static td_status fill(fetch *f, int fd, const char *part, const tdi_bundle_file *file,
                      td_error *err) {
    const tdi_fetch_settings *s = f->settings;
    struct stat st;
    if (fstat(fd, &st))
        return tdi_fail(err, TD_IO, "cannot read %s: %s", part, strerror(errno));
    uint64_t at = (uint64_t)st.st_size;
    if (at > file->size) {
        if (ftruncate(fd, 0))
            return tdi_fail(err, TD_IO, "cannot write %s: %s", part, strerror(errno));
        at = 0;
    }
    f->done += at;
    while (at < file->size) {
        uint64_t left = file->size - at, total;
        uint32_t length = left < s->chunk_bytes ? (uint32_t)left : s->chunk_bytes;
        size_t got = 0;
        TD_TRY(report(f, err));
        TD_TRY(s->read(s->user, file->path, at, length, f->chunk, &got, &total, err));
        if (got == 0)
            return tdi_fail(err, TD_MISMATCH,
                            "the server's %s of \"%s\" ends early: prepare its bundle anew",
                            file->path, s->model);
        TD_TRY(write_at(fd, part, at, got, f->chunk, err));
        at += got;
        f->done += got;
    }
    return check_hash(f, fd, part, file, err);
}

static td_status make_parents(const char *path, td_error *err) {
    char *folder = tdi_strdup(path);
    if (!folder)
        return tdi_fail_memory(err);
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = 0;
    td_status status = tdi_folder_make(folder, err);
    tdi_free(folder);
    return status;
}

static td_status fetch_to(fetch *f, const char *path, const char *part, const tdi_bundle_file *file,
                          td_error *err) {
    TD_TRY(make_parents(path, err));
    int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return tdi_fail(err, TD_IO, "cannot write %s: %s", part, strerror(errno));
    td_status status = fill(f, fd, part, file, err);
    if (status == TD_OK && fsync(fd))
        status = tdi_fail(err, TD_IO, "cannot write %s: %s", part, strerror(errno));
    close(fd);
    /* Somebody who fetched the same may have been first: then the name is there already. */
    if (status == TD_OK && rename(part, path) && !tdi_path_exists(path))
        status = tdi_fail(err, TD_IO, "cannot write %s: %s", path, strerror(errno));
    return status;
}

/* Whether the file is there, whole as far as its size tells; reading it checks its hash. */
static int is_there(const char *path, const tdi_bundle_file *file) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == file->size;
}

static td_status fetch_file(fetch *f, size_t index, td_error *err) {
    const tdi_bundle_file *file = &f->bundle->files[index];
    char *path = tdi_path_join(f->folder, file->path), *part = NULL;
    td_status status = path ? TD_OK : tdi_fail_memory(err);
    if (status == TD_OK && is_there(path, file)) {
        f->done += file->size;
        goto done;
    }
    if (status == TD_OK) {
        size_t size = strlen(path) + sizeof ".part";
        part = tdi_malloc(size);
        if (part)
            snprintf(part, size, "%s.part", path);
        status = part ? fetch_to(f, path, part, file, err) : tdi_fail_memory(err);
    }
done:
    tdi_free(part);
    tdi_free(path);
    return status;
}

static td_status fetch_files(fetch *f, td_error *err) {
    const char *cut = f->settings->cut ? f->settings->cut : tdi_default_cut(f->bundle, "input");
    for (size_t i = 0; i < f->bundle->file_count; i++)
        if (is_needed(f->bundle, i, cut))
            f->total += f->bundle->files[i].size;
    for (size_t i = 0; i < f->bundle->file_count; i++)
        if (is_needed(f->bundle, i, cut))
            TD_TRY(fetch_file(f, i, err));
    return report(f, err);
}

td_status tdi_fetch_bundle(const tdi_fetch_settings *settings, char **folder, td_error *err) {
    fetch f = {0};
    tdi_bundle *bundle = NULL;
    uint8_t *manifest = NULL;
    char *path = NULL, *json = NULL;
    size_t size = 0;
    if (!is_plain_name(settings->model))
        return tdi_fail(err, TD_NOT_FOUND,
                        "\"%s\" is neither a file or folder here nor a name that a bundle can have",
                        settings->model);
    td_status status = read_manifest(settings, &manifest, &size, err);
    if (status == TD_OK)
        status = tdi_bundle_parse(manifest, size, NULL, &bundle, err);
    if (status == TD_OK)
        status = bundle_folder(settings, &bundle->hash, &path, err);
    f.settings = settings;
    f.bundle = bundle;
    f.folder = path;
    f.chunk = tdi_malloc(settings->chunk_bytes);
    if (status == TD_OK && (!f.chunk || !(json = tdi_path_join(path, MANIFEST))))
        status = tdi_fail_memory(err);
    if (status == TD_OK)
        status = tdi_folder_make(path, err);
    if (status == TD_OK)
        status = fetch_files(&f, err);
    if (status == TD_OK && !tdi_path_exists(json))
        status = tdi_file_write(json, manifest, size, err);
    if (status == TD_OK) {
        *folder = path;
        path = NULL;
    }
    tdi_free(json);
    tdi_free(path);
    tdi_free(f.chunk);
    tdi_free(manifest);
    tdi_bundle_free(bundle);
    return status;
}
