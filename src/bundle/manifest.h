/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.json as text. Reading it is tdi_bundle_parse() in bundle.h.
 */
#ifndef TDI_BUNDLE_MANIFEST_H
#define TDI_BUNDLE_MANIFEST_H

#include "bundle/bundle.h"

#define TDI_MANIFEST_NAME      "bundle.json"
#define TDI_MANIFEST_BYTES_MAX ((size_t)4 << 20)

/* Indented, keys in a fixed order, a newline at the end. *text is freed with tdi_free(). */
td_status tdi_manifest_format(const tdi_bundle *bundle, char **text, td_error *err);

#endif
