/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `tandem` program: finds the verb and sets up the process around it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tandem/codec.h>
#include <tandem/model.h>

#include "args.h"
#include "cli.h"
#include "progress.h"

typedef struct verb {
    const char *name;
    int (*run)(int argc, char **argv); /* NULL: not in this build */
    const char *about;
    int computes;
} verb;

static const verb verbs[] = {
    {"inspect", verb_inspect, "what is in a model, and where it can be cut", 1},
    {"split", verb_split, "write the two halves of a model as ONNX files", 0},
#ifdef TANDEM_WITH_LAB
    {"prepare", verb_prepare, "make a bundle: model, recipe, labels, calibration", 1},
#else
    {"prepare", NULL, "(not in this build)", 0},
#endif
#ifdef TANDEM_WITH_SERVER
    {"serve", verb_serve, "serve the second halves of bundles to devices", 1},
#else
    {"serve", NULL, "(not in this build)", 0},
#endif
    {"run", verb_run, "classify pictures: first half here, second half on a server", 1},
#ifdef TANDEM_WITH_LAB
    {"eval", verb_eval, "measure cuts and strategies on pictures", 1},
#else
    {"eval", NULL, "(not in this build)", 0},
#endif
};
#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static void print_stages(void) {
    const td_stage_info *stage;
    for (size_t i = 0; (stage = td_stage_at(i)); i++) {
        printf("  %-10s%s\n", stage->name, stage->help);
        for (size_t k = 0; k < stage->setting_count; k++) {
            const td_setting_info *setting = &stage->settings[k];
            printf("%12s%s=%s: %s\n", "", setting->name, setting->range, setting->help);
        }
    }
}

static void print_help(void) {
    printf("Tandem runs one neural network on two machines: the first layers here, the rest on a\n"
           "server, with the tensor in between compressed.\n\n"
           "usage: tandem VERB ...          tandem VERB --help tells more\n\n");
    for (size_t i = 0; i < VERB_COUNT; i++)
        printf("  %-10s%s\n", verbs[i].name, verbs[i].about);
    printf(
        "\nWords:\n"
        "  MODEL     an .onnx file, or a bundle that `tandem prepare` made from one\n"
        "  cut       the tensor(s) at which the network is split: a name that `tandem inspect`\n"
        "            lists, `input` (the picture is sent) or `output` (nothing is left to the "
        "server)\n"
        "  strategy  how the tensor is compressed: uniform:levels=16,clip=3.3+jpeg:quality=50\n\n"
        "Strategies consist of these: a quantizer and a codec, or one that stands alone\n");
    print_stages();
    printf("\nFirst steps with a network of your own:\n"
           "  tandem inspect net.onnx\n"
           "  tandem prepare net.onnx --pictures photos/ --labels labels.txt -o net.bundle\n"
           "  tandem eval net.bundle --data test/ --cut NAME --codec uniform:levels=16,clip=3.3\n"
           "  tandem serve net.bundle &\n"
           "  tandem run --server 127.0.0.1:7433 --model net.bundle --cut NAME photo.jpg\n");
}

/*
 * The OpenMP runtime reads its settings when it is loaded, before main(): so the program starts
 * itself once more with them. The variable keeps it from doing so for ever where that does not
 * help.
 */
static void restart_with_environment(char **argv) {
    static const char guard[] = "TANDEM_RESTARTED";
    if (td_environment_check(NULL) == TD_OK || getenv(guard))
        return;
    if (setenv("GOMP_SPINCOUNT", "1000", 1) == 0 && setenv(guard, "1", 1) == 0)
        execv("/proc/self/exe", argv);
}

static int show_tuning(const char *what, uint64_t done, uint64_t total, void *user) {
    int cancel = progress_show(what, done, total, user);
    if (done == total)
        progress_end(user);
    return cancel;
}

/* Kernels are chosen by measuring, unless TANDEM_TUNING says "off". */
static void start_tuning(const char *name) {
    static progress shown;
    const char *wish = getenv("TANDEM_TUNING");
    if (wish && !strcmp(wish, "off"))
        return;
    shown = progress_begin(name);
    td_tuning_start(NULL, show_tuning, &shown, NULL);
}

static int unknown_verb(const char *name) {
    const char *names[VERB_COUNT];
    for (size_t i = 0; i < VERB_COUNT; i++)
        names[i] = verbs[i].name;
    const char *near = args_nearest(name, names, VERB_COUNT);
    if (near)
        fprintf(stderr, "tandem: there is no verb \"%s\", did you mean `%s`?\n", name, near);
    else
        fprintf(stderr, "tandem: there is no verb \"%s\" (see `tandem --help`)\n", name);
    return CLI_USAGE;
}

int main(int argc, char **argv) {
    /* A peer or reader that has gone shows as a failed write. */
    signal(SIGPIPE, SIG_IGN);
    if (argc > 2 && !strcmp(argv[1], "help")) {
        static char option[] = "--help";
        argv[1] = argv[2];
        argv[2] = option;
    }
    if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
        !strcmp(argv[1], "help")) {
        print_help();
        return cli_finish("help", argc < 2 ? CLI_USAGE : CLI_OK);
    }
    if (!strcmp(argv[1], "--version")) {
        printf("tandem %s\n", td_version());
        return cli_finish("version", CLI_OK);
    }
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(argv[1], verbs[i].name) != 0)
            continue;
        if (verbs[i].computes) {
            restart_with_environment(argv);
            start_tuning(argv[1]);
        }
        if (verbs[i].run)
            return cli_finish(argv[1], verbs[i].run(argc - 1, argv + 1));
        return cli_fail_text(argv[1],
                             "this build of Tandem has no `%s`: configure it with -D%s=true",
                             argv[1], strcmp(argv[1], "serve") ? "lab" : "server");
    }
    return unknown_verb(argv[1]);
}
