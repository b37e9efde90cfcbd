/* template_lex.c: text and tags. What a tag does to the white space around it is decided here:
 *
 *   -  at a tag's side strips all white space there, line ends too
 *   +  keeps it
 *   otherwise {% %} and {# #} lose the blanks before them on their line, and the one line end behind them; {{ }} nothing */
#include <stdlib.h>
#include <string.h>

#include "text/template_string.h"
#include "text/template_tree.h"
#include "text/unicode.h"

enum { MAX_BRACKETS = TEMPLATE_MAX_DEPTH };

struct lexer {
    struct arena *arena;
    const char *s;
    size_t n, at;
    int line;
    struct lexeme *tokens;
    size_t n_tokens, capacity;
};

static hooke_status push(struct lexer *x, int kind, const char *s, size_t n, struct lexeme **out)
{
    if (x->n_tokens == x->capacity) {
        size_t capacity = x->capacity ? 2 * x->capacity : 256;
        struct lexeme *grown = arena_alloc(x->arena, capacity, sizeof *grown);
        if (!grown) return HOOKE_E_MEMORY;
        if (x->n_tokens) memcpy(grown, x->tokens, x->n_tokens * sizeof *grown);
        x->tokens = grown;
        x->capacity = capacity;
    }
    struct lexeme *t = &x->tokens[x->n_tokens++];
    memset(t, 0, sizeof *t);
    t->kind = kind;
    t->line = x->line;
    t->text = (struct bytes){ s, n };
    if (out) *out = t;
    return HOOKE_OK;
}

static void move_to(struct lexer *x, size_t at)
{
    for (; x->at < at; x->at++) x->line += x->s[x->at] == '\n';
}

static bool looking_at(const struct lexer *x, const char *word)
{
    size_t n = strlen(word);
    return x->n - x->at >= n && memcmp(x->s + x->at, word, n) == 0;
}

static void skip_space(struct lexer *x)
{
    size_t length;
    while (x->at < x->n && is_python_space(char_at(x->s + x->at, x->n - x->at, &length)))
        move_to(x, x->at + length);
}

/* ---- words inside tags ---- */

/* One escape of a string literal at s[0] == '\\', as Python reads it; what is none stays as it is. Returns bytes read. */
static size_t read_escape(hooke_status *st, hooke_text *out, const char *s, size_t n)
{
    static const char from[] = "\n\\'\"abfnrtv", to[] = "\0\\'\"\a\b\f\n\r\t\v";
    static const char widths[] = "xuU";
    const char *simple = n > 1 && s[1] ? strchr(from, s[1]) : NULL;
    const char *width = n > 1 && s[1] ? strchr(widths, s[1]) : NULL;
    size_t i = 1, end = 1;
    uint32_t code = 0;
    char utf8[4];
    if (simple) {
        if (s[1] != '\n') *st = text_append(out, &to[simple - from], 1);
        return 2;
    }
    if (width) {
        end = 2 + ((size_t)2 << (width - widths));
        for (i = 2; i < end && i < n; i++) {
            char c = s[i] | 0x20;
            if (!((s[i] >= '0' && s[i] <= '9') || (c >= 'a' && c <= 'f'))) break;
            code = code * 16 + (uint32_t)(s[i] <= '9' ? s[i] - '0' : c - 'a' + 10);
        }
    } else {
        for (; end < 4 && end < n && s[end] >= '0' && s[end] <= '7'; end++)
            code = code * 8 + (uint32_t)(s[end] - '0');
        if (end == 1) {
            *st = text_append(out, s, 1);
            return 1;
        }
        i = end;
    }
    if (i != end || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
        *st = fail(HOOKE_E_FORMAT, "a broken escape '%.*s' in a string", (int)(n < 10 ? n : 10), s);
        return n;
    }
    *st = text_append(out, utf8, (size_t)utf8_encode(utf8, code));
    return end;
}

static hooke_status lex_string(struct lexer *x)
{
    char quote = x->s[x->at];
    size_t begin = x->at + 1, end = begin;
    struct lexeme *t;
    while (end < x->n && x->s[end] != quote) end += x->s[end] == '\\' && end + 1 < x->n ? 2 : 1;
    RETURN_IF(end >= x->n, HOOKE_E_FORMAT, "line %d: a string without its end", x->line);
    RETURN_IF_ERROR(push(x, TOK_STRING, x->s + begin, end - begin, &t));
    if (memchr(x->s + begin, '\\', end - begin)) {
        hooke_text text = { 0 };
        hooke_status st = text_append(&text, "", 0);
        for (size_t i = begin; i < end && st == HOOKE_OK;) {
            const char *slash = memchr(x->s + i, '\\', end - i);
            size_t stop = slash ? (size_t)(slash - x->s) : end;
            st = text_append(&text, x->s + i, stop - i);
            i = stop;
            if (slash && st == HOOKE_OK) i += read_escape(&st, &text, x->s + i, end - i);
        }
        t->text.s = st == HOOKE_OK ? arena_copy(x->arena, text.data, text.n) : NULL;
        t->text.n = text.n;
        hooke_text_release(&text);
        if (st != HOOKE_OK) return fail_within(st, "line %d", x->line);
        if (!t->text.s) return HOOKE_E_MEMORY;
    }
    move_to(x, end + 1);
    return HOOKE_OK;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits with single underscores between them, copied without; false when they do not fit. */
static bool copy_digits(char *out, size_t *n_out, size_t room, const struct lexer *x, size_t *at)
{
    while (*at < x->n &&
           (is_digit(x->s[*at]) || (x->s[*at] == '_' && *at + 1 < x->n && is_digit(x->s[*at + 1])))) {
        if (*n_out + 1 >= room) return false;
        if (x->s[*at] != '_') out[(*n_out)++] = x->s[*at];
        (*at)++;
    }
    return true;
}

static hooke_status lex_number(struct lexer *x, bool behind_dot)
{
    char digits[64];
    size_t n = 0, at = x->at;
    struct lexeme *t;
    bool is_real = false, fits = copy_digits(digits, &n, sizeof digits - 8, x, &at);
    if (fits && !behind_dot && at + 1 < x->n && x->s[at] == '.' && is_digit(x->s[at + 1])) {
        is_real = true;
        digits[n++] = '.';
        at++;
        fits = copy_digits(digits, &n, sizeof digits - 6, x, &at);
    }
    size_t e = at + 1;
    if (fits && !behind_dot && at < x->n && (x->s[at] | 0x20) == 'e') {
        if (e < x->n && (x->s[e] == '+' || x->s[e] == '-')) e++;
        if (e < x->n && is_digit(x->s[e])) {
            is_real = true;
            digits[n++] = 'e';
            if (e > at + 1) digits[n++] = x->s[at + 1];
            at = e;
            fits = copy_digits(digits, &n, sizeof digits - 1, x, &at);
        }
    }
    digits[n] = '\0';
    RETURN_IF_ERROR(push(x, is_real ? TOK_REAL : TOK_INT, x->s + x->at, at - x->at, &t));
    if (fits && is_real) t->real = strtod(digits, NULL);
    for (size_t i = 0; fits && !is_real && i < n; i++)
        fits = !__builtin_mul_overflow(t->integer, 10, &t->integer) &&
               !__builtin_add_overflow(t->integer, digits[i] - '0', &t->integer);
    RETURN_IF(!fits, HOOKE_E_UNSUPPORTED, "line %d: the number '%.*s...' is too large", x->line, 20,
              x->s + x->at);
    RETURN_IF(!is_real && digits[0] == '0' && t->integer, HOOKE_E_FORMAT, "line %d: a number begins with 0",
              x->line);
    move_to(x, at);
    return HOOKE_OK;
}

static hooke_status lex_name(struct lexer *x)
{
    size_t end = x->at, length;
    while (end < x->n) {
        uint32_t c = char_at(x->s + end, x->n - end, &length);
        if (c != '_' && !is_word(c)) break;
        end += length;
    }
    RETURN_IF(end == x->at, HOOKE_E_FORMAT, "line %d: '%.*s' is not understood inside a tag", x->line, 1,
              x->s + x->at);
    RETURN_IF_ERROR(push(x, TOK_NAME, x->s + x->at, end - x->at, NULL));
    x->at = end;
    return HOOKE_OK;
}

/* 0 when no operator stands here. */
static int operator_at(const struct lexer *x, size_t *length)
{
    static const struct {
        char text[3];
        int kind;
    } two[] = { { "**", TOK_POWER },   { "//", TOK_FLOOR },    { "==", TOK_EQUAL },
                { "!=", TOK_UNEQUAL }, { ">=", TOK_AT_LEAST }, { "<=", TOK_AT_MOST } };
    *length = 2;
    for (size_t i = 0; i < sizeof two / sizeof two[0]; i++)
        if (looking_at(x, two[i].text)) return two[i].kind;
    *length = 1;
    char c = x->s[x->at];
    return c && strchr("+-/*%~[](){}><=.:|,;", c) ? c : 0;
}

struct brackets {
    char open[MAX_BRACKETS];
    int n;
};

static hooke_status lex_operator(struct lexer *x, struct brackets *b, int op, size_t length)
{
    if (op == '(' || op == '[' || op == '{') {
        RETURN_IF(b->n == MAX_BRACKETS, HOOKE_E_UNSUPPORTED,
                  "line %d: more than %d brackets inside one another", x->line, (int)MAX_BRACKETS);
        b->open[b->n++] = op == '(' ? ')' : op == '[' ? ']' : '}';
    } else if (op == ')' || op == ']' || op == '}') {
        RETURN_IF(b->n == 0 || b->open[b->n - 1] != op, HOOKE_E_FORMAT, "line %d: a '%c' that nothing opened",
                  x->line, op);
        b->n--;
    }
    RETURN_IF_ERROR(push(x, op, x->s + x->at, length, NULL));
    x->at += length;
    return HOOKE_OK;
}

/* The end of a {{ or {% tag, if it is here: what it takes of the text behind. */
static bool take_tag_end(struct lexer *x, bool is_block)
{
    char c = x->s[x->at];
    bool signed_end = c == '-' || (is_block && c == '+');
    if (signed_end) x->at++;
    if (!looking_at(x, is_block ? "%}" : "}}")) {
        x->at -= (size_t)signed_end;
        return false;
    }
    x->at += 2;
    if (signed_end && c == '-')
        skip_space(x);
    else if (!signed_end && is_block && x->at < x->n && x->s[x->at] == '\n')
        move_to(x, x->at + 1);
    return true;
}

static hooke_status lex_tag(struct lexer *x, bool is_block)
{
    struct brackets open = { .n = 0 };
    int line = x->line;
    RETURN_IF_ERROR(push(x, is_block ? TOK_BLOCK : TOK_PRINT, NULL, 0, NULL));
    for (;;) {
        skip_space(x);
        RETURN_IF(x->at >= x->n, HOOKE_E_FORMAT, "line %d: a tag without its end", line);
        int end_line = x->line;
        if (open.n == 0 && take_tag_end(x, is_block)) {
            RETURN_IF_ERROR(push(x, is_block ? TOK_BLOCK_END : TOK_PRINT_END, NULL, 0, NULL));
            x->tokens[x->n_tokens - 1].line = end_line;
            return HOOKE_OK;
        }
        size_t length;
        char c = x->s[x->at];
        int op = operator_at(x, &length);
        if (is_digit(c))
            RETURN_IF_ERROR(lex_number(x, x->tokens[x->n_tokens - 1].kind == '.'));
        else if (c == '\'' || c == '"')
            RETURN_IF_ERROR(lex_string(x));
        else if (op)
            RETURN_IF_ERROR(lex_operator(x, &open, op, length));
        else
            RETURN_IF_ERROR(lex_name(x));
    }
}

/* ---- text, comments, raw ---- */

static hooke_status skip_comment(struct lexer *x)
{
    int line = x->line;
    size_t begin = x->at;
    while (x->at < x->n && !looking_at(x, "#}")) move_to(x, x->at + 1);
    RETURN_IF(x->at >= x->n, HOOKE_E_FORMAT, "line %d: a comment without its end", line);
    char sign = x->at > begin ? x->s[x->at - 1] : '\0';
    x->at += 2;
    if (sign == '-')
        skip_space(x);
    else if (sign != '+' && x->at < x->n && x->s[x->at] == '\n')
        move_to(x, x->at + 1);
    return HOOKE_OK;
}

/* Inside "{%": is it the one-word tag `word`? Then moves behind it. raw itself keeps the line end behind it. */
static bool take_bare_tag(struct lexer *x, const char *word, bool trims)
{
    struct lexer before = *x;
    skip_space(x);
    if (looking_at(x, word)) {
        x->at += strlen(word);
        skip_space(x);
        if (x->at < x->n && (trims || x->s[x->at] != '+')) {
            size_t end = x->at + (x->s[x->at] == '-' ? 3 : 2);
            if (take_tag_end(x, true)) {
                if (!trims && x->at > end && x->s[end - 3] != '-') { /* give the line end back */
                    x->at = end;
                    x->line--;
                }
                return true;
            }
        }
    }
    *x = before;
    return false;
}

/* Text up to `end`, behind which the tag "{c" stands, with the white space that the tag takes taken off. */
static hooke_status push_text(struct lexer *x, size_t end, char c, char sign)
{
    const char *s = x->s + x->at;
    size_t n = end - x->at, length;
    bool line_starting = x->at == 0 || x->s[x->at - 1] == '\n';
    if (sign == '-') {
        while (n && is_python_space(char_before(s, n, &length))) n -= length;
    } else if (sign != '+' && c != '{') {
        size_t blank = n;
        while (blank && s[blank - 1] != '\n' && is_python_space(char_before(s, blank, &length)))
            blank -= length;
        if (blank ? s[blank - 1] == '\n' : line_starting) n = blank;
    }
    if (n) RETURN_IF_ERROR(push(x, TOK_DATA, s, n, NULL));
    move_to(x, end);
    return HOOKE_OK;
}

/* Behind {% raw %}: text up to {% endraw %}. */
static hooke_status lex_raw(struct lexer *x)
{
    int line = x->line;
    for (size_t i = x->at; i + 1 < x->n; i++) {
        if (x->s[i] != '{' || x->s[i + 1] != '%') continue;
        struct lexer ahead = *x;
        ahead.at = i + 2;
        char sign = ahead.at < x->n ? x->s[ahead.at] : '\0';
        if (sign == '-' || sign == '+')
            ahead.at++;
        else
            sign = '\0';
        if (!take_bare_tag(&ahead, "endraw", true)) continue;
        RETURN_IF_ERROR(push_text(x, i, '%', sign));
        move_to(x, ahead.at);
        return HOOKE_OK;
    }
    return fail(HOOKE_E_FORMAT, "line %d: {%% raw %%} without {%% endraw %%}", line);
}

static bool opens_tag(const struct lexer *x, size_t i)
{
    return x->s[i] == '{' && (x->s[i + 1] == '{' || x->s[i + 1] == '%' || x->s[i + 1] == '#');
}

static hooke_status lex_piece(struct lexer *x)
{
    size_t i = x->at;
    while (i + 1 < x->n && !opens_tag(x, i)) i++;
    if (i + 1 >= x->n) {
        RETURN_IF_ERROR(push(x, TOK_DATA, x->s + x->at, x->n - x->at, NULL));
        x->at = x->n;
        return HOOKE_OK;
    }
    char c = x->s[i + 1], sign = i + 2 < x->n ? x->s[i + 2] : '\0';
    if (sign != '-' && sign != '+') sign = '\0';
    RETURN_IF_ERROR(push_text(x, i, c, sign));
    x->at += sign ? 3 : 2;
    if (c == '#') return skip_comment(x);
    if (c == '%' && take_bare_tag(x, "raw", false)) return lex_raw(x);
    return lex_tag(x, c == '%');
}

hooke_status template_lex(const struct lexeme **tokens, struct arena *a, struct bytes source)
{
    struct lexer x = { .arena = a, .s = source.s, .n = source.n, .line = 1 };
    *tokens = NULL;
    while (x.at < x.n) RETURN_IF_ERROR(lex_piece(&x));
    RETURN_IF_ERROR(push(&x, TOK_END, NULL, 0, NULL));
    *tokens = x.tokens;
    return HOOKE_OK;
}
