/* kernels_select.c: which level runs here. Built plain: it must run on any CPU. */
#include "tensor/cpu/kernels.h"

#include <string.h>

#include "base/status.h"

static const struct {
    const char *name;
    void (*fill)(struct kernels *t);
} levels[] = {
    { "ref", kernels_fill_ref },
    { "avx2", kernels_fill_avx2 },
    { "avx512", kernels_fill_avx512 },
    { "avx512bf16", kernels_fill_avx512bf16 },
};
enum { N_LEVELS = sizeof levels / sizeof *levels };

hooke_status kernels_select(struct kernels *t, const char *cap)
{
    int offered = cpu_offers(), last = offered;
    if (cap) {
        for (last = 0; last < N_LEVELS && strcmp(levels[last].name, cap) != 0; last++) continue;
        RETURN_IF(last == N_LEVELS, HOOKE_E_UNSUPPORTED,
                  "CPU level '%s' is unknown; known are ref, avx2, avx512, avx512bf16", cap);
        if (last > offered) last = offered; /* a cap, not a wish: one setting serves machines of all kinds */
    }
    memset(t, 0, sizeof *t);
    for (int i = 0; i <= last; i++) {
        levels[i].fill(t);
        t->level = levels[i].name;
    }
    return HOOKE_OK;
}
