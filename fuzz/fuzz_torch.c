/* Bytes that begin with PK as PyTorch's archive (checksums off, so that damaged pickles are run), others as a bare pickle; of what
 * is accepted every tensor is loaded and converted. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "file/torch_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use(const struct stored_tensor *t)
{
    enum { PIECE = 256, MOST = 1 << 16 };
    static float f[PIECE];
    for (int64_t at = 0; at < t->n_items && at < MOST; at += PIECE) {
        int64_t count = t->n_items - at < PIECE ? t->n_items - at : PIECE;
        if (stored_to_f32(f, t, at, count) != HOOKE_OK) abort();
    }
}

static void use_archive(const uint8_t *data, size_t n)
{
    struct torch_file f;
    if (torch_file_parse(&f, data, n, "input") != HOOKE_OK) return;
    for (int i = 0; i < f.n_tensors; i++) {
        const struct stored_tensor *t;
        if (torch_file_load(&f, &t, f.tensors[i].name) == HOOKE_OK) use(t);
    }
    for (int i = 0; i < f.n_values && i < 64; i++)
        if (torch_file_value(&f, f.values[i].name) != &f.values[i]) abort(); /* names are unique */
    torch_file_close(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct pickle p;
    setenv("HOOKE_TORCH_CRC", "ignore", 1);
    if (n >= 2 && memcmp(data, "PK", 2) == 0)
        use_archive(data, n);
    else if (pickle_parse(&p, data, n, "input") == HOOKE_OK)
        pickle_release(&p);
    return 0;
}
