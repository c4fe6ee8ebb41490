/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads inside an operator. Our own kernels share their work among a team that belongs to the
 * thread that runs them; oneDNN has OpenMP's.
 *
 * A team is made for machines that others use, too: the caller waits for nobody who has not begun,
 * but does that part itself; and after it had to wait for one that was stopped in the middle, it
 * works alone for a while.
 */
#ifndef TDI_ENGINE_TEAM_H
#define TDI_ENGINE_TEAM_H

#define TDI_TEAM_MAX 32

/* Makes OpenMP teams that the calling thread starts that large. */
void tdi_team_set_size(int threads);

/*
 * Calls work(user, part, parts) once for each part of 0 .. parts-1, as many at a time as there are
 * threads to spare, and returns when all have ended. A part runs on the same thread as the part of
 * that number before, where it can, since that has the data near. parts: at most TDI_TEAM_MAX.
 */
typedef void (*tdi_team_fn)(void *user, int part, int parts);
void tdi_team_run(int parts, tdi_team_fn work, void *user);

#endif
