/* http_curl.c: http.h over libcurl.
 *
 * libcurl comes with some twenty shared libraries, whose loading costs more than all the rest of a short run of the program
 * (docs/speed.md). It is therefore loaded when the first client is opened, and never unloaded. */
#include "file/http.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the library ---- */

static struct {
    CURLcode (*global_init)(long flags);
    char *(*version)(void);
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *handle);
    CURLcode (*easy_setopt)(CURL *handle, CURLoption option, ...);
    CURLcode (*easy_perform)(CURL *handle);
    CURLcode (*easy_getinfo)(CURL *handle, CURLINFO info, ...);
    const char *(*easy_strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *line);
    void (*slist_free_all)(struct curl_slist *list);
} curl;
static bool is_loaded;
static char why_not[256];
static pthread_once_t load_once = PTHREAD_ONCE_INIT;

/* dlsym() gives functions as object pointers, which C keeps apart. */
static bool find_function(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static bool find_functions(void *library)
{
    return find_function(library, "curl_global_init", &curl.global_init) &&
           find_function(library, "curl_version", &curl.version) &&
           find_function(library, "curl_easy_init", &curl.easy_init) &&
           find_function(library, "curl_easy_cleanup", &curl.easy_cleanup) &&
           find_function(library, "curl_easy_setopt", &curl.easy_setopt) &&
           find_function(library, "curl_easy_perform", &curl.easy_perform) &&
           find_function(library, "curl_easy_getinfo", &curl.easy_getinfo) &&
           find_function(library, "curl_easy_strerror", &curl.easy_strerror) &&
           find_function(library, "curl_slist_append", &curl.slist_append) &&
           find_function(library, "curl_slist_free_all", &curl.slist_free_all);
}

static void load(void)
{
    static const char *const names[] = { "libcurl.so.4", "libcurl-gnutls.so.4" };
    void *library = NULL;
    for (size_t i = 0; !library && i < sizeof names / sizeof *names; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *why = dlerror();
        hooke_text t = { 0 };
        if (text_puts(&t, why ? why : "no reason given") == HOOKE_OK)
            memcpy(why_not, t.data, t.n < sizeof why_not ? t.n : sizeof why_not - 1);
        hooke_text_release(&t);
    } else if (!find_functions(library)) {
        memcpy(why_not, "it lacks a function", sizeof "it lacks a function");
    } else {
        is_loaded = curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
        if (!is_loaded) memcpy(why_not, "it does not start", sizeof "it does not start");
    }
}

const char *http_library(void)
{
    pthread_once(&load_once, load);
    return is_loaded ? curl.version() : NULL;
}

struct http_client {
    CURL *handle;
};

hooke_status http_open(http_client **out)
{
    *out = NULL;
    pthread_once(&load_once, load);
    RETURN_IF(!is_loaded, HOOKE_E_UNSUPPORTED,
              "libcurl is needed for the network and could not be loaded (%s); install libcurl4", why_not);
    http_client *c = mem_alloc(1, sizeof *c);
    RETURN_IF(!c, HOOKE_E_MEMORY, "out of memory for a connection");
    c->handle = curl.easy_init();
    if (!c->handle) {
        mem_free(c);
        return fail(HOOKE_E_MEMORY, "out of memory for a connection");
    }
    /* Once: a handle that has been used refuses it. That is also why options are set anew for each exchange and never reset. */
    curl.easy_setopt(c->handle, CURLOPT_BUFFERSIZE, 256 * 1024L);
    *out = c;
    return HOOKE_OK;
}

void http_close(http_client *c)
{
    if (!c) return;
    curl.easy_cleanup(c->handle);
    mem_free(c);
}

/* ---- an exchange ---- */

struct exchange {
    const struct http_request *request;
    struct http_reply *reply;
    CURL *handle;
    hooke_status status; /* what a callback of ours ran into */
};

static size_t on_header(char *line, size_t size, size_t n, void *payload)
{
    struct exchange *x = payload;
    n *= size;
    if (n >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        text_clear(&x->reply->headers); /* a new answer: what came before was 1xx, or a proxy's */
        return n;
    }
    x->status = http_add_header(x->reply, line, n);
    return x->status == HOOKE_OK ? n : 0;
}

/* The numbers of the answer; good from the first byte of the body on. */
static void read_numbers(struct exchange *x)
{
    long status = 0;
    curl_off_t wait = 0;
    const char *length = http_header(x->reply, "content-length");
    curl.easy_getinfo(x->handle, CURLINFO_RESPONSE_CODE, &status);
    curl.easy_getinfo(x->handle, CURLINFO_RETRY_AFTER, &wait);
    x->reply->status = (int)status;
    x->reply->retry_after_s = wait > 0 ? (int64_t)wait : -1;
    x->reply->length = -1;
    if (length && *length >= '0' && *length <= '9') {
        char *end;
        long long n = strtoll(length, &end, 10);
        if (*end == '\0' && n < INT64_MAX) x->reply->length = n;
    }
}

static size_t on_body(char *bytes, size_t size, size_t n, void *payload)
{
    struct exchange *x = payload;
    n *= size;
    if (x->reply->status == 0) read_numbers(x);
    if (x->request->on_body) x->status = x->request->on_body(x->request->payload, x->reply, bytes, n);
    return x->status == HOOKE_OK ? n : 0;
}

static int on_progress(void *payload, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    const struct exchange *x = payload;
    (void)down_total, (void)down, (void)up_total, (void)up;
    return flag_is_raised(x->request->cancel);
}

/* First failure of a row of settings; later ones are not made. */
struct settings {
    CURL *handle;
    CURLcode code;
};

static void set_long(struct settings *s, CURLoption option, long value)
{
    if (s->code == CURLE_OK) s->code = curl.easy_setopt(s->handle, option, value);
}

static void set_pointer(struct settings *s, CURLoption option, const void *value)
{
    if (s->code == CURLE_OK) s->code = curl.easy_setopt(s->handle, option, value);
}

/* Places of certificates that the hub's other clients listen to; without them the library's own. */
static void set_certificates(struct settings *s)
{
    static const char *const names[] = { "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE" };
    const char *folder = getenv("SSL_CERT_DIR");
    if (folder && *folder && access(folder, R_OK | X_OK) == 0) set_pointer(s, CURLOPT_CAPATH, folder);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = getenv(names[i]);
        if (!path || !*path || access(path, R_OK) != 0) continue;
        set_pointer(s, CURLOPT_CAINFO, path);
        return;
    }
}

static void set_callbacks(struct settings *s, struct exchange *x)
{
    if (s->code == CURLE_OK) s->code = curl.easy_setopt(s->handle, CURLOPT_HEADERFUNCTION, on_header);
    if (s->code == CURLE_OK) s->code = curl.easy_setopt(s->handle, CURLOPT_WRITEFUNCTION, on_body);
    if (s->code == CURLE_OK) s->code = curl.easy_setopt(s->handle, CURLOPT_XFERINFOFUNCTION, on_progress);
    set_pointer(s, CURLOPT_HEADERDATA, x);
    set_pointer(s, CURLOPT_WRITEDATA, x);
    set_pointer(s, CURLOPT_XFERINFODATA, x);
}

static CURLcode set_all(struct exchange *x, char *why, const struct curl_slist *headers, const char *range)
{
    const struct http_request *r = x->request;
    struct settings s = { x->handle, CURLE_OK };
    set_pointer(&s, CURLOPT_ERRORBUFFER, why);
    set_pointer(&s, CURLOPT_URL, r->url);
    set_pointer(&s, CURLOPT_PROTOCOLS_STR, r->must_be_https ? "https" : "http,https");
    set_pointer(&s, CURLOPT_USERAGENT, "hooke/" HOOKE_VERSION);
    set_pointer(&s, CURLOPT_HTTPHEADER, headers);
    set_pointer(&s, CURLOPT_RANGE, range);
    if (r->is_head)
        set_long(&s, CURLOPT_NOBODY, 1);
    else
        set_long(&s, CURLOPT_HTTPGET, 1);
    set_long(&s, CURLOPT_NOSIGNAL, 1); /* threads: no alarm() for name look-ups */
    set_long(&s, CURLOPT_NOPROGRESS, 0);
    set_long(&s, CURLOPT_NETRC, CURL_NETRC_IGNORED);
    set_long(&s, CURLOPT_CONNECTTIMEOUT_MS, r->timeout_ms);
    set_long(&s, CURLOPT_LOW_SPEED_LIMIT, 1);
    set_long(&s, CURLOPT_LOW_SPEED_TIME, (r->timeout_ms + 999) / 1000);
    set_certificates(&s);
    set_callbacks(&s, x);
    return s.code;
}

/* The handle lives on, with its connections; what it was told to point at does not. */
static void forget_pointers(CURL *handle)
{
    struct settings s = { handle, CURLE_OK };
    set_pointer(&s, CURLOPT_ERRORBUFFER, NULL);
    set_pointer(&s, CURLOPT_HTTPHEADER, NULL);
    set_pointer(&s, CURLOPT_HEADERDATA, NULL);
    set_pointer(&s, CURLOPT_WRITEDATA, NULL);
    set_pointer(&s, CURLOPT_XFERINFODATA, NULL);
}

static hooke_status make_headers(struct curl_slist **out, const struct http_request *r)
{
    hooke_text line = { 0 };
    hooke_status st = HOOKE_OK;
    /* A compressed body would have another length than the file. */
    *out = curl.slist_append(NULL, "Accept-Encoding: identity");
    if (*out && r->token) {
        st = text_printf(&line, "Authorization: Bearer %s", r->token);
        struct curl_slist *more = st == HOOKE_OK ? curl.slist_append(*out, line.data) : NULL;
        if (!more) curl.slist_free_all(*out);
        *out = more;
    }
    hooke_text_release(&line);
    return *out ? HOOKE_OK : fail(HOOKE_E_MEMORY, "out of memory for a request");
}

static hooke_status make_range(hooke_text *out, const struct http_request *r)
{
    if (r->range_first < 0) return HOOKE_OK;
    RETURN_IF_ERROR(text_printf(out, "%lld-", (long long)r->range_first));
    return r->range_last < 0 ? HOOKE_OK : text_printf(out, "%lld", (long long)r->range_last);
}

/* Faults that another try meets again. */
static bool is_final(CURLcode code)
{
    return code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT ||
           code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_OUT_OF_MEMORY || code == CURLE_SSL_ENGINE_NOTFOUND;
}

static hooke_status explain(struct exchange *x, CURLcode code, const char *why)
{
    hooke_text url = { 0 };
    hooke_status st = url_for_message(&url, x->request->url);
    x->reply->can_retry = !is_final(code);
    if (st != HOOKE_OK)
        (void)st;
    else if (code == CURLE_ABORTED_BY_CALLBACK)
        st = fail(HOOKE_E_CANCELLED, "%s: cancelled", url.data);
    else if (code == CURLE_OUT_OF_MEMORY)
        st = fail(HOOKE_E_MEMORY, "%s: out of memory", url.data);
    else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
        st = fail(HOOKE_E_IO,
                  "%s: the server's certificate is not trusted (%s); install ca-certificates, or name your "
                  "proxy's certificates in SSL_CERT_FILE",
                  url.data, *why ? why : curl.easy_strerror(code));
    else
        st = fail(HOOKE_E_IO, "%s: %s; check the network, HF_ENDPOINT and the proxy variables", url.data,
                  *why ? why : curl.easy_strerror(code));
    hooke_text_release(&url);
    return st;
}

hooke_status http_exchange(http_client *c, struct http_reply *reply, const struct http_request *request)
{
    struct exchange x = { .request = request, .reply = reply, .handle = c->handle, .status = HOOKE_OK };
    struct curl_slist *headers = NULL;
    hooke_text range = { 0 };
    char why[CURL_ERROR_SIZE] = "";
    http_reply_release(reply);
    hooke_status st = make_range(&range, request);
    if (st == HOOKE_OK) st = make_headers(&headers, request);
    if (st == HOOKE_OK) {
        CURLcode code = set_all(&x, why, headers, range.data);
        if (code == CURLE_OK) code = curl.easy_perform(c->handle);
        if (x.status != HOOKE_OK)
            st = x.status;
        else if (code != CURLE_OK)
            st = explain(&x, code, why);
        if (st == HOOKE_OK && reply->status == 0) read_numbers(&x);
        forget_pointers(c->handle);
    }
    curl.slist_free_all(headers);
    hooke_text_release(&range);
    return st;
}
