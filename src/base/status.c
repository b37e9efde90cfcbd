#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 1024 };
static _Thread_local char message[MESSAGE_BYTES];

const char *hooke_version(void)
{
    return HOOKE_VERSION;
}

const char *hooke_status_text(hooke_status st)
{
    switch (st) {
#define CASE(name, code, text) \
    case name:                 \
        return text;
        HOOKE_STATUS_LIST(CASE)
#undef CASE
    }
    return "unknown status";
}

const char *hooke_error(void)
{
    return message;
}

/* A cut must not split a UTF-8 sequence: messages quote tensor names and tokens. */
static void cut_at_character(char *s, size_t capacity)
{
    size_t n = strlen(s);
    if (n + 1 < capacity) return;
    while (n > 0 && ((unsigned char)s[n - 1] & 0xC0) == 0x80) n--;
    if (n > 0 && (unsigned char)s[n - 1] >= 0xC0) n--;
    s[n] = '\0';
}

/* Messages quote names out of files and answers of servers, and end up on terminals. */
static void blot_controls(char *s)
{
    for (; *s; s++)
        if (((unsigned char)*s < 0x20 && *s != '\n' && *s != '\t') || *s == 0x7F) *s = '?';
}

void error_set(const char *text)
{
    snprintf(message, sizeof message, "%s", text);
    cut_at_character(message, sizeof message);
    blot_controls(message);
}

void error_copy(char *out, size_t n)
{
    snprintf(out, n, "%s", message);
}

#undef fail /* of status.h, for the analyser */
hooke_status fail(hooke_status code, const char *format, ...)
{
    char text[MESSAGE_BYTES]; /* the arguments may point into the old message */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_set(text);
    return code;
}

hooke_status fail_within(hooke_status st, const char *format, ...)
{
    char prefix[MESSAGE_BYTES], text[2 * MESSAGE_BYTES + 2];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    snprintf(text, sizeof text, "%s: %s", prefix, message);
    error_set(text);
    return st;
}

hooke_status fail_errno(hooke_status code, const char *format, ...)
{
    int saved = errno;
    char prefix[MESSAGE_BYTES], reason[128] = "unknown error";
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    if (strerror_r(saved, reason, sizeof reason) != 0) snprintf(reason, sizeof reason, "errno %d", saved);
    return fail(code, "%s: %s", prefix, reason);
}
