/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models that a server has, by name.
 */
#ifndef TDI_SERVER_CATALOG_H
#define TDI_SERVER_CATALOG_H

#include "pipeline/pipeline.h"
#include "wire/message.h"

typedef struct tdi_catalog {
    td_model **models;
    size_t count;
} tdi_catalog;

/* Loads every bundle of the repositories. */
td_status tdi_catalog_open(const char *const *paths, size_t path_count, tdi_catalog *out,
                           td_error *err);
void tdi_catalog_close(tdi_catalog *catalog);

/* Not a reference of its own. TD_NOT_FOUND names what there is. */
td_status tdi_catalog_find(const tdi_catalog *catalog, const char *name, td_model **out,
                           td_error *err);

/* Whether a device that sends `request` has the same model, read the same way. */
td_status tdi_catalog_check(const td_model *model, const tdi_switch *request, td_error *err);

/*
 * The path of a file of a bundle that a device may have: bundle.json, or one that it lists.
 * TD_NOT_FOUND otherwise. *out is freed with tdi_free().
 */
td_status tdi_catalog_file(const td_model *model, const char *path, char **out, td_error *err);

#endif
