/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching a bundle into the cache: which files, in pieces, checked, and going on where an earlier
 * fetch broke off. Where the pieces come from is the caller's business.
 */
#ifndef TDI_DEVICE_FETCH_H
#define TDI_DEVICE_FETCH_H

#include <tandem/base.h>

/*
 * Reads up to `length` bytes at `offset` of a file of the bundle; blocks. *got is less than
 * `length` only where the file ends; *total is the file's size.
 */
typedef td_status (*tdi_fetch_read_fn)(void *user, const char *path, uint64_t offset,
                                       uint32_t length, uint8_t *out, size_t *got, uint64_t *total,
                                       td_error *err);

typedef struct tdi_fetch_settings {
    const char *cache; /* folder; NULL: $XDG_CACHE_HOME/tandem or ~/.cache/tandem */
    const char *model; /* name of the bundle */
    const char
        *cut; /* whose calibration is wanted, too; NULL: the bundle's default cut, or `input` */
    uint32_t chunk_bytes;
    tdi_fetch_read_fn read;
    void *user;
    td_progress_fn progress; /* in bytes; may be NULL */
    void *progress_user;
} tdi_fetch_settings;

/*
 * Brings <cache>/<model>/<hash of bundle.json>/ to hold the bundle's files, apart from other cuts'
 * calibrations and the list of calibration pictures; files that are there already are left alone.
 * *folder is freed with tdi_free(). TD_MISMATCH names a file that is not what bundle.json says.
 */
td_status tdi_fetch_bundle(const tdi_fetch_settings *settings, char **folder, td_error *err);

#endif
