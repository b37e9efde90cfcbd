/* hub_remote.c's readers of what a hub answers: cut, damaged, and with every allocation failing; a whole pull with every allocation
 * failing. */
#include "damage.h"

#include <unistd.h>

#include "file/hub_net.h"
#include "file/hub_server.h"
#include "remove_tree.h"

#define CACHE "build/tmp/hub_answers"

static const char page[] = "[{\"type\":\"directory\",\"oid\":\"00\",\"size\":0,\"path\":\"layer_1\"},"
                           "{\"type\":\"file\",\"oid\":\"0123456789abcdef0123456789abcdef01234567\",\"size\":"
                           "22,\"path\":\"config.json\"},"
                           "{\"type\":\"file\",\"oid\":\"a\",\"size\":134,\"path\":\"a/b "
                           "\\u00e9.npz\",\"lfs\":{\"oid\":\"b\",\"size\":70000}}]";

static hooke_status read_page(const unsigned char *bytes, size_t n)
{
    struct hub_listing l = { .entries = NULL };
    hooke_status st = hub_parse_page(&l, (const char *)bytes, n, "page");
    for (size_t i = 0; i < l.n; i++) {
        assert_true(hub_is_path(l.entries[i].path));
        assert_true(l.entries[i].size >= -1);
    }
    hub_listing_release(&l);
    return st;
}

static hooke_status read_commit(const unsigned char *bytes, size_t n)
{
    char commit[HUB_COMMIT_DIGITS + 1];
    return hub_parse_commit(commit, (const char *)bytes, n, "revision");
}

static void damaged_answers(void **state)
{
    static const char revision[] = "{\"sha\": \"" HUB_COMMIT "\", \"siblings\": []}";
    (void)state;
    refuses_every_cut(read_page, (const unsigned char *)page, sizeof page - 1);
    assert_true(survives_flips(read_page, (const unsigned char *)page, sizeof page - 1, 20000, 1) > 1000);
    survives_lost_memory(read_page, (const unsigned char *)page, sizeof page - 1);
    refuses_every_cut(read_commit, (const unsigned char *)revision, sizeof revision - 1);
    assert_true(survives_flips(read_commit, (const unsigned char *)revision, sizeof revision - 1, 20000, 2) >
                1000);
    survives_lost_memory(read_commit, (const unsigned char *)revision, sizeof revision - 1);
}

static void what_a_listing_says(void **state)
{
    struct hub_listing l = { .entries = NULL };
    (void)state;
    assert_int_equal(hub_parse_page(&l, page, sizeof page - 1, "page"), HOOKE_OK);
    assert_int_equal(l.n, 2);
    assert_string_equal(l.entries[0].path, "config.json");
    assert_int_equal(l.entries[0].size, 22);
    assert_string_equal(l.entries[1].path, "a/b \xC3\xA9.npz");
    assert_string_equal(l.entries[1].etag, "b"); /* of the content, not of the pointer to it */
    assert_int_equal(l.entries[1].size, 70000);
    hub_listing_release(&l);
}

static void refused_listings(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[1]",
        "[{\"type\":\"file\"}]",
        "[{\"type\":\"file\",\"path\":\"../x\"}]",
        "[{\"type\":\"file\",\"path\":\"/x\"}]",
        "[{\"type\":\"file\",\"path\":\"a//b\"}]",
        "[{\"type\":\"file\",\"path\":\"a\\u0000b\"}]",
        "[{\"type\":\"file\",\"path\":\"a\\\\b\"}]",
        "[{\"type\":\"file\",\"path\":\"a\",\"size\":-1}]",
        "[{\"type\":\"file\",\"path\":\"a\",\"size\":\"9\"}]",
        "[{\"type\":\"file\",\"path\":\"a\",\"size\":9223372036854775807}]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(read_page((const unsigned char *)texts[i], strlen(texts[i])), HOOKE_E_FORMAT);
}

static void links(void **state)
{
    static const char *const cases[][2] = {
        { "<https://h/api?cursor=2>; rel=\"next\"", "https://h/api?cursor=2" },
        { "<a>; rel=\"prev\", <b>; rel=\"next\"", "b" },
        { "<a>; rel=\"next\", <b>; rel=\"last\"", "a" },
        { "<a>; rel=\"last\"", "" },
        { "<a", "" },
        { "rel=\"next\"", "" },
        { "", "" },
    };
    hooke_text t = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(hub_parse_link(&t, cases[i][0]), HOOKE_OK);
        assert_string_equal(t.n ? t.data : "", cases[i][1]);
    }
    hooke_text_release(&t);
}

static void content_ranges(void **state)
{
    int64_t first, whole;
    (void)state;
    assert_true(hub_content_range("bytes 100-199/200", &first, &whole));
    assert_int_equal(first, 100);
    assert_int_equal(whole, 200);
    assert_true(hub_content_range("bytes 0-0/*", &first, &whole));
    assert_int_equal(whole, -1);
    assert_false(hub_content_range(NULL, &first, &whole));
    assert_false(hub_content_range("bytes */200", &first, &whole));
    assert_false(hub_content_range("bytes 1-2", &first, &whole));
    assert_false(hub_content_range("lines 1-2/3", &first, &whole));
}

/* The whole way, from the environment to the ref. Threads count their allocations together, so that the n-th is not always the same:
 * every one is hit all the same. What stays behind must not hinder the pull that follows. */
static void lost_memory(void **state)
{
    static const struct hub_file files[] = { { "config.json", "{}", 2, false },
                                             { "model.safetensors", "weights", 7, true } };
    (void)state;
    if (http_library() == NULL) {
        print_message("skip: libcurl is not there\n");
        skip();
    }
    struct hub_server *server = hub_server_start(files, 2);
    assert_non_null(server);
    setenv("HF_ENDPOINT", server->endpoint, 1);
    setenv("HF_HUB_CACHE", CACHE, 1);
    setenv("HF_HOME", CACHE, 1);
    unsetenv("HF_HUB_OFFLINE");
    unsetenv("HF_TOKEN");
    long at = 1;
    for (;; at += at < 400 ? 1 : 7) {
        remove_tree(CACHE);
        hooke_pulled *p = NULL;
        mem_fail_at(at);
        hooke_status st = hooke_pull(&p, "hf:org/model", NULL);
        mem_fail_at(0);
        hooke_pulled_close(p);
        if (st == HOOKE_OK && at > 100) break;
        if (st != HOOKE_OK && st != HOOKE_E_MEMORY) print_message("allocation %ld: %s\n", at, hooke_error());
        assert_true(st == HOOKE_OK || st == HOOKE_E_MEMORY);
        if (at % 10 == 0) {
            assert_int_equal(hooke_pull(&p, "hf:org/model", NULL), HOOKE_OK);
            hooke_pulled_close(p);
        }
    }
    hub_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_answers),  cmocka_unit_test(what_a_listing_says),
        cmocka_unit_test(refused_listings), cmocka_unit_test(links),
        cmocka_unit_test(content_ranges),   cmocka_unit_test(lost_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
