/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a bundle: all of it in a hidden folder beside the destination, which is renamed into
 * place when it is whole and on disk. A reader sees the old bundle or the new one; a failure leaves
 * the old one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/prng.h"
#include "base/text.h"
#include "bundle/bundle.h"
#include "bundle/manifest.h"
#include "bundle/name.h"

struct tdi_bundle_writer {
    char *folder;    /* the destination, without slashes at its end */
    char *parent;    /* the folder that it is in */
    char *temporary; /* beside it; NULL once it is gone */
    int replace;
    tdi_bundle content; /* files and cuts so far */
    size_t file_capacity, cut_capacity;
};

static td_status fail_errno(td_error *err, const char *doing, const char *path) {
    return tdi_fail(err, TD_IO, "cannot %s %s: %s", doing, path, strerror(errno));
}

static td_status check_destination(const char *folder, int replace, td_error *err) {
    if (!*folder || !strcmp(folder, "/") || !strcmp(folder, ".") || !strcmp(folder, ".."))
        return tdi_fail(err, TD_ARGUMENT, "cannot write a bundle to \"%s\": name a folder for it",
                        folder);
    if (!tdi_path_exists(folder))
        return TD_OK;
    if (!replace)
        return tdi_fail(err, TD_ARGUMENT,
                        "%s exists already: choose another place, or ask to replace it", folder);
    char *manifest = tdi_path_join(folder, TDI_MANIFEST_NAME);
    if (!manifest)
        return tdi_fail_memory(err);
    int is_bundle = tdi_path_exists(manifest);
    tdi_free(manifest);
    return is_bundle
               ? TD_OK
               : tdi_fail(err, TD_ARGUMENT,
                          "%s is not a bundle and is not replaced by one: choose another place",
                          folder);
}

/* "parent/.name.<random>.<ending>", a name that nothing has yet. */
static char *name_beside(const tdi_bundle_writer *writer, const char *ending) {
    tdi_prng prng = {(uint64_t)tdi_now() ^ (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)writer};
    const char *slash = strrchr(writer->folder, '/');
    tdi_text text = {0};
    tdi_text_append(&text, "%s/.%s.%016llx.%s", writer->parent, slash ? slash + 1 : writer->folder,
                    (unsigned long long)tdi_prng_next(&prng), ending);
    return tdi_text_take(&text);
}

/* Splits the destination into parent and name; makes the parent. */
static td_status place_writer(tdi_bundle_writer *writer, const char *folder, td_error *err) {
    size_t size = strlen(folder);
    while (size > 1 && folder[size - 1] == '/')
        size--;
    writer->folder = tdi_strndup(folder, size);
    if (!writer->folder)
        return tdi_fail_memory(err);
    const char *slash = strrchr(writer->folder, '/');
    writer->parent = !slash ? tdi_strdup(".")
                     : slash == writer->folder
                         ? tdi_strdup("/.")
                         : tdi_strndup(writer->folder, (size_t)(slash - writer->folder));
    if (!writer->parent)
        return tdi_fail_memory(err);
    TD_TRY(check_destination(writer->folder, writer->replace, err));
    TD_TRY(tdi_folder_make(writer->parent, err));
    writer->temporary = name_beside(writer, "part");
    if (!writer->temporary)
        return tdi_fail_memory(err);
    if (mkdir(writer->temporary, 0777)) {
        fail_errno(err, "make the folder", writer->temporary);
        tdi_free(writer->temporary);
        writer->temporary = NULL;
        return TD_IO;
    }
    return TD_OK;
}

td_status tdi_bundle_writer_new(const char *folder, int replace, tdi_bundle_writer **out,
                                td_error *err) {
    tdi_bundle_writer *writer = tdi_calloc(1, sizeof *writer);
    if (!writer)
        return tdi_fail_memory(err);
    writer->replace = replace;
    td_status status = place_writer(writer, folder, err);
    if (status == TD_OK)
        *out = writer;
    else
        tdi_bundle_writer_free(writer);
    return status;
}

void tdi_bundle_writer_free(tdi_bundle_writer *writer) {
    if (!writer)
        return;
    if (writer->temporary)
        tdi_folder_remove(writer->temporary, NULL);
    for (size_t i = 0; i < writer->content.file_count; i++)
        tdi_free(writer->content.files[i].path);
    for (size_t i = 0; i < writer->content.cut_count; i++)
        tdi_free(writer->content.cuts[i].name);
    tdi_free(writer->content.files);
    tdi_free(writer->content.cuts);
    tdi_free(writer->folder);
    tdi_free(writer->parent);
    tdi_free(writer->temporary);
    tdi_free(writer);
}

static td_status write_file(const tdi_bundle_writer *writer, const char *path, const void *bytes,
                            size_t size, td_error *err) {
    char *full = tdi_path_join(writer->temporary, path);
    if (!full)
        return tdi_fail_memory(err);
    char *slash = strrchr(full, '/');
    *slash = 0;
    td_status status = tdi_folder_make(full, err);
    *slash = '/';
    if (status == TD_OK)
        status = tdi_file_write(full, bytes, size, err);
    tdi_free(full);
    return status;
}

static int has_path(const tdi_bundle *content, const char *path) {
    for (size_t i = 0; i < content->file_count; i++)
        if (!strcmp(content->files[i].path, path))
            return 1;
    return 0;
}

td_status tdi_bundle_writer_add(tdi_bundle_writer *writer, const char *path, const void *bytes,
                                size_t size, td_error *err) {
    tdi_bundle *content = &writer->content;
    if (!tdi_bundle_path_valid(path) || !strcmp(path, TDI_MANIFEST_NAME))
        return tdi_fail(err, TD_ARGUMENT, "\"%s\" cannot be the name of a file in a bundle", path);
    if (has_path(content, path))
        return tdi_fail(err, TD_ARGUMENT, "the bundle has a file %s already", path);
    if (size > TDI_BUNDLE_FILE_BYTES_MAX)
        return tdi_fail(err, TD_LIMIT, "%s has %zu bytes; a file of a bundle has at most %lld",
                        path, size, (long long)TDI_BUNDLE_FILE_BYTES_MAX);
    if (tdi_grow(&content->files, &writer->file_capacity, content->file_count + 1,
                 sizeof *content->files))
        return tdi_fail_memory(err);
    TD_TRY(write_file(writer, path, bytes, size, err));
    tdi_bundle_file file = {tdi_strdup(path), size, tdi_hash_of(bytes, size)};
    if (!file.path)
        return tdi_fail_memory(err);
    content->files[content->file_count++] = file;
    return TD_OK;
}

td_status tdi_bundle_writer_calibration(tdi_bundle_writer *writer, tdi_calibration_set *set,
                                        td_error *err) {
    tdi_bundle *content = &writer->content;
    char path[TDI_CALIBRATION_PATH_BYTES];
    uint8_t *bytes;
    size_t size;
    tdi_calibration_path(set->cut, path);
    if (tdi_grow(&content->cuts, &writer->cut_capacity, content->cut_count + 1,
                 sizeof *content->cuts))
        return tdi_fail_memory(err);
    TD_TRY(tdi_calibration_set_write(set, &bytes, &size, err));
    td_status status = tdi_bundle_writer_add(writer, path, bytes, size, err);
    tdi_free(bytes);
    if (status != TD_OK)
        return status;
    tdi_bundle_cut cut = {tdi_strdup(set->cut), content->file_count - 1};
    if (!cut.name)
        return tdi_fail_memory(err);
    content->cuts[content->cut_count++] = cut;
    return TD_OK;
}

static int compare_hashes(const void *a, const void *b) {
    return memcmp(a, b, sizeof(tdi_hash));
}

td_status tdi_bundle_writer_pictures(tdi_bundle_writer *writer, const tdi_hash *hashes,
                                     size_t count, td_error *err) {
    tdi_hash *sorted = tdi_calloc(count + 1, sizeof *sorted);
    if (!sorted)
        return tdi_fail_memory(err);
    if (count)
        memcpy(sorted, hashes, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_hashes);
    tdi_text text = {0};
    for (size_t i = 0; i < count; i++) {
        char line[TDI_HASH_TEXT_BYTES];
        tdi_hash_format(&sorted[i], line);
        tdi_text_append(&text, "%s\n", line);
    }
    tdi_free(sorted);
    td_status status = text.failed ? tdi_fail_memory(err)
                                   : tdi_bundle_writer_add(writer, TDI_BUNDLE_PICTURES_PATH,
                                                           text.data, text.size, err);
    tdi_text_fini(&text);
    return status;
}

td_status tdi_bundle_writer_ranges(tdi_bundle_writer *writer, const tdi_ranges *ranges,
                                   td_error *err) {
    uint8_t *bytes;
    size_t size;
    TD_TRY(tdi_ranges_write(ranges, &bytes, &size, err));
    td_status status = tdi_bundle_writer_add(writer, TDI_BUNDLE_RANGES_PATH, bytes, size, err);
    tdi_free(bytes);
    return status;
}

/* Writes bundle.json, after reading it back: what is written can be opened. */
static td_status write_manifest(const tdi_bundle_writer *writer, const tdi_bundle *about,
                                td_error *err) {
    tdi_bundle whole = *about;
    whole.files = writer->content.files;
    whole.file_count = writer->content.file_count;
    whole.cuts = writer->content.cuts;
    whole.cut_count = writer->content.cut_count;
    char *text;
    tdi_bundle *parsed;
    TD_TRY(tdi_manifest_format(&whole, &text, err));
    size_t size = strlen(text);
    td_status status = tdi_bundle_parse((const uint8_t *)text, size, NULL, &parsed, err);
    if (status == TD_OK) {
        tdi_bundle_free(parsed);
        status = write_file(writer, TDI_MANIFEST_NAME, text, size, err);
    }
    tdi_free(text);
    return status;
}

static td_status flush_folder(const char *path, td_error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0)
        return fail_errno(err, "open the folder", path);
    td_status status = fsync(fd) ? fail_errno(err, "write the folder", path) : TD_OK;
    close(fd);
    return status;
}

/* Puts the old bundle aside, the new one into its place; the old one comes back where that fails.
 */
static td_status swap_in(tdi_bundle_writer *writer, td_error *err) {
    if (!tdi_path_exists(writer->folder)) {
        if (rename(writer->temporary, writer->folder))
            return fail_errno(err, "write", writer->folder);
        return TD_OK;
    }
    TD_TRY(check_destination(writer->folder, writer->replace, err));
    char *aside = name_beside(writer, "old");
    if (!aside)
        return tdi_fail_memory(err);
    td_status status = TD_OK;
    if (rename(writer->folder, aside)) {
        status = fail_errno(err, "replace", writer->folder);
    } else if (rename(writer->temporary, writer->folder)) {
        status = fail_errno(err, "write", writer->folder);
        if (rename(aside, writer->folder))
            tdi_fail(err, TD_IO, "cannot write %s; the bundle that was there is now %s",
                     writer->folder, aside);
    } else {
        /* The new bundle is in place; remains of the old one are hidden and harm nobody. */
        tdi_folder_remove(aside, NULL);
    }
    tdi_free(aside);
    return status;
}

td_status tdi_bundle_writer_finish(tdi_bundle_writer *writer, const tdi_bundle *about,
                                   td_error *err) {
    TD_TRY(write_manifest(writer, about, err));
    TD_TRY(flush_folder(writer->temporary, err));
    TD_TRY(swap_in(writer, err));
    tdi_free(writer->temporary);
    writer->temporary = NULL;
    return flush_folder(writer->parent, err);
}
