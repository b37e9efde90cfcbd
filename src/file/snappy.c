/* snappy.c
 *
 *   varint: unpacked size, then elements, each with a tag byte:
 *   ......00  literal of (tag >> 2) + 1 bytes; 60..63 there: the length - 1 follows in 1..4 bytes
 *   ......01  copy of 4..11 bytes from 11 bits back: 3 in the tag, 8 in the next byte
 *   ......10  copy of 1..64 bytes from 16 bits back
 *   ......11  copy of 1..64 bytes from 32 bits back
 *
 * A copy may overlap what it writes: then it repeats. */
#include "file/snappy.h"

#include <string.h>

#include "file/thrift.h"

struct cursor {
    const unsigned char *in, *in_end;
    unsigned char *out, *out_begin, *out_end;
};

static uint32_t little(const unsigned char *p, int n_bytes)
{
    uint32_t v = 0;
    for (int i = 0; i < n_bytes; i++) v |= (uint32_t)p[i] << (8 * i);
    return v;
}

static bool literal(struct cursor *c, unsigned tag)
{
    size_t n = (tag >> 2) + 1;
    if (n <= 16 && c->in_end - c->in >= 16 && c->out_end - c->out >= 16) {
        memcpy(c->out, c->in, 16); /* most literals are short: one move, of which n bytes count */
    } else {
        if (n > 60) {
            int bytes = (int)n - 60;
            if (c->in_end - c->in < bytes) return false;
            n = (size_t)little(c->in, bytes) + 1;
            c->in += bytes;
        }
        if (n > (size_t)(c->in_end - c->in) || n > (size_t)(c->out_end - c->out)) return false;
        memcpy(c->out, c->in, n);
    }
    c->in += n;
    c->out += n;
    return true;
}

static bool copy(struct cursor *c, size_t n, size_t back)
{
    if (back == 0 || back > (size_t)(c->out - c->out_begin) || n > (size_t)(c->out_end - c->out))
        return false;
    const unsigned char *from = c->out - back;
    if (back >= 16 && c->out_end - c->out >= 64) {
        for (size_t i = 0; i < n; i += 16) memcpy(c->out + i, from + i, 16);
    } else if (back >= 8 && c->out_end - c->out >= 64) {
        for (size_t i = 0; i < n; i += 8) memcpy(c->out + i, from + i, 8);
    } else {
        for (size_t i = 0; i < n; i++) c->out[i] = from[i];
    }
    c->out += n;
    return true;
}

static bool element(struct cursor *c)
{
    unsigned tag = *c->in++;
    int n_bytes = (tag & 3) == 3 ? 4 : (int)(tag & 3);
    if ((tag & 3) == 0) return literal(c, tag);
    if (c->in_end - c->in < n_bytes) return false;
    uint32_t back = little(c->in, n_bytes);
    c->in += n_bytes;
    if ((tag & 3) == 1) return copy(c, 4 + (tag >> 2 & 7), back | (tag >> 5) << 8);
    return copy(c, (tag >> 2) + 1, back);
}

bool snappy_unpack(unsigned char *out, size_t n, const unsigned char *packed, size_t n_packed)
{
    struct cursor c = { packed, packed + n_packed, out, out, out + n };
    uint64_t size;
    if (!varint_read(&c.in, c.in_end, &size) || size != n) return false;
    while (c.in < c.in_end)
        if (!element(&c)) return false;
    return c.out == c.out_end;
}
