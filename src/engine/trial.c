/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/trial.h"

#include "base/memory.h"
#include "engine/team.h"

enum {
    /* More than the caches that a core has to itself. */
    EVICT_BYTES = 4 << 20,
    LINE_BYTES = 64,
    RUNS_MIN = 4,
    RUNS_MAX = 20
};
#define ENOUGH (10 * 1000 * 1000) /* nanoseconds of all runs */

typedef struct bench {
    void **inputs;
    int input_count;
    void *output, *scratch;
    unsigned char *evict;
    td_time (*clock)(void);
    int threads;
} bench;

static void bench_fini(bench *b, const tdi_kernel *kernel) {
    for (int i = 0; b->inputs && i < b->input_count; i++)
        if (i != kernel->overwrites)
            tdi_free_aligned(b->inputs[i]);
    tdi_free(b->inputs);
    tdi_free_aligned(b->output);
    tdi_free_aligned(b->scratch);
    tdi_free_aligned(b->evict);
}

static void *make_tensor(size_t bytes) {
    /* Ordinary numbers near 0.01, be they read as float32 or as bfloat16. */
    uint16_t *halves = tdi_malloc_aligned(bytes);
    for (size_t i = 0; halves && i < bytes / sizeof *halves; i++)
        halves[i] = (uint16_t)(0x3c20 + i % 97);
    return halves;
}

/* -1: no memory. */
static int bench_init(bench *b, const tdi_kernel *kernel, int input_count) {
    b->input_count = input_count;
    b->inputs = tdi_calloc((size_t)input_count + 1, sizeof *b->inputs);
    b->output = make_tensor(kernel->output.bytes);
    b->scratch = tdi_malloc_aligned(kernel->scratch_bytes + 1);
    b->evict = tdi_malloc_aligned(EVICT_BYTES);
    if (!b->inputs || !b->output || !b->scratch || !b->evict)
        return -1;
    for (int i = 0; i < input_count; i++) {
        b->inputs[i] = i == kernel->overwrites ? b->output : make_tensor(kernel->inputs[i].bytes);
        if (!b->inputs[i])
            return -1;
    }
    return 0;
}

static void touch(unsigned char *data, size_t bytes, int write) {
    volatile unsigned char *at = data;
    for (size_t i = 0; i < bytes; i += LINE_BYTES) {
        if (write)
            at[i] = (unsigned char)(at[i] + 1);
        else
            (void)at[i];
    }
}

static void rest(void *user, int part, int parts) {
    (void)user, (void)part, (void)parts;
}

/* Between two layers of a network a team is awake; a member that sleeps takes this long to come. */
static void wake_team(int threads) {
    const td_time begin = tdi_now();
    while (threads > 1 && tdi_now() - begin < TD_US(200))
        tdi_team_run(threads, rest, NULL);
}

static td_status run_once(const bench *b, const tdi_kernel *kernel, tdi_bound *bound,
                          td_duration *out, td_error *err) {
    touch(b->evict, EVICT_BYTES, 1);
    for (int i = 0; i < b->input_count; i++)
        touch(b->inputs[i], kernel->inputs[i].bytes, 0);
    wake_team(b->threads);
    td_time start = b->clock();
    td_status status = kernel->backend->execute(bound, err);
    *out = b->clock() - start;
    return status;
}

static td_status run_often(const bench *b, const tdi_kernel *kernel, tdi_bound *bound,
                           td_duration best, td_duration *out, td_error *err) {
    td_duration sum = 0, shortest = INT64_MAX, time;
    /* The first run pays for what others find ready. */
    TD_TRY(run_once(b, kernel, bound, &time, err));
    for (int i = 0; i < RUNS_MAX && (i < RUNS_MIN || sum < ENOUGH); i++) {
        TD_TRY(run_once(b, kernel, bound, &time, err));
        sum += time;
        if (time < shortest)
            shortest = time;
        if (best > 0 && i > 0 && shortest > 2 * best)
            break;
    }
    *out = shortest;
    return TD_OK;
}

td_status tdi_trial(const tdi_compile *compile, const tdi_kernel *kernel, int input_count,
                    int threads, td_duration best, td_duration *out, td_error *err) {
    /* One thread's own time is the same on a busy machine; what a team takes is seen from outside
     * only. */
    bench b = {.clock = threads == 1 ? tdi_thread_time : tdi_now, .threads = threads};
    if (b.threads > TDI_TEAM_MAX)
        b.threads = TDI_TEAM_MAX;
    tdi_bound *bound = NULL;
    td_status status = bench_init(&b, kernel, input_count) ? tdi_fail_memory(err) : TD_OK;
    if (status == TD_OK) {
        const tdi_memory memory = {b.inputs, b.output, b.scratch};
        status = kernel->backend->bind(compile, kernel, &memory, &bound, err);
    }
    if (status == TD_OK) {
        status = run_often(&b, kernel, bound, best, out, err);
        kernel->backend->unbind(bound);
    }
    bench_fini(&b, kernel);
    return status;
}
