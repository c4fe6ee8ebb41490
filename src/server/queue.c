/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs that wait for a worker, and which comes next.
 */
#include "server/queue.h"

#include <stddef.h>

void tdi_fifo_push(tdi_fifo *fifo, tdi_job *job) {
    job->next = NULL;
    if (fifo->tail)
        fifo->tail->next = job;
    else
        fifo->head = job;
    fifo->tail = job;
    fifo->count++;
}

tdi_job *tdi_fifo_pop(tdi_fifo *fifo) {
    tdi_job *job = fifo->head;
    if (!job)
        return NULL;
    fifo->head = job->next;
    if (!fifo->head)
        fifo->tail = NULL;
    fifo->count--;
    job->next = NULL;
    return job;
}

static void ring_push(tdi_queue *queue, tdi_lane *lane) {
    lane->next = NULL;
    lane->queued = 1;
    if (queue->ring_tail)
        queue->ring_tail->next = lane;
    else
        queue->ring_head = lane;
    queue->ring_tail = lane;
}

static tdi_lane *ring_pop(tdi_queue *queue) {
    tdi_lane *lane = queue->ring_head;
    queue->ring_head = lane->next;
    if (!queue->ring_head)
        queue->ring_tail = NULL;
    lane->queued = 0;
    return lane;
}

void tdi_queue_push_frame(tdi_queue *queue, tdi_lane *lane, tdi_job *job) {
    tdi_fifo_push(&lane->frames, job);
    queue->frames++;
    if (!lane->queued)
        ring_push(queue, lane);
}

void tdi_queue_remove_lane(tdi_queue *queue, tdi_lane *lane) {
    queue->frames -= lane->frames.count;
    if (!lane->queued)
        return;
    tdi_lane *rest = queue->ring_head;
    queue->ring_head = queue->ring_tail = NULL;
    while (rest) {
        tdi_lane *next = rest->next;
        if (rest != lane)
            ring_push(queue, rest);
        rest = next;
    }
    lane->queued = 0;
}

/* A frame of the first lane that is not blocked; the lane goes to the end. */
static tdi_job *pop_frame(tdi_queue *queue) {
    tdi_lane *stop = queue->ring_tail;
    while (queue->ring_head) {
        tdi_lane *lane = ring_pop(queue);
        tdi_job *job = lane->blocked ? NULL : tdi_fifo_pop(&lane->frames);
        if (lane->frames.count)
            ring_push(queue, lane);
        if (job) {
            queue->frames--;
            return job;
        }
        if (lane == stop)
            break;
    }
    return NULL;
}

tdi_job *tdi_queue_pop(tdi_queue *queue, int worker) {
    tdi_job *job = tdi_fifo_pop(&queue->openings[worker]);
    if (job)
        return job;
    if (queue->files.count && queue->passed >= TDI_FRAMES_BEFORE_FILE) {
        queue->passed = 0;
        return tdi_fifo_pop(&queue->files);
    }
    job = pop_frame(queue);
    if (job) {
        queue->passed++;
        return job;
    }
    queue->passed = 0;
    return tdi_fifo_pop(&queue->files);
}
