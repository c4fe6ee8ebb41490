/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a source's list is put together: source.c keeps and reads it, source_list.c finds what
 * belongs on it, picture_index.c reads index.csv.
 */
#ifndef TDI_MEDIA_SOURCE_H
#define TDI_MEDIA_SOURCE_H

#include <tandem/picture.h>

#define TDI_SOURCE_ITEMS_MAX 10000000
/* Largest picture file. */
#define TDI_SOURCE_FILE_BYTES_MAX ((size_t)256 << 20)

/* A file of CIFAR records, kept open. */
typedef struct tdi_record_file {
    char *path;
    int fd;
} tdi_record_file;

typedef struct tdi_source_entry {
    char *path;    /* of a picture file; NULL for a record */
    uint32_t file; /* index in `files`, for a record */
    uint32_t record;
    int32_t label; /* -1: none, or in the record */
} tdi_source_entry;

struct td_source {
    tdi_source_entry *entries;
    size_t count, capacity;
    tdi_record_file *files;
    size_t file_count, file_capacity;
};

/* Adds a picture file; `path` is copied. */
td_status tdi_source_add(td_source *source, const char *path, int32_t label, td_error *err);
/* Adds the records of a CIFAR file. */
td_status tdi_source_add_records(td_source *source, const char *path, td_error *err);
/* Adds whatever a path given by the user stands for. */
td_status tdi_source_add_path(td_source *source, const char *path, td_error *err);

/* One line of an index.csv. */
typedef td_status (*tdi_index_fn)(void *user, const char *file, int32_t label, td_error *err);
/*
 * Calls `line` for each line after the header. Names are relative and stay inside the folder.
 * Failures name the line; err->offset is where it begins.
 */
td_status tdi_index_parse(const char *text, size_t size, tdi_index_fn line, void *user,
                          td_error *err);

#endif
