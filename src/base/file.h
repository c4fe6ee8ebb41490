/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files: reading with a limit, writing so that a reader sees the old content or the new.
 */
#ifndef TDI_BASE_FILE_H
#define TDI_BASE_FILE_H

#include <tandem/base.h>

/* Reads a regular file. *data (NUL after the end, not counted) is freed with tdi_free(). TD_LIMIT
 * above `limit`. */
td_status tdi_file_read(const char *path, size_t limit, uint8_t **data, size_t *size,
                        td_error *err);

/* Opens a regular file of at most `limit` bytes for reading. */
td_status tdi_file_open(const char *path, size_t limit, int *fd, td_error *err);

/* Writes `path` through a temporary file beside it, flushes it to disk and renames it. Nothing is
 * left on failure. */
td_status tdi_file_write(const char *path, const void *data, size_t size, td_error *err);

int tdi_path_is_folder(const char *path);
int tdi_path_exists(const char *path);
/* "a/b"; to be freed with tdi_free(); NULL when out of memory. */
char *tdi_path_join(const char *folder, const char *name);
/* The part after the last slash (trailing slashes ignored), without `suffix` where it ends so.
 * tdi_free(). */
char *tdi_path_stem(const char *path, const char *suffix);
/* Makes a folder and its parents. */
td_status tdi_folder_make(const char *path, td_error *err);
/* Removes a folder and what is in it; used on folders that we made. */
td_status tdi_folder_remove(const char *path, td_error *err);
/* Names in a folder without . and .., sorted bytewise; free with tdi_names_free(). */
td_status tdi_folder_list(const char *path, char ***names, size_t *count, td_error *err);
void tdi_names_free(char **names, size_t count);

#endif
