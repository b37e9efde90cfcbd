/* parquet_page.c: page headers, and the bytes of a page unpacked. */
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "file/parquet_parts.h"
#include "file/snappy.h"

enum codec { UNCOMPRESSED = 0, SNAPPY = 1, GZIP = 2, ZSTD = 6 };

/* ---- headers ---- */

/* Field numbers of the three kinds of header; 0: it has none. */
struct header_fields {
    int n_values, encoding, def_encoding, rep_encoding, def_bytes, rep_bytes, is_packed;
};
static const struct header_fields data_v1 = { 1, 2, 3, 4, 0, 0, 0 };
static const struct header_fields dictionary = { 1, 2, 0, 0, 0, 0, 0 };
static const struct header_fields data_v2 = { 1, 4, 0, 0, 5, 6, 7 };

static hooke_status read_size(struct thrift *t, const struct thrift_field *f, size_t *out)
{
    int64_t v;
    RETURN_IF_ERROR(thrift_int(t, f, 0, INT32_MAX, &v));
    *out = (size_t)v;
    return HOOKE_OK;
}

static hooke_status read_code(struct thrift *t, const struct thrift_field *f, int *out)
{
    int64_t v;
    RETURN_IF_ERROR(thrift_int(t, f, 0, INT32_MAX, &v));
    *out = (int)v;
    return HOOKE_OK;
}

static hooke_status read_inner(struct thrift *t, const struct thrift_field *outer,
                               const struct header_fields *ids, struct parquet_page *page)
{
    struct thrift_field f = { 0 };
    RETURN_IF_ERROR(thrift_expect(t, outer, THRIFT_STRUCT));
    for (;;) {
        RETURN_IF_ERROR(thrift_next(t, &f));
        if (f.type == THRIFT_STOP) return HOOKE_OK;
        if (f.id == ids->n_values)
            RETURN_IF_ERROR(thrift_int(t, &f, 0, INT32_MAX, &page->n_values));
        else if (f.id == ids->encoding)
            RETURN_IF_ERROR(read_code(t, &f, &page->encoding));
        else if (f.id == ids->def_encoding)
            RETURN_IF_ERROR(read_code(t, &f, &page->def_encoding));
        else if (f.id == ids->rep_encoding)
            RETURN_IF_ERROR(read_code(t, &f, &page->rep_encoding));
        else if (f.id == ids->def_bytes)
            RETURN_IF_ERROR(read_size(t, &f, &page->def_bytes));
        else if (f.id == ids->rep_bytes)
            RETURN_IF_ERROR(read_size(t, &f, &page->rep_bytes));
        else if (f.id == ids->is_packed)
            RETURN_IF_ERROR(thrift_bool(t, &f, &page->is_packed));
        else
            RETURN_IF_ERROR(thrift_skip(t, &f));
    }
}

static hooke_status read_header(struct thrift *t, struct parquet_page *page)
{
    struct thrift_field f = { 0 };
    int64_t crc;
    *page = (struct parquet_page){ .kind = -1,
                                   .encoding = -1,
                                   .def_encoding = RLE,
                                   .rep_encoding = RLE,
                                   .n_values = -1,
                                   .is_packed = true };
    for (;;) {
        RETURN_IF_ERROR(thrift_next(t, &f));
        if (f.type == THRIFT_STOP) return HOOKE_OK;
        if (f.id == 1) {
            RETURN_IF_ERROR(read_code(t, &f, &page->kind));
        } else if (f.id == 2) {
            RETURN_IF_ERROR(read_size(t, &f, &page->unpacked));
        } else if (f.id == 3) {
            RETURN_IF_ERROR(read_size(t, &f, &page->packed));
        } else if (f.id == 4) {
            RETURN_IF_ERROR(thrift_int(t, &f, INT32_MIN, INT32_MAX, &crc));
            page->has_crc = true;
            page->crc = (uint32_t)crc;
        } else if (f.id == 5) {
            RETURN_IF_ERROR(read_inner(t, &f, &data_v1, page));
        } else if (f.id == 7) {
            RETURN_IF_ERROR(read_inner(t, &f, &dictionary, page));
        } else if (f.id == 8) {
            RETURN_IF_ERROR(read_inner(t, &f, &data_v2, page));
        } else {
            RETURN_IF_ERROR(thrift_skip(t, &f));
        }
    }
}

static uint32_t crc_of(const unsigned char *p, size_t n)
{
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), p, n);
}

hooke_status parquet_page_read(struct parquet_page *page, const struct parquet *p, size_t *at, size_t end)
{
    struct thrift t = { p->bytes + *at, p->bytes + end, p->name };
    RETURN_IF_ERROR(read_header(&t, page));
    size_t left = (size_t)(t.end - t.at), begin = (size_t)(t.at - p->bytes);
    RETURN_IF(page->packed > left, HOOKE_E_FORMAT, "%s: the page at %zu has %zu bytes, its column chunk %zu",
              p->name, *at, page->packed, left);
    RETURN_IF(page->kind != INDEX_PAGE && (page->n_values < 0 || page->encoding < 0), HOOKE_E_FORMAT,
              "%s: the page at %zu lacks its number of values or its encoding", p->name, *at);
    page->body = p->bytes + begin;
    RETURN_IF(page->has_crc && crc_of(page->body, page->packed) != page->crc, HOOKE_E_FORMAT,
              "%s: the page at %zu is damaged: its checksum does not match", p->name, *at);
    *at = begin + page->packed;
    return HOOKE_OK;
}

/* ---- unpacking ---- */

static bool gzip_unpack(unsigned char *out, size_t n, const unsigned char *packed, size_t n_packed)
{
    z_stream z = { 0 };
    unsigned char none[1];
    if (inflateInit2(&z, 15 + 32) != Z_OK) return false; /* gzip, or zlib's own header */
    z.next_in = (Bytef *)(uintptr_t)packed;
    z.avail_in = (uInt)n_packed;
    z.next_out = n ? out : none;
    z.avail_out = (uInt)n;
    int code = inflate(&z, Z_FINISH);
    bool is_whole = code == Z_STREAM_END && z.total_out == n;
    inflateEnd(&z);
    return is_whole;
}

static hooke_status codec_refused(const struct parquet *p, int codec)
{
    static const char *const names[] = { "", "", "", "LZO", "Brotli", "LZ4", "", "LZ4" };
    RETURN_IF(codec < 0 || codec > 7, HOOKE_E_FORMAT, "%s: unknown compression %d", p->name, codec);
    return fail(HOOKE_E_UNSUPPORTED, "%s: pages packed with %s; write it with snappy, gzip, zstd or none",
                p->name, names[codec]);
}

/* What cannot be, whatever the bytes are: refused before memory is taken for it. */
static bool is_possible(int codec, size_t unpacked, const unsigned char *packed, size_t n_packed)
{
    unsigned long long size;
    switch (codec) {
    case SNAPPY: /* a copy of 64 bytes takes 3 */
        return unpacked / 22 <= n_packed;
    case GZIP: /* 258 bytes take 2 bits */
        return unpacked / 1032 <= n_packed;
    case ZSTD:
        size = ZSTD_getFrameContentSize(packed, n_packed);
        return size != ZSTD_CONTENTSIZE_ERROR && (size == ZSTD_CONTENTSIZE_UNKNOWN || size <= unpacked);
    default:
        return true;
    }
}

static bool unpack(int codec, unsigned char *out, size_t n, const unsigned char *packed, size_t n_packed)
{
    switch (codec) {
    case SNAPPY:
        return snappy_unpack(out, n, packed, n_packed);
    case GZIP:
        return gzip_unpack(out, n, packed, n_packed);
    case ZSTD:
        return ZSTD_decompress(out, n, packed, n_packed) == n;
    default:
        return false;
    }
}

void parquet_bytes_release(struct parquet_bytes *b)
{
    mem_free(b->owned);
    *b = (struct parquet_bytes){ 0 };
}

hooke_status parquet_page_unpack(struct parquet_bytes *out, const struct parquet *p,
                                 const struct parquet_page *page, int codec)
{
    size_t levels = page->def_bytes + page->rep_bytes;
    parquet_bytes_release(out);
    RETURN_IF(levels > page->packed || levels > page->unpacked, HOOKE_E_FORMAT,
              "%s: a page of %zu bytes with %zu bytes of levels", p->name, page->packed, levels);
    const unsigned char *packed = page->body + levels;
    size_t n_packed = page->packed - levels, n = page->unpacked - levels;
    if (codec == UNCOMPRESSED || !page->is_packed) {
        RETURN_IF(n != n_packed, HOOKE_E_FORMAT, "%s: an unpacked page has %zu bytes, expected %zu", p->name,
                  n_packed, n);
        *out = (struct parquet_bytes){ packed, n, NULL };
        return HOOKE_OK;
    }
    if (codec != SNAPPY && codec != GZIP && codec != ZSTD) return codec_refused(p, codec);
    RETURN_IF(n > p->max_page, HOOKE_E_UNSUPPORTED, "%s: a page of %zu bytes, the limit is %zu", p->name, n,
              p->max_page);
    if (n == 0 && n_packed == 0) return HOOKE_OK; /* a v2 page of nulls may leave the codec out */
    bool is_possible_size = is_possible(codec, n, packed, n_packed);
    if (is_possible_size) {
        out->owned = mem_alloc_raw(n, 1);
        RETURN_IF(!out->owned, HOOKE_E_MEMORY, "%s: out of memory for a page of %zu bytes", p->name, n);
    }
    RETURN_IF(!is_possible_size || !unpack(codec, out->owned, n, packed, n_packed), HOOKE_E_FORMAT,
              "%s: a packed page is damaged, or does not unpack to %zu bytes", p->name, n);
    out->data = out->owned;
    out->n = n;
    return HOOKE_OK;
}
