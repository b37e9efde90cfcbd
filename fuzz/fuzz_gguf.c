/* Any bytes as a GGUF file; of what is accepted every tensor is converted. */
#include <stdint.h>
#include <stdlib.h>

#include "file/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    enum { PIECE = 256 };
    static float f[PIECE];
    struct gguf g;
    if (gguf_parse(&g, data, n, "input") != HOOKE_OK) return 0;
    for (int i = 0; i < g.n_tensors; i++) {
        const struct stored_tensor *t = &g.tensors[i];
        for (int64_t at = 0; at < t->n_items && t->dtype != DT_OTHER; at += PIECE) {
            int64_t count = t->n_items - at < PIECE ? t->n_items - at : PIECE;
            if (stored_to_f32(f, t, at, count) != HOOKE_OK) abort();
        }
    }
    gguf_close(&g);
    return 0;
}
