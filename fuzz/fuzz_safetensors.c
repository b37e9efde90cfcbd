/* Any bytes as one safetensors file; of what is accepted every tensor is found and converted. */
#include <stdint.h>
#include <stdlib.h>

#include "file/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    enum { PIECE = 256 };
    static float f[PIECE];
    static int64_t k[PIECE];
    struct safetensors s;
    if (safetensors_parse(&s, data, n, "input") != HOOKE_OK) return 0;
    for (int i = 0; i < s.n_tensors; i++) {
        const struct stored_tensor *t = &s.tensors[i];
        if (safetensors_find(&s, t->name) != t) abort();
        if ((const uint8_t *)t->data < data || t->bytes > n - (size_t)((const uint8_t *)t->data - data))
            abort();
        for (int64_t at = 0; at < t->n_items && t->dtype != DT_OTHER; at += PIECE) {
            int64_t count = t->n_items - at < PIECE ? t->n_items - at : PIECE;
            if (stored_to_f32(f, t, at, count) != HOOKE_OK) abort();
            stored_to_i64(k, t, at, count);
        }
    }
    safetensors_close(&s);
    return 0;
}
