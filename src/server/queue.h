/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs that wait for a worker, and which comes next: openings for that worker first, then
 * frames, one device after the other in turn, then files; a file goes before the frames once it has
 * let enough of them pass.
 */
#ifndef TDI_SERVER_QUEUE_H
#define TDI_SERVER_QUEUE_H

#include "server/job.h"

typedef struct tdi_fifo {
    tdi_job *head, *tail;
    size_t count;
} tdi_fifo;

void tdi_fifo_push(tdi_fifo *fifo, tdi_job *job);
tdi_job *tdi_fifo_pop(tdi_fifo *fifo); /* NULL when empty */

/* The frames of one device. */
typedef struct tdi_lane {
    struct tdi_lane *next;
    tdi_fifo frames;
    int queued;  /* in the queue's ring */
    int blocked; /* its results are not read: nothing of it is to be computed now */
} tdi_lane;

#define TDI_FRAMES_BEFORE_FILE 16

typedef struct tdi_queue {
    tdi_fifo openings[TDI_WORKERS_MAX];
    tdi_fifo files;
    tdi_lane *ring_head, *ring_tail; /* lanes with frames, the next one first */
    size_t frames;                   /* in all lanes */
    unsigned passed;                 /* frames since the last file */
} tdi_queue;

void tdi_queue_push_frame(tdi_queue *queue, tdi_lane *lane, tdi_job *job);
/* Takes the lane out; its frames stay in it, for the caller to end. */
void tdi_queue_remove_lane(tdi_queue *queue, tdi_lane *lane);
/* The next job for a worker, or NULL. */
tdi_job *tdi_queue_pop(tdi_queue *queue, int worker);

#endif
