/* parquet_decode.c: integers as Parquet packs them: runs, bits, differences. */
#include <string.h>

#include "file/parquet_parts.h"

/* The 8 bytes at p, little-endian; of at..end only, zeroes behind it. */
static uint64_t load_word(const unsigned char *p, const unsigned char *end)
{
    uint64_t v = 0;
    size_t n = end - p < 8 ? (size_t)(end - p) : 8;
    for (size_t i = 0; i < n; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static uint64_t load_whole_word(const unsigned char *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/* width (0 to 64) bits at bit `bit` of begin[..end). */
static uint64_t read_bits(const unsigned char *begin, const unsigned char *end, uint64_t bit, int width)
{
    const unsigned char *p = begin + bit / 8;
    int shift = (int)(bit % 8);
    if (width == 0) return 0;
    uint64_t v = (end - p >= 8 ? load_whole_word(p) : load_word(p, end)) >> shift;
    if (shift + width > 64) v |= (uint64_t)p[8] << (64 - shift); /* the caller has checked that it is there */
    return width == 64 ? v : v & (((uint64_t)1 << width) - 1);
}

/* ---- runs and groups ---- */

void hybrid_init(struct hybrid *h, const unsigned char *begin, const unsigned char *end, int width)
{
    *h = (struct hybrid){ .at = begin, .end = end, .width = width, .group_at = 8 };
}

/* A run: varint n << 1, then the value. Groups: varint n << 1 | 1, then n groups of 8 values. */
static bool next_run(struct hybrid *h)
{
    uint64_t head;
    size_t value_bytes = (size_t)(h->width + 7) / 8;
    if (!varint_read(&h->at, h->end, &head)) return false;
    if (head & 1) {
        h->groups_left = head >> 1;
        return h->width == 0 || h->groups_left <= (size_t)(h->end - h->at) / (size_t)h->width;
    }
    if ((size_t)(h->end - h->at) < value_bytes) return false;
    h->run_left = head >> 1;
    h->value = (uint32_t)load_word(h->at, h->at + value_bytes);
    h->at += value_bytes;
    return h->width == 32 || h->value < (uint32_t)1 << h->width;
}

static void unpack_group(uint32_t *out, const unsigned char *p, const unsigned char *end, int width)
{
    for (int i = 0; i < 8; i++) out[i] = (uint32_t)read_bits(p, end, (uint64_t)i * (uint64_t)width, width);
}

static size_t give_run(struct hybrid *h, uint32_t *out, size_t n)
{
    size_t m = h->run_left < n ? (size_t)h->run_left : n;
    for (size_t i = 0; i < m; i++) out[i] = h->value;
    h->run_left -= m;
    return m;
}

static size_t give_groups(struct hybrid *h, uint32_t *out, size_t n)
{
    size_t m = 0;
    while (h->group_at < 8 && m < n) out[m++] = h->group[h->group_at++];
    for (; h->groups_left && m < n; h->groups_left--, h->at += h->width) {
        if (n - m >= 8) {
            unpack_group(out + m, h->at, h->end, h->width);
            m += 8;
        } else {
            unpack_group(h->group, h->at, h->end, h->width);
            for (h->group_at = 0; m < n;) out[m++] = h->group[h->group_at++];
        }
    }
    return m;
}

bool hybrid_read(struct hybrid *h, uint32_t *out, size_t n)
{
    while (n) {
        if (h->run_left == 0 && h->groups_left == 0 && h->group_at == 8 && !next_run(h)) return false;
        size_t m = h->run_left ? give_run(h, out, n) : give_groups(h, out, n);
        out += m;
        n -= m;
    }
    return true;
}

/* ---- differences ---- */

/* varint values of a block, miniblocks of a block, values in all; zigzag first value. */
bool delta_init(struct delta *d, const unsigned char *begin, const unsigned char *end)
{
    uint64_t block, first;
    *d = (struct delta){ .at = begin, .end = end, .is_first = true };
    if (!varint_read(&d->at, end, &block) || !varint_read(&d->at, end, &d->n_minis) ||
        !varint_read(&d->at, end, &d->left) || !varint_read(&d->at, end, &first))
        return false;
    if (d->n_minis == 0 || block == 0 || block > INT32_MAX || block % d->n_minis != 0) return false;
    d->per_mini = block / d->n_minis;
    d->mini = d->n_minis; /* no block yet */
    d->value = (uint64_t)zigzag(first);
    return d->per_mini % 8 == 0;
}

/* zigzag least difference, a byte of width for each miniblock. */
static bool next_block(struct delta *d)
{
    uint64_t least;
    if (!varint_read(&d->at, d->end, &least) || d->n_minis > (size_t)(d->end - d->at)) return false;
    d->least = (uint64_t)zigzag(least);
    d->widths = d->at;
    d->at += d->n_minis;
    d->mini = 0;
    return true;
}

static bool next_mini(struct delta *d)
{
    if (d->mini == d->n_minis && !next_block(d)) return false;
    d->width = d->widths[d->mini++];
    uint64_t bytes = d->per_mini / 8 * (uint64_t)d->width;
    if (d->width > 64 || bytes > (size_t)(d->end - d->at)) return false;
    d->bits = d->at;
    d->at += bytes;
    d->bit = 0;
    d->mini_left = d->per_mini;
    return true;
}

bool delta_read(struct delta *d, int64_t *out, size_t n)
{
    if (n > d->left) return false;
    d->left -= n;
    if (n && d->is_first) {
        *out++ = (int64_t)d->value;
        d->is_first = false;
        n--;
    }
    while (n) {
        if (d->mini_left == 0 && !next_mini(d)) return false;
        size_t m = d->mini_left < n ? (size_t)d->mini_left : n;
        for (size_t i = 0; i < m; i++, d->bit += (uint64_t)d->width) {
            d->value += d->least + read_bits(d->bits, d->at, d->bit, d->width);
            out[i] = (int64_t)d->value;
        }
        d->mini_left -= m;
        out += m;
        n -= m;
    }
    return true;
}

const unsigned char *delta_end(const struct delta *d)
{
    struct delta copy = *d;
    uint64_t left = copy.left ? copy.left - 1 : 0; /* the first is in the header */
    while (left) {
        if (!next_mini(&copy)) return NULL;
        left -= left < copy.per_mini ? left : copy.per_mini;
    }
    /* Miniblocks behind the last value have a width but no bytes. */
    return copy.at;
}
