/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device without a server: the receiver's half of each frame runs right behind the sender's, in
 * the caller's thread.
 */
#ifndef TDI_NET_LOCAL_H
#define TDI_NET_LOCAL_H

#include <tandem/device.h>

#include "pipeline/pipeline.h"

typedef struct tdi_local tdi_local;

td_status tdi_local_open(td_model *model, const char *cut, const char *strategy,
                         const td_half_settings *settings, int top, int raw_outputs,
                         tdi_local **out, td_error *err);
void tdi_local_close(tdi_local *local);
/* Room for one more outcome, before a frame is computed. */
td_status tdi_local_reserve(tdi_local *local, td_error *err);
/* Computes the rest of a frame; its outcome can be taken afterwards. One thread at a time. */
void tdi_local_frame(tdi_local *local, uint64_t id, const tdi_sent *sent, td_time begun);
td_status tdi_local_next(tdi_local *local, td_outcome *out, td_error *err);

#endif
