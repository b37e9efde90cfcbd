/* name_url.c: places on the hub and addresses of pages, as they are copied from a browser. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "file/name.h"

static bool copy_part(char *out, size_t capacity, const char *s, size_t n)
{
    if (n >= capacity) return false;
    memcpy(out, s, n);
    out[n] = '\0';
    return true;
}

bool name_stays_inside(const char *path)
{
    if (path[0] == '/' || strchr(path, '\\')) return false;
    for (const char *p = path; *p; p += strcspn(p, "/"), p += *p == '/') {
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.')) return false;
    }
    return true;
}

static void drop_last_slashes(char *path)
{
    size_t n = strlen(path);
    while (n && path[n - 1] == '/') path[--n] = '\0';
}

/* What is behind "hf:", or behind "hf://" as other tools write it. */
const char *name_behind_hf(const char *what)
{
    if (strncasecmp(what, "hf:", 3) != 0) return NULL;
    return what + (strncmp(what + 3, "//", 2) == 0 ? 5 : 3);
}

void name_turn_hf_address(char *out, size_t capacity, const char *address)
{
    const char *slash = strchr(address, '/'), *at = strchr(address, '@');
    const char *second = slash ? strchr(slash + 1, '/') : NULL;
    const char *path = at ? strchr(at, '/') : NULL;
    if (at && strncmp(at + 1, "refs/", 5) == 0) { /* refs/pr/1 */
        const char *kind = strchr(at + 6, '/');
        path = kind ? strchr(kind + 1, '/') : NULL;
    }
    if (path && (!second || at < second))
        snprintf(out, capacity, "%.*s%s%.*s", (int)(at - address), address, path, (int)(path - at), at);
    else
        snprintf(out, capacity, "%s", address);
}

hooke_status name_split_hub(struct name_place *out, const char *what)
{
    const char *at = strrchr(what, '@'), *end = at ? at : what + strlen(what);
    const char *first = memchr(what, '/', (size_t)(end - what));
    const char *second = first ? first + 1 + strcspn(first + 1, "/:") : NULL; /* some write ORG/NAME:PATH */
    if (second && second >= end) second = NULL;
    bool is_gap = second && second == first + 1; /* "ORG//PATH" */
    const char *repo_end = second ? second : end, *file = second ? second + 1 : end;
    const char *revision = at ? at + 1 : "main";
    bool fits = copy_part(out->repo, sizeof out->repo, what, (size_t)(repo_end - what)) &&
                copy_part(out->file, sizeof out->file, file, (size_t)(end - file)) &&
                copy_part(out->revision, sizeof out->revision, revision, strlen(revision));
    if (fits) {
        drop_last_slashes(out->file);
        drop_last_slashes(out->repo); /* "ORG/": a slash too many, found below */
    }
    RETURN_IF(strncmp(what, "datasets/", 9) == 0, HOOKE_E_ARGUMENT,
              "'%.200s' is a data set, not a model or a dictionary", what);
    RETURN_IF(strncmp(what, "spaces/", 7) == 0, HOOKE_E_ARGUMENT,
              "'%.200s' is a space, not a model or a dictionary", what);
    RETURN_IF(!fits, HOOKE_E_ARGUMENT,
              "'%.60s...' is too long: ORG/NAME has at most %d bytes, a path %d, a revision %d", what,
              NAME_REPO_BYTES - 1, NAME_FILE_BYTES - 1, NAME_REVISION_BYTES - 1);
    RETURN_IF(is_gap || !out->repo[0] || !out->revision[0] || !name_stays_inside(out->repo) ||
                  !name_stays_inside(out->file),
              HOOKE_E_ARGUMENT, "'%.200s' is not of the form ORG/NAME[/PATH][@REVISION]", what);
    return HOOKE_OK;
}

/* ---- addresses ---- */

/* Stands for '/' that was written %2F until parts are cut. */
enum { ESCAPED_SLASH = 1 };

static void restore_slashes(char *s)
{
    for (; *s; s++)
        if (*s == ESCAPED_SLASH) *s = '/';
}

/* The address without scheme, query, fragment and percent escapes. */
static hooke_status plain_address(char *out, size_t capacity, const char *what)
{
    const char *scheme = strstr(what, "://");
    size_t n = 0;
    for (const char *p = scheme ? scheme + 3 : what; *p && *p != '?' && *p != '#'; p++) {
        char digits[3] = { 0 };
        char c = *p;
        RETURN_IF(n + 1 >= capacity, HOOKE_E_ARGUMENT, "'%.100s...': an address of more than %zu bytes", what,
                  capacity - 1);
        if (c == '%' && p[1] && p[2] && strspn(p + 1, "0123456789abcdefABCDEF") >= 2) {
            memcpy(digits, p + 1, 2);
            c = (char)strtol(digits, NULL, 16);
            if (c == '/')
                c = ESCAPED_SLASH; /* cuts no parts: "tree/refs%2Fpr%2F1" is one revision */
            else if (c == ESCAPED_SLASH)
                return fail(HOOKE_E_ARGUMENT, "'%.200s': a control character in the address", what);
            p += 2;
        }
        RETURN_IF(((unsigned char)c < 0x20 && c != ESCAPED_SLASH) || c == 0x7f, HOOKE_E_ARGUMENT,
                  "'%.200s': a control character in the address", what);
        out[n++] = c;
    }
    while (n && out[n - 1] == '/') n--;
    out[n] = '\0';
    return HOOKE_OK;
}

/* What follows the host if the address is on it, else NULL: "" or "/...". */
static const char *after_host(const char *address, const char *host)
{
    size_t n = strlen(host);
    if (strncasecmp(address, "www.", 4) == 0) address += 4;
    if (strncasecmp(address, host, n) != 0 || (address[n] && address[n] != '/')) return NULL;
    return address + n;
}

/* The mirror that HF_ENDPOINT names, without its scheme. */
static const char *after_mirror(const char *address)
{
    char host[256];
    const char *value = getenv("HF_ENDPOINT"), *scheme = value ? strstr(value, "://") : NULL;
    if (!value || !*value) return NULL;
    value = scheme ? scheme + 3 : value;
    size_t n = strlen(value);
    while (n && value[n - 1] == '/') n--;
    return n && copy_part(host, sizeof host, value, n) ? after_host(address, host) : NULL;
}

/* Takes the part up to the next slash off *s. */
static size_t next_part(const char **s, const char **part)
{
    *s += strspn(*s, "/");
    *part = *s;
    *s += strcspn(*s, "/");
    return (size_t)(*s - *part);
}

static bool part_is(const char *part, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(part, word, n) == 0;
}

/* /ORG/NAME[/tree|blob|resolve|raw/REVISION[/PATH]] */
static hooke_status read_hub_address(struct name_place *out, const char *path, const char *what)
{
    static const char *const verbs[] = { "tree", "blob", "resolve", "raw" };
    const char *begin, *part, *p = path;
    size_t n = next_part(&p, &begin);
    RETURN_IF(part_is(begin, n, "datasets") || part_is(begin, n, "spaces"), HOOKE_E_ARGUMENT,
              "'%.200s' is the address of a data set or a space, not of a model or a dictionary", what);
    if (*p) n += 1 + next_part(&p, &part);
    bool fits = n > 0 && copy_part(out->repo, sizeof out->repo, begin, n);
    memcpy(out->revision, "main", sizeof "main");
    size_t verb_bytes = next_part(&p, &part);
    bool has_verb = verb_bytes == 0;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        has_verb = has_verb || part_is(part, verb_bytes, verbs[i]);
    if (verb_bytes) {
        n = next_part(&p, &part);
        if (n) fits = fits && copy_part(out->revision, sizeof out->revision, part, n);
        p += *p == '/';
        fits = fits && copy_part(out->file, sizeof out->file, p, strlen(p));
    }
    restore_slashes(out->revision);
    restore_slashes(out->file);
    restore_slashes(out->repo);
    drop_last_slashes(out->file);
    drop_last_slashes(out->repo);
    RETURN_IF(!fits || !has_verb || !name_stays_inside(out->file) || !name_stays_inside(out->repo),
              HOOKE_E_ARGUMENT,
              "'%.200s' is not of the form https://huggingface.co/ORG/NAME[/tree|blob|resolve/REVISION/PATH]",
              what);
    return HOOKE_OK;
}

/* /[api/feature/]MODEL[/SOURCE[/INDEX]] */
static hooke_status read_neuronpedia_address(struct name_place *out, const char *path, const char *what)
{
    if (strncmp(path, "/api/feature/", 13) == 0) path += 12;
    path += *path == '/';
    RETURN_IF(!*path || strncmp(path, "api/", 4) == 0 ||
                  !copy_part(out->file, sizeof out->file, path, strlen(path)),
              HOOKE_E_ARGUMENT,
              "'%.200s' is not of the form https://www.neuronpedia.org/MODEL/SOURCE[/INDEX]", what);
    restore_slashes(out->file);
    return HOOKE_OK;
}

hooke_status name_read_address(enum name_address *kind, struct name_place *out, const char *what)
{
    char address[NAME_WHAT_BYTES] = "";
    const char *path;
    *kind = ADDRESS_NONE;
    memset(out, 0, sizeof *out);
    bool has_scheme = strncasecmp(what, "https://", 8) == 0 || strncasecmp(what, "http://", 7) == 0;
    if (!has_scheme && strstr(what, "://"))
        return fail(HOOKE_E_ARGUMENT, "'%.200s': addresses begin with https://", what);
    RETURN_IF_ERROR(plain_address(address, sizeof address, what));
    if ((path = after_host(address, "neuronpedia.org")) != NULL) {
        *kind = ADDRESS_NEURONPEDIA;
        return read_neuronpedia_address(out, path, what);
    }
    if ((path = after_host(address, "huggingface.co")) != NULL ||
        (path = after_host(address, "hf.co")) != NULL || (path = after_mirror(address)) != NULL) {
        *kind = ADDRESS_HUB;
        return read_hub_address(out, path, what);
    }
    RETURN_IF(has_scheme, HOOKE_E_ARGUMENT,
              "'%.200s': addresses of huggingface.co (or HF_ENDPOINT) and neuronpedia.org are known", what);
    return HOOKE_OK;
}
