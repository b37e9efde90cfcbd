/* hub_server.c: see hub_server.h. One thread a connection, connections are kept alive, one fault at a time. */
#define _GNU_SOURCE
#include "file/hub_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "file/sha.h"

enum { REQUEST_BYTES = 16384, FILES_MAX = 64, PAGE_FILES = 3 };

static struct hub_server *hub;
static struct hub_file files[FILES_MAX];
static int n_files;

struct request {
    char method[8];
    char target[4096]; /* decoded, without the query */
    char query[1024];
    char token[256];
    long range_first, range_last; /* -1: none */
    bool is_other_host;           /* came to "localhost" */
    bool keep_alive;
};

/* ---- bytes out ---- */

static void nap_ms(long ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
}

static bool send_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t put = send(fd, p, n, MSG_NOSIGNAL);
        if (put <= 0) return false;
        p += put;
        n -= (size_t)put;
    }
    return true;
}

static bool send_body(int fd, const char *p, size_t n)
{
    while (n > 0) {
        long rate = atomic_load(&hub->bytes_per_ms);
        size_t piece = rate ? (size_t)rate * 4 : 65536;
        if (piece > n) piece = n;
        if (!send_all(fd, p, piece)) return false;
        atomic_fetch_add(&hub->n_sent, (long)piece);
        p += piece;
        n -= piece;
        if (rate) nap_ms(4);
    }
    return true;
}

struct answer {
    int status;
    char headers[4096];
    const char *body;
    size_t n;
    long length;   /* Content-Length; -1: none */
    size_t n_sent; /* of the body */
    bool stalls, closes;
};

static void add(char *to, size_t capacity, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add(char *to, size_t capacity, const char *format, ...)
{
    size_t n = strlen(to);
    va_list args;
    va_start(args, format);
    vsnprintf(to + n, capacity - n, format, args);
    va_end(args);
}

#define HEADER(a, ...) add((a)->headers, sizeof(a)->headers, __VA_ARGS__)

static bool send_answer(int fd, const struct request *r, struct answer *a)
{
    char head[8192];
    bool is_head = strcmp(r->method, "HEAD") == 0;
    snprintf(head, sizeof head, "HTTP/1.1 %d Whatever\r\n%s", a->status, a->headers);
    if (a->length >= 0) add(head, sizeof head, "Content-Length: %ld\r\n", a->length);
    if (a->closes || a->length < 0) add(head, sizeof head, "Connection: close\r\n");
    add(head, sizeof head, "\r\n");
    if (!send_all(fd, head, strlen(head))) return false;
    if (!is_head && !send_body(fd, a->body, a->n_sent)) return false;
    if (a->stalls) nap_ms(60000);
    return !a->closes && a->length >= 0 && r->keep_alive;
}

static bool send_plain(int fd, const struct request *r, int status, const char *headers, const char *body)
{
    struct answer a = { .status = status, .body = body, .n = strlen(body) };
    snprintf(a.headers, sizeof a.headers, "%s", headers);
    a.length = (long)a.n;
    a.n_sent = a.n;
    return send_answer(fd, r, &a);
}

/* ---- faults ---- */

static enum hub_fault_kind take_fault(const struct request *r, int where)
{
    int kind = atomic_load(&hub->fault_kind);
    if (kind == FAULT_NONE || !(hub->fault_where & where) || !strstr(r->target, hub->part)) return FAULT_NONE;
    if (atomic_fetch_sub(&hub->fault_times, 1) <= 0) {
        atomic_store(&hub->fault_times, 0);
        return FAULT_NONE;
    }
    return (enum hub_fault_kind)kind;
}

static bool send_fault_status(int fd, const struct request *r)
{
    char headers[256] = "";
    if (hub->error_code[0]) add(headers, sizeof headers, "X-Error-Code: %s\r\n", hub->error_code);
    if (hub->error_message[0]) add(headers, sizeof headers, "X-Error-Message: %s\r\n", hub->error_message);
    if (hub->rate_limit[0]) add(headers, sizeof headers, "RateLimit: %s\r\n", hub->rate_limit);
    if (hub->error_code[0]) add(headers, sizeof headers, "X-Repo-Commit: " HUB_COMMIT "\r\n");
    if (hub->retry_after_s) add(headers, sizeof headers, "Retry-After: %d\r\n", hub->retry_after_s);
    return send_plain(fd, r, (int)hub->fault_value, headers, "no");
}

/* ---- content ---- */

void hub_etag(char hex[65], const char *bytes, size_t n, bool is_large)
{
    struct sha s;
    char head[40];
    sha_begin(&s, is_large ? SHA_256 : SHA_1);
    int length = snprintf(head, sizeof head, "blob %zu", n);
    if (!is_large) sha_add(&s, head, (size_t)length + 1);
    sha_add(&s, bytes, n);
    sha_end(&s, hex);
}

/* A file as a commit has it: HUB_COMMIT2 has one more byte at each end. */
struct content {
    const struct hub_file *file;
    char *bytes;
    size_t n;
    char etag[65];
};

static bool get_content(struct content *c, const char *commit, const char *path)
{
    memset(c, 0, sizeof *c);
    for (int i = 0; i < n_files; i++) {
        if (strcmp(files[i].path, path) != 0) continue;
        bool is_second = strcmp(commit, HUB_COMMIT2) == 0;
        c->file = &files[i];
        c->n = files[i].n + (is_second ? 1 : 0);
        c->bytes = malloc(c->n + 1);
        memcpy(c->bytes, files[i].bytes, files[i].n);
        if (is_second) c->bytes[files[i].n] = '2';
        hub_etag(c->etag, c->bytes, c->n, files[i].is_large);
        return true;
    }
    return false;
}

static bool send_content(int fd, const struct request *r, struct content *c, enum hub_fault_kind fault,
                         const char *headers)
{
    struct answer a = { .status = 200, .body = c->bytes, .n = c->n };
    bool has_range = r->range_first >= 0 && fault != FAULT_IGNORE_RANGE;
    snprintf(a.headers, sizeof a.headers, "%s", headers);
    if (has_range && (size_t)r->range_first >= c->n) {
        HEADER(&a, "Content-Range: bytes */%zu\r\n", c->n);
        return send_plain(fd, r, 416, a.headers, "");
    }
    if (fault == FAULT_CORRUPT && (size_t)hub->fault_value < c->n) c->bytes[hub->fault_value] ^= 0x20;
    if (fault == FAULT_EXTRA) c->bytes[c->n] = 'x';
    if (has_range) {
        long last = r->range_last >= 0 && (size_t)r->range_last < c->n ? r->range_last : (long)c->n - 1;
        long first = fault == FAULT_WRONG_RANGE ? 0 : r->range_first;
        a.status = 206;
        a.body += first;
        a.n = (size_t)(last - first + 1);
        HEADER(&a, "Content-Range: bytes %ld-%ld/%zu\r\n", first, last, c->n);
        atomic_fetch_add(&hub->n_ranges, 1);
    }
    a.length = (long)a.n;
    a.n_sent = a.n;
    if (fault == FAULT_NO_LENGTH) a.length = -1;
    if (fault == FAULT_LONG) a.length++, a.closes = true;
    if (fault == FAULT_SHORT) a.length--, a.n_sent--;
    if (fault == FAULT_EXTRA) a.length++, a.n_sent++;
    if (fault == FAULT_DROP || fault == FAULT_STALL) {
        a.n_sent = (size_t)hub->fault_value < a.n ? (size_t)hub->fault_value : a.n;
        a.closes = true;
        a.stalls = fault == FAULT_STALL;
    }
    return send_answer(fd, r, &a);
}

/* ---- access ---- */

/* Sends the refusal and returns false, unless the repository is open to the token. *alive: the connection goes on. */
static bool has_access(int fd, const struct request *r, const char *repo, bool *alive)
{
    bool is_good = strcmp(r->token, "hf_good") == 0, is_other = strcmp(r->token, "hf_other") == 0;
    bool is_gated = strcmp(repo, "org/gated") == 0, is_secret = strcmp(repo, "org/secret") == 0;
    if (strcmp(repo, "org/model") == 0 || strcmp(repo, "org/data") == 0) return true;
    if ((is_gated || is_secret) && is_good) return true;
    if (r->token[0] && !is_good && !is_other)
        *alive =
            send_plain(fd, r, 401, "X-Error-Message: Invalid credentials in Authorization header\r\n", "");
    else if (is_gated)
        *alive = send_plain(fd, r, is_other ? 403 : 401, "X-Error-Code: GatedRepo\r\n", "");
    else
        *alive = send_plain(fd, r, is_other ? 404 : 401, "X-Error-Code: RepoNotFound\r\n", "");
    return false;
}

static const char *commit_of(const char *revision)
{
    if (strcmp(revision, "main") == 0 || strcmp(revision, HUB_COMMIT) == 0) return HUB_COMMIT;
    if (strcmp(revision, "next") == 0 || strcmp(revision, HUB_COMMIT2) == 0) return HUB_COMMIT2;
    return strcmp(revision, "refs/pr/1") == 0 ? HUB_COMMIT2 : NULL;
}

/* "REVISION/PATH": a known revision, however many slashes it has (they come encoded, but are decoded here). */
static const char *split_revision(const char *s, const char **rest)
{
    static const char *const revisions[] = { "main", "next", "refs/pr/1", HUB_COMMIT, HUB_COMMIT2 };
    for (size_t i = 0; i < sizeof revisions / sizeof *revisions; i++) {
        size_t n = strlen(revisions[i]);
        if (strncmp(s, revisions[i], n) != 0 || (s[n] && s[n] != '/')) continue;
        *rest = s[n] ? s + n + 1 : s + n;
        return commit_of(revisions[i]);
    }
    return NULL;
}

/* ---- routes ---- */

static size_t said_size(const struct content *c, enum hub_fault_kind fault)
{
    return c->n + (fault == FAULT_HUGE ? (size_t)1 << 60 : 0);
}

static void put_meta(char *headers, size_t capacity, const struct content *c, const char *commit,
                     enum hub_fault_kind fault, bool is_linked)
{
    char plain[65];
    struct sha sha;
    sha_begin(&sha, SHA_1);
    sha_add(&sha, c->bytes, c->n);
    sha_end(&sha, plain);
    const char *etag = fault == FAULT_BAD_ETAG     ? "../../x"
                       : fault == FAULT_PLAIN_ETAG ? plain
                       : fault == FAULT_OTHER_ETAG
                           ? "00000000000000000000000000000000000000000000000000000000000000ff"
                           : c->etag;
    if (fault == FAULT_BAD_COMMIT) commit = "../../../../etc";
    if (fault != FAULT_NO_COMMIT) add(headers, capacity, "X-Repo-Commit: %s\r\n", commit);
    if (fault == FAULT_HEADERS)
        for (int i = 0; i < 40; i++) add(headers, capacity, "X-Padding-%d: %060d\r\n", i, i);
    if (fault != FAULT_NO_ETAG)
        add(headers, capacity,
            is_linked ? "X-Linked-Etag: \"%s\"\r\nETag: W/\"other\"\r\n" : "ETag: \"%s\"\r\n", etag);
    if (is_linked && fault != FAULT_NO_LENGTH)
        add(headers, capacity,
            fault == FAULT_BAD_SIZE ? "X-Linked-Size: banana%zu\r\n" : "X-Linked-Size: %zu\r\n",
            said_size(c, fault));
}

static bool resolve(int fd, const struct request *r, const char *rest)
{
    bool is_head = strcmp(r->method, "HEAD") == 0;
    const char *path = "", *commit = split_revision(rest, &path);
    struct content c;
    char headers[4096] = "";
    enum hub_fault_kind fault = take_fault(r, is_head ? AT_HEAD : AT_GET);
    atomic_fetch_add(is_head ? &hub->n_heads : &hub->n_gets, 1);
    if (fault == FAULT_HANG) nap_ms(60000);
    if (fault == FAULT_DROP && is_head) return false;
    if (fault == FAULT_STATUS) return send_fault_status(fd, r);
    if (fault == FAULT_LOOP) {
        add(headers, sizeof headers, "Location: %s\r\n", r->target);
        return send_plain(fd, r, 307, headers, "");
    }
    if (!commit) return send_plain(fd, r, 404, "X-Error-Code: RevisionNotFound\r\n", "");
    if (!get_content(&c, commit, path)) {
        snprintf(headers, sizeof headers, "X-Error-Code: EntryNotFound\r\nX-Repo-Commit: %s\r\n", commit);
        return send_plain(fd, r, 404, headers, "Entry not found");
    }
    put_meta(headers, sizeof headers, &c, commit, fault, c.file->is_large);
    bool alive;
    if (c.file->is_large) {
        if (fault == FAULT_BAD_LOCATION)
            add(headers, sizeof headers, "Location: file:///etc/passwd\r\n");
        else
            add(headers, sizeof headers, "Location: http://localhost:%d/cdn/%s/%s?signature=secret\r\n",
                hub->port, commit, path);
        alive = send_plain(fd, r, 302, headers, "");
    } else {
        alive = send_content(fd, r, &c, is_head && fault != FAULT_NO_LENGTH ? FAULT_NONE : fault, headers);
    }
    free(c.bytes);
    return alive;
}

static bool cdn(int fd, const struct request *r, const char *rest)
{
    const char *path = "", *commit = split_revision(rest, &path);
    struct content c;
    enum hub_fault_kind fault = take_fault(r, AT_CDN);
    atomic_fetch_add(&hub->n_cdn, 1);
    if (fault == FAULT_HANG) nap_ms(60000);
    if (fault == FAULT_STATUS) return send_fault_status(fd, r);
    if (strcmp(r->query, "signature=secret") != 0 || !commit || !get_content(&c, commit, path))
        return send_plain(fd, r, 403, "", "AccessDenied");
    bool alive = send_content(fd, r, &c, fault, "ETag: \"of-the-cdn\"\r\n");
    free(c.bytes);
    return alive;
}

static void list_file(char *body, size_t capacity, const struct content *c, enum hub_fault_kind fault)
{
    const char *path = fault == FAULT_BAD_PATH ? "../../evil" : c->file->path;
    if (strlen(body) > 1) add(body, capacity, ",");
    add(body, capacity, "{\"type\":\"file\",\"oid\":\"%s\",\"size\":%zu,\"path\":\"%s\"",
        c->file->is_large ? "00000000000000000000000000000000000000aa" : c->etag, said_size(c, fault), path);
    if (c->file->is_large)
        add(body, capacity, ",\"lfs\":{\"oid\":\"%s\",\"size\":%zu,\"pointerSize\":134}", c->etag,
            said_size(c, fault));
    add(body, capacity, "}");
}

static bool tree(int fd, const struct request *r, const char *kind, const char *repo, const char *rest)
{
    static _Thread_local char body[65536];
    const char *folder = "", *commit = split_revision(rest, &folder);
    char headers[1024] = "";
    size_t n_folder = strlen(folder);
    int cursor = 0, seen = 0, listed = 0;
    enum hub_fault_kind fault = take_fault(r, AT_LIST);
    const char *at = strstr(r->query, "cursor=");
    if (at) cursor = (int)strtol(at + 7, NULL, 10);
    if (fault == FAULT_STATUS) return send_fault_status(fd, r);
    if (!commit) return send_plain(fd, r, 404, "X-Error-Code: RevisionNotFound\r\n", "");
    snprintf(body, sizeof body, fault == FAULT_BAD_JSON ? "{" : "[");
    for (int i = 0; i < n_files; i++) {
        struct content c;
        if (n_folder && (strncmp(files[i].path, folder, n_folder) != 0 || files[i].path[n_folder] != '/'))
            continue;
        if (seen++ < cursor) continue;
        if (listed == PAGE_FILES) {
            snprintf(headers, sizeof headers,
                     "Link: <http://%s:%d/api/%s/%s/tree/%s%s%s?recursive=true&cursor=%d>; rel=\"next\"\r\n",
                     fault == FAULT_OTHER_HOST ? "localhost" : "127.0.0.1", hub->port, kind, repo, commit,
                     n_folder ? "/" : "", folder, cursor + PAGE_FILES);
            break;
        }
        if (!get_content(&c, commit, files[i].path)) continue;
        if (!listed)
            add(body, sizeof body, "{\"type\":\"directory\",\"oid\":\"00\",\"size\":0,\"path\":\"some\"}");
        list_file(body, sizeof body, &c, fault);
        free(c.bytes);
        listed++;
    }
    if (n_folder && !seen) return send_plain(fd, r, 404, "X-Error-Code: EntryNotFound\r\n", "");
    add(body, sizeof body, "]");
    return send_plain(fd, r, 200, headers, body);
}

static bool has_moved(const char *repo)
{
    return strcmp(repo, "old/name") == 0 || strcmp(repo, "older/name") == 0;
}

/* /api/models/ORG/NAME/revision/REV and .../tree/REV/FOLDER */
static bool api(int fd, const struct request *r, const char *kind, const char *rest)
{
    char repo[128], body[256];
    bool alive = true;
    const char *second = strchr(rest, '/'), *end = second ? strchr(second + 1, '/') : NULL;
    atomic_fetch_add(&hub->n_lists, 1);
    if (!end || (size_t)(end - rest) >= sizeof repo) return send_plain(fd, r, 404, "", "");
    memcpy(repo, rest, (size_t)(end - rest));
    repo[end - rest] = '\0';
    if (has_moved(repo)) {
        char headers[2048] = "Location: ";
        if (strcmp(repo, "older/name") == 0) add(headers, sizeof headers, "%s", hub->endpoint);
        add(headers, sizeof headers, "/api/%s/org/model%s%s%s\r\n", kind, end, r->query[0] ? "?" : "",
            r->query);
        return send_plain(fd, r, 307, headers, "");
    }
    if (!has_access(fd, r, repo, &alive)) return alive;
    if (strncmp(end, "/tree/", 6) == 0) return tree(fd, r, kind, repo, end + 6);
    if (strncmp(end, "/revision/", 10) != 0) return send_plain(fd, r, 404, "", "");
    const char *commit = commit_of(end + 10);
    if (!commit) return send_plain(fd, r, 404, "X-Error-Code: RevisionNotFound\r\n", "");
    snprintf(body, sizeof body, "{\"id\":\"%s\",\"sha\":\"%s\",\"siblings\":[]}", repo, commit);
    return send_plain(fd, r, 200, "", body);
}

/* A repository's own address: [datasets/]ORG/NAME/resolve/REV/PATH */
static bool repo_address(int fd, const struct request *r, const char *rest)
{
    char repo[128], headers[4400];
    bool alive = true;
    const char *id = strncmp(rest, "datasets/", 9) == 0 ? rest + 9 : rest;
    const char *at = strstr(id, "/resolve/");
    if (!at || (size_t)(at - id) >= sizeof repo) return send_plain(fd, r, 404, "", "Not Found");
    memcpy(repo, id, (size_t)(at - id));
    repo[at - id] = '\0';
    if (has_moved(repo)) {
        const char *host = strcmp(repo, "older/name") == 0 ? hub->endpoint : "";
        snprintf(headers, sizeof headers, "Location: %s/org/model%s\r\n", host, at);
        return send_plain(fd, r, 307, headers, "");
    }
    return has_access(fd, r, repo, &alive) ? resolve(fd, r, at + 9) : alive;
}

static bool route(int fd, const struct request *r)
{
    const char *t = r->target;
    atomic_fetch_add(&hub->n_requests, 1);
    if (r->token[0]) atomic_fetch_add(r->is_other_host ? &hub->n_leaks : &hub->n_tokens, 1);
    if (strncmp(t, "/cdn/", 5) == 0) return cdn(fd, r, t + 5);
    if (r->is_other_host) return send_plain(fd, r, 400, "", "this host has files only");
    if (strncmp(t, "/api/models/", 12) == 0) return api(fd, r, "models", t + 12);
    if (strncmp(t, "/api/datasets/", 14) == 0) return api(fd, r, "datasets", t + 14);
    return repo_address(fd, r, t + 1);
}

/* ---- requests in ---- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

static void decode(char *to, size_t capacity, const char *s, size_t n)
{
    size_t out = 0;
    for (size_t i = 0; i < n && out + 1 < capacity; i++) {
        int high = i + 2 < n && s[i] == '%' ? hex_value(s[i + 1]) : -1;
        int low = high >= 0 ? hex_value(s[i + 2]) : -1;
        if (low >= 0) i += 2;
        to[out++] = low >= 0 ? (char)(high * 16 + low) : s[i];
    }
    to[out] = '\0';
}

static const char *find_header(const char *head, const char *name)
{
    for (const char *p = head; (p = strstr(p, "\r\n")) != NULL;) {
        p += 2;
        if (strncasecmp(p, name, strlen(name)) == 0) return p + strlen(name);
    }
    return NULL;
}

static bool parse_request(struct request *r, const char *head)
{
    char raw[4096];
    memset(r, 0, sizeof *r);
    r->range_first = r->range_last = -1;
    r->keep_alive = true;
    if (sscanf(head, "%7s %4095s", r->method, raw) != 2) return false;
    size_t n = strcspn(raw, "?");
    decode(r->target, sizeof r->target, raw, n);
    if (raw[n]) snprintf(r->query, sizeof r->query, "%s", raw + n + 1);
    const char *value = find_header(head, "Authorization: Bearer ");
    if (value) snprintf(r->token, sizeof r->token, "%.*s", (int)strcspn(value, "\r\n"), value);
    value = find_header(head, "Range: bytes=");
    if (value) {
        char *end;
        r->range_first = strtol(value, &end, 10);
        if (*end == '-' && end[1] >= '0' && end[1] <= '9') r->range_last = strtol(end + 1, NULL, 10);
    }
    value = find_header(head, "Host: ");
    r->is_other_host = value && strncmp(value, "localhost", 9) == 0;
    return true;
}

/* Reads one request's head; what came behind it stays in the buffer (a HEAD or GET has no body). */
static bool read_head(int fd, char *buffer, size_t *n)
{
    while (!strstr(buffer, "\r\n\r\n")) {
        if (*n + 1 >= REQUEST_BYTES) return false;
        ssize_t got = recv(fd, buffer + *n, REQUEST_BYTES - 1 - *n, 0);
        if (got <= 0) return false;
        *n += (size_t)got;
        buffer[*n] = '\0';
    }
    return true;
}

static void *serve(void *payload)
{
    int fd = (int)(intptr_t)payload;
    char *buffer = calloc(1, REQUEST_BYTES);
    struct request *r = calloc(1, sizeof *r);
    size_t n = 0;
    while (buffer && r && read_head(fd, buffer, &n)) {
        char *end = strstr(buffer, "\r\n\r\n") + 4;
        bool good = parse_request(r, buffer);
        n -= (size_t)(end - buffer);
        memmove(buffer, end, n + 1);
        if (!good || !route(fd, r)) break;
    }
    shutdown(fd, SHUT_RDWR);
    close(fd);
    free(buffer);
    free(r);
    return NULL;
}

static _Noreturn void run(int listener)
{
    pthread_attr_t detached;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlives its test */
    signal(SIGPIPE, SIG_IGN);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&detached, 512 * 1024);
    for (;;) {
        pthread_t thread;
        int on = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (pthread_create(&thread, &detached, serve, (void *)(intptr_t)fd) != 0) close(fd);
    }
}

/* ---- the tests' side ---- */

struct hub_server *hub_server_start(const struct hub_file *f, int n)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    hub = mmap(NULL, sizeof *hub, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (listener < 0 || hub == MAP_FAILED || n > FILES_MAX ||
        bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        return NULL;
    memcpy(files, f, (size_t)n * sizeof *f);
    n_files = n;
    hub->port = ntohs(address.sin_port);
    snprintf(hub->endpoint, sizeof hub->endpoint, "http://127.0.0.1:%d", hub->port);
    fflush(stdout);
    fflush(stderr);
    pid_t pid = fork();
    if (pid == 0) run(listener);
    hub->pid = pid; /* the memory is shared: the child must not write its 0 there */
    close(listener);
    return pid > 0 ? hub : NULL;
}

void hub_server_stop(struct hub_server *s)
{
    if (!s || s->pid <= 0) return;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    munmap(s, sizeof *s);
}

void hub_server_reset(struct hub_server *s)
{
    hub_server_fault(s, FAULT_NONE, 0, "", 0, 0);
    s->error_code[0] = s->error_message[0] = s->rate_limit[0] = '\0';
    s->retry_after_s = 0;
    atomic_store(&s->bytes_per_ms, 0);
    atomic_int *counts[] = { &s->n_requests, &s->n_heads,  &s->n_gets,   &s->n_cdn,
                             &s->n_lists,    &s->n_ranges, &s->n_tokens, &s->n_leaks };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) atomic_store(counts[i], 0);
    atomic_store(&s->n_sent, 0);
}

void hub_server_fault(struct hub_server *s, enum hub_fault_kind kind, int where, const char *part, int times,
                      long value)
{
    atomic_store(&s->fault_kind, FAULT_NONE);
    s->fault_where = where;
    s->fault_value = value;
    snprintf(s->part, sizeof s->part, "%s", part);
    atomic_store(&s->fault_times, times);
    atomic_store(&s->fault_kind, (int)kind);
}

static void skipped(void **state)
{
    (void)state;
    print_message("skip: libcurl is not there\n");
    skip();
}

int hub_skip_all(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(skipped) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
