/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals and our threads.
 */
#include "net/signals.h"

#include <signal.h>
#include <stddef.h>

void tdi_signals_block(void) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    sigset_t set;
    sigfillset(&set);
    for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&set, faults[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}
