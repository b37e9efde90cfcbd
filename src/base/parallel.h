/* parallel.h: the one parallel loop. Work is cut into chunks of `grain` items whatever the number of threads; a reduction
 * that keeps one partial result a chunk and adds them in order gives the same bits on any machine with any thread count. */
#ifndef HOOKE_BASE_PARALLEL_H
#define HOOKE_BASE_PARALLEL_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One chunk: items begin..end. worker is 0 .. n_threads-1 and names scratch space, never work. */
typedef void (*parallel_body)(void *payload, int64_t begin, int64_t end, int worker);
typedef hooke_status (*parallel_body_status)(void *payload, int64_t begin, int64_t end, int worker);

/* Processors this process may use, or OMP_NUM_THREADS. */
int parallel_default_threads(void);
/* n_threads, or 1 where `work` multiply-adds are done before others are awake: a barrier costs microseconds, and on a busy machine a
 * time slice. */
int parallel_worth(int n_threads, int64_t work);
/* Runs body over 0..n in chunks of grain items (grain >= 1) on at most n_threads threads. Inside a parallel loop it runs
 * serially. */
void parallel_for(int n_threads, int64_t n, int64_t grain, parallel_body body, void *payload);
/* The same for bodies that can fail: returns the failure of the lowest chunk that failed, with its message; chunks after a
 * failure may be skipped. */
hooke_status parallel_try(int n_threads, int64_t n, int64_t grain, parallel_body_status body, void *payload);

#ifdef __cplusplus
}
#endif
#endif
