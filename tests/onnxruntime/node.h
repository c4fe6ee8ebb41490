/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running the scripts of this folder from a test program.
 */
#ifndef TDT_ONNXRUNTIME_NODE_H
#define TDT_ONNXRUNTIME_NODE_H

#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

/* What the scripts, and test programs after them, exit with where node or onnxruntime is missing;
 * the reason is printed. */
#define NODE_SKIPPED 77

#define NODE_ARGUMENTS_MAX 6

/* node tests/onnxruntime/<script> <arguments>, NULL-terminated; returns its exit code. */
static inline int node_run(const char *script, const char *const *arguments) {
    char path[1024];
    char *argv[NODE_ARGUMENTS_MAX + 3] = {(char *)"node", path};
    int status = 0;
    snprintf(path, sizeof path, "%s/%s", test_source("tests/onnxruntime"), script);
    for (int i = 0; i < NODE_ARGUMENTS_MAX && arguments[i]; i++)
        argv[i + 2] = (char *)(uintptr_t)arguments[i];
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        execvp("node", argv);
        fputs("skipped: no node (install the Debian packages nodejs and npm, then run "
              "scripts/install-onnxruntime)\n",
              stderr);
        _exit(NODE_SKIPPED);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
        return 1;
    return WEXITSTATUS(status);
}

#endif
