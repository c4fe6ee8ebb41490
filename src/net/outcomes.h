/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outcomes on their way from the thread that learns of them to the one that takes them. Memory is
 * used again, last first, so that a steady stream stays small. Not locked: the owner's lock guards
 * it.
 */
#ifndef TDI_NET_OUTCOMES_H
#define TDI_NET_OUTCOMES_H

#include <tandem/device.h>

typedef struct tdi_outcome_node {
    struct tdi_outcome_node *next;
    td_outcome outcome; /* its output points to `output` */
    float *output;
    size_t output_capacity;
} tdi_outcome_node;

typedef struct tdi_outcomes {
    tdi_outcome_node *head, *tail, *idle, *held; /* held: the one that was taken last */
    size_t count;
} tdi_outcomes; /* zero-initialized is empty and ready */

void tdi_outcomes_fini(tdi_outcomes *outcomes);
/* Makes sure that `count` more outcomes (without outputs) can be put without memory running out. */
td_status tdi_outcomes_prepare(tdi_outcomes *outcomes, size_t count, td_error *err);
/* Appends a copy. An output for which there is no memory makes the copy's status TD_MEMORY. */
void tdi_outcomes_put(tdi_outcomes *outcomes, const td_outcome *outcome);
/* Takes the first; 0 where there is none. out->output is valid until the next call. */
int tdi_outcomes_take(tdi_outcomes *outcomes, td_outcome *out);

#endif
