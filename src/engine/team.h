/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads inside an operator: the OpenMP runtime's, for oneDNN's kernels and our own alike, so that
 * a thread that runs programs has one team and not two. A team belongs to the thread that starts
 * it.
 */
#ifndef TDI_ENGINE_TEAM_H
#define TDI_ENGINE_TEAM_H

/* Makes oneDNN's teams that the calling thread starts that large. */
void tdi_team_set_size(int threads);

/* Calls work(user, part, parts) for every part at once, parts being at most `threads`, and waits.
 */
typedef void (*tdi_team_fn)(void *user, int part, int parts);
void tdi_team_run(int threads, tdi_team_fn work, void *user);
/* Within `work`: waits until all parts have come here. */
void tdi_team_wait(int parts);

#endif
