/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tandem inspect --memory: what running a model takes.
 */
#ifndef TANDEM_CLI_INSPECT_MEMORY_H
#define TANDEM_CLI_INSPECT_MEMORY_H

#include <tandem/model.h>

/* At each of the cuts, or for the whole network where there are none. Returns an exit code. */
int inspect_memory(td_model *model, const char *const *cuts, size_t cut_count,
                   const td_half_settings *settings, int json);

#endif
