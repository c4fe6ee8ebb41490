/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tandem serve: the server, until a signal ends it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include <tandem/server.h>

#include "args.h"
#include "cli.h"

static const char verb[] = "serve";

static void log_line(const char *line, void *user) {
    (void)user;
    fprintf(stderr, "%s\n", line);
}

/* "127.0.0.1" of "127.0.0.1:7433". */
static int host_length(const char *listen) {
    int length = 0, last = -1;
    for (; listen[length]; length++)
        if (listen[length] == ':')
            last = length;
    return last < 0 ? length : last;
}

static int serve(const td_server_settings *settings) {
    td_server *server = NULL;
    td_error err = {0};
    sigset_t signals;
    int number = 0;
    /* Blocked before there are threads, so that every thread inherits it and sigwait() gets the
     * signal. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (td_server_start(settings, &server, &err))
        return cli_fail(verb, &err);
    printf("listening on %.*s:%d\n", host_length(settings->listen), settings->listen,
           td_server_port(server));
    if (cli_finish(verb, CLI_OK) != CLI_OK) {
        td_server_stop(server);
        return CLI_FAILED;
    }
    if (td_server_is_public(server))
        fprintf(stderr,
                "warning: other machines can reach this address, and connections are neither "
                "encrypted nor authenticated\n");
    sigwait(&signals, &number);
    fprintf(
        stderr,
        "stopping: frames that were confirmed are finished first; a second signal ends at once\n");
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    td_server_stats stats;
    td_server_stats_get(server, &stats);
    td_server_stop(server);
    fprintf(stderr, "served %llu results to %llu devices\n", (unsigned long long)stats.results_sent,
            (unsigned long long)stats.sessions_total);
    return CLI_OK;
}

int verb_serve(int argc, char **argv) {
    td_server_settings settings = td_server_settings_default();
    int64_t threads = 0;
    int quiet = 0;
    arg_list operands = {0};
    const arg_option options[] = {
        {"listen", 0, ARG_TEXT, &settings.listen, "HOST:PORT",
         "default 127.0.0.1:7433; port 0 takes a free one", 0, 0},
        {"threads", 0, ARG_INTEGER, &threads, "N", "workers (default: one per processor)", 1, 64},
        {"precision", 0, ARG_PRECISION, &settings.precision, "NAME",
         "of the tails: f32, bf16, or int8 (default f32)", 0, 0},
        {"quiet", 0, ARG_FLAG, &quiet, NULL, "do not log connections", 0, 0},
    };
    const arg_verb self = {
        verb,
        "REPO-OR-BUNDLE... [--listen HOST:PORT] [--threads N]",
        "Serves the second halves of bundles to devices (`tandem run --server`). Each operand is "
        "a\n"
        "bundle, or a folder NAME/VERSION/ of bundles. Prints `listening on HOST:PORT` once\n"
        "connections are accepted. SIGINT and SIGTERM finish the frames under way and stop.",
        "  tandem serve net.bundle\n"
        "  tandem serve bundles/ --listen 127.0.0.1:0 --threads 4",
        options,
        sizeof options / sizeof options[0]};
    int code;
    args_result parsed = args_parse(&self, argc, argv, &operands);
    settings.repositories = operands.items;
    settings.repository_count = operands.count;
    settings.threads = (int)threads;
    settings.log = quiet ? NULL : log_line;
    if (parsed != ARGS_OK)
        code = parsed == ARGS_HELP ? CLI_OK : CLI_USAGE;
    else if (!operands.count)
        code = cli_usage(verb, "give at least one bundle, or a folder of them");
    else
        code = serve(&settings);
    args_list_free(&operands);
    return code;
}
