/* hub_remote.c: questions to the hub. Nothing that an answer says is believed before it is checked: commits and etags become names
 * in the cache, addresses receive the token. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "file/hub_net.h"
#include "file/json.h"

enum { WAIT_MAX_MS = 30000, WAIT_ASKED_MAX_S = 300, PAGES_MAX = 10000, ENTRIES_MAX = 2000000 };
#define TREE_MAX_BYTES \
    ((size_t)1 << 30) /* of a parsed answer; the answer itself is at most HUB_BODY_MAX_BYTES */

/* ---- patience ---- */

bool hub_can_retry(hooke_status st, const struct http_reply *reply)
{
    if (st == HOOKE_E_IO) return reply->can_retry;
    int s = reply->status;
    return st == HOOKE_OK && (s == 408 || s == 425 || s == 429 || (s >= 500 && s != 501 && s != 505));
}

/* Reads ";KEY=DIGITS" with blanks anywhere, and moves behind it. */
static bool take_parameter(const char **s, char key, int64_t *value)
{
    const char *p = *s;
    char *end;
    if (*(p += strspn(p, " \t")) != ';') return false;
    if (*(p += 1 + strspn(p + 1, " \t")) != key) return false;
    if (*(p += 1 + strspn(p + 1, " \t")) != '=') return false;
    p += 1 + strspn(p + 1, " \t");
    if (*p < '0' || *p > '9') return false;
    *value = strtoll(p, &end, 10);
    *s = end;
    return true;
}

/* RateLimit: "api";r=0;t=55 (nothing remains, anew in 55 s), which comes with every answer; then Retry-After. */
int64_t hub_asked_wait_s(const struct http_reply *reply)
{
    const char *limit = reply->status == 429 ? http_header(reply, "ratelimit") : NULL;
    const char *p = limit ? strchr(limit, '"') : NULL;
    int64_t remaining, reset;
    if (p && (p = strchr(p + 1, '"')) != NULL) {
        p++;
        if (take_parameter(&p, 'r', &remaining) && take_parameter(&p, 't', &reset) && remaining == 0)
            return reset;
    }
    return reply->retry_after_s;
}

hooke_status hub_wait(const struct hub_worker *w, const struct http_reply *reply, int tries)
{
    int64_t ms = w->first_wait_ms, asked_s = hub_asked_wait_s(reply);
    for (int i = 0; i < tries && ms < WAIT_MAX_MS; i++) ms *= 2;
    if (ms > WAIT_MAX_MS) ms = WAIT_MAX_MS;
    RETURN_IF(asked_s > WAIT_ASKED_MAX_S, HOOKE_E_IO,
              "the hub asks to wait %lld seconds; try again then, or set HF_TOKEN for a larger allowance",
              (long long)asked_s);
    if (asked_s >= 0) ms = asked_s * 1000 + 1000; /* it counts whole seconds, perhaps rounded down */
    for (; ms > 0; ms -= 50) {
        struct timespec nap = { 0, 50 * 1000000 };
        RETURN_IF(flag_is_raised(w->cancel), HOOKE_E_CANCELLED, "cancelled");
        nanosleep(&nap, NULL);
    }
    return HOOKE_OK;
}

/* ---- refusals ---- */

static bool says(const struct http_reply *reply, const char *code)
{
    const char *header = http_header(reply, "x-error-code");
    return header && strcmp(header, code) == 0;
}

/* A gated repository says so; a private one pretends not to exist. */
static hooke_status refusal_of_access(const struct hub_worker *w, const struct http_reply *reply,
                                      const char *repo)
{
    const char *endpoint = w->config->endpoint.data;
    bool has_token = w->config->token.n > 0;
    if (says(reply, "GatedRepo") && has_token)
        return fail(
            HOOKE_E_NOT_FOUND,
            "%s is gated and this token has no access to it; accept its terms at %s/%s with the account "
            "that the token belongs to",
            repo, endpoint, repo);
    if (says(reply, "GatedRepo"))
        return fail(
            HOOKE_E_NOT_FOUND,
            "%s is gated; accept its terms at %s/%s, then set HF_TOKEN to a token of that account (made "
            "at %s/settings/tokens)",
            repo, endpoint, repo, endpoint);
    if ((says(reply, "RepoNotFound") || reply->status == 401) && !has_token)
        return fail(
            HOOKE_E_NOT_FOUND,
            "%s does not exist, or is private; see %s/%s, and set HF_TOKEN to a token of an account that "
            "may read it (made at %s/settings/tokens)",
            repo, endpoint, repo, endpoint);
    if (says(reply, "RepoNotFound"))
        return fail(HOOKE_E_NOT_FOUND,
                    "%s does not exist, or is private and not open to this token; see %s/%s", repo, endpoint,
                    repo);
    if (reply->status == 401)
        return fail(HOOKE_E_NOT_FOUND,
                    "%s: the hub does not accept the token; make another at %s/settings/tokens", repo,
                    endpoint);
    return fail(HOOKE_E_NOT_FOUND, "%s: the hub refuses access (403); see %s/%s", repo, endpoint, repo);
}

hooke_status hub_refusal(const struct hub_worker *w, const struct http_reply *reply, const char *repo,
                         const char *revision, const char *path)
{
    const char *endpoint = w->config->endpoint.data, *message = http_header(reply, "x-error-message");
    int status = reply->status;
    if (says(reply, "DisabledRepo") ||
        (message && strcmp(message, "Access to this resource is disabled.") == 0))
        return fail(HOOKE_E_NOT_FOUND, "%s has been disabled; see %s/%s", repo, endpoint, repo);
    if (says(reply, "RevisionNotFound"))
        return fail(HOOKE_E_NOT_FOUND, "%s has no revision '%s'; its branches and tags are at %s/%s", repo,
                    revision, endpoint, repo);
    if (says(reply, "EntryNotFound"))
        return fail(HOOKE_E_NOT_FOUND,
                    "%s has no '%s' at revision '%s'; its files are listed at %s/%s/tree/%s", repo,
                    path ? path : "", revision, endpoint, repo, revision);
    if (status == 401 || status == 403 || says(reply, "RepoNotFound"))
        return refusal_of_access(w, reply, repo);
    if (status == 404)
        return fail(HOOKE_E_NOT_FOUND, "%s%s%s is not at %s (404); check the name", repo, path ? "/" : "",
                    path ? path : "", endpoint);
    if (status == 429)
        return fail(HOOKE_E_IO, "the hub has had too many requests from here (429); wait, or set HF_TOKEN "
                                "for a larger allowance");
    if (status >= 500)
        return fail(HOOKE_E_IO, "the hub is out of order (%d%s%.200s); try again later", status,
                    message ? ": " : "", message ? message : "");
    return fail(HOOKE_E_IO, "%s answered %d%s%.200s; check HF_ENDPOINT", endpoint, status,
                message ? ": " : "", message ? message : "");
}

/* ---- asking ---- */

static hooke_status keep_body(void *payload, const struct http_reply *reply, const void *bytes, size_t n)
{
    hooke_text *body = payload;
    if (reply->status >= 300) return HOOKE_OK;
    RETURN_IF(n > HUB_BODY_MAX_BYTES - body->n, HOOKE_E_UNSUPPORTED, "an answer longer than %d bytes",
              HUB_BODY_MAX_BYTES);
    return text_append(body, bytes, n);
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* One question, asked again while that may help. body NULL: HEAD. */
static hooke_status ask_patiently(struct hub_worker *w, struct http_reply *reply, hooke_text *body,
                                  const char *url)
{
    struct http_request r = {
        .url = url,
        .is_head = body == NULL,
        .token = w->config->token.n ? w->config->token.data : NULL,
        .range_first = -1,
        .timeout_ms = w->config->question_timeout_ms,
        .must_be_https = url_is_https(w->config->endpoint.data),
        .on_body = body ? keep_body : NULL,
        .payload = body,
        .cancel = w->cancel,
    };
    for (int tries = 0;; tries++) {
        if (body) text_clear(body);
        hooke_status st = http_exchange(w->client, reply, &r);
        if (!hub_can_retry(st, reply) || tries >= w->n_retries) return st;
        RETURN_IF_ERROR(hub_wait(w, reply, tries));
    }
}

/* Follows redirects that stay with the hub (a renamed repository, a mirror that sends back to it): those carry the token along. A HEAD
 * stops at any other, which is where the content lies. */
static hooke_status ask(struct hub_worker *w, struct http_reply *reply, hooke_text *body, const char *url)
{
    hooke_text here = { 0 }, next = { 0 };
    hooke_status st = text_puts(&here, url);
    for (int hops = 0; st == HOOKE_OK; hops++) {
        st = ask_patiently(w, reply, body, here.data);
        const char *location = st == HOOKE_OK ? http_header(reply, "location") : NULL;
        if (!location || !is_redirect(reply->status)) break;
        st = url_join(&next, here.data, location);
        bool stays =
            st == HOOKE_OK && (url_same_origin(here.data, next.data) || hub_is_home(w->config, next.data));
        if (st == HOOKE_OK && !stays && !body) break;
        if (st == HOOKE_OK && !stays)
            st = fail(HOOKE_E_IO, "%s sends elsewhere for a listing; check HF_ENDPOINT",
                      w->config->endpoint.data);
        if (st == HOOKE_OK && hops >= HUB_REDIRECTS_MAX)
            st = fail(HOOKE_E_IO, "%s: more than %d redirects; check HF_ENDPOINT", w->config->endpoint.data,
                      HUB_REDIRECTS_MAX);
        text_clear(&here);
        if (st == HOOKE_OK) st = text_puts(&here, next.data);
    }
    hooke_text_release(&here);
    hooke_text_release(&next);
    return st;
}

/* ---- one file ---- */

hooke_status hub_file_url(hooke_text *out, const struct hub_config *c, const char *repo, const char *revision,
                          const char *path)
{
    text_clear(out);
    RETURN_IF_ERROR(text_printf(out, "%s/%s/resolve/", c->endpoint.data, repo));
    RETURN_IF_ERROR(url_escape(out, revision, false));
    RETURN_IF_ERROR(text_puts(out, "/"));
    return url_escape(out, path, true);
}

/* W/"abc" and "abc" are abc. */
static hooke_status set_etag(struct hub_meta *out, const char *s)
{
    if (s[0] == 'W' && s[1] == '/') s += 2;
    size_t n = strlen(s);
    if (n >= 2 && s[0] == '"' && s[n - 1] == '"') s++, n -= 2;
    bool is_good = n > 0 && n <= HUB_ETAG_MAX;
    for (size_t i = 0; is_good && i < n; i++)
        is_good = (s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'z') ||
                  (s[i] >= 'A' && s[i] <= 'Z') || s[i] == '-';
    RETURN_IF(!is_good, HOOKE_E_FORMAT, "the etag '%.*s' is none that the hub gives; check HF_ENDPOINT",
              (int)(n < 140 ? n : 140), s);
    memcpy(out->etag, s, n);
    out->etag[n] = '\0';
    return HOOKE_OK;
}

static hooke_status set_commit(struct hub_meta *out, const struct http_reply *reply)
{
    const char *commit = http_header(reply, "x-repo-commit");
    RETURN_IF(!commit || !hub_is_commit(commit), HOOKE_E_FORMAT,
              "the answer names no commit (X-Repo-Commit): this is no hub; check HF_ENDPOINT, and proxies on "
              "the way");
    memcpy(out->commit, commit, sizeof out->commit);
    return HOOKE_OK;
}

hooke_status hub_read_meta(struct hub_meta *out, const struct http_reply *reply)
{
    const char *linked = http_header(reply, "x-linked-etag"), *etag = http_header(reply, "etag");
    const char *size = http_header(reply, "x-linked-size");
    *out = (struct hub_meta){ .size = -1 };
    RETURN_IF_ERROR(set_commit(out, reply));
    if (!linked) linked = etag;
    RETURN_IF(!linked, HOOKE_E_FORMAT,
              "the answer has no etag: this is no hub; check HF_ENDPOINT, and proxies on the way");
    RETURN_IF_ERROR(set_etag(out, linked));
    char *end = NULL;
    long long n = size ? strtoll(size, &end, 10) : -1;
    if (size && end != size && !*end && n >= 0 && n < INT64_MAX)
        out->size = n;
    else if (reply->status >= 200 && reply->status < 300)
        out->size = reply->length;
    return HOOKE_OK;
}

bool hub_is_another(const struct http_reply *reply, const struct hub_meta *meta)
{
    struct hub_meta now = { .size = -1 };
    const char *etag = http_header(reply, "x-linked-etag");
    if (!etag) etag = http_header(reply, "etag");
    return etag && set_etag(&now, etag) == HOOKE_OK && strlen(now.etag) == strlen(meta->etag) &&
           strcmp(now.etag, meta->etag) != 0;
}

hooke_status hub_head(struct hub_worker *w, struct hub_meta *out, const char *repo, const char *revision,
                      const char *path)
{
    struct http_reply reply = { .length = -1 };
    hooke_text url = { 0 };
    *out = (struct hub_meta){ .size = -1 };
    hooke_status st = hub_file_url(&url, w->config, repo, revision, path);
    if (st == HOOKE_OK) st = ask(w, &reply, NULL, url.data);
    if (st == HOOKE_OK && (reply.status < 200 || reply.status >= 400)) {
        struct hub_meta said = { .size = -1 };
        bool names_commit = says(&reply, "EntryNotFound") && set_commit(&said, &reply) == HOOKE_OK;
        st = hub_refusal(w, &reply, repo, revision, path);
        if (names_commit) *out = said;
    } else if (st == HOOKE_OK) {
        st = hub_read_meta(out, &reply);
        if (st != HOOKE_OK) st = fail_within(st, "%s/%s", repo, path);
    }
    http_reply_release(&reply);
    hooke_text_release(&url);
    return st;
}

/* ---- content ---- */

bool hub_content_range(const char *s, int64_t *first, int64_t *whole)
{
    char *end;
    *first = *whole = -1;
    if (!s || strncmp(s, "bytes ", 6) != 0) return false;
    *first = strtoll(s + 6, &end, 10);
    if (end == s + 6 || *end != '-' || *first < 0) return false;
    s = strchr(end, '/');
    if (!s) return false;
    *whole = s[1] == '*' ? -1 : strtoll(s + 1, &end, 10);
    return true;
}

static hooke_status follow(hooke_text *here, const struct http_reply *reply, int *hops)
{
    hooke_text next = { 0 };
    const char *location = http_header(reply, "location");
    hooke_status st = HOOKE_OK;
    if (++*hops > HUB_REDIRECTS_MAX)
        st = fail(HOOKE_E_IO, "more than %d redirects; check HF_ENDPOINT", HUB_REDIRECTS_MAX);
    if (st == HOOKE_OK) st = url_join(&next, here->data, location ? location : "");
    if (st == HOOKE_OK && url_is_https(here->data) && !url_is_https(next.data))
        st = fail(HOOKE_E_IO, "a redirect away from https; check HF_ENDPOINT, and proxies on the way");
    text_clear(here);
    if (st == HOOKE_OK) st = text_puts(here, next.data);
    hooke_text_release(&next);
    return st;
}

hooke_status hub_get(struct hub_worker *w, struct http_reply *reply, const struct hub_get *get,
                     bool *is_elsewhere)
{
    const struct hub_config *c = w->config;
    hooke_text here = { 0 };
    int hops = 0;
    hooke_status st = text_puts(&here, get->url);
    while (st == HOOKE_OK) {
        *is_elsewhere = !hub_is_home(c, here.data);
        struct http_request r = {
            .url = here.data,
            .token = c->token.n && !*is_elsewhere ? c->token.data : NULL,
            .range_first = get->first,
            .range_last = get->last,
            .timeout_ms = c->download_timeout_ms,
            .must_be_https = url_is_https(c->endpoint.data),
            .on_body = get->on_body,
            .payload = get->payload,
            .cancel = w->cancel,
        };
        st = http_exchange(w->client, reply, &r);
        if (st != HOOKE_OK || !is_redirect(reply->status)) break;
        if (get->same && !*is_elsewhere && hub_is_another(reply, get->same))
            st = fail(HOOKE_E_FORMAT, "it changed on the hub while parts of it were brought; pull again");
        if (st == HOOKE_OK) st = follow(&here, reply, &hops);
    }
    hooke_text_release(&here);
    return st;
}

/* ---- listings ---- */

void hub_listing_release(struct hub_listing *l)
{
    mem_free(l->entries);
    arena_release(&l->arena);
    *l = (struct hub_listing){ .entries = NULL };
}

/* Everything is copied. */
hooke_status hub_add_entry(struct hub_listing *l, const char *path, const char *etag, int64_t size,
                           const struct hub_meta *meta)
{
    void *entries = l->entries;
    struct hub_meta *copy = NULL;
    RETURN_IF_ERROR(
        mem_grow(&entries, &l->capacity, l->n + 1, sizeof *l->entries, ENTRIES_MAX, "files of a repository"));
    l->entries = entries;
    struct hub_entry *e = &l->entries[l->n];
    e->path = arena_copy(&l->arena, path, strlen(path));
    e->etag = arena_copy(&l->arena, etag, strlen(etag));
    e->size = size;
    if (meta && (copy = arena_alloc(&l->arena, 1, sizeof *copy)) != NULL) *copy = *meta;
    e->meta = copy;
    if (!e->path || !e->etag || (meta && !copy)) return HOOKE_E_MEMORY;
    l->n++;
    return HOOKE_OK;
}

static hooke_status add_entry(struct hub_listing *out, const struct json *item, const char *name)
{
    const char *type, *path, *etag;
    int64_t size;
    RETURN_IF(item->kind != JSON_OBJECT, HOOKE_E_FORMAT, "%s: an entry is no object", name);
    RETURN_IF_ERROR(json_string(&type, item, "type", "file", name));
    if (strcmp(type, "file") != 0) return HOOKE_OK;
    RETURN_IF_ERROR(json_string(&path, item, "path", "", name));
    RETURN_IF(!hub_is_path(path), HOOKE_E_FORMAT, "%s: '%.200s' is no path of a file", name, path);
    const struct json *lfs = json_get(item, "lfs");
    if (lfs && lfs->kind != JSON_OBJECT) lfs = NULL;
    RETURN_IF_ERROR(json_string(&etag, lfs ? lfs : item, "oid", "", name));
    RETURN_IF_ERROR(json_int(&size, lfs ? lfs : item, "size", 0, INT64_MAX / 2, -1, name));
    return hub_add_entry(out, path, etag, size, NULL);
}

hooke_status hub_parse_page(struct hub_listing *out, const char *text, size_t n, const char *name)
{
    struct arena a = { .max_bytes = TREE_MAX_BYTES };
    const struct json *page;
    hooke_status st = json_parse(&page, &a, text, n, 0, name);
    if (st == HOOKE_OK && page->kind != JSON_ARRAY)
        st = fail(HOOKE_E_FORMAT, "%s: no list of files; check HF_ENDPOINT", name);
    if (st == HOOKE_OK)
        for (const struct json *item = page->as.list.first; item && st == HOOKE_OK; item = item->next)
            st = add_entry(out, item, name);
    arena_release(&a);
    return st;
}

hooke_status hub_parse_commit(char commit[HUB_COMMIT_DIGITS + 1], const char *text, size_t n,
                              const char *name)
{
    struct arena a = { .max_bytes = TREE_MAX_BYTES };
    const struct json *info;
    const char *sha = "";
    hooke_status st = json_parse(&info, &a, text, n, 0, name);
    if (st == HOOKE_OK) st = json_string(&sha, info, "sha", "", name);
    if (st == HOOKE_OK && !hub_is_commit(sha))
        st = fail(HOOKE_E_FORMAT, "%s: names no commit; check HF_ENDPOINT", name);
    if (st == HOOKE_OK) memcpy(commit, sha, HUB_COMMIT_DIGITS + 1);
    arena_release(&a);
    return st;
}

/* Link: <address>; rel="next", <address>; rel="last" */
hooke_status hub_parse_link(hooke_text *out, const char *header)
{
    text_clear(out);
    for (const char *p = header; (p = strchr(p, '<')) != NULL;) {
        const char *end = strchr(p, '>'), *stop;
        if (!end) break;
        stop = end + strcspn(end, "<");
        const char *rel = strstr(end, "rel=\"next\"");
        if (rel && rel < stop) return text_append(out, p + 1, (size_t)(end - p - 1));
        p = stop;
    }
    return HOOKE_OK;
}

/* ENDPOINT/api/models/ID */
static hooke_status api_url(hooke_text *out, const struct hub_config *c, const char *repo)
{
    text_clear(out);
    return text_printf(out, "%s/api/%s/%s", c->endpoint.data, hub_is_dataset(repo) ? "datasets" : "models",
                       hub_repo_id(repo));
}

hooke_status hub_commit(struct hub_worker *w, char commit[HUB_COMMIT_DIGITS + 1], const char *repo,
                        const char *revision)
{
    struct http_reply reply = { .length = -1 };
    hooke_text url = { 0 }, body = { 0 };
    hooke_status st = api_url(&url, w->config, repo);
    if (st == HOOKE_OK) st = text_puts(&url, "/revision/");
    if (st == HOOKE_OK) st = url_escape(&url, revision, false);
    if (st == HOOKE_OK) st = ask(w, &reply, &body, url.data);
    if (st == HOOKE_OK && reply.status >= 300) st = hub_refusal(w, &reply, repo, revision, NULL);
    if (st == HOOKE_OK) st = hub_parse_commit(commit, body.data ? body.data : "", body.n, url.data);
    http_reply_release(&reply);
    hooke_text_release(&url);
    hooke_text_release(&body);
    return st;
}

/* The next page must lie where this one did, or with the hub: the request carries the token. */
static hooke_status next_page(hooke_text *url, const struct hub_config *c, const struct http_reply *reply)
{
    hooke_text link = { 0 }, next = { 0 };
    const char *header = http_header(reply, "link");
    hooke_status st = header ? hub_parse_link(&link, header) : HOOKE_OK;
    bool has_next = st == HOOKE_OK && link.n > 0;
    if (has_next) st = url_join(&next, url->data, link.data);
    if (has_next && st == HOOKE_OK && !url_same_origin(url->data, next.data) && !hub_is_home(c, next.data))
        st = fail(HOOKE_E_FORMAT, "the next page of a listing lies on another host; check HF_ENDPOINT");
    if (st == HOOKE_OK) {
        text_clear(url);
        if (has_next) st = text_puts(url, next.data);
    }
    hooke_text_release(&link);
    hooke_text_release(&next);
    return st;
}

hooke_status hub_list(struct hub_worker *w, struct hub_listing *out, const char *repo, const char *commit,
                      const char *folder)
{
    struct http_reply reply = { .length = -1 };
    hooke_text url = { 0 }, body = { 0 };
    hooke_status st = api_url(&url, w->config, repo);
    if (st == HOOKE_OK) st = text_printf(&url, "/tree/%s", commit);
    if (st == HOOKE_OK && *folder) st = text_puts(&url, "/");
    if (st == HOOKE_OK) st = url_escape(&url, folder, true);
    if (st == HOOKE_OK) st = text_puts(&url, "?recursive=true");
    for (int page = 0; st == HOOKE_OK && url.n > 0; page++) {
        if (page >= PAGES_MAX)
            st = fail(HOOKE_E_UNSUPPORTED, "%s: a listing of more than %d pages", repo, PAGES_MAX);
        if (st == HOOKE_OK) st = ask(w, &reply, &body, url.data);
        if (st == HOOKE_OK && reply.status >= 300) st = hub_refusal(w, &reply, repo, commit, folder);
        if (st == HOOKE_OK) st = hub_parse_page(out, body.data ? body.data : "", body.n, repo);
        if (st == HOOKE_OK) st = next_page(&url, w->config, &reply);
    }
    http_reply_release(&reply);
    hooke_text_release(&url);
    hooke_text_release(&body);
    return st;
}
