#define _GNU_SOURCE
#include "base/parallel.h"

#include <omp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

int parallel_default_threads(void)
{
    const char *env = getenv("OMP_NUM_THREADS");
    if (env && *env) return omp_get_max_threads();
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
    return omp_get_max_threads();
}

int parallel_worth(int n_threads, int64_t work)
{
    return work < (int64_t)1 << 17 ? 1 : n_threads; /* about 10 microseconds of one core */
}

void parallel_for(int n_threads, int64_t n, int64_t grain, parallel_body body, void *payload)
{
    int64_t n_chunks = (n + grain - 1) / grain;
    if (n_threads <= 1 || n_chunks <= 1 || omp_in_parallel()) {
        for (int64_t begin = 0; begin < n; begin += grain)
            body(payload, begin, begin + grain < n ? begin + grain : n, 0);
        return;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads < n_chunks ? n_threads : (int)n_chunks)
    for (int64_t c = 0; c < n_chunks; c++) {
        int64_t begin = c * grain;
        body(payload, begin, begin + grain < n ? begin + grain : n, omp_get_thread_num());
    }
}

struct try_state {
    parallel_body_status body;
    void *payload;
    int64_t grain;
    atomic_int_fast64_t first_failed; /* chunk, or INT64_MAX */
    omp_lock_t lock;
    hooke_status status;
    char message[1024];
};

static void try_chunk(void *payload, int64_t begin, int64_t end, int worker)
{
    struct try_state *s = payload;
    int64_t chunk = begin / s->grain;
    if (chunk > atomic_load(&s->first_failed)) return;
    hooke_status st = s->body(s->payload, begin, end, worker);
    if (st == HOOKE_OK) return;
    omp_set_lock(&s->lock);
    if (chunk < atomic_load(&s->first_failed)) {
        atomic_store(&s->first_failed, chunk);
        s->status = st;
        error_copy(s->message, sizeof s->message);
    }
    omp_unset_lock(&s->lock);
}

hooke_status parallel_try(int n_threads, int64_t n, int64_t grain, parallel_body_status body, void *payload)
{
    struct try_state s = { .body = body, .payload = payload, .grain = grain, .status = HOOKE_OK };
    atomic_init(&s.first_failed, INT64_MAX);
    omp_init_lock(&s.lock);
    parallel_for(n_threads, n, grain, try_chunk, &s);
    omp_destroy_lock(&s.lock);
    if (s.status != HOOKE_OK) error_set(s.message);
    return s.status;
}
