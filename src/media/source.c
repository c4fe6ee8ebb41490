/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of pictures that are read one at a time, by any thread.
 */
#include "media/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"
#include "media/picture.h"

/* A CIFAR-10 record: the label, then the planes of red, green and blue. */
enum {
    RECORD_SIDE = 32,
    RECORD_PLANE = RECORD_SIDE * RECORD_SIDE,
    RECORD_BYTES = 1 + 3 * RECORD_PLANE
};

static td_status add_entry(td_source *source, tdi_source_entry entry, td_error *err) {
    if (source->count == TDI_SOURCE_ITEMS_MAX)
        return tdi_fail(err, TD_LIMIT, "more than %d pictures: give fewer at once",
                        TDI_SOURCE_ITEMS_MAX);
    if (tdi_grow(&source->entries, &source->capacity, source->count + 1, sizeof entry))
        return tdi_fail_memory(err);
    source->entries[source->count++] = entry;
    return TD_OK;
}

td_status tdi_source_add(td_source *source, const char *path, int32_t label, td_error *err) {
    tdi_source_entry entry = {tdi_strdup(path), 0, 0, label};
    if (!entry.path)
        return tdi_fail_memory(err);
    td_status status = add_entry(source, entry, err);
    if (status != TD_OK)
        tdi_free(entry.path);
    return status;
}

static td_status check_record_file(const tdi_record_file *file, uint32_t *records, td_error *err) {
    struct stat st;
    if (file->fd < 0 || fstat(file->fd, &st))
        return tdi_fail(err, errno == ENOENT ? TD_NOT_FOUND : TD_IO, "cannot open %s: %s",
                        file->path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size % RECORD_BYTES)
        return tdi_fail(
            err, TD_FORMAT,
            "%s has %lld bytes, which is no multiple of %d: not a file of CIFAR-10 records",
            file->path, (long long)st.st_size, RECORD_BYTES);
    if (st.st_size / RECORD_BYTES > TDI_SOURCE_ITEMS_MAX)
        return tdi_fail(err, TD_LIMIT, "%s has more than %d records", file->path,
                        TDI_SOURCE_ITEMS_MAX);
    *records = (uint32_t)(st.st_size / RECORD_BYTES);
    return TD_OK;
}

td_status tdi_source_add_records(td_source *source, const char *path, td_error *err) {
    if (tdi_grow(&source->files, &source->file_capacity, source->file_count + 1,
                 sizeof *source->files))
        return tdi_fail_memory(err);
    tdi_record_file *file = &source->files[source->file_count];
    file->path = tdi_strdup(path);
    if (!file->path)
        return tdi_fail_memory(err);
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    source->file_count++;
    uint32_t records = 0;
    TD_TRY(check_record_file(file, &records, err));
    for (uint32_t i = 0; i < records; i++) {
        tdi_source_entry entry = {NULL, (uint32_t)source->file_count - 1, i, -1};
        TD_TRY(add_entry(source, entry, err));
    }
    return TD_OK;
}

td_status td_source_open(const char *const *paths, size_t path_count, td_source **out,
                         td_error *err) {
    if (!paths || !path_count || !out)
        return tdi_fail(err, TD_ARGUMENT, "no pictures: give a picture file or a folder of them");
    td_source *source = tdi_calloc(1, sizeof *source);
    if (!source)
        return tdi_fail_memory(err);
    td_status status = TD_OK;
    for (size_t i = 0; i < path_count && status == TD_OK; i++)
        status = tdi_source_add_path(source, paths[i], err);
    if (status == TD_OK)
        *out = source;
    else
        td_source_close(source);
    return status;
}

static void entry_fini(tdi_source_entry *entry) {
    tdi_free(entry->path);
}

void td_source_close(td_source *source) {
    if (!source)
        return;
    for (size_t i = 0; i < source->count; i++)
        entry_fini(&source->entries[i]);
    for (size_t i = 0; i < source->file_count; i++) {
        tdi_free(source->files[i].path);
        if (source->files[i].fd >= 0)
            close(source->files[i].fd);
    }
    tdi_free(source->entries);
    tdi_free(source->files);
    tdi_free(source);
}

/* Keeps `kept` entries, the i-th of them being first + i * step (or spread over all where step is
 * 0); frees the others. */
static void narrow(td_source *source, size_t kept, size_t first, size_t step) {
    size_t count = source->count, next = 0;
    for (size_t i = 0; i < count; i++) {
        size_t wanted = step ? first + next * step : (size_t)((uint64_t)next * count / kept);
        if (next < kept && i == wanted)
            source->entries[next++] = source->entries[i];
        else
            entry_fini(&source->entries[i]);
    }
    source->count = kept;
}

td_status td_source_subset(td_source *source, uint32_t k, uint32_t n, td_error *err) {
    if (k >= n)
        return tdi_fail(err, TD_ARGUMENT, "subset %u/%u: K/N needs 0 <= K < N", k, n);
    size_t kept = source->count > k ? (source->count - k - 1) / n + 1 : 0;
    if (!kept)
        return tdi_fail(err, TD_ARGUMENT, "subset %u/%u leaves none of the %zu pictures", k, n,
                        source->count);
    narrow(source, kept, k, n);
    return TD_OK;
}

td_status td_source_limit(td_source *source, size_t limit, td_error *err) {
    if (!source)
        return tdi_fail(err, TD_ARGUMENT, "td_source_limit() needs a source");
    if (limit && limit < source->count)
        narrow(source, limit, 0, 0);
    return TD_OK;
}

size_t td_source_count(const td_source *source) {
    return source->count;
}

int td_source_has_labels(const td_source *source) {
    for (size_t i = 0; i < source->count; i++)
        if (source->entries[i].path && source->entries[i].label < 0)
            return 0;
    return source->count > 0;
}

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static td_status read_record(const tdi_record_file *file, uint32_t record, td_picture *out,
                             int32_t *label, td_error *err) {
    uint8_t bytes[RECORD_BYTES];
    size_t got = 0;
    while (got < sizeof bytes) {
        off_t at = (off_t)record * RECORD_BYTES + (off_t)got;
        ssize_t n = pread(file->fd, bytes + got, sizeof bytes - got, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return tdi_fail(err, TD_IO, "cannot read record %u of %s: %s", record, file->path,
                            n ? strerror(errno) : "the file has become shorter");
        got += (size_t)n;
    }
    TD_TRY(tdi_picture_new(RECORD_SIDE, RECORD_SIDE, 3, TD_PICTURE_PIXELS_MAX, out, err));
    *label = bytes[0];
    for (size_t i = 0; i < RECORD_PLANE; i++)
        for (size_t c = 0; c < 3; c++)
            out->pixels[3 * i + c] = bytes[1 + c * RECORD_PLANE + i];
    return TD_OK;
}

static td_status read_picture(const char *path, td_picture *out, td_error *err) {
    uint8_t *bytes;
    size_t size;
    TD_TRY(tdi_file_read(path, TDI_SOURCE_FILE_BYTES_MAX, &bytes, &size, err));
    td_status status = td_picture_decode(bytes, size, out, err);
    tdi_free(bytes);
    return status == TD_OK ? TD_OK : tdi_fail_prefix(err, status, "%s", path);
}

/* Names end up on terminals. */
static void clean_name(char *name) {
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7f)
            *name = '?';
}

td_status td_source_read(const td_source *source, size_t index, td_picture *out,
                         td_source_item *item, td_error *err) {
    if (index >= source->count)
        return tdi_fail_at(err, TD_ARGUMENT, (int64_t)index, "picture %zu of %zu: there is none",
                           index, source->count);
    const tdi_source_entry *entry = &source->entries[index];
    td_source_item found = {"", entry->label};
    td_status status;
    if (entry->path) {
        snprintf(found.name, sizeof found.name, "%s", last_part(entry->path));
        status = read_picture(entry->path, out, err);
    } else {
        const tdi_record_file *file = &source->files[entry->file];
        snprintf(found.name, sizeof found.name, "%.200s#%u", last_part(file->path), entry->record);
        status = read_record(file, entry->record, out, &found.label, err);
    }
    clean_name(found.name);
    if (item)
        *item = found;
    return status;
}
