/* run_hooke.h: runs the built program as a user would, and looks at what it says. */
#ifndef HOOKE_TESTS_RUN_HOOKE_H
#define HOOKE_TESTS_RUN_HOOKE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_BYTES = 1 << 22 };

struct outcome {
    int code;               /* exit code; 128 + signal when one ended it */
    char out[OUTPUT_BYTES]; /* standard output */
    char err[1 << 16];
};

static char folder[256]; /* scratch, made by each test program */

static inline void read_text(char *to, size_t capacity, const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(to, 1, capacity - 1, f) : 0;
    to[n] = '\0';
    if (f) fclose(f);
}

static inline const char *program(void)
{
    const char *p = getenv("HOOKE");
    return p && p[0] ? p : "build/release/hooke";
}

/* Runs "hooke <arguments>" through the shell. */
static inline struct outcome *hooke(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline struct outcome *hooke(const char *format, ...)
{
    static struct outcome o;
    char arguments[4096], command[8192], err[300];
    va_list args;
    va_start(args, format);
    vsnprintf(arguments, sizeof arguments, format, args);
    va_end(args);
    snprintf(err, sizeof err, "%s/stderr", folder);
    snprintf(command, sizeof command, "%s %s 2>%s", program(), arguments, err);
    FILE *f = popen(command, "r");
    size_t n = 0, got;
    while (f && n < sizeof o.out - 1 && (got = fread(o.out + n, 1, sizeof o.out - 1 - n, f)) > 0) n += got;
    o.out[n] = '\0';
    int status = f ? pclose(f) : -1;
    o.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    read_text(o.err, sizeof o.err, err);
    return &o;
}

/* Group set-up and tear-down: the scratch folder. */
static inline int folder_make(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/hooke-cli-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int folder_remove(void **state)
{
    char command[300];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    FILE *f = popen(command, "r");
    return f ? pclose(f) : -1;
}

/* ---- a small JSON checker: well-formed, and a peek at keys ------------------------------------------------------- */

static const char *json_value(const char *p);

static inline const char *json_blank(const char *p)
{
    return p + strspn(p, " \t\r\n");
}

static inline const char *json_string(const char *p)
{
    if (*p++ != '"') return NULL;
    for (; *p != '"'; p++) {
        if ((unsigned char)*p < 0x20) return NULL;
        if (*p == '\\' && !strchr("\"\\/bfnrtu", *++p)) return NULL;
        if (!*p) return NULL;
    }
    return p + 1;
}

static inline const char *json_list(const char *p, char close, bool keys)
{
    p = json_blank(p + 1);
    if (*p == close) return p + 1;
    for (;;) {
        if (keys && (!(p = json_string(p)) || *(p = json_blank(p)) != ':')) return NULL;
        if (keys) p = json_blank(p + 1);
        if (!(p = json_value(p))) return NULL;
        p = json_blank(p);
        if (*p == close) return p + 1;
        if (*p != ',') return NULL;
        p = json_blank(p + 1);
    }
}

/* One value at p; where it ends, or NULL. */
static inline const char *json_value(const char *p)
{
    char *end;
    if (*p == '{') return json_list(p, '}', true);
    if (*p == '[') return json_list(p, ']', false);
    if (*p == '"') return json_string(p);
    if (strncmp(p, "true", 4) == 0 || strncmp(p, "null", 4) == 0) return p + 4;
    if (strncmp(p, "false", 5) == 0) return p + 5;
    if (*p != '-' && (*p < '0' || *p > '9')) return NULL;
    strtod(p, &end);
    return end;
}

/* Exactly one JSON document. */
static inline bool is_json(const char *s)
{
    const char *p = json_value(json_blank(s));
    return p && *json_blank(p) == '\0';
}

/* "key": at any depth. */
static inline const char *json_find(const char *s, const char *key)
{
    char quoted[128];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *p = strstr(s, quoted);
    return p ? json_blank(p + strlen(quoted)) : NULL;
}

#endif
