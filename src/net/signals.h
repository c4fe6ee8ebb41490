/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals and our threads.
 */
#ifndef TDI_NET_SIGNALS_H
#define TDI_NET_SIGNALS_H

/*
 * Blocks every signal that does not stem from a fault of the calling thread itself. Signals to the
 * process then go to the program's own threads, and a write to a connection that broke yields an
 * error instead of SIGPIPE.
 */
void tdi_signals_block(void);

#endif
