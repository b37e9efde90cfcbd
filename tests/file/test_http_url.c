/* http_url.c: addresses and header lines. */
#include "check.h"

#include "file/http.h"

static void assert_joins(const char *base, const char *location, const char *expected)
{
    hooke_text t = { 0 };
    hooke_status st = url_join(&t, base, location);
    assert_int_equal(st, expected ? HOOKE_OK : HOOKE_E_FORMAT);
    if (expected) assert_string_equal(t.data, expected);
    hooke_text_release(&t);
}

static void joins(void **state)
{
    (void)state;
    assert_joins("https://h/a/b?q=/1", "https://other/x", "https://other/x");
    assert_joins("https://h/a/b?q=/1", "/x/y", "https://h/x/y");
    assert_joins("https://h:8/a/b?q=/1", "c", "https://h:8/a/c");
    assert_joins("https://h", "c", "https://h/c");
    assert_joins("http://h/a", "//other/x", "http://other/x");
    assert_joins("https://h/a", "//other/x", "https://other/x");
    assert_joins("https://h/a", "?p=2", "https://h/a?p=2");
    assert_joins("https://h/a?p=1#x", "?p=2", "https://h/a?p=2");
    assert_joins("https://h", "?p=2", "https://h/?p=2");
    assert_joins("https://h/a", "", NULL);
    assert_joins("https://h/a", "file:///etc/passwd", NULL);
    assert_joins("https://h/a", "javascript:x", NULL);
    assert_joins("https://h/a", "https://user:word@other/", NULL);
    assert_joins("https://h/a", "https:///x", NULL);
    assert_joins("https://h/a", "/x\r\nHeader: 1", NULL);
    assert_joins("https://h/a", "/x y", NULL);
}

static void origins(void **state)
{
    (void)state;
    assert_true(url_same_origin("https://h/a", "https://H/b?c"));
    assert_true(url_same_origin("https://h", "https://h:443/b"));
    assert_true(url_same_origin("http://h:80", "HTTP://h/b"));
    assert_false(url_same_origin("https://h", "http://h"));
    assert_false(url_same_origin("https://h", "https://h:444"));
    assert_false(url_same_origin("https://h", "https://h.evil"));
    assert_false(url_same_origin("https://h", "https://h@evil"));
    assert_false(url_same_origin("ftp://h", "ftp://h"));
}

static void escapes(void **state)
{
    hooke_text t = { 0 };
    (void)state;
    assert_int_equal(url_escape(&t, "refs/pr/1", false), HOOKE_OK);
    assert_string_equal(t.data, "refs%2Fpr%2F1");
    text_clear(&t);
    assert_int_equal(url_escape(&t, "a b/\xC3\xA9%?#.txt", true), HOOKE_OK);
    assert_string_equal(t.data, "a%20b/%C3%A9%25%3F%23.txt");
    assert_int_equal(url_for_message(&t, "https://h/file?signature=secret"), HOOKE_OK);
    assert_string_equal(t.data, "https://h/file");
    hooke_text_release(&t);
}

static void add(struct http_reply *r, const char *line, hooke_status expected)
{
    assert_int_equal(http_add_header(r, line, strlen(line)), expected);
}

static void headers(void **state)
{
    struct http_reply r = { .length = -1 };
    static char long_line[300000];
    (void)state;
    assert_null(http_header(&r, "etag"));
    add(&r, "ETag: \"abc\"\r\n", HOOKE_OK);
    add(&r, "X-Empty:\r\n", HOOKE_OK);
    add(&r, "no colon\r\n", HOOKE_OK);
    add(&r, ": no name\r\n", HOOKE_OK);
    add(&r, "\r\n", HOOKE_OK);
    add(&r, "LOCATION:\t https://h/a:b  \r\n", HOOKE_OK);
    assert_string_equal(http_header(&r, "etag"), "\"abc\"");
    assert_string_equal(http_header(&r, "x-empty"), "");
    assert_string_equal(http_header(&r, "location"), "https://h/a:b");
    assert_null(http_header(&r, "no name"));
    memset(long_line, 'a', sizeof long_line - 1);
    long_line[1] = ':';
    add(&r, long_line, HOOKE_E_FORMAT);
    http_reply_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins),
        cmocka_unit_test(origins),
        cmocka_unit_test(escapes),
        cmocka_unit_test(headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
