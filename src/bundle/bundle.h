/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bundle: a folder with a model, its recipe, labels and calibration; and the server's
 * repository of bundles. docs/bundle.md is the format.
 */
#ifndef TDI_BUNDLE_BUNDLE_H
#define TDI_BUNDLE_BUNDLE_H

#include <tandem/model.h>

#include "base/backing.h"
#include "base/hash.h"
#include "calib/calib.h"
#include "media/labels.h"
#include "tensor/ranges.h"

#define TDI_BUNDLE_FORMAT 1
/* Largest file of a bundle. */
#define TDI_BUNDLE_FILE_BYTES_MAX ((int64_t)2 << 30)

/* A file of a bundle, as listed in bundle.json. */
typedef struct tdi_bundle_file {
    char *path; /* relative, forward slashes, no ".." */
    uint64_t size;
    tdi_hash hash;
} tdi_bundle_file;

/* A calibrated cut on offer. */
typedef struct tdi_bundle_cut {
    char *name;  /* "a" or "a,b" */
    size_t file; /* index in files: calibration/<...>.tdc */
} tdi_bundle_cut;

/* What bundle.json says. Plain data; files are read on demand. */
typedef struct tdi_bundle {
    char *folder;
    char *name;
    uint32_t version;
    td_recipe recipe;
    td_output_kind output_kind;
    char *default_cut, *default_codec; /* NULL: none */
    /* Relative; all but the model may be NULL. */
    char *model_path, *labels_path, *pictures_path, *ranges_path;
    tdi_bundle_file *files;
    size_t file_count;
    tdi_bundle_cut *cuts;
    size_t cut_count;
    tdi_hash hash; /* of bundle.json's bytes: names the bundle's exact content */
} tdi_bundle;

/* Reads bundle.json alone and checks it; errors name file and key. */
td_status tdi_bundle_open(const char *folder, tdi_bundle **out, td_error *err);
/* The same from bytes (a manifest that came over the wire); folder may be NULL. */
td_status tdi_bundle_parse(const uint8_t *json, size_t size, const char *folder, tdi_bundle **out,
                           td_error *err);
void tdi_bundle_free(tdi_bundle *bundle);

/* Index of a file by relative path, or -1. */
int tdi_bundle_file_find(const tdi_bundle *bundle, const char *path);
/*
 * Reads a file and checks size and hash: TD_MISMATCH names the damaged or missing file. *bytes
 * freed with tdi_free().
 */
td_status tdi_bundle_file_read(const tdi_bundle *bundle, size_t file, uint8_t **bytes, size_t *size,
                               td_error *err);
/* The same for a file that is read in parts. */
td_status tdi_bundle_file_open(const tdi_bundle *bundle, size_t file, tdi_backing **out,
                               td_error *err);

/* The calibration of a cut: TD_NOT_FOUND where it is not on offer. */
td_status tdi_bundle_calibration(const tdi_bundle *bundle, const char *cut,
                                 tdi_calibration_set *out, td_error *err);
/* *out is NULL where the bundle has none. */
td_status tdi_bundle_labels(const tdi_bundle *bundle, tdi_labels **out, td_error *err);

/*
 * Hashes (of the fitted 8-bit pictures) that the calibration saw, sorted; *out freed with
 * tdi_free(). None: count 0.
 */
td_status tdi_bundle_pictures(const tdi_bundle *bundle, tdi_hash **out, size_t *count,
                              td_error *err);
/*
 * The hash by which a fitted picture is known there: over width, height, channels (u32 LE each) and
 * pixels.
 */
tdi_hash tdi_picture_hash(const td_picture *fitted);

/* Of the network's tensors. None: count 0. */
td_status tdi_bundle_ranges(const tdi_bundle *bundle, tdi_ranges *out, td_error *err);

/*
 * Writing: files are put into a folder beside `folder`, bundle.json last, then the folder is
 * renamed into place.
 */
typedef struct tdi_bundle_writer tdi_bundle_writer;
/* TD_ARGUMENT where `folder` exists, unless it is a bundle and `replace` is set. */
td_status tdi_bundle_writer_new(const char *folder, int replace, tdi_bundle_writer **out,
                                td_error *err);
td_status tdi_bundle_writer_add(tdi_bundle_writer *writer, const char *path, const void *bytes,
                                size_t size, td_error *err);
/* Adds calibration/<cut>.tdc and offers the cut. */
td_status tdi_bundle_writer_calibration(tdi_bundle_writer *writer, tdi_calibration_set *set,
                                        td_error *err);
/* Adds calibration/pictures.txt, the hashes of the pictures that the calibration saw, in any order.
 */
#define TDI_BUNDLE_PICTURES_PATH "calibration/pictures.txt"
td_status tdi_bundle_writer_pictures(tdi_bundle_writer *writer, const tdi_hash *hashes,
                                     size_t count, td_error *err);
/* Adds calibration/ranges.tdr. */
#define TDI_BUNDLE_RANGES_PATH "calibration/ranges.tdr"
td_status tdi_bundle_writer_ranges(tdi_bundle_writer *writer, const tdi_ranges *ranges,
                                   td_error *err);
/*
 * Takes name, version, recipe, output_kind, defaults and relative paths from `about`; files and
 * cuts from what was added.
 */
td_status tdi_bundle_writer_finish(tdi_bundle_writer *writer, const tdi_bundle *about,
                                   td_error *err);
/* Frees; what was not finished is removed from disk. */
void tdi_bundle_writer_free(tdi_bundle_writer *writer);

/*
 * Bundles by name. A path is a bundle, or a folder of <name>/<version>/ (the highest version of
 * each is served) or <name>/.
 */
typedef struct tdi_repository {
    tdi_bundle **bundles;
    size_t count;
} tdi_repository;
td_status tdi_repository_open(const char *const *paths, size_t count, tdi_repository *out,
                              td_error *err);
void tdi_repository_clear(tdi_repository *repository);
const tdi_bundle *tdi_repository_find(const tdi_repository *repository, const char *name);

#endif
