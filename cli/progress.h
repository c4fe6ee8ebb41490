/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress on standard error: a bar on a terminal, else a line every few seconds.
 */
#ifndef TANDEM_CLI_PROGRESS_H
#define TANDEM_CLI_PROGRESS_H

#include <time.h>

#include <tandem/base.h>

typedef struct progress {
    const char *verb;
    struct timespec begin, shown;
    int is_terminal, on_line;
    int said; /* lines so far, where it is no terminal */
} progress;

progress progress_begin(const char *verb);
/*
 * For work that has something to clear away: from here on SIGINT, SIGTERM and SIGHUP make
 * progress_show() ask for cancelling instead of ending the program. A second one ends it.
 */
void progress_catch_signals(void);
/* A td_progress_fn; `user` is the progress. */
int progress_show(const char *what, uint64_t done, uint64_t total, void *user);
/* Takes the bar away. */
void progress_end(progress *p);

#endif
