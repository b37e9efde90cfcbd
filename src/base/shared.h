/* shared.h: what threads share without a lock: a flag and a count. (C11's atomic types are no C++, and every header compiles as
 * both.) Zeroed memory is a flag not raised and a count of 0; look at them only through the functions. */
#ifndef HOOKE_BASE_SHARED_H
#define HOOKE_BASE_SHARED_H

#include <stdbool.h>
#include <stdint.h>

/* Raised once by any thread; stays so. */
struct flag {
    bool raised;
};
static inline void flag_raise(struct flag *f)
{
    __atomic_store_n(&f->raised, true, __ATOMIC_RELEASE);
}
/* NULL is never raised. */
static inline bool flag_is_raised(const struct flag *f)
{
    return f && __atomic_load_n(&f->raised, __ATOMIC_ACQUIRE);
}

struct count {
    int64_t n;
};
/* The count before `add`. */
static inline int64_t count_add(struct count *c, int64_t add)
{
    return __atomic_fetch_add(&c->n, add, __ATOMIC_ACQ_REL);
}
static inline int64_t count_now(const struct count *c)
{
    return __atomic_load_n(&c->n, __ATOMIC_ACQUIRE);
}

#endif
