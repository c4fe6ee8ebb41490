/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The most float32 multiply-adds that the processor does: what percentages of the peak refer to.
 *
 *     bench_peak THREADS     prints GFLOP/s of all threads together, the best of some short rounds
 *     bench_peak busy        keeps one processor busy until it is killed, or its parent has gone
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define STEPS       100000
#define ROUNDS      40
#define THREADS_MAX 64

/* Sums that do not wait for each other: latency times throughput of the units, and some more. */
#define CHAINS 12

/* Does STEPS * CHAINS multiply-adds of a vector; returns something that depends on all of them. */
typedef float (*fma_fn)(float x);

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static float fma_avx512(float x) {
    __m512 sums[CHAINS], a = _mm512_set1_ps(x), b = _mm512_set1_ps(1 - x);
    for (int i = 0; i < CHAINS; i++)
        sums[i] = _mm512_set1_ps((float)i);
    for (int s = 0; s < STEPS; s++)
        for (int i = 0; i < CHAINS; i++)
            sums[i] = _mm512_fmadd_ps(sums[i], a, b);
    for (int i = 1; i < CHAINS; i++)
        sums[0] = _mm512_add_ps(sums[0], sums[i]);
    return _mm512_reduce_add_ps(sums[0]);
}

__attribute__((target("avx2,fma"))) static float fma_avx2(float x) {
    __m256 sums[CHAINS], a = _mm256_set1_ps(x), b = _mm256_set1_ps(1 - x);
    float lanes[8];
    for (int i = 0; i < CHAINS; i++)
        sums[i] = _mm256_set1_ps((float)i);
    for (int s = 0; s < STEPS; s++)
        for (int i = 0; i < CHAINS; i++)
            sums[i] = _mm256_fmadd_ps(sums[i], a, b);
    for (int i = 1; i < CHAINS; i++)
        sums[0] = _mm256_add_ps(sums[0], sums[i]);
    _mm256_storeu_ps(lanes, sums[0]);
    return lanes[0] + lanes[7];
}
#endif

/* Four lanes a vector; left to the compiler. */
static float fma_c(float x) {
    float sums[CHAINS * 4], total = 0;
    for (int i = 0; i < CHAINS * 4; i++)
        sums[i] = (float)i;
    for (int s = 0; s < STEPS; s++)
        for (int i = 0; i < CHAINS * 4; i++)
            sums[i] = sums[i] * x + (1 - x);
    for (int i = 0; i < CHAINS * 4; i++)
        total += sums[i];
    return total;
}

typedef struct variant {
    fma_fn run;
    int lanes;
} variant;

static variant best_variant(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return (variant){fma_avx512, 16};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (variant){fma_avx2, 8};
#endif
    return (variant){fma_c, 4};
}

static volatile float sink;

/* The thread's share of one round, from a common start. */
typedef struct part {
    pthread_t thread;
    pthread_barrier_t *barrier;
    fma_fn run;
    td_duration best;
} part;

static void *measure(void *user) {
    part *p = user;
    p->best = INT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(p->barrier);
        td_time begin = tdi_now();
        sink = p->run(0.999f);
        td_duration taken = tdi_now() - begin;
        if (taken < p->best)
            p->best = taken;
    }
    return NULL;
}

static double peak_gflops(int threads) {
    part parts[THREADS_MAX];
    pthread_barrier_t barrier;
    variant v = best_variant();
    double flops = 2.0 * STEPS * CHAINS * v.lanes, sum = 0;
    int started = 0;
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    for (; started < threads; started++) {
        parts[started] = (part){.barrier = &barrier, .run = v.run};
        if (pthread_create(&parts[started].thread, NULL, measure, &parts[started]) != 0) {
            fprintf(stderr, "bench_peak: cannot start a thread\n");
            exit(1);
        }
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(parts[i].thread, NULL);
        sum += flops / (double)parts[i].best;
    }
    pthread_barrier_destroy(&barrier);
    return sum;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "busy") == 0) {
        variant v = best_variant();
        for (pid_t parent = getppid(); getppid() == parent;)
            sink = v.run(0.999f);
        return 0;
    }
    long threads = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (threads < 1 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: bench_peak THREADS|busy\n");
        return 2;
    }
    printf("%.1f\n", peak_gflops((int)threads));
    return 0;
}
