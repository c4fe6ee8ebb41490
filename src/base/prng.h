/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small random generator (SplitMix64; Steele, Lea, Flood 2014) for tests and identifiers; no
 * cryptography.
 */
#ifndef TDI_BASE_PRNG_H
#define TDI_BASE_PRNG_H

#include <stdint.h>

typedef struct tdi_prng {
    uint64_t state;
} tdi_prng;

static inline uint64_t tdi_prng_next(tdi_prng *p) {
    uint64_t z = (p->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 .. n-1 */
static inline uint64_t tdi_prng_below(tdi_prng *p, uint64_t n) {
    return tdi_prng_next(p) % n;
}

/* [0, 1) */
static inline double tdi_prng_unit(tdi_prng *p) {
    return (double)(tdi_prng_next(p) >> 11) * 0x1p-53;
}

#endif
