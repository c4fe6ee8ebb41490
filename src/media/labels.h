/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Label files: one class a line, `name`, or tab-separated `id<TAB>name` or
 * `id<TAB>name<TAB>description`.
 */
#ifndef TDI_MEDIA_LABELS_H
#define TDI_MEDIA_LABELS_H

#include "base/status.h"

typedef struct tdi_labels tdi_labels;
td_status tdi_labels_parse(const char *text, size_t size, tdi_labels **out, td_error *err);
void tdi_labels_free(tdi_labels *labels);
size_t tdi_labels_count(const tdi_labels *labels);
/* Strings owned by the labels; "" for what a line does not give. index must be below the count. */
const char *tdi_labels_id(const tdi_labels *labels, size_t index);
const char *tdi_labels_name(const tdi_labels *labels, size_t index);
const char *tdi_labels_description(const tdi_labels *labels, size_t index);

#endif
