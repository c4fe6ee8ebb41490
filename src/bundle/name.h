/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names in bundles: which ones are accepted, and the file name of a cut's calibration.
 */
#ifndef TDI_BUNDLE_NAME_H
#define TDI_BUNDLE_NAME_H

#define TDI_BUNDLE_NAME_BYTES_MAX 64
#define TDI_BUNDLE_PATH_BYTES_MAX 255
#define TDI_BUNDLE_TEXT_BYTES_MAX 4096 /* cuts and strategies */

/* A bundle's name: 1..64 of A-Z a-z 0-9 . _ -, not beginning with a dot. */
int tdi_bundle_name_valid(const char *name);

/*
 * A file's path in a bundle: parts as a bundle's name but of any length, separated by single
 * slashes. So it is relative, stays inside, and means the same on every system.
 */
int tdi_bundle_path_valid(const char *path);

/* A cut's or strategy's text: UTF-8 without control characters, not empty. */
int tdi_bundle_text_valid(const char *text);

/*
 * "calibration/<cut>.tdc", the cut's name with what cannot be in a path replaced. A name that is
 * changed by that, or too long, ends in part of its hash, and so does one that looks as if it did:
 * two cuts never share a file.
 */
#define TDI_CALIBRATION_PATH_BYTES 160
void tdi_calibration_path(const char *cut, char out[TDI_CALIBRATION_PATH_BYTES]);

#endif
