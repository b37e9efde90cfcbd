/* sha.c: the two compression functions as FIPS 180-4 writes them, with the message schedule kept in sixteen words. */
#include "file/sha.h"

#include <string.h>

static uint32_t left(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static uint32_t right(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static uint32_t load_big(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* ---- SHA-1 ---- */

static void mix_1(uint32_t state[5], const unsigned char *p)
{
    static const uint32_t k[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
    uint32_t w[16], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 16; i++) w[i] = load_big(p + 4 * i);
    for (int t = 0; t < 80; t++) {
        uint32_t *x = &w[t & 15], f;
        if (t >= 16) *x = left(w[(t + 13) & 15] ^ w[(t + 8) & 15] ^ w[(t + 2) & 15] ^ *x, 1);
        if (t < 20)
            f = d ^ (b & (c ^ d));
        else if (t >= 40 && t < 60)
            f = (b & c) | (d & (b | c));
        else
            f = b ^ c ^ d;
        uint32_t next = left(a, 5) + f + e + k[t / 20] + *x;
        e = d;
        d = c;
        c = left(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

/* ---- SHA-256 ---- */

/* First 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t k256[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* One round with the eight words under their present names: what was h becomes the new a, d the new e. Rotating the names instead of
 * the values saves the moves. */
static inline __attribute__((always_inline)) void round_256(uint32_t a, uint32_t b, uint32_t c, uint32_t *d,
                                                            uint32_t e, uint32_t f, uint32_t g, uint32_t *h,
                                                            uint32_t kw)
{
    uint32_t t = *h + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) + (g ^ (e & (f ^ g))) + kw;
    *d += t;
    *h = t + (right(a, 2) ^ right(a, 13) ^ right(a, 22)) + ((a & b) | (c & (a | b)));
}

static inline __attribute__((always_inline)) uint32_t schedule(uint32_t w[16], int t)
{
    uint32_t w15 = w[(t + 1) & 15], w2 = w[(t + 14) & 15];
    w[t & 15] += (right(w15, 7) ^ right(w15, 18) ^ w15 >> 3) + w[(t + 9) & 15] +
                 (right(w2, 17) ^ right(w2, 19) ^ w2 >> 10);
    return w[t & 15];
}

/* Eight rounds bring the names back to where they began; kw[8] are the constants plus the schedule's words. */
static inline __attribute__((always_inline)) void rounds_256(uint32_t s[8], const uint32_t kw[8])
{
    uint32_t a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    round_256(a, b, c, &d, e, f, g, &h, kw[0]);
    round_256(h, a, b, &c, d, e, f, &g, kw[1]);
    round_256(g, h, a, &b, c, d, e, &f, kw[2]);
    round_256(f, g, h, &a, b, c, d, &e, kw[3]);
    round_256(e, f, g, &h, a, b, c, &d, kw[4]);
    round_256(d, e, f, &g, h, a, b, &c, kw[5]);
    round_256(c, d, e, &f, g, h, a, &b, kw[6]);
    round_256(b, c, d, &e, f, g, h, &a, kw[7]);
    s[0] = a, s[1] = b, s[2] = c, s[3] = d, s[4] = e, s[5] = f, s[6] = g, s[7] = h;
}

static void mix_256(uint32_t state[8], const unsigned char *p)
{
    uint32_t w[16], s[8], kw[8];
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 16; i++) w[i] = load_big(p + 4 * i);
    for (int t = 0; t < 16; t += 8) {
        for (int i = 0; i < 8; i++) kw[i] = k256[t + i] + w[t + i];
        rounds_256(s, kw);
    }
    for (int t = 16; t < 64; t += 16) { /* one turn of the ring of sixteen: its places are constants */
        const uint32_t *k = k256 + t;
        kw[0] = k[0] + schedule(w, 0), kw[1] = k[1] + schedule(w, 1), kw[2] = k[2] + schedule(w, 2);
        kw[3] = k[3] + schedule(w, 3), kw[4] = k[4] + schedule(w, 4), kw[5] = k[5] + schedule(w, 5);
        kw[6] = k[6] + schedule(w, 6), kw[7] = k[7] + schedule(w, 7);
        rounds_256(s, kw);
        kw[0] = k[8] + schedule(w, 8), kw[1] = k[9] + schedule(w, 9), kw[2] = k[10] + schedule(w, 10);
        kw[3] = k[11] + schedule(w, 11), kw[4] = k[12] + schedule(w, 12), kw[5] = k[13] + schedule(w, 13);
        kw[6] = k[14] + schedule(w, 14), kw[7] = k[15] + schedule(w, 15);
        rounds_256(s, kw);
    }
    for (int i = 0; i < 8; i++) state[i] += s[i];
}

/* ---- the stream ---- */

void sha_begin(struct sha *s, enum sha_kind kind)
{
    static const uint32_t start_1[8] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
    /* Fractional parts of the square roots of the first eight primes. */
    static const uint32_t start_256[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                           0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    memset(s, 0, sizeof *s);
    s->kind = kind;
    memcpy(s->state, kind == SHA_1 ? start_1 : start_256, sizeof s->state);
}

static void mix(struct sha *s, const unsigned char *p)
{
    if (s->kind == SHA_1)
        mix_1(s->state, p);
    else
        mix_256(s->state, p);
}

void sha_add(struct sha *s, const void *data, size_t n)
{
    const unsigned char *p = data;
    size_t held = (size_t)(s->n_bytes % SHA_BLOCK_BYTES);
    s->n_bytes += n;
    if (held) {
        size_t take = n < SHA_BLOCK_BYTES - held ? n : SHA_BLOCK_BYTES - held;
        if (take) memcpy(s->block + held, p, take);
        p += take;
        n -= take;
        if (held + take < SHA_BLOCK_BYTES) return;
        mix(s, s->block);
    }
    for (; n >= SHA_BLOCK_BYTES; p += SHA_BLOCK_BYTES, n -= SHA_BLOCK_BYTES) mix(s, p);
    if (n) memcpy(s->block, p, n);
}

void sha_end(struct sha *s, char hex[SHA_HEX_BYTES])
{
    static const unsigned char pad[SHA_BLOCK_BYTES] = { 0x80 };
    static const char digits[] = "0123456789abcdef";
    uint64_t n_bits = s->n_bytes * 8;
    unsigned char length[8];
    size_t held = (size_t)(s->n_bytes % SHA_BLOCK_BYTES);
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)(n_bits >> (56 - 8 * i));
    sha_add(s, pad, (held < 56 ? 56 : 120) - held);
    sha_add(s, length, sizeof length);
    int n = s->kind == SHA_1 ? 20 : 32;
    for (int i = 0; i < n; i++) {
        unsigned byte = s->state[i / 4] >> (24 - 8 * (i % 4)) & 0xff;
        hex[2 * i] = digits[byte >> 4];
        hex[2 * i + 1] = digits[byte & 15];
    }
    hex[2 * n] = '\0';
}
