/* http.h: one HTTP exchange at a time. Redirects, retries and what an answer means are the caller's; nothing here is used unless
 * somebody asked for the network (docs/hub.md).
 *
 * http_curl.c loads libcurl when the first client is opened, so that a program that stays offline pays nothing for its libraries;
 * http_none.c stands in where its headers were absent at build time. */
#ifndef HOOKE_FILE_HTTP_H
#define HOOKE_FILE_HTTP_H

#include "base/shared.h"
#include "base/text.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HTTP_HEADERS_MAX_BYTES = 256 * 1024 };

struct http_reply {
    int status;            /* 200, 404, ...; 0: no answer came */
    int64_t length;        /* Content-Length; -1 absent */
    int64_t retry_after_s; /* Retry-After in seconds from now; -1 absent */
    hooke_text headers;    /* "name\0value\0" of each header line, names in lower case */
    bool can_retry;        /* after a failure: it may go away by itself */
};
void http_reply_release(struct http_reply *r);
/* Value of a header, "" if it has none; NULL when it is absent. */
const char *http_header(const struct http_reply *r, const char *name);
/* One header line as it came, without its line end; malformed ones are passed over. */
hooke_status http_add_header(struct http_reply *r, const char *line, size_t n);

struct http_request {
    const char *url;
    bool is_head;
    const char *token;               /* sent as "Authorization: Bearer TOKEN"; NULL: not sent */
    int64_t range_first, range_last; /* Range: bytes=FIRST-LAST; last -1: to the end; first -1: no range */
    int timeout_ms;                  /* without a byte from the other side */
    bool must_be_https;
    /* Called with each piece of the body; the reply's status and headers are there. A failure ends the exchange and is returned. */
    hooke_status (*on_body)(void *payload, const struct http_reply *reply, const void *bytes, size_t n);
    void *payload;
    const struct flag *cancel; /* looked at about once a second; may be NULL */
};

typedef struct http_client http_client;
/* A client keeps its connections open from one exchange to the next. One thread at a time. */
hooke_status http_open(http_client **out);
void http_close(http_client *c);
/* HOOKE_OK whenever a whole answer came, whatever its status. HOOKE_E_IO: the connection failed or broke. */
hooke_status http_exchange(http_client *c, struct http_reply *reply, const struct http_request *request);
/* Version of the library that is found on this machine ("libcurl/7.88.1 ..."); NULL when there is none. */
const char *http_library(void);

/* ---- addresses ---- */

/* Appends s with everything but letters, digits and "-._~" (and '/', if told so) as %XX. */
hooke_status url_escape(hooke_text *out, const char *s, bool keep_slashes);
/* Same scheme, host and port. */
bool url_same_origin(const char *a, const char *b);
bool url_is_https(const char *url);
/* http:// or https://, a host, and no bytes that end a line or begin a header. */
bool url_is_sane(const char *url);
/* Where a Location leads from base: an absolute address, "//host/path", "/path" or a relative path. out may not be base's text. */
hooke_status url_join(hooke_text *out, const char *base, const char *location);
/* The address without query and fragment: signed addresses hold secrets in them. */
hooke_status url_for_message(hooke_text *out, const char *url);

#ifdef __cplusplus
}
#endif
#endif
