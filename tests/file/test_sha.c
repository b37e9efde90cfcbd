/* sha.c beside the examples of FIPS 180-4 and RFC 6234, and a stream cut everywhere. */
#include "check.h"

#include "file/sha.h"

static void assert_digest(enum sha_kind kind, const char *text, size_t n, const char *expected)
{
    char hex[SHA_HEX_BYTES];
    struct sha s;
    sha_begin(&s, kind);
    sha_add(&s, text, n);
    sha_end(&s, hex);
    assert_string_equal(hex, expected);
}

static void examples(void **state)
{
    static char million[1000000];
    const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    (void)state;
    memset(million, 'a', sizeof million);
    assert_digest(SHA_1, "", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    assert_digest(SHA_1, "abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_digest(SHA_1, two, 56, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    assert_digest(SHA_1, million, sizeof million, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    assert_digest(SHA_256, "", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_digest(SHA_256, "abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_digest(SHA_256, two, 56, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_digest(SHA_256, million, sizeof million,
                  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* git's name of a file that holds "hello\n". */
static void git_blob(void **state)
{
    (void)state;
    assert_digest(SHA_1, "blob 6\0hello\n", 13, "ce013625030ba8dba906f756967f9e9ca394464a");
}

static void pieces_give_the_same(void **state)
{
    char text[300], whole[SHA_HEX_BYTES], hex[SHA_HEX_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)(i * 37);
    for (int kind = SHA_1; kind <= SHA_256; kind++) {
        for (size_t n = 0; n <= sizeof text; n += 7) {
            struct sha s;
            sha_begin(&s, (enum sha_kind)kind);
            sha_add(&s, text, n);
            sha_end(&s, whole);
            for (size_t cut = 0; cut <= n; cut++) {
                sha_begin(&s, (enum sha_kind)kind);
                sha_add(&s, text, cut);
                sha_add(&s, text + cut, n - cut);
                sha_end(&s, hex);
                assert_string_equal(hex, whole);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples),
        cmocka_unit_test(git_blob),
        cmocka_unit_test(pieces_give_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
