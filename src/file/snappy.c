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

enum { ROOM = 80 }; /* a longest copy of 64 bytes in steps of 16, or a short literal, may write this far */

static uint32_t little(const unsigned char *p, int n_bytes)
{
    uint32_t v = 0;
    for (int i = 0; i < n_bytes; i++) v |= (uint32_t)p[i] << (8 * i);
    return v;
}

/* n (1 to 64) bytes from `back` before out, where ROOM bytes may be written. */
static inline void copy_with_room(unsigned char *out, size_t back, size_t n)
{
    const unsigned char *from = out - back;
    if (back >= 16) {
        memcpy(out, from, 16);
        for (size_t i = 16; i < n; i += 16) memcpy(out + i, from + i, 16);
        return;
    }
    size_t done = 0;
    if (back < 8) { /* the pattern once more and more, until what is behind it is as long as a step */
        for (; done < 8; done++) out[done] = from[done];
        back *= (8 + back - 1) / back;
    }
    for (; done < n; done += 8) memcpy(out + done, out + done - back, 8);
}

/* The elements while there is room on both sides; returns false if one is damaged. Local copies of the places, as every byte that is
 * written could otherwise change them, for all that the compiler knows. */
static bool unpack_with_room(const unsigned char **in_at, const unsigned char *in_end, unsigned char **out_at,
                             const unsigned char *begin, const unsigned char *out_end)
{
    const unsigned char *in = *in_at;
    unsigned char *out = *out_at;
    bool is_good = true;
    while (in_end - in >= ROOM && out_end - out >= ROOM) {
        unsigned tag = *in;
        size_t n = (tag >> 2) + 1, back;
        if ((tag & 3) == 0) {
            if (n > 60) break; /* a long one: with care */
            memcpy(out, in + 1, 16);
            if (n > 16) memcpy(out + 16, in + 17, 44);
            in += 1 + n;
            out += n;
            continue;
        }
        if ((tag & 3) == 1) {
            n = 4 + (tag >> 2 & 7);
            back = (tag >> 5) << 8 | in[1];
            in += 2;
        } else if ((tag & 3) == 2) {
            back = (size_t)in[1] | (size_t)in[2] << 8;
            in += 3;
        } else {
            back = little(in + 1, 4);
            in += 5;
        }
        is_good = back != 0 && back <= (size_t)(out - begin);
        if (!is_good) break;
        copy_with_room(out, back, n);
        out += n;
    }
    *in_at = in;
    *out_at = out;
    return is_good;
}

/* One element near an end, or a long literal. */
static bool unpack_one(const unsigned char **in_at, const unsigned char *in_end, unsigned char **out_at,
                       const unsigned char *begin, const unsigned char *out_end)
{
    const unsigned char *in = *in_at;
    unsigned char *out = *out_at;
    unsigned tag = *in++;
    bool is_literal = (tag & 3) == 0;
    size_t n = (tag >> 2) + 1, back = 0;
    int more = is_literal ? (n > 60 ? (int)n - 60 : 0) : (tag & 3) == 3 ? 4 : (int)(tag & 3);
    if (in_end - in < more) return false;
    uint32_t field = little(in, more);
    in += more;
    if (is_literal) {
        if (more) n = (size_t)field + 1;
        if (n > (size_t)(in_end - in) || n > (size_t)(out_end - out)) return false;
        memcpy(out, in, n);
        in += n;
    } else {
        if ((tag & 3) == 1) n = 4 + (tag >> 2 & 7);
        back = (tag & 3) == 1 ? field | (tag >> 5) << 8 : field;
        if (back == 0 || back > (size_t)(out - begin) || n > (size_t)(out_end - out)) return false;
        for (size_t i = 0; i < n; i++) out[i] = *(out + i - back);
    }
    *in_at = in;
    *out_at = out + n;
    return true;
}

bool snappy_unpack(unsigned char *out, size_t n, const unsigned char *packed, size_t n_packed)
{
    const unsigned char *in = packed, *in_end = packed + n_packed, *out_end = out + n;
    unsigned char *at = out;
    uint64_t size;
    if (!varint_read(&in, in_end, &size) || size != n) return false;
    while (in < in_end) {
        if (!unpack_with_room(&in, in_end, &at, out, out_end)) return false;
        if (in < in_end && !unpack_one(&in, in_end, &at, out, out_end)) return false;
    }
    return at == out_end;
}
