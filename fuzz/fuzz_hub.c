/* Whatever a hub may answer. The first byte chooses the reader: a page of a listing, a revision, a Link header, the headers of a file,
 * a redirect. What is accepted must be harmless: names that stay inside a repository, commits and etags that are plain file names. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "file/hub_net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(int condition)
{
    if (!condition) abort();
}

static void read_page(const char *text, size_t n)
{
    struct hub_listing l = { .entries = NULL };
    if (hub_parse_page(&l, text, n, "input") == HOOKE_OK)
        for (size_t i = 0; i < l.n; i++) {
            require(hub_is_path(l.entries[i].path));
            require(strstr(l.entries[i].path, "../") == NULL && l.entries[i].path[0] != '/');
            require(l.entries[i].size >= -1);
        }
    hub_listing_release(&l);
}

static void read_revision(const char *text, size_t n)
{
    char commit[HUB_COMMIT_DIGITS + 1];
    if (hub_parse_commit(commit, text, n, "input") == HOOKE_OK)
        require(strspn(commit, "0123456789abcdef") == 40);
}

/* Lines as they come from the connection, NULs and all. */
static void read_headers(const char *text, size_t n)
{
    struct http_reply reply = { .status = 200, .length = 7 };
    struct hub_meta meta;
    hooke_text link = { 0 };
    while (n > 0) {
        const char *end = memchr(text, '\n', n);
        size_t k = end ? (size_t)(end - text) + 1 : n;
        if (http_add_header(&reply, text, k) != HOOKE_OK) break;
        text += k;
        n -= k;
    }
    if (hub_read_meta(&meta, &reply) == HOOKE_OK) {
        require(strlen(meta.commit) == 40 && strspn(meta.commit, "0123456789abcdef") == 40);
        require(meta.etag[0] && !strpbrk(meta.etag, "/.\\%"));
        require(meta.size >= 0);
        require(!hub_is_another(&reply, &meta)); /* than what was read from it */
    }
    reply.status = 429;
    require(hub_asked_wait_s(&reply) >= -1);
    const char *header = http_header(&reply, "link");
    if (header) require(hub_parse_link(&link, header) == HOOKE_OK);
    int64_t first, whole;
    (void)hub_content_range(http_header(&reply, "content-range"), &first, &whole);
    hooke_text_release(&link);
    http_reply_release(&reply);
}

static void read_redirect(const char *text)
{
    static const char *const bases[] = { "https://hub.example/org/name?x=/y", "http://127.0.0.1:80" };
    hooke_text t = { 0 };
    for (int i = 0; i < 2; i++)
        if (url_join(&t, bases[i], text) == HOOKE_OK) {
            require(url_is_sane(t.data));
            require(url_same_origin(t.data, t.data));
        }
    hooke_text_release(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0) return 0;
    char *text = malloc(n); /* one byte less, and a NUL for the readers of strings */
    require(text != NULL);
    memcpy(text, data + 1, n - 1);
    text[n - 1] = '\0';
    hooke_text link = { 0 };
    switch (data[0] % 5) {
    case 0:
        read_page(text, n - 1);
        break;
    case 1:
        read_revision(text, n - 1);
        break;
    case 2:
        require(hub_parse_link(&link, text) == HOOKE_OK);
        break;
    case 3:
        read_headers(text, n - 1);
        break;
    default:
        read_redirect(text);
    }
    hooke_text_release(&link);
    free(text);
    return 0;
}
