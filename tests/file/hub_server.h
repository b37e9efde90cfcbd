/* hub_server.h: a hub on loopback for tests: a process of its own that answers as huggingface.co does, and misbehaves when told to.
 *
 *   http://127.0.0.1:PORT    the hub: /REPO/resolve/..., /api/models/...; wants a token for some repositories
 *   http://localhost:PORT    another host, where large files lie: a token that arrives there is counted as a leak
 *
 * Repositories: "org/model" and "datasets/org/data" are open; "old/name" has moved to org/model, and so has "older/name" by an absolute
 * address; "org/gated" has terms to accept; "org/secret" is private. The last two open up to "hf_good"; "hf_other" is a valid token
 * without access. All hold the same files. */
#ifndef HOOKE_TESTS_HUB_SERVER_H
#define HOOKE_TESTS_HUB_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define HUB_COMMIT  "0123456789abcdef0123456789abcdef01234567" /* of "main" */
#define HUB_COMMIT2 "89abcdef0123456789abcdef0123456789abcdef" /* of "next": every file ends in "2" more */

struct hub_file {
    const char *path;
    const char *bytes;
    size_t n;
    bool is_large; /* lies elsewhere; its etag is a SHA-256 */
};

enum hub_fault_kind {
    FAULT_NONE,
    FAULT_STATUS,    /* answers with status `value` */
    FAULT_DROP,      /* closes the connection after `value` bytes of the body */
    FAULT_LONG,      /* says one byte more than it sends, then closes */
    FAULT_SHORT,     /* says and sends one byte less */
    FAULT_EXTRA,     /* says and sends one byte more */
    FAULT_CORRUPT,   /* changes the byte at `value` */
    FAULT_HANG,      /* never answers */
    FAULT_STALL,     /* stops in the middle of the body */
    FAULT_NO_COMMIT, /* leaves headers out */
    FAULT_NO_ETAG,
    FAULT_NO_LENGTH,  /* no Content-Length: ends by closing */
    FAULT_BAD_ETAG,   /* "../../x" */
    FAULT_OTHER_ETAG, /* one that is not this content's */
    FAULT_PLAIN_ETAG, /* SHA-1 of the content without git's header */
    FAULT_BAD_COMMIT,
    FAULT_BAD_SIZE,     /* X-Linked-Size: banana */
    FAULT_IGNORE_RANGE, /* 200 with everything */
    FAULT_WRONG_RANGE,  /* 206 with bytes from the start */
    FAULT_LOOP,         /* redirects to itself */
    FAULT_BAD_LOCATION, /* redirects to file:///etc/passwd */
    FAULT_BAD_JSON,     /* a listing that is none */
    FAULT_BAD_PATH,     /* a listing with "../../evil" */
    FAULT_OTHER_HOST,   /* the next page of a listing lies on another host */
    FAULT_HUGE,         /* says that each file has an exabyte more */
    FAULT_HEADERS,      /* a megabyte of headers */
};
enum hub_where { AT_HEAD = 1, AT_GET = 2, AT_CDN = 4, AT_LIST = 8, AT_ANY = 15 };

struct hub_server {
    int port;
    pid_t pid;
    char endpoint[64];
    /* the fault: `times` answers at `where` whose address contains `part` */
    atomic_int fault_kind, fault_times;
    int fault_where;
    long fault_value;
    int retry_after_s; /* sent with FAULT_STATUS; 0: not */
    char part[64];
    char error_code[32];      /* X-Error-Code sent with FAULT_STATUS; "": none */
    char error_message[64];   /* likewise X-Error-Message */
    char rate_limit[64];      /* likewise RateLimit */
    atomic_long bytes_per_ms; /* 0: as fast as it goes */
    /* what came in */
    atomic_int n_requests, n_heads, n_gets, n_cdn, n_lists, n_ranges, n_tokens, n_leaks;
    atomic_long n_sent; /* bytes of bodies */
};

/* Files must stay in place while the server runs. NULL when loopback cannot be had. */
struct hub_server *hub_server_start(const struct hub_file *files, int n);
void hub_server_stop(struct hub_server *s);
/* Forgets the fault and all counts. */
void hub_server_reset(struct hub_server *s);
void hub_server_fault(struct hub_server *s, enum hub_fault_kind kind, int where, const char *part, int times,
                      long value);
/* The etag of a file's content: SHA-256 when large, else git's SHA-1. */
void hub_etag(char hex[65], const char *bytes, size_t n, bool is_large);

/* What a test program's main() runs in place of its tests where libcurl is not there: one test, skipped. Its status. */
int hub_skip_all(void);

#endif
