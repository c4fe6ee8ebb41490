/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What frames are sent at: the tail of one model at one cut with one strategy, ready to run on
 * every worker. Devices that ask for the same share it, so that many of them take the memory of
 * one. Codecs are stateless so far; one with state per device would hang its decoder's state on the
 * switch (tdi_binding) and hand it along with each frame.
 */
#ifndef TDI_SERVER_TARGET_H
#define TDI_SERVER_TARGET_H

#include "pipeline/pipeline.h"

#define TDI_WORKERS_MAX 64

typedef enum tdi_target_state {
    TDI_TARGET_OPENING, /* workers are opening their receivers */
    TDI_TARGET_READY,
    TDI_TARGET_FAILED
} tdi_target_state;

typedef struct tdi_target {
    struct tdi_target *next;
    td_model *model;      /* one reference */
    char *cut, *strategy; /* as asked for */
    td_precision precision;
    tdi_target_state state;
    td_error error; /* FAILED */
    int users;      /* switches and jobs that refer to it; counted by the core's thread alone */
    int opening;    /* workers that have not opened yet */
    tdi_receiver
        *receivers[TDI_WORKERS_MAX]; /* each touched by its worker alone while there are users */
} tdi_target;

/* No users yet. */
td_status tdi_target_new(td_model *model, const char *cut, const char *strategy, int workers,
                         td_precision precision, tdi_target **out, td_error *err);
void tdi_target_free(tdi_target *target);
int tdi_target_is_for(const tdi_target *target, const td_model *model, const char *cut,
                      const char *strategy);

/* Of a target that is READY. */
static inline const tdi_coder *tdi_target_coder(const tdi_target *target) {
    return tdi_receiver_coder(target->receivers[0]);
}

#endif
