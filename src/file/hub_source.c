/* hub_source.c: tensors of a file on the hub, of which no more is brought than is asked for.
 *
 *   safetensors   the header, at the beginning; its tensors lie in the file as they are used
 *   npz           the end records and the directory, at the end; then for each tensor that is asked for its own two headers (ZIP, .npy).
 *                 What is stored in C order lies there as it is used. What is deflated, in Fortran order or big-endian is brought
 *                 whole, into memory, and goes through npz.c as a file on disk would.
 *
 * Both are read by the parsers of files, over the mapping of hub_pieces.c. */
#include <string.h>

#include "file/hub_part.h"

#define LOADED_MAX_BYTES ((size_t)4 << 30) /* of a tensor that has to pass through memory */
enum { MEMBERS_MAX = 4096, NPZ_READ_AHEAD = 16 * 1024 };

static bool has_ending(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);
    return n > m && strcmp(path + n - m, ending) == 0;
}

bool part_source_fits(const char *path)
{
    return has_ending(path, ".safetensors") || has_ending(path, ".npz");
}

static hooke_status open_safetensors(struct part_source *s)
{
    struct hub_pieces *p = &s->pieces;
    size_t size = (size_t)p->meta.size;
    uint64_t n = 0;
    RETURN_IF_ERROR(hub_pieces_need(p, 0, 8));
    for (int i = 7; i >= 0; i--) n = n << 8 | p->map[i];
    RETURN_IF(n > p->budget || n > size - 8, HOOKE_E_FORMAT,
              "%s/%s: no safetensors file: a header of %llu bytes", p->repo, p->path, (unsigned long long)n);
    RETURN_IF_ERROR(hub_pieces_need(p, 8, (size_t)n));
    return safetensors_parse(&s->st, p->map, size, s->path);
}

static hooke_status open_npz(struct part_source *s)
{
    struct hub_pieces *p = &s->pieces;
    const struct zip_source source = {
        .bytes = p->map, .n = (size_t)p->meta.size, .need = hub_pieces_need, .payload = p
    };
    p->read_ahead = NPZ_READ_AHEAD;
    RETURN_IF_ERROR(npz_parse_source(&s->npz, &source, s->path));
    if (s->npz.n_tensors <= MEMBERS_MAX) return HOOKE_OK;
    hooke_status st =
        fail(HOOKE_E_UNSUPPORTED, "%s/%s: an archive of %d arrays, the limit is %d; pull it whole", p->repo,
             p->path, s->npz.n_tensors, MEMBERS_MAX);
    npz_close(&s->npz);
    return st;
}

hooke_status part_source_open(struct part_source *s, struct hub_worker *w, const char *repo,
                              const char *revision)
{
    s->is_npz = has_ending(s->path, ".npz");
    RETURN_IF_ERROR(hub_pieces_open(&s->pieces, w, repo, revision, s->path));
    RETURN_IF_ERROR(s->is_npz ? open_npz(s) : open_safetensors(s));
    s->is_open = true;
    return HOOKE_OK;
}

void part_source_close(struct part_source *s)
{
    if (s->is_open && s->is_npz) npz_close(&s->npz);
    if (s->is_open && !s->is_npz) safetensors_close(&s->st);
    hub_pieces_close(&s->pieces);
    s->is_open = false;
}

int part_source_count(const struct part_source *s)
{
    return s->is_npz ? s->npz.n_tensors : s->st.n_tensors;
}

const char *part_source_name(const struct part_source *s, int i)
{
    return s->is_npz ? s->npz.tensors[i].name : s->st.tensors[i].name;
}

hooke_status part_source_tensor(const struct stored_tensor **out, struct part_source *s, int i)
{
    *out = s->is_npz ? &s->npz.tensors[i] : &s->st.tensors[i];
    return s->is_npz ? npz_read_header(&s->npz, i) : HOOKE_OK;
}

hooke_status part_source_check_rows(const struct part_source *s, int i)
{
    struct npz_place place;
    if (!s->is_npz) return HOOKE_OK;
    npz_find(&place, &s->npz, i);
    RETURN_IF(
        place.why_not, HOOKE_E_UNSUPPORTED,
        "tensor '%.100s' is %s in %s: no rows can be taken of it on the way; pull it whole, without --rows",
        part_source_name(s, i), place.why_not, s->path);
    return HOOKE_OK;
}

/* ---- bytes ---- */

struct summed {
    take_fn take;
    void *payload;
    uint32_t crc;
};

static hooke_status take_summed(void *payload, const void *bytes, size_t n)
{
    struct summed *s = payload;
    s->crc = zip_crc(s->crc, bytes, n);
    return s->take(s->payload, bytes, n);
}

/* The member's checksum is of its .npy header, too, which is in memory. */
static hooke_status stream_member(struct part_source *s, int i, const struct npz_place *place, take_fn take,
                                  void *payload)
{
    struct hub_pieces *p = &s->pieces;
    struct summed sum = { .take = take, .payload = payload };
    sum.crc = zip_crc(0, p->map + place->member, place->data - place->member);
    RETURN_IF_ERROR(hub_pieces_stream(p, place->data, s->npz.tensors[i].bytes, take_summed, &sum));
    RETURN_IF(sum.crc != place->crc, HOOKE_E_FORMAT,
              "%s/%s: tensor '%.100s' is damaged: CRC %08x, expected %08x; pull again", p->repo, p->path,
              part_source_name(s, i), sum.crc, place->crc);
    return HOOKE_OK;
}

static hooke_status read_npz(struct part_source *s, int i, size_t first, size_t n, take_fn take,
                             void *payload)
{
    const struct stored_tensor *t = &s->npz.tensors[i];
    struct npz_place place;
    npz_find(&place, &s->npz, i);
    if (place.why_not) {
        RETURN_IF(t->bytes > LOADED_MAX_BYTES || place.packed > LOADED_MAX_BYTES, HOOKE_E_UNSUPPORTED,
                  "tensor '%.100s' is %s in %s, and its %zu bytes are more than pass through memory; pull "
                  "the file whole",
                  t->name, place.why_not, s->path, t->bytes);
        s->pieces.budget += place.packed;
        RETURN_IF_ERROR(npz_load(&s->npz, &t, t->name));
        return take(payload, (const unsigned char *)t->data + first, n);
    }
    if (n == t->bytes) return stream_member(s, i, &place, take, payload);
    return hub_pieces_stream(&s->pieces, place.data + first, n, take, payload);
}

hooke_status part_source_read(struct part_source *s, int i, size_t first, size_t n, take_fn take,
                              void *payload)
{
    if (s->is_npz) return read_npz(s, i, first, n, take, payload);
    const struct stored_tensor *t = &s->st.tensors[i];
    size_t begin = (size_t)((const unsigned char *)t->data - s->pieces.map);
    return hub_pieces_stream(&s->pieces, begin + first, n, take, payload);
}
