/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR_CHARS 30

/* Seconds from the beginning to the first line, and from line to line. */
#define FIRST_LINE 2.0
#define NEXT_LINE  5.0

static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

void progress_catch_signals(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action, old;
    memset(&action, 0, sizeof action);
    action.sa_handler = interrupt;
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
}

static double seconds_since(const struct timespec *then) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + 1e-9 * (double)(now.tv_nsec - then->tv_nsec);
}

progress progress_begin(const char *verb) {
    progress p = {verb, {0, 0}, {0, 0}, isatty(STDERR_FILENO), 0, 0};
    clock_gettime(CLOCK_MONOTONIC, &p.begin);
    p.shown = p.begin;
    return p;
}

static void show_bar(progress *p, const char *what, uint64_t done, uint64_t total, double left) {
    char bar[BAR_CHARS + 1];
    size_t filled = total ? (size_t)(done * BAR_CHARS / total) : 0;
    memset(bar, ' ', BAR_CHARS);
    memset(bar, '=', filled);
    bar[BAR_CHARS] = 0;
    fprintf(stderr, "\r\033[K[%s] %llu/%llu %s, %.0f s left", bar, (unsigned long long)done,
            (unsigned long long)total, what, left);
    fflush(stderr);
    p->on_line = 1;
}

int progress_show(const char *what, uint64_t done, uint64_t total, void *user) {
    progress *p = user;
    if (interrupted)
        return 1;
    if (seconds_since(&p->shown) < (p->is_terminal ? 0.1 : p->said ? NEXT_LINE : FIRST_LINE))
        return 0;
    clock_gettime(CLOCK_MONOTONIC, &p->shown);
    double spent = seconds_since(&p->begin);
    double left = done && total > done ? spent * (double)(total - done) / (double)done : 0;
    if (p->is_terminal)
        show_bar(p, what, done, total, left);
    else
        fprintf(stderr, "tandem %s: %llu of %llu %s\n", p->verb, (unsigned long long)done,
                (unsigned long long)total, what);
    p->said = 1;
    return 0;
}

void progress_end(progress *p) {
    if (p->on_line)
        fputs("\r\033[K", stderr);
    p->on_line = 0;
}
