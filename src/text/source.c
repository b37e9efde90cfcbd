#include "text/source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "file/sniff.h"

struct zstd_state {
    ZSTD_DStream *stream;
    char *packed; /* [SOURCE_BLOCK] */
    ZSTD_inBuffer in;
    bool is_between_frames;
};

static hooke_status open_zstd(struct source *s)
{
    void *p;
    RETURN_IF_ERROR(mem_take(&p, 1, sizeof *s->zstd, "zstd reader"));
    s->zstd = p;
    RETURN_IF_ERROR(mem_take(&p, SOURCE_BLOCK, 1, "zstd reader"));
    s->zstd->packed = p;
    s->zstd->in.src = p;
    s->zstd->is_between_frames = true;
    s->zstd->stream = ZSTD_createDStream();
    RETURN_IF(!s->zstd->stream, HOOKE_E_MEMORY, "zstd reader");
    return HOOKE_OK;
}

static hooke_status take_buffers(struct source *s, const char *name)
{
    void *p;
    s->line = 1;
    RETURN_IF_ERROR(mem_take(&p, strlen(name) + 1, 1, "path"));
    s->path = p;
    memcpy(s->path, name, strlen(name) + 1);
    RETURN_IF_ERROR(mem_take(&p, SOURCE_BLOCK, 1, "read buffer"));
    s->block = p;
    return HOOKE_OK;
}

hooke_status source_open_memory(struct source *s, const char *name, const void *bytes, size_t n)
{
    s->kind = SOURCE_MEMORY;
    s->memory = bytes;
    s->memory_left = n;
    return take_buffers(s, name);
}

static void read_memory(struct source *s)
{
    s->n = s->memory_left < SOURCE_BLOCK ? s->memory_left : SOURCE_BLOCK;
    if (s->n) memcpy(s->block, s->memory, s->n);
    s->memory += s->n;
    s->memory_left -= s->n;
}

hooke_status source_open(struct source *s, const char *path, enum source_kind kind)
{
    s->kind = kind;
    s->is_stdin = strcmp(path, "-") == 0;
    RETURN_IF_ERROR(take_buffers(s, s->is_stdin ? "standard input" : path));
    errno = 0;
    if (s->is_stdin)
        s->inner = stdin;
    else
        s->inner = kind == SOURCE_GZIP ? (void *)gzopen(path, "rb") : (void *)fopen(path, "rb");
    if (!s->inner) return fail_errno(errno == ENOENT ? HOOKE_E_NOT_FOUND : HOOKE_E_IO, "%s", path);
    return kind == SOURCE_ZSTD ? open_zstd(s) : HOOKE_OK;
}

void source_close(struct source *s)
{
    if (s->inner && !s->is_stdin) {
        if (s->kind == SOURCE_GZIP)
            gzclose((gzFile)s->inner);
        else
            fclose((FILE *)s->inner);
    }
    if (s->zstd) {
        ZSTD_freeDStream(s->zstd->stream);
        mem_free(s->zstd->packed);
        mem_free(s->zstd);
    }
    mem_free(s->block);
    mem_free(s->path);
    *s = (struct source){ 0 };
}

static hooke_status read_file(struct source *s, char *out, size_t *n)
{
    *n = fread(out, 1, SOURCE_BLOCK, (FILE *)s->inner);
    if (*n == 0 && ferror((FILE *)s->inner)) return fail_errno(HOOKE_E_IO, "%s", s->path);
    return HOOKE_OK;
}

/* zlib hands plain bytes through when there is no gzip header, and reports a cut file only by its error state. */
static hooke_status read_gzip(struct source *s)
{
    int code, got = gzread((gzFile)s->inner, s->block, SOURCE_BLOCK);
    const char *text = gzerror((gzFile)s->inner, &code);
    RETURN_IF(got < 0 || code == Z_BUF_ERROR, HOOKE_E_FORMAT, "%s: gzip: %s", s->path,
              text[0] ? text : "damaged");
    RETURN_IF(gzdirect((gzFile)s->inner), HOOKE_E_FORMAT, "%s: not a gzip file; it looks like %s", s->path,
              looks_like((const unsigned char *)s->block, (size_t)got));
    s->n = (size_t)got;
    return HOOKE_OK;
}

static hooke_status read_zstd(struct source *s)
{
    struct zstd_state *z = s->zstd;
    ZSTD_outBuffer out = { s->block, SOURCE_BLOCK, 0 };
    while (out.pos == 0) {
        if (z->in.pos == z->in.size) {
            RETURN_IF_ERROR(read_file(s, z->packed, &z->in.size));
            z->in.pos = 0;
            RETURN_IF(z->in.size == 0 && !z->is_between_frames, HOOKE_E_FORMAT,
                      "%s: zstd: the file is cut short", s->path);
            if (z->in.size == 0) break;
        }
        size_t left = ZSTD_decompressStream(z->stream, &out, &z->in);
        RETURN_IF(ZSTD_isError(left), HOOKE_E_FORMAT, "%s: zstd: %s", s->path, ZSTD_getErrorName(left));
        z->is_between_frames = left == 0;
    }
    s->n = out.pos;
    return HOOKE_OK;
}

hooke_status source_fill(struct source *s, bool *got)
{
    *got = s->at < s->n;
    if (*got || s->is_done) return HOOKE_OK;
    s->at = s->n = 0;
    switch (s->kind) {
    case SOURCE_PLAIN:
        RETURN_IF_ERROR(read_file(s, s->block, &s->n));
        break;
    case SOURCE_GZIP:
        RETURN_IF_ERROR(read_gzip(s));
        break;
    case SOURCE_ZSTD:
        RETURN_IF_ERROR(read_zstd(s));
        break;
    case SOURCE_MEMORY:
        read_memory(s);
        break;
    }
    s->is_done = s->n == 0;
    *got = s->n > 0;
    return HOOKE_OK;
}

hooke_status source_byte(struct source *s, char *c, bool *got)
{
    RETURN_IF_ERROR(source_fill(s, got));
    if (!*got) return HOOKE_OK;
    *c = s->block[s->at++];
    if (*c == '\n') s->line++;
    return HOOKE_OK;
}

hooke_status source_line(struct source *s, hooke_text *out, size_t max, bool *got)
{
    bool more, is_whole = false;
    *got = false;
    while (!is_whole) {
        RETURN_IF_ERROR(source_fill(s, &more));
        if (!more) break;
        *got = true;
        const char *begin = s->block + s->at, *end = memchr(begin, '\n', s->n - s->at);
        size_t n = end ? (size_t)(end - begin) : s->n - s->at;
        is_whole = end != NULL;
        RETURN_IF(n > max - out->n, HOOKE_E_UNSUPPORTED, "%s: line %lld is longer than %zu bytes", s->path,
                  (long long)s->line, max);
        RETURN_IF_ERROR(text_append(out, begin, n));
        s->at += n + (is_whole ? 1 : 0);
    }
    if (is_whole) s->line++;
    if (is_whole && out->n && out->data[out->n - 1] == '\r') out->data[--out->n] = '\0';
    return HOOKE_OK;
}

hooke_status source_begin(struct source *s)
{
    bool got;
    RETURN_IF_ERROR(source_fill(s, &got));
    const char *kind = got ? known_kind((const unsigned char *)s->block + s->at, s->n - s->at) : NULL;
    RETURN_IF(kind, HOOKE_E_UNSUPPORTED, "%s: read as text, going by its name; it looks like %s", s->path,
              kind);
    if (got && s->n - s->at >= 3 && memcmp(s->block + s->at, "\xEF\xBB\xBF", 3) == 0) s->at += 3;
    return HOOKE_OK;
}
