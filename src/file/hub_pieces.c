/* hub_pieces.c: bytes of a file on the hub by range requests: into memory at their own places, or past it in order.
 *
 * Whatever comes is held against what was asked for: the range, the whole file's length, and the etag, which says that two requests
 * were answered from one content. */
#define _GNU_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#include <string.h>
#include <sys/mman.h>

#include "file/hub_part.h"

enum { PIECES_MAX = 1 << 16, READ_AHEAD = 64 * 1024 };
#define HEADERS_MAX_BYTES \
    ((size_t)26 << 20) /* the hub's own client takes safetensors headers of 25 million */

/* ---- one range ---- */

struct range_get {
    const struct hub_pieces *pieces;
    int64_t at, end; /* bytes still to come: at .. end-1 */
    take_fn take;
    void *payload;
    bool is_elsewhere, has_begun;
    hooke_status refusal; /* of the answer itself, not to be tried again */
};

/* Does this answer go on where the last one ended? */
static hooke_status check_range(const struct range_get *g, const struct http_reply *reply)
{
    const struct hub_meta *meta = &g->pieces->meta;
    int64_t first, whole;
    bool is_part =
        reply->status == 206 && hub_content_range(http_header(reply, "content-range"), &first, &whole);
    RETURN_IF(!is_part || first != g->at || (whole >= 0 && whole != meta->size), HOOKE_E_UNSUPPORTED,
              "the server does not give parts of files; pull it whole, without --only");
    RETURN_IF(!g->is_elsewhere && hub_is_another(reply, meta), HOOKE_E_FORMAT,
              "it changed on the hub while parts of it were brought; pull again");
    return HOOKE_OK;
}

static hooke_status on_range(void *payload, const struct http_reply *reply, const void *bytes, size_t n)
{
    struct range_get *g = payload;
    if (reply->status != 206 && reply->status != 200) return HOOKE_OK;
    if (!g->has_begun) g->refusal = check_range(g, reply);
    g->has_begun = true;
    if (g->refusal == HOOKE_OK && n > (uint64_t)(g->end - g->at))
        g->refusal = fail(HOOKE_E_FORMAT, "more bytes came than were asked for");
    if (g->refusal != HOOKE_OK) return g->refusal;
    hooke_status st = g->take(g->payload, bytes, n);
    if (st == HOOKE_OK) g->at += (int64_t)n;
    return st;
}

/* What has been taken stays taken when the line breaks: the next try goes on behind it. */
static hooke_status get_range(const struct hub_pieces *p, struct range_get *g, const char *url)
{
    struct hub_worker *w = p->w;
    struct http_reply reply = { .length = -1 };
    hooke_status st = HOOKE_OK;
    for (int tries = 0; st == HOOKE_OK && g->at < g->end;) {
        int64_t before = g->at;
        struct hub_get get = { .url = url,
                               .first = g->at,
                               .last = g->end - 1,
                               .on_body = on_range,
                               .payload = g,
                               .same = &p->meta };
        g->has_begun = false;
        st = hub_get(w, &reply, &get, &g->is_elsewhere);
        if (g->at == g->end && st == HOOKE_OK) break;
        bool is_short = st == HOOKE_OK && reply.status == 206;
        bool has_expired = st == HOOKE_OK && g->is_elsewhere && (reply.status == 401 || reply.status == 403);
        bool may = g->refusal == HOOKE_OK && tries < w->n_retries;
        if (may && (hub_can_retry(st, &reply) || is_short || has_expired)) {
            tries = g->at > before ? 0 : tries + 1;
            st = hub_wait(w, &reply, tries ? tries - 1 : 0);
        } else if (st == HOOKE_OK) {
            st = is_short ? fail(HOOKE_E_IO, "only a part of bytes ..%lld came", (long long)g->end - 1)
                          : hub_refusal(w, &reply, p->repo, p->meta.commit, p->path);
        }
    }
    http_reply_release(&reply);
    return st;
}

hooke_status hub_pieces_stream(struct hub_pieces *p, size_t at, size_t n, take_fn take, void *payload)
{
    size_t size = (size_t)p->meta.size;
    RETURN_IF(n > size || at > size - n, HOOKE_E_INTERNAL, "%s: bytes %zu of %zu", p->path, at + n, size);
    if (n == 0) return HOOKE_OK;
    for (size_t i = 0; i < p->n_pieces; i++)
        if (at >= p->pieces[i].begin && at + n <= p->pieces[i].end) return take(payload, p->map + at, n);
    struct range_get g = {
        .pieces = p, .at = (int64_t)at, .end = (int64_t)(at + n), .take = take, .payload = payload
    };
    hooke_text url = { 0 };
    hooke_status st = hub_file_url(&url, p->w->config, p->repo, p->meta.commit, p->path);
    if (st == HOOKE_OK) st = get_range(p, &g, url.data);
    if (st != HOOKE_OK && st != HOOKE_E_CANCELLED) st = fail_within(st, "%s/%s", p->repo, p->path);
    hooke_text_release(&url);
    return st;
}

/* ---- what is kept ---- */

static hooke_status take_into_map(void *payload, const void *bytes, size_t n)
{
    unsigned char **to = payload;
    memcpy(*to, bytes, n);
    *to += n;
    return HOOKE_OK;
}

/* Brings at least the byte at `at`, which is not there yet, and at most what lies before the next piece. */
static hooke_status bring(struct hub_pieces *p, size_t at, size_t end)
{
    void *pieces = p->pieces;
    size_t size = (size_t)p->meta.size, ahead = p->read_ahead < size - at ? at + p->read_ahead : size;
    unsigned char *to = p->map + at;
    if (end < ahead) end = ahead;
    for (size_t i = 0; i < p->n_pieces; i++)
        if (p->pieces[i].begin > at && p->pieces[i].begin < end) end = p->pieces[i].begin;
    RETURN_IF(end - at > p->budget, HOOKE_E_UNSUPPORTED,
              "%s/%s: more than %zu bytes of headers; pull it whole, without --only", p->repo, p->path,
              HEADERS_MAX_BYTES);
    RETURN_IF_ERROR(
        mem_grow(&pieces, &p->capacity, p->n_pieces + 1, sizeof *p->pieces, PIECES_MAX, "pieces of a file"));
    p->pieces = pieces;
    RETURN_IF_ERROR(hub_pieces_stream(p, at, end - at, take_into_map, &to));
    p->budget -= end - at;
    p->pieces[p->n_pieces++] = (struct piece){ at, end };
    return HOOKE_OK;
}

hooke_status hub_pieces_need(void *pieces, size_t at, size_t n)
{
    struct hub_pieces *p = pieces;
    size_t end, size = (size_t)p->meta.size;
    RETURN_IF(__builtin_add_overflow(at, n, &end) || end > size, HOOKE_E_FORMAT,
              "%s/%s: bytes %zu and %zu more of %zu", p->repo, p->path, at, n, size);
    while (at < end) {
        const struct piece *here = NULL;
        for (size_t i = 0; i < p->n_pieces && !here; i++)
            if (at >= p->pieces[i].begin && at < p->pieces[i].end) here = &p->pieces[i];
        if (here)
            at = here->end;
        else
            RETURN_IF_ERROR(bring(p, at, end));
    }
    return HOOKE_OK;
}

hooke_status hub_pieces_open(struct hub_pieces *out, struct hub_worker *w, const char *repo,
                             const char *revision, const char *path)
{
    *out = (struct hub_pieces){
        .w = w, .repo = repo, .path = path, .budget = HEADERS_MAX_BYTES, .read_ahead = READ_AHEAD
    };
    struct hub_meta *meta = &out->meta;
    RETURN_IF_ERROR(hub_head(w, meta, repo, revision, path));
    RETURN_IF(meta->size < 8 || (uint64_t)meta->size > PTRDIFF_MAX, HOOKE_E_FORMAT,
              "%s/%s: no file that parts can be taken of: %lld bytes", repo, path, (long long)meta->size);
    void *map = mmap(NULL, (size_t)meta->size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    RETURN_IF(map == MAP_FAILED, HOOKE_E_MEMORY, "%s/%s: no room for %lld addresses", repo, path,
              (long long)meta->size);
    out->map = map;
    return HOOKE_OK;
}

void hub_pieces_close(struct hub_pieces *p)
{
    if (p->map) munmap(p->map, (size_t)p->meta.size);
    mem_free(p->pieces);
    p->map = NULL;
    p->pieces = NULL;
}
