#include "cli/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/utf8.h"

bool term_colours(void)
{
    const char *no = getenv("NO_COLOR"), *kind = getenv("TERM");
    if (no && no[0]) return false;
    return isatty(STDOUT_FILENO) && !(kind && strcmp(kind, "dumb") == 0);
}

int term_columns(void)
{
    struct winsize w;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 40) return w.ws_col;
    return 100;
}

const char *term_dim(void)
{
    return term_colours() ? "\033[2m" : "";
}

const char *term_bold(void)
{
    return term_colours() ? "\033[1m" : "";
}

const char *term_off(void)
{
    return term_colours() ? "\033[0m" : "";
}

const char *term_heat(double strength)
{
    /* Pale yellow to deep orange of the 256-colour cube under near-black letters: legible on light and dark terminals. */
    static const char *const steps[] = { "\033[48;5;230;38;5;232m", "\033[48;5;229;38;5;232m",
                                         "\033[48;5;222;38;5;232m", "\033[48;5;215;38;5;232m",
                                         "\033[48;5;208;38;5;232m" };
    if (!(strength > 0) || !term_colours()) return "";
    int i = (int)(strength * 5);
    return steps[i > 4 ? 4 : i];
}

const char *token_text(const hooke_tokenizer *tk, int32_t id)
{
    hooke_text t = { 0 };
    const char *spelling = tk ? hooke_tokenizer_token(tk, id) : NULL;
    if (!tk || !spelling) return take_printf("[%d]", id);
    if (hooke_tokenizer_is_special(tk, id)) return take_text(spelling, strlen(spelling));
    const char *s = spelling;
    /* Part of a character decodes to U+FFFD: the spelling ("<0xE2>") says more. */
    if (hooke_tokenizer_decode(tk, &t, &id, 1, 0) == HOOKE_OK && t.n && !strstr(t.data, "\xEF\xBF\xBD"))
        s = t.data;
    char *copy = take_text(s, strlen(s));
    hooke_text_release(&t);
    return copy;
}

/* Appends text to out with control characters spelt out, and quotes and backslashes where `quotes`; returns the new length.
 * out has room for 4 bytes a byte. */
static size_t put_visible(char *out, size_t k, const char *text, bool quotes)
{
    for (; *text; text++) {
        char c = *text;
        if (c == '\n')
            k += (size_t)snprintf(out + k, 3, "\\n");
        else if (c == '\t')
            k += (size_t)snprintf(out + k, 3, "\\t");
        else if (quotes && (c == '"' || c == '\\'))
            k += (size_t)snprintf(out + k, 3, "\\%c", c);
        else if ((unsigned char)c < 0x20 || c == 0x7F)
            k += (size_t)snprintf(out + k, 5, "\\x%02x", (unsigned)(unsigned char)c);
        else
            out[k++] = c;
    }
    return k;
}

const char *quoted(const char *text, int columns)
{
    char *out = take(4 * strlen(text) + 3 + (size_t)columns, 1);
    out[0] = '"';
    size_t k = put_visible(out, 1, text, true);
    out[k++] = '"';
    for (int used = utf8_columns(out, k); used < columns; used++) out[k++] = ' ';
    out[k] = '\0';
    return out;
}

const char *on_one_line(const char *text)
{
    char *out = take(4 * strlen(text) + 1, 1);
    out[put_visible(out, 0, text, false)] = '\0';
    return out;
}

void print_safe(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        putchar((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F ? '?' : c);
    }
}

void print_heat_text(const hooke_tokenizer *tk, const int32_t *ids, const float *strengths, size_t n,
                     float max)
{
    bool colours = term_colours();
    for (size_t i = 0; i < n; i++) {
        const char *s = token_text(tk, ids[i]);
        bool on = strengths[i] > 0 && max > 0;
        size_t body = strcspn(s, "\n");
        if (on) fputs(colours ? term_heat((double)(strengths[i] / max)) : "\302\253", stdout);
        print_safe(s, body);
        if (on && body == 0 && s[0])
            fputs("\342\206\265", stdout); /* a coloured line break needs something to colour */
        if (on) fputs(colours ? term_off() : "\302\273", stdout);
        print_safe(s + body, strlen(s + body));
    }
}

const char *term_bar(double fraction, int cells)
{
    static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    size_t room = (size_t)cells * 3 + 4, k = 0;
    char *out = take(room, 1);
    double full = !(fraction > 0) ? 0 : fraction > 1 ? cells : fraction * cells; /* NaN is no bar */
    for (int i = 0; i < (int)full; i++) k += (size_t)snprintf(out + k, room - k, "█");
    snprintf(out + k, room - k, "%s", eighths[(int)((full - (int)full) * 8)]);
    return out;
}
