/* template_format.c: values as text: str(), repr(), JSON, "%s" and "{}", and dates. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "file/json.h"
#include "text/template_run.h"
#include "text/unicode.h"

/* ---- str and repr ---- */

static bool is_printable(uint32_t c)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)c);
    return c == ' ' || (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_SO);
}

static hooke_status put_repr_char(struct run *r, uint32_t c, const char *s, size_t n, char quote)
{
    char text[16];
    if (c == '\n') return put_word(r, "\\n");
    if (c == '\t') return put_word(r, "\\t");
    if (c == '\r') return put_word(r, "\\r");
    if (c == '\\' || c == (unsigned char)quote) RETURN_IF_ERROR(put_word(r, "\\"));
    if (is_printable(c)) return put_bytes(r, s, n);
    snprintf(text, sizeof text, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)c);
    return put_word(r, text);
}

static hooke_status put_repr_string(struct run *r, struct bytes s)
{
    bool single = s.n && memchr(s.s, '\'', s.n), both = s.n && memchr(s.s, '"', s.n);
    char quote = single && !both ? '"' : '\'';
    RETURN_IF_ERROR(put_bytes(r, &quote, 1));
    for (size_t i = 0, length; i < s.n; i += length) {
        uint32_t c = char_at(s.s + i, s.n - i, &length);
        RETURN_IF_ERROR(put_repr_char(r, c, s.s + i, length, quote));
    }
    return put_bytes(r, &quote, 1);
}

static hooke_status put_real(struct run *r, double v)
{
    if (isnan(v) || isinf(v)) return put_word(r, isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
    struct json_writer w;
    RETURN_IF_ERROR(spend(r, 1));
    jw_init(&w, r->out, 0);
    jw_real(&w, v);
    return w.status;
}

static hooke_status put_repr_at(struct run *r, struct value v, int depth);

static hooke_status put_repr_list(struct run *r, struct value v, int depth)
{
    const struct list *list = v.as.list;
    RETURN_IF_ERROR(put_word(r, v.kind == VAL_TUPLE ? "(" : v.kind == VAL_VIEW ? "dict_view([" : "["));
    for (size_t i = 0; i < list->n; i++) {
        if (i) RETURN_IF_ERROR(put_word(r, ", "));
        RETURN_IF_ERROR(put_repr_at(r, list->items[i], depth + 1));
    }
    if (v.kind == VAL_TUPLE) return put_word(r, list->n == 1 ? ",)" : ")");
    return put_word(r, v.kind == VAL_VIEW ? "])" : "]");
}

static hooke_status put_repr_dict(struct run *r, const struct dict *d, int depth)
{
    RETURN_IF_ERROR(put_word(r, "{"));
    for (size_t i = 0; i < d->n; i++) {
        if (i) RETURN_IF_ERROR(put_word(r, ", "));
        RETURN_IF_ERROR(put_repr_at(r, d->keys[i], depth + 1));
        RETURN_IF_ERROR(put_word(r, ": "));
        RETURN_IF_ERROR(put_repr_at(r, d->values[i], depth + 1));
    }
    return put_word(r, "}");
}

static hooke_status put_repr_at(struct run *r, struct value v, int depth)
{
    char text[24];
    RETURN_IF_ERROR(spend(r, 1));
    RETURN_IF(depth >= TEMPLATE_MAX_NESTING, HOOKE_E_UNSUPPORTED, "printing values nested deeper than %d",
              (int)TEMPLATE_MAX_NESTING);
    switch (v.kind) {
    case VAL_UNDEFINED:
        return put_word(r, "Undefined");
    case VAL_NONE:
        return put_word(r, "None");
    case VAL_BOOL:
        return put_word(r, v.as.boolean ? "True" : "False");
    case VAL_INT:
        snprintf(text, sizeof text, "%lld", (long long)v.as.integer);
        return put_word(r, text);
    case VAL_REAL:
        return put_real(r, v.as.real);
    case VAL_STRING:
        return put_repr_string(r, v.as.string);
    case VAL_LIST:
    case VAL_TUPLE:
        return put_repr_list(r, v, depth);
    case VAL_DICT:
        return put_repr_dict(r, v.as.dict, depth);
    case VAL_RANGE:
    case VAL_VIEW:
    case VAL_ITERATOR:
    case VAL_NAMESPACE:
    case VAL_LOOP:
    case VAL_MACRO:
    case VAL_CALLABLE:
        break;
    }
    return fail(HOOKE_E_UNSUPPORTED, "a value of type %s has no text", kind_name(v));
}

hooke_status put_repr(struct run *r, struct value v)
{
    return put_repr_at(r, v, 0);
}

hooke_status put_value(struct run *r, struct value v)
{
    if (v.kind == VAL_UNDEFINED) return HOOKE_OK;
    if (v.kind == VAL_STRING) return put_bytes(r, v.as.string.s, v.as.string.n);
    return put_repr_at(r, v, 0);
}

hooke_status text_of_value(struct run *r, struct bytes *out, struct value v)
{
    size_t mark = r->out->n;
    *out = v.as.string;
    if (v.kind == VAL_STRING) return HOOKE_OK;
    RETURN_IF_ERROR(put_value(r, v));
    RETURN_IF_ERROR(take_from(r, &v, mark));
    *out = v.as.string;
    return HOOKE_OK;
}

/* ---- JSON ---- */

static hooke_status json_at(struct run *r, struct json_writer *w, struct value v, bool sorted, int depth);

static hooke_status json_key(struct run *r, struct json_writer *w, struct value key)
{
    size_t mark = r->out->n;
    struct value text = key;
    if (key.kind == VAL_NONE) text = value_string("null", 4);
    if (key.kind == VAL_BOOL) text = value_string(key.as.boolean ? "true" : "false", key.as.boolean ? 4 : 5);
    if (key.kind == VAL_INT || key.kind == VAL_REAL) {
        RETURN_IF_ERROR(put_value(r, key));
        RETURN_IF_ERROR(take_from(r, &text, mark));
    }
    RETURN_IF(text.kind != VAL_STRING ||
                  (text.as.string.n && memchr(text.as.string.s, '\0', text.as.string.n)),
              HOOKE_E_FORMAT, "tojson: a key of type %s, or with a NUL in it", kind_name(key));
    const char *copy = arena_copy(&r->arena, text.as.string.s, text.as.string.n);
    if (!copy) return HOOKE_E_MEMORY;
    jw_key(w, copy);
    return w->status;
}

/* Positions of the keys in the order of writing. Sorting is by insertion: such dicts are small, and work is counted. */
static hooke_status json_order(struct run *r, size_t *order, const struct dict *d, bool sorted)
{
    for (size_t i = 0; i < d->n; i++) {
        size_t at = i;
        for (; sorted && at > 0; at--) {
            int c;
            RETURN_IF_ERROR(value_compare(r, &c, d->keys[i], d->keys[order[at - 1]], "<"));
            if (c >= 0) break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    return HOOKE_OK;
}

static hooke_status json_dict(struct run *r, struct json_writer *w, const struct dict *d, bool sorted,
                              int depth)
{
    size_t *order = arena_alloc(&r->arena, d->n, sizeof *order);
    if (!order) return HOOKE_E_MEMORY;
    RETURN_IF_ERROR(json_order(r, order, d, sorted));
    jw_object(w);
    for (size_t i = 0; i < d->n; i++) {
        RETURN_IF_ERROR(json_key(r, w, d->keys[order[i]]));
        RETURN_IF_ERROR(json_at(r, w, d->values[order[i]], sorted, depth + 1));
    }
    jw_end_object(w);
    return w->status;
}

static hooke_status json_at(struct run *r, struct json_writer *w, struct value v, bool sorted, int depth)
{
    RETURN_IF(depth >= TEMPLATE_MAX_NESTING, HOOKE_E_UNSUPPORTED, "tojson of values nested deeper than %d",
              (int)TEMPLATE_MAX_NESTING);
    RETURN_IF(r->out->n > TEMPLATE_MAX_OUTPUT, HOOKE_E_UNSUPPORTED, "more than %d bytes of output",
              (int)TEMPLATE_MAX_OUTPUT);
    RETURN_IF_ERROR(spend_bytes(r, v.kind == VAL_STRING ? v.as.string.n
                                                        : (size_t)(w->indent > 0 ? w->indent * depth : 1)));
    if (v.kind == VAL_NONE) {
        jw_null(w);
    } else if (v.kind == VAL_BOOL) {
        jw_bool(w, v.as.boolean);
    } else if (v.kind == VAL_INT) {
        jw_int(w, v.as.integer);
    } else if (v.kind == VAL_REAL) {
        jw_real(w, v.as.real);
    } else if (v.kind == VAL_STRING) {
        jw_string_n(w, v.as.string.s, v.as.string.n);
    } else if (v.kind == VAL_DICT) {
        return json_dict(r, w, v.as.dict, sorted, depth);
    } else {
        RETURN_IF(v.kind != VAL_LIST && v.kind != VAL_TUPLE, HOOKE_E_FORMAT, "tojson of a value of type %s",
                  kind_name(v));
        jw_array(w);
        for (size_t i = 0; i < v.as.list->n; i++)
            RETURN_IF_ERROR(json_at(r, w, v.as.list->items[i], sorted, depth + 1));
        jw_end_array(w);
    }
    return w->status;
}

hooke_status put_json(struct run *r, struct value v, int indent, bool sorted)
{
    struct json_writer w;
    jw_init(&w, r->out, indent);
    return json_at(r, &w, v, sorted, 0);
}

/* ---- "%s" % x and "{}".format(x) ---- */

hooke_status format_percent(struct run *r, struct value *out, struct bytes format, struct value args)
{
    struct list one = { &args, 1, 1, 0 };
    const struct list *items = args.kind == VAL_TUPLE ? args.as.list : &one;
    size_t mark = r->out->n, next = 0;
    for (size_t i = 0; i < format.n; i++) {
        if (format.s[i] != '%') {
            RETURN_IF_ERROR(put_bytes(r, format.s + i, 1));
            continue;
        }
        char c = i + 1 < format.n ? format.s[++i] : '\0';
        if (c == '%') {
            RETURN_IF_ERROR(put_word(r, "%"));
            continue;
        }
        RETURN_IF(c != 's' && c != 'd' && c != 'r', HOOKE_E_UNSUPPORTED,
                  "'%%' formats other than %%s, %%d and %%r are not supported");
        RETURN_IF(next >= items->n, HOOKE_E_FORMAT, "more '%%' formats than values");
        struct value v = items->items[next++];
        RETURN_IF(c == 'd' && v.kind != VAL_INT && v.kind != VAL_BOOL, HOOKE_E_FORMAT,
                  "'%%d' of a value of type %s", kind_name(v));
        if (c == 'd') v = value_int(integer_of(v));
        RETURN_IF_ERROR(c == 'r' ? put_repr(r, v) : put_value(r, v));
    }
    RETURN_IF(next < items->n && args.kind != VAL_DICT, HOOKE_E_FORMAT, "more values than '%%' formats");
    return take_from(r, out, mark);
}

/* The value of a field "", "0" or "name". *next counts the fields without a name; SIZE_MAX once one had a number. */
static hooke_status field_value(struct value *out, const struct args *args, struct bytes field, size_t *next)
{
    size_t at = 0, i = 0;
    bool is_counted = field.n > 0 && field.s[0] >= '0' && field.s[0] <= '9';
    RETURN_IF(field.n == 0 ? *next == SIZE_MAX : is_counted && *next != 0 && *next != SIZE_MAX,
              HOOKE_E_FORMAT, "format: '{}' and '{0}' together");
    if (field.n == 0) at = (*next)++;
    if (is_counted) *next = SIZE_MAX;
    for (; i < field.n && i < 6 && field.s[i] >= '0' && field.s[i] <= '9'; i++)
        at = at * 10 + (size_t)(field.s[i] - '0');
    if (i == field.n) {
        RETURN_IF(at >= args->n, HOOKE_E_FORMAT, "format: there is no value %zu", at);
        *out = args->list[at];
        return HOOKE_OK;
    }
    for (i = 0; i < args->n_named; i++)
        if (bytes_equal(args->names[i], field)) {
            *out = args->named[i];
            return HOOKE_OK;
        }
    return fail(HOOKE_E_UNSUPPORTED, "format: the field '{%.*s}' is not supported, or has no value",
                (int)(field.n < 40 ? field.n : 40), field.s);
}

hooke_status format_braces(struct run *r, struct value *out, struct bytes format, const struct args *args)
{
    size_t mark = r->out->n, next = 0;
    for (size_t i = 0; i < format.n; i++) {
        char c = format.s[i];
        bool doubled = i + 1 < format.n && format.s[i + 1] == c;
        if (c == '{' && !doubled) {
            struct value v;
            size_t begin = ++i;
            while (i < format.n && format.s[i] != '}') i++;
            RETURN_IF(i >= format.n, HOOKE_E_FORMAT, "format: a '{' without its '}'");
            RETURN_IF_ERROR(field_value(&v, args, (struct bytes){ format.s + begin, i - begin }, &next));
            RETURN_IF_ERROR(put_value(r, v));
            continue;
        }
        RETURN_IF(c == '}' && !doubled, HOOKE_E_FORMAT, "format: a '}' without its '{'");
        if (c == '{' || c == '}') i++;
        RETURN_IF_ERROR(put_bytes(r, &c, 1));
    }
    return take_from(r, out, mark);
}

/* ---- dates ---- */

static int day_of_year(const struct civil_time *t)
{
    static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    bool leap = (t->year % 4 == 0 && t->year % 100 != 0) || t->year % 400 == 0;
    return before[t->month - 1] + t->day + (leap && t->month > 2);
}

/* 0 is Sunday (Sakamoto). */
static int day_of_week(const struct civil_time *t)
{
    static const int shift[] = { 0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4 };
    int y = t->year - (t->month < 3);
    return (y + y / 4 - y / 100 + y / 400 + shift[t->month - 1] + t->day) % 7;
}

static const char *const month_names[] = { "January",   "February", "March",    "April",
                                           "May",       "June",     "July",     "August",
                                           "September", "October",  "November", "December" };
static const char *const day_names[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday" };

/* Directives that are a number; false for the others. */
static bool time_number(const struct civil_time *t, char c, int *value, int *width)
{
    const struct {
        char c;
        int value, width;
    } known[] = {
        { 'Y', t->year, 4 },
        { 'y', t->year % 100, 2 },
        { 'm', t->month, 2 },
        { 'd', t->day, 2 },
        { 'e', t->day, 2 },
        { 'H', t->hour, 2 },
        { 'I', t->hour % 12 ? t->hour % 12 : 12, 2 },
        { 'M', t->minute, 2 },
        { 'S', t->second, 2 },
        { 'j', day_of_year(t), 3 },
        { 'w', day_of_week(t), 1 },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].c != c) continue;
        *value = known[i].value;
        *width = known[i].width;
        return true;
    }
    return false;
}

static hooke_status put_time(struct run *r, char c, bool padded)
{
    const struct civil_time *t = &r->now;
    char text[32] = "";
    int value, width;
    if (time_number(t, c, &value, &width)) {
        if (!padded) width = 1;
        if (c == 'e')
            snprintf(text, sizeof text, "%*d", width, value);
        else
            snprintf(text, sizeof text, "%0*d", width, value);
        return put_word(r, text);
    }
    if (c == 'B') return put_word(r, month_names[t->month - 1]);
    if (c == 'A') return put_word(r, day_names[day_of_week(t)]);
    if (c == 'b' || c == 'h') return put_bytes(r, month_names[t->month - 1], 3);
    if (c == 'a') return put_bytes(r, day_names[day_of_week(t)], 3);
    if (c == 'p') return put_word(r, t->hour < 12 ? "AM" : "PM");
    if (c == '%') return put_word(r, "%");
    if (c == 'Z' || c == 'z') return HOOKE_OK; /* a time without a zone */
    if (c == 'F') snprintf(text, sizeof text, "%d-%02d-%02d", t->year, t->month, t->day);
    if (c == 'D' || c == 'x') snprintf(text, sizeof text, "%02d/%02d/%02d", t->month, t->day, t->year % 100);
    if (c == 'T' || c == 'X') snprintf(text, sizeof text, "%02d:%02d:%02d", t->hour, t->minute, t->second);
    RETURN_IF(!text[0], HOOKE_E_UNSUPPORTED, "strftime_now: '%%%c' is not supported", c);
    return put_word(r, text);
}

hooke_status format_time(struct run *r, struct value *out, struct bytes format)
{
    size_t mark = r->out->n;
    for (size_t i = 0; i < format.n; i++) {
        if (format.s[i] != '%') {
            RETURN_IF_ERROR(put_bytes(r, format.s + i, 1));
            continue;
        }
        bool padded = !(i + 2 < format.n && format.s[i + 1] == '-');
        i += padded ? 1 : 2;
        RETURN_IF(i >= format.n, HOOKE_E_FORMAT, "strftime_now: a '%%' at the end");
        RETURN_IF_ERROR(put_time(r, format.s[i], padded));
    }
    return take_from(r, out, mark);
}
