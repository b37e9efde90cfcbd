/* Any bytes as an archive of arrays or as one array; of what is accepted every array is loaded and converted. Then the same archive a
 * piece at a time, as a download of parts reads it: nothing is looked at that was not asked for, and what comes is the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "file/npz.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

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

struct far_away {
    const uint8_t *data;
    uint8_t *here; /* [n] what has come; the rest may not be read */
    size_t n;
};

static hooke_status need(void *payload, size_t at, size_t count)
{
    struct far_away *f = payload;
    if (count > f->n || at > f->n - count) abort();
    ASAN_UNPOISON_MEMORY_REGION(f->here + at, count);
    memcpy(f->here + at, f->data + at, count);
    return HOOKE_OK;
}

/* whole: the same archive, accepted; NULL: it was refused, though some of its arrays may be sound. */
static void use_pieces(struct npz *z, struct npz *whole)
{
    if (whole && z->n_tensors != whole->n_tensors) abort();
    for (int i = 0; i < z->n_tensors; i++) {
        const struct stored_tensor *t, *same;
        struct npz_place place;
        if (npz_read_header(z, i) != HOOKE_OK) {
            if (whole) abort();
            continue;
        }
        npz_find(&place, z, i);
        hooke_status st = npz_load(z, &t, z->tensors[i].name);
        if (st == HOOKE_OK) use(t);
        if (!whole) continue;
        if (npz_load(whole, &same, whole->tensors[i].name) != st) abort();
        if (st == HOOKE_OK &&
            (t->bytes != same->bytes || (t->bytes && memcmp(t->data, same->data, t->bytes))))
            abort();
        if (st == HOOKE_OK && !place.why_not && t->bytes &&
            memcmp(whole->file.data + place.data, t->data, t->bytes))
            abort();
    }
}

static void read_pieces(const uint8_t *data, size_t n, struct npz *whole)
{
    struct far_away f = { data, malloc(n ? n : 1), n };
    const struct zip_source source = { .bytes = f.here, .n = n, .need = need, .payload = &f };
    struct npz z;
    if (!f.here) abort();
    memset(f.here, 0xA5, n);
    ASAN_POISON_MEMORY_REGION(f.here, n);
    if (npz_parse_source(&z, &source, "input") == HOOKE_OK) {
        use_pieces(&z, whole);
        npz_close(&z);
    } else if (whole) {
        abort();
    }
    ASAN_UNPOISON_MEMORY_REGION(f.here, n);
    free(f.here);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct npz z;
    bool is_lone = n >= 6 && memcmp(data, "\x93NUMPY", 6) == 0;
    bool is_sound = npz_parse(&z, data, n, "input") == HOOKE_OK;
    for (int i = 0; is_sound && i < z.n_tensors; i++) {
        const struct stored_tensor *t;
        if (npz_load(&z, &t, z.tensors[i].name) == HOOKE_OK) use(t);
    }
    if (!is_lone) read_pieces(data, n, is_sound ? &z : NULL);
    if (is_sound) npz_close(&z);
    return 0;
}
