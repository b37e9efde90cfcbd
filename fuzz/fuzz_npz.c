/* Any bytes as an archive of arrays or as one array; of what is accepted every array is loaded and converted. */
#include <stdint.h>
#include <stdlib.h>

#include "file/npz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use(const struct stored_tensor *t)
{
    enum { PIECE = 256 };
    static float f[PIECE];
    for (int64_t at = 0; at < t->n_items && t->dtype != DT_OTHER; at += PIECE) {
        int64_t count = t->n_items - at < PIECE ? t->n_items - at : PIECE;
        if (stored_to_f32(f, t, at, count) != HOOKE_OK) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct npz z;
    if (npz_parse(&z, data, n, "input") != HOOKE_OK) return 0;
    for (int i = 0; i < z.n_tensors; i++) {
        const struct stored_tensor *t;
        if (npz_load(&z, &t, z.tensors[i].name) == HOOKE_OK) use(t);
    }
    npz_close(&z);
    return 0;
}
