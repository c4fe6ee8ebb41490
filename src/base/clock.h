/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monotonic clock. Pure code gets its time as an argument instead.
 */
#ifndef TDI_BASE_CLOCK_H
#define TDI_BASE_CLOCK_H

#include <tandem/base.h>

td_time tdi_now(void);

/* What the calling thread has computed so far: waiting, and work of others, not counted. */
td_duration tdi_thread_time(void);

#endif
