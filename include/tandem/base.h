/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status codes, error detail, time, memory and version: what every other public header builds on.
 */
#ifndef TANDEM_BASE_H
#define TANDEM_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define TD_API               __attribute__((visibility("default")))
#define TD_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define TD_API
#define TD_PRINTF(fmt, args)
#endif

#define TD_VERSION_MAJOR 0
#define TD_VERSION_MINOR 1
#define TD_VERSION_PATCH 0

/* The version of the library that runs, as "major.minor.patch"; static storage. */
TD_API const char *td_version(void);

/*
 * Every status, once: name, value, text. Values are pinned; a retired one is never reused.
 * TD_OK is 0, all others are negative, so that a function returning a count can return them too.
 */
#define TD_STATUS_MAP(X)                                                                           \
    X(OK, 0, "success")                                                                            \
    X(AGAIN, -1, "not yet; call again")                                                            \
    X(ARGUMENT, -2, "invalid argument")                                                            \
    X(MEMORY, -3, "out of memory")                                                                 \
    X(IO, -4, "input/output error")                                                                \
    X(FORMAT, -5, "malformed data")                                                                \
    X(UNSUPPORTED, -6, "not supported")                                                            \
    X(LIMIT, -7, "limit exceeded")                                                                 \
    X(NOT_FOUND, -8, "not found")                                                                  \
    X(MISMATCH, -9, "parts do not belong together")                                                \
    X(CUT, -10, "not a legal cut")                                                                 \
    X(STRATEGY, -11, "invalid strategy")                                                           \
    X(PROTOCOL, -12, "protocol violation")                                                         \
    X(TIMEOUT, -13, "timed out")                                                                   \
    X(CLOSED, -14, "connection closed")                                                            \
    X(CANCELLED, -15, "cancelled")                                                                 \
    X(BUSY, -16, "no capacity")                                                                    \
    X(VERSION, -17, "version not supported")

typedef enum td_status {
#define TD_STATUS_ENUM(name, value, text) TD_##name = value,
    TD_STATUS_MAP(TD_STATUS_ENUM)
#undef TD_STATUS_ENUM
} td_status;

/* "TD_FORMAT" for TD_FORMAT; "TD_?" for a value that is no status. Static storage. */
TD_API const char *td_status_name(td_status status);

/* A short English text for a status. Static storage. */
TD_API const char *td_status_text(td_status status);

#define TD_ERROR_MESSAGE_BYTES 512

/*
 * Where a call went wrong, in words. The caller owns it and may pass NULL instead. A failing
 * function fills it; a successful one leaves it alone. `offset` is the byte offset or element index
 * that the message speaks of, -1 where there is none. `message` is one sentence, NUL-terminated,
 * without a final newline.
 */
typedef struct td_error {
    td_status status;
    int64_t offset;
    char message[TD_ERROR_MESSAGE_BYTES];
} td_error;

/* Points in time (monotonic clock) and spans of time, in nanoseconds. */
typedef int64_t td_time;
typedef int64_t td_duration;

#define TD_US(n) ((td_duration)(n)*1000)
#define TD_MS(n) ((td_duration)(n)*1000000)
#define TD_S(n)  ((td_duration)(n)*1000000000)

/*
 * The heap of the library. All four functions must be set and thread-safe; `realloc` and `free` get
 * only pointers that the same set gave out. Third-party libraries keep their own heaps.
 */
typedef struct td_memory {
    void *(*malloc)(size_t bytes, void *user);
    void *(*calloc)(size_t count, size_t bytes, void *user);
    void *(*realloc)(void *ptr, size_t bytes, void *user);
    void (*free)(void *ptr, void *user);
    void *user;
} td_memory;

/*
 * Replaces the heap of the library for the whole process. Call it before any other function of
 * Tandem, at most once; `memory` is copied. TD_ARGUMENT where a function is missing.
 */
TD_API td_status td_memory_set(const td_memory *memory);

/* Frees what a function of this library says is to be freed with td_free(). NULL is allowed. */
TD_API void td_free(void *ptr);

/*
 * Progress of a long call. `done` of `total` units are complete (`total` 0: unknown); `what` names
 * the unit and is valid during the call only. Return non-zero to cancel: the long call then unwinds
 * and returns TD_CANCELLED. Called from the thread that made the long call, with no lock held.
 */
typedef int (*td_progress_fn)(const char *what, uint64_t done, uint64_t total, void *user);

/*
 * Whether the environment suits the OpenMP runtime that the engine's kernels use. Idle OpenMP
 * threads spin, which is ruinous when cores are contested; GOMP_SPINCOUNT must be in the
 * environment before the process starts. Returns TD_OK, or TD_MISMATCH with the remedy in `err`.
 * The `tandem` program re-executes itself; a program that links the library should call this once
 * and warn its user.
 */
TD_API td_status td_environment_check(td_error *err);

#ifdef __cplusplus
}
#endif

#endif
