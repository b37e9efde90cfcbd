/* damage.h: gives a reader every cut and many corruptions of a file. Copies are of the exact size, so that a sanitizer sees the
 * first byte read past the end. */
#ifndef HOOKE_TESTS_DAMAGE_H
#define HOOKE_TESTS_DAMAGE_H

#include "check.h"

#include "base/random.h"
#include "base/text.h"

/* Opens bytes[n], uses all that it offers, closes; returns the status. */
typedef hooke_status (*reader_fn)(const unsigned char *bytes, size_t n);

static inline hooke_status read_exact_copy(reader_fn reader, const unsigned char *bytes, size_t n)
{
    unsigned char *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    if (n) memcpy(copy, bytes, n);
    hooke_status st = reader(copy, n);
    free(copy);
    return st;
}

/* Every proper prefix must be refused, with a message. */
static inline void refuses_every_cut(reader_fn reader, const unsigned char *bytes, size_t n)
{
    assert_int_equal(read_exact_copy(reader, bytes, n), HOOKE_OK);
    for (size_t cut = 0; cut < n; cut++) {
        hooke_status st = read_exact_copy(reader, bytes, cut);
        if (st == HOOKE_OK) print_message("cut at byte %zu of %zu was accepted\n", cut, n);
        assert_int_not_equal(st, HOOKE_OK);
        assert_int_not_equal(st, HOOKE_E_INTERNAL);
        assert_true(hooke_error()[0] != '\0');
    }
}

/* One to four flipped bits, or a byte set to a telling value, `rounds` times: any verdict but a crash or our own fault. Returns
 * how many were refused. */
static inline long survives_flips(reader_fn reader, const unsigned char *bytes, size_t n, long rounds,
                                  uint64_t seed)
{
    static const unsigned char telling[] = { 0x00, 0xFF, 0x7F, 0x80, '"', '{', '9', '-' };
    long refused = 0;
    unsigned char *copy = malloc(n);
    assert_non_null(copy);
    for (long round = 0; round < rounds; round++) {
        uint32_t r[4];
        memcpy(copy, bytes, n);
        random_block(r, seed, RANDOM_TEST, (uint64_t)round);
        for (uint32_t i = 0; i <= (r[3] & 3); i++) {
            size_t at = r[i % 3] % n;
            if (r[3] & 16)
                copy[at] = telling[(r[3] >> 8 >> i) & 7];
            else
                copy[at] ^= (unsigned char)(1u << (r[3] >> (8 + 3 * i) & 7));
            r[i % 3] = r[i % 3] * 2654435761u + 1;
        }
        hooke_status st = read_exact_copy(reader, copy, n);
        if (st == HOOKE_E_INTERNAL) print_message("round %ld: %s\n", round, hooke_error());
        assert_int_not_equal(st, HOOKE_E_INTERNAL);
        refused += st != HOOKE_OK;
    }
    free(copy);
    return refused;
}

/* Fails the first, second, ... allocation until nothing fails any more. */
static inline void survives_lost_memory(reader_fn reader, const unsigned char *bytes, size_t n)
{
    long at = 1;
    for (;; at++) {
        mem_fail_at(at);
        hooke_status st = reader(bytes, n);
        mem_fail_at(0);
        if (st == HOOKE_OK) break;
        assert_int_equal(st, HOOKE_E_MEMORY);
    }
    assert_true(at > 1);
}

#endif
