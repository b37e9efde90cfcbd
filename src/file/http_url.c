/* http_url.c: the parts of addresses and of answers that need no library. */
#include <string.h>
#include <strings.h>

#include "file/http.h"

/* ---- headers of an answer ---- */

void http_reply_release(struct http_reply *r)
{
    hooke_text_release(&r->headers);
    *r = (struct http_reply){ .length = -1, .retry_after_s = -1 };
}

hooke_status http_add_header(struct http_reply *r, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    if (!colon || colon == line || memchr(line, '\0', n)) return HOOKE_OK;
    RETURN_IF(r->headers.n + n + 2 > HTTP_HEADERS_MAX_BYTES, HOOKE_E_FORMAT,
              "an answer with more than %d bytes of headers", HTTP_HEADERS_MAX_BYTES);
    size_t at = r->headers.n, n_name = (size_t)(colon - line);
    RETURN_IF_ERROR(text_append(&r->headers, line, n_name));
    for (size_t i = at; i < r->headers.n; i++)
        if (r->headers.data[i] >= 'A' && r->headers.data[i] <= 'Z') r->headers.data[i] |= 0x20;
    const char *value = colon + 1, *end = line + n;
    while (value < end && (*value == ' ' || *value == '\t')) value++;
    while (end > value && strchr(" \t\r\n", end[-1])) end--;
    RETURN_IF_ERROR(text_append(&r->headers, "", 1));
    RETURN_IF_ERROR(text_append(&r->headers, value, (size_t)(end - value)));
    return text_append(&r->headers, "", 1);
}

const char *http_header(const struct http_reply *r, const char *name)
{
    for (size_t at = 0; at < r->headers.n;) {
        const char *key = r->headers.data + at, *value = key + strlen(key) + 1;
        if (strcmp(key, name) == 0) return value;
        at = (size_t)(value - r->headers.data) + strlen(value) + 1;
    }
    return NULL;
}

/* ---- addresses ---- */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

hooke_status url_escape(hooke_text *out, const char *s, bool keep_slashes)
{
    for (; *s; s++) {
        if (is_plain(*s) || (keep_slashes && *s == '/'))
            RETURN_IF_ERROR(text_append(out, s, 1));
        else
            RETURN_IF_ERROR(text_printf(out, "%%%02X", (unsigned)(unsigned char)*s));
    }
    return HOOKE_OK;
}

bool url_is_https(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0;
}

/* Bytes of "scheme://", 0 for another scheme. */
static size_t scheme_bytes(const char *url)
{
    return url_is_https(url) ? 8 : strncasecmp(url, "http://", 7) == 0 ? 7 : 0;
}

/* Bytes of "scheme://host:port". */
static size_t origin_bytes(const char *url)
{
    size_t scheme = scheme_bytes(url);
    return scheme + strcspn(url + scheme, "/?#");
}

bool url_is_sane(const char *url)
{
    size_t scheme = scheme_bytes(url);
    if (!scheme || origin_bytes(url) == scheme) return false;
    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '\\') return false;
    return memchr(url + scheme, '@', origin_bytes(url) - scheme) == NULL; /* no user:password@ */
}

/* "host:port" of an address with its usual port left out. */
static size_t authority_bytes(const char *url)
{
    size_t scheme = scheme_bytes(url), n = origin_bytes(url) - scheme;
    const char *usual = url_is_https(url) ? ":443" : ":80";
    size_t n_usual = strlen(usual);
    if (n > n_usual && memcmp(url + scheme + n - n_usual, usual, n_usual) == 0) n -= n_usual;
    return n;
}

bool url_same_origin(const char *a, const char *b)
{
    size_t n = authority_bytes(a);
    return scheme_bytes(a) && scheme_bytes(a) == scheme_bytes(b) && n == authority_bytes(b) &&
           strncasecmp(a + scheme_bytes(a), b + scheme_bytes(b), n) == 0;
}

hooke_status url_join(hooke_text *out, const char *base, const char *location)
{
    size_t origin = origin_bytes(base), keep;
    text_clear(out);
    RETURN_IF(!*location, HOOKE_E_FORMAT, "a redirect that leads nowhere");
    size_t to_colon = strcspn(location, ":/?#"); /* another scheme: "file:", "data:" */
    RETURN_IF(location[to_colon] == ':' && !scheme_bytes(location), HOOKE_E_FORMAT,
              "a redirect to '%.200s', which is no web address", location);
    if (scheme_bytes(location))
        keep = 0;
    else if (strncmp(location, "//", 2) == 0)
        keep = scheme_bytes(base) - 2; /* "https:" */
    else if (location[0] == '/')
        keep = origin;
    else if (location[0] == '?' || location[0] == '#')
        keep = origin + strcspn(base + origin, "?#");
    else {
        /* relative to the folder of the path */
        keep = origin + strcspn(base + origin, "?#");
        while (keep > origin && base[keep - 1] != '/') keep--;
    }
    RETURN_IF_ERROR(text_append(out, base, keep));
    if (keep == origin && location[0] != '/' && !scheme_bytes(location))
        RETURN_IF_ERROR(text_append(out, "/", 1));
    RETURN_IF_ERROR(text_puts(out, location));
    size_t n = strcspn(location, "?#"); /* behind it there may be a signature */
    RETURN_IF(!url_is_sane(out->data), HOOKE_E_FORMAT, "a redirect to '%.*s', which is no web address",
              (int)(n < 200 ? n : 200), location);
    return HOOKE_OK;
}

hooke_status url_for_message(hooke_text *out, const char *url)
{
    text_clear(out);
    return text_append(out, url, strcspn(url, "?#"));
}
