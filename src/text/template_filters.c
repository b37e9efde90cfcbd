/* template_filters.c: what stands behind a bar. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/template_run.h"
#include "text/template_string.h"

#define FILTER(name)                                                                                       \
    static hooke_status name(struct run *r, struct value *out, struct value self, const struct value *arg, \
                             const struct args *args)
#define UNUSED(x) (void)(x)

static bool given(struct value v)
{
    return v.kind != VAL_UNDEFINED && v.kind != VAL_NONE;
}

static hooke_status truth_or(struct run *r, bool *out, struct value v, bool fallback)
{
    *out = fallback;
    return v.kind == VAL_UNDEFINED ? HOOKE_OK : value_truth(r, out, v);
}

static hooke_status integer_or(int64_t *out, struct value v, int64_t fallback, const char *what)
{
    *out = fallback;
    if (!given(v)) return HOOKE_OK;
    RETURN_IF(v.kind != VAL_INT && v.kind != VAL_BOOL, HOOKE_E_FORMAT, "%s wants a whole number, not %s",
              what, kind_name(v));
    *out = integer_of(v);
    return HOOKE_OK;
}

/* ---- text ---- */

FILTER(filter_trim)
{
    struct bytes s, chars = { NULL, 0 };
    UNUSED(args);
    RETURN_IF_ERROR(text_of_value(r, &s, self));
    if (given(arg[0])) RETURN_IF_ERROR(text_of_value(r, &chars, arg[0]));
    RETURN_IF_ERROR(string_strip(r, &s, chars, STRIP_BOTH));
    *out = value_string(s.s, s.n);
    return HOOKE_OK;
}

static hooke_status cased(struct run *r, struct value *out, struct value self, enum string_case how)
{
    struct bytes s;
    RETURN_IF_ERROR(text_of_value(r, &s, self));
    return string_case(r, out, s, how, true);
}
FILTER(filter_lower)
{
    UNUSED(arg);
    UNUSED(args);
    return cased(r, out, self, CASE_LOWER);
}
FILTER(filter_upper)
{
    UNUSED(arg);
    UNUSED(args);
    return cased(r, out, self, CASE_UPPER);
}
FILTER(filter_capitalize)
{
    UNUSED(arg);
    UNUSED(args);
    return cased(r, out, self, CASE_CAPITAL);
}
FILTER(filter_title)
{
    UNUSED(arg);
    UNUSED(args);
    return cased(r, out, self, CASE_TITLE);
}

FILTER(filter_string)
{
    struct bytes s;
    UNUSED(arg);
    UNUSED(args);
    RETURN_IF_ERROR(text_of_value(r, &s, self));
    *out = value_string(s.s, s.n);
    return HOOKE_OK;
}

FILTER(filter_safe)
{
    RETURN_IF_ERROR(filter_string(r, out, self, arg, args));
    out->is_safe = true;
    return HOOKE_OK;
}

FILTER(filter_replace)
{
    struct bytes s, from, to;
    int64_t n;
    UNUSED(args);
    RETURN_IF_ERROR(text_of_value(r, &s, self));
    RETURN_IF_ERROR(text_of_value(r, &from, arg[0]));
    RETURN_IF_ERROR(text_of_value(r, &to, arg[1]));
    RETURN_IF_ERROR(integer_or(&n, arg[2], -1, "replace"));
    return string_replace(r, out, s, from, to, n);
}

FILTER(filter_indent)
{
    size_t mark = r->out->n;
    struct bytes s;
    struct value lines;
    int64_t width;
    bool first, blank;
    UNUSED(args);
    RETURN_IF_ERROR(text_of_value(r, &s, self));
    RETURN_IF(arg[0].kind == VAL_STRING, HOOKE_E_UNSUPPORTED, "indent by a string is not supported");
    RETURN_IF_ERROR(integer_or(&width, arg[0], 4, "indent"));
    RETURN_IF_ERROR(truth_or(r, &first, arg[1], false));
    RETURN_IF_ERROR(truth_or(r, &blank, arg[2], false));
    RETURN_IF_ERROR(string_lines(r, &lines, s));
    bool last_is_empty = s.n == 0 || s.s[s.n - 1] == '\n';
    if (last_is_empty) RETURN_IF_ERROR(list_push(r, lines.as.list, value_string("", 0)));
    for (size_t i = 0; i < lines.as.list->n; i++) {
        struct bytes line = lines.as.list->items[i].as.string;
        if (i) RETURN_IF_ERROR(put_word(r, "\n"));
        bool wanted = i ? line.n > 0 || blank : first;
        for (int64_t k = 0; wanted && k < width; k++) RETURN_IF_ERROR(put_word(r, " "));
        RETURN_IF_ERROR(put_bytes(r, line.s, line.n));
    }
    return take_from(r, out, mark);
}

static hooke_status is_tight(struct run *r, bool *out, struct value separators)
{
    const char *const parts[2] = { ",", ":" };
    bool same = is_sequence(separators) && separators.as.list->n == 2;
    for (size_t i = 0; same && i < 2; i++)
        RETURN_IF_ERROR(value_equal(r, &same, separators.as.list->items[i], value_string(parts[i], 1)));
    RETURN_IF(!same, HOOKE_E_UNSUPPORTED, "tojson: only the separators ',' and ':' are supported");
    *out = true;
    return HOOKE_OK;
}

/* transformers' own: no escapes of HTML, characters as they are. */
FILTER(filter_tojson)
{
    size_t mark = r->out->n;
    bool sorted, ascii, tight = false;
    int64_t indent;
    UNUSED(args);
    RETURN_IF_ERROR(truth_or(r, &ascii, arg[0], false));
    RETURN_IF_ERROR(integer_or(&indent, arg[1], 0, "tojson's indent"));
    if (given(arg[2])) RETURN_IF_ERROR(is_tight(r, &tight, arg[2]));
    RETURN_IF_ERROR(truth_or(r, &sorted, arg[3], false));
    RETURN_IF(ascii || indent < 0 || indent > 64 || (given(arg[1]) && (tight || indent == 0)),
              HOOKE_E_UNSUPPORTED, "tojson with these options is not supported");
    RETURN_IF_ERROR(put_json(r, self, tight ? -1 : (int)indent, sorted));
    return take_from(r, out, mark);
}

FILTER(filter_format)
{
    struct bytes s;
    struct value tuple;
    UNUSED(arg);
    RETURN_IF_ERROR(text_of_value(r, &s, self));
    RETURN_IF(args->n_named, HOOKE_E_UNSUPPORTED, "format by names is not supported");
    RETURN_IF_ERROR(list_new(r, &tuple, VAL_TUPLE));
    for (size_t i = 0; i < args->n; i++) RETURN_IF_ERROR(list_push(r, tuple.as.list, args->list[i]));
    return format_percent(r, out, s, tuple);
}

/* ---- numbers ---- */

static hooke_status number_from_text(bool *found, double *out, struct run *r, struct bytes s)
{
    char *end;
    *found = false;
    RETURN_IF_ERROR(string_strip(r, &s, (struct bytes){ NULL, 0 }, STRIP_BOTH));
    const char *copy = arena_copy(&r->arena, s.s, s.n);
    if (!copy) return HOOKE_E_MEMORY;
    *out = strtod(copy, &end);
    *found = s.n > 0 && end == copy + s.n && !memchr(copy, 'x', s.n) && !memchr(copy, 'X', s.n);
    return HOOKE_OK;
}

FILTER(filter_int)
{
    double v = 0;
    bool found = true;
    UNUSED(args);
    RETURN_IF(self.kind == VAL_UNDEFINED, HOOKE_E_FORMAT, "'%.*s' is undefined, behind it 'int'",
              (int)(self.as.string.n < 60 ? self.as.string.n : 60), self.as.string.s);
    RETURN_IF(given(arg[1]) && !(arg[1].kind == VAL_INT && arg[1].as.integer == 10), HOOKE_E_UNSUPPORTED,
              "int of another base than 10 is not supported");
    *out = self;
    if (self.kind == VAL_INT) return HOOKE_OK;
    if (is_number(self))
        v = number_of(self);
    else if (self.kind == VAL_STRING)
        RETURN_IF_ERROR(number_from_text(&found, &v, r, self.as.string));
    else
        found = false;
    if (!found || isnan(v) || isinf(v)) {
        *out = arg[0].kind == VAL_UNDEFINED ? value_int(0) : arg[0];
        return HOOKE_OK;
    }
    RETURN_IF(fabs(v) >= 9007199254740992.0, HOOKE_E_UNSUPPORTED, "int of a number past 2^53");
    *out = value_int((int64_t)v);
    return HOOKE_OK;
}

FILTER(filter_float)
{
    double v = 0;
    bool found = is_number(self);
    UNUSED(args);
    if (found) v = number_of(self);
    if (self.kind == VAL_STRING) RETURN_IF_ERROR(number_from_text(&found, &v, r, self.as.string));
    *out = found ? value_real(v) : arg[0].kind == VAL_UNDEFINED ? value_real(0) : arg[0];
    return HOOKE_OK;
}

FILTER(filter_abs)
{
    UNUSED(r);
    UNUSED(arg);
    UNUSED(args);
    RETURN_IF(!is_number(self) || (self.kind == VAL_INT && self.as.integer == INT64_MIN), HOOKE_E_FORMAT,
              "abs of a value of type %s", kind_name(self));
    *out = self.kind == VAL_REAL  ? value_real(fabs(self.as.real))
           : integer_of(self) < 0 ? value_int(-integer_of(self))
                                  : value_int(integer_of(self));
    return HOOKE_OK;
}

FILTER(filter_round)
{
    int64_t digits;
    UNUSED(r);
    UNUSED(args);
    RETURN_IF(!is_number(self), HOOKE_E_FORMAT, "round of a value of type %s", kind_name(self));
    RETURN_IF_ERROR(integer_or(&digits, arg[0], 0, "round"));
    RETURN_IF(digits != 0 || given(arg[1]), HOOKE_E_UNSUPPORTED,
              "round to other than whole numbers is not supported");
    *out = self.kind == VAL_REAL ? value_real(nearbyint(self.as.real)) : value_int(integer_of(self));
    return HOOKE_OK;
}

/* ---- defaults and lengths ---- */

FILTER(filter_default)
{
    bool falsy_too, holds;
    UNUSED(args);
    RETURN_IF_ERROR(truth_or(r, &falsy_too, arg[1], false));
    RETURN_IF_ERROR(value_truth(r, &holds, self));
    *out = self;
    if (self.kind == VAL_UNDEFINED || (falsy_too && !holds))
        *out = arg[0].kind == VAL_UNDEFINED ? value_string("", 0) : arg[0];
    return HOOKE_OK;
}

FILTER(filter_length)
{
    UNUSED(arg);
    UNUSED(args);
    size_t n = 0;
    if (self.kind == VAL_STRING) {
        RETURN_IF_ERROR(spend_bytes(r, self.as.string.n));
        n = string_length(self.as.string);
    } else if (self.kind == VAL_DICT) {
        n = self.as.dict->n;
    } else if (is_sequence(self) && self.kind != VAL_ITERATOR) {
        n = self.as.list->n;
    } else {
        RETURN_IF(self.kind != VAL_UNDEFINED, HOOKE_E_FORMAT, "a value of type %s has no length",
                  kind_name(self));
    }
    *out = value_int((int64_t)n);
    return HOOKE_OK;
}

/* ---- one of many ---- */

FILTER(filter_first)
{
    const struct list *items;
    UNUSED(arg);
    UNUSED(args);
    *out = value_undefined((struct bytes){ "first of nothing", 16 });
    if (self.kind == VAL_ITERATOR) {
        struct list *list = self.as.list;
        if (list->next < list->n) *out = list->items[list->next++];
        return HOOKE_OK;
    }
    RETURN_IF_ERROR(value_items(r, &items, self));
    if (items->n) *out = items->items[0];
    return HOOKE_OK;
}

FILTER(filter_last)
{
    const struct list *items;
    UNUSED(arg);
    UNUSED(args);
    RETURN_IF(self.kind == VAL_ITERATOR, HOOKE_E_FORMAT, "an iterator has no last item; make it a list");
    RETURN_IF_ERROR(value_items(r, &items, self));
    *out = items->n ? items->items[items->n - 1] : value_undefined((struct bytes){ "last of nothing", 15 });
    return HOOKE_OK;
}

/* "a.b.0" of an item. */
static hooke_status get_path(struct run *r, struct value *out, struct value item, struct value path)
{
    struct value parts;
    if (path.kind != VAL_STRING) return get_item(r, out, item, path);
    RETURN_IF_ERROR(string_split(r, &parts, path.as.string, (struct bytes){ ".", 1 }, -1, false));
    *out = item;
    for (size_t i = 0; i < parts.as.list->n; i++) {
        struct value key = parts.as.list->items[i];
        int64_t number = 0;
        bool is_number_path = key.as.string.n > 0 && key.as.string.n < 10;
        for (size_t k = 0; is_number_path && k < key.as.string.n; k++) {
            is_number_path = key.as.string.s[k] >= '0' && key.as.string.s[k] <= '9';
            number = number * 10 + key.as.string.s[k] - '0';
        }
        RETURN_IF_ERROR(get_item(r, out, *out, is_number_path ? value_int(number) : key));
    }
    return HOOKE_OK;
}

FILTER(filter_join)
{
    const struct list *items;
    struct bytes separator = { "", 0 };
    size_t mark = r->out->n;
    UNUSED(args);
    if (given(arg[0])) RETURN_IF_ERROR(text_of_value(r, &separator, arg[0]));
    RETURN_IF_ERROR(value_items(r, &items, self));
    for (size_t i = 0; i < items->n; i++) {
        struct value v = items->items[i];
        if (given(arg[1])) RETURN_IF_ERROR(get_path(r, &v, v, arg[1]));
        if (i) RETURN_IF_ERROR(put_bytes(r, separator.s, separator.n));
        RETURN_IF_ERROR(put_value(r, v));
    }
    return take_from(r, out, mark);
}

/* ---- lists from lists ---- */

static hooke_status copy_as(struct run *r, struct value *out, enum value_kind kind, const struct list *items)
{
    RETURN_IF_ERROR(list_new(r, out, kind));
    for (size_t i = 0; i < items->n; i++) RETURN_IF_ERROR(list_push(r, out->as.list, items->items[i]));
    return HOOKE_OK;
}

FILTER(filter_list)
{
    const struct list *items;
    UNUSED(arg);
    UNUSED(args);
    RETURN_IF_ERROR(value_items(r, &items, self));
    return copy_as(r, out, VAL_LIST, items);
}

FILTER(filter_reverse)
{
    const struct list *items;
    size_t mark = r->out->n;
    UNUSED(arg);
    UNUSED(args);
    RETURN_IF_ERROR(value_items(r, &items, self));
    if (self.kind == VAL_STRING) {
        for (size_t i = items->n; i > 0; i--)
            RETURN_IF_ERROR(put_bytes(r, items->items[i - 1].as.string.s, items->items[i - 1].as.string.n));
        return take_from(r, out, mark);
    }
    RETURN_IF_ERROR(list_new(r, out, VAL_ITERATOR));
    for (size_t i = items->n; i > 0; i--) RETURN_IF_ERROR(list_push(r, out->as.list, items->items[i - 1]));
    return HOOKE_OK;
}

FILTER(filter_items)
{
    UNUSED(arg);
    UNUSED(args);
    if (self.kind == VAL_UNDEFINED) return list_new(r, out, VAL_ITERATOR);
    RETURN_IF(self.kind != VAL_DICT, HOOKE_E_FORMAT, "items of a value of type %s", kind_name(self));
    return dict_pairs(r, out, VAL_ITERATOR, self.as.dict);
}

/* What is compared: the item, or what it has under an attribute or index; strings in lower case unless case matters. */
static hooke_status sort_key(struct run *r, struct value *out, struct value item, struct value path,
                             bool with_case)
{
    *out = item;
    if (given(path)) RETURN_IF_ERROR(get_path(r, out, item, path));
    if (!with_case && out->kind == VAL_STRING) return string_case(r, out, out->as.string, CASE_LOWER, true);
    return HOOKE_OK;
}

/* Merge sort, stable: order[0..n) by keys; spare has room for as many. */
static hooke_status sort_range(struct run *r, size_t *order, size_t *spare, size_t n,
                               const struct value *keys, bool reversed)
{
    if (n < 2) return HOOKE_OK;
    size_t half = n / 2, a = 0, b = half;
    RETURN_IF_ERROR(sort_range(r, order, spare, half, keys, reversed));
    RETURN_IF_ERROR(sort_range(r, order + half, spare, n - half, keys, reversed));
    memcpy(spare, order, n * sizeof *order);
    for (size_t i = 0; i < n; i++) {
        int c = a == half ? 1 : -1;
        if (a < half && b < n) {
            RETURN_IF_ERROR(value_compare(r, &c, keys[spare[a]], keys[spare[b]], "<"));
            if (reversed) c = -c;
        }
        order[i] = c <= 0 ? spare[a++] : spare[b++];
    }
    return HOOKE_OK;
}

static hooke_status sorted_by(struct run *r, struct value *out, const struct list *items, struct value path,
                              bool with_case, bool reversed)
{
    size_t n = items->n;
    struct value *keys = arena_alloc(&r->arena, n, sizeof *keys);
    size_t *order = arena_alloc(&r->arena, 2 * n, sizeof *order);
    if (!keys || !order) return HOOKE_E_MEMORY;
    for (size_t i = 0; i < n; i++) {
        order[i] = i;
        RETURN_IF_ERROR(sort_key(r, &keys[i], items->items[i], path, with_case));
    }
    RETURN_IF_ERROR(sort_range(r, order, order + n, n, keys, reversed));
    RETURN_IF_ERROR(list_new(r, out, VAL_LIST));
    for (size_t i = 0; i < n; i++) RETURN_IF_ERROR(list_push(r, out->as.list, items->items[order[i]]));
    return HOOKE_OK;
}

FILTER(filter_sort)
{
    const struct list *items;
    bool reversed, with_case;
    UNUSED(args);
    RETURN_IF_ERROR(truth_or(r, &reversed, arg[0], false));
    RETURN_IF_ERROR(truth_or(r, &with_case, arg[1], false));
    RETURN_IF_ERROR(value_items(r, &items, self));
    return sorted_by(r, out, items, arg[2], with_case, reversed);
}

FILTER(filter_dictsort)
{
    struct value all, position = value_int(0), value_word = value_string("value", 5);
    bool with_case, reversed, by_value = false;
    UNUSED(args);
    RETURN_IF(self.kind != VAL_DICT, HOOKE_E_FORMAT, "dictsort of a value of type %s", kind_name(self));
    RETURN_IF_ERROR(truth_or(r, &with_case, arg[0], false));
    if (given(arg[1])) RETURN_IF_ERROR(value_equal(r, &by_value, arg[1], value_word));
    if (by_value) position = value_int(1);
    RETURN_IF_ERROR(truth_or(r, &reversed, arg[2], false));
    RETURN_IF_ERROR(dict_pairs(r, &all, VAL_LIST, self.as.dict));
    return sorted_by(r, out, all.as.list, position, with_case, reversed);
}

FILTER(filter_unique)
{
    const struct list *items;
    struct value seen, key;
    bool with_case;
    UNUSED(args);
    RETURN_IF_ERROR(truth_or(r, &with_case, arg[0], false));
    RETURN_IF_ERROR(value_items(r, &items, self));
    RETURN_IF_ERROR(list_new(r, &seen, VAL_LIST));
    RETURN_IF_ERROR(list_new(r, out, VAL_ITERATOR));
    for (size_t i = 0; i < items->n; i++) {
        bool known;
        RETURN_IF_ERROR(sort_key(r, &key, items->items[i], arg[1], with_case));
        RETURN_IF_ERROR(value_contains(r, &known, key, seen));
        if (known) continue;
        RETURN_IF_ERROR(list_push(r, seen.as.list, key));
        RETURN_IF_ERROR(list_push(r, out->as.list, items->items[i]));
    }
    return HOOKE_OK;
}

static hooke_status extreme(struct run *r, struct value *out, struct value self, const struct value *arg,
                            int wanted)
{
    const struct list *items;
    struct value best = value_none(), key;
    bool with_case;
    RETURN_IF_ERROR(truth_or(r, &with_case, arg[0], false));
    RETURN_IF_ERROR(value_items(r, &items, self));
    *out = value_undefined((struct bytes){ "extreme of nothing", 18 });
    for (size_t i = 0; i < items->n; i++) {
        int c = wanted;
        RETURN_IF_ERROR(sort_key(r, &key, items->items[i], arg[1], with_case));
        if (i) RETURN_IF_ERROR(value_compare(r, &c, key, best, "<"));
        if (c != wanted) continue;
        best = key;
        *out = items->items[i];
    }
    return HOOKE_OK;
}
FILTER(filter_min)
{
    UNUSED(args);
    return extreme(r, out, self, arg, -1);
}
FILTER(filter_max)
{
    UNUSED(args);
    return extreme(r, out, self, arg, 1);
}

FILTER(filter_sum)
{
    const struct list *items;
    UNUSED(args);
    RETURN_IF_ERROR(value_items(r, &items, self));
    *out = arg[1].kind == VAL_UNDEFINED ? value_int(0) : arg[1];
    for (size_t i = 0; i < items->n; i++) {
        struct value v = items->items[i];
        if (given(arg[0])) RETURN_IF_ERROR(get_path(r, &v, v, arg[0]));
        RETURN_IF_ERROR(binary(r, out, '+', *out, v));
    }
    return HOOKE_OK;
}

/* ---- by filter or test ---- */

static hooke_status name_of(struct bytes *out, struct value v, const char *what)
{
    RETURN_IF(v.kind != VAL_STRING, HOOKE_E_FORMAT, "%s wants the name of a filter or test", what);
    *out = v.as.string;
    return HOOKE_OK;
}

/* Of a value that is false (none, undefined, "") nothing is mapped or selected, whatever it is. */
static hooke_status items_if_true(struct run *r, const struct list **items, struct value v)
{
    static const struct list nothing;
    bool holds;
    RETURN_IF_ERROR(value_truth(r, &holds, v));
    *items = &nothing;
    return holds ? value_items(r, items, v) : HOOKE_OK;
}

static struct args rest_of(const struct args *args, size_t first)
{
    struct args rest = *args;
    rest.list += first;
    rest.n -= first;
    return rest;
}

FILTER(filter_map)
{
    const struct list *items;
    struct value path = value_none(), fallback = value_none(), v;
    bool by_path = args->n == 0, has_fallback = false;
    UNUSED(arg);
    for (size_t i = 0; by_path && i < args->n_named; i++) {
        if (bytes_equal(args->names[i], (struct bytes){ "attribute", 9 })) path = args->named[i];
        if (bytes_equal(args->names[i], (struct bytes){ "default", 7 })) {
            fallback = args->named[i];
            has_fallback = true;
        }
    }
    RETURN_IF(by_path && !given(path), HOOKE_E_FORMAT, "map wants a filter's name or attribute=");
    RETURN_IF_ERROR(items_if_true(r, &items, self));
    RETURN_IF_ERROR(list_new(r, out, VAL_ITERATOR));
    for (size_t i = 0; i < items->n; i++) {
        struct bytes name;
        struct args rest;
        if (by_path) {
            RETURN_IF_ERROR(get_path(r, &v, items->items[i], path));
            if (v.kind == VAL_UNDEFINED && has_fallback) v = fallback;
        } else {
            RETURN_IF_ERROR(name_of(&name, args->list[0], "map"));
            rest = rest_of(args, 1);
            RETURN_IF_ERROR(call_filter(r, &v, name, items->items[i], &rest));
        }
        RETURN_IF_ERROR(list_push(r, out->as.list, v));
    }
    return HOOKE_OK;
}

/* select, reject (by the item) and selectattr, rejectattr (by what it has under a path); without a test, by truth. */
static hooke_status choose(struct run *r, struct value *out, struct value self, const struct args *args,
                           bool by_path, bool wanted)
{
    const struct list *items;
    size_t first = by_path;
    RETURN_IF(args->n < first, HOOKE_E_FORMAT, "selectattr and rejectattr want an attribute");
    RETURN_IF_ERROR(items_if_true(r, &items, self));
    RETURN_IF_ERROR(list_new(r, out, VAL_ITERATOR));
    for (size_t i = 0; i < items->n; i++) {
        struct value v = items->items[i];
        bool holds;
        if (by_path) RETURN_IF_ERROR(get_path(r, &v, v, args->list[0]));
        if (args->n > first) {
            struct bytes name;
            struct args rest = rest_of(args, first + 1);
            RETURN_IF_ERROR(name_of(&name, args->list[first], "select"));
            RETURN_IF_ERROR(call_test(r, &holds, name, v, &rest));
        } else {
            RETURN_IF_ERROR(value_truth(r, &holds, v));
        }
        if (holds == wanted) RETURN_IF_ERROR(list_push(r, out->as.list, items->items[i]));
    }
    return HOOKE_OK;
}
FILTER(filter_select)
{
    UNUSED(arg);
    return choose(r, out, self, args, false, true);
}
FILTER(filter_reject)
{
    UNUSED(arg);
    return choose(r, out, self, args, false, false);
}
FILTER(filter_selectattr)
{
    UNUSED(arg);
    return choose(r, out, self, args, true, true);
}
FILTER(filter_rejectattr)
{
    UNUSED(arg);
    return choose(r, out, self, args, true, false);
}

const struct builtin *find_filter(struct bytes name)
{
    static const struct builtin rows[] = {
        { "trim", filter_trim, 0, 1, { "chars" } },
        { "lower", filter_lower, 0, 0, { NULL } },
        { "upper", filter_upper, 0, 0, { NULL } },
        { "capitalize", filter_capitalize, 0, 0, { NULL } },
        { "title", filter_title, 0, 0, { NULL } },
        { "string", filter_string, 0, 0, { NULL } },
        { "safe", filter_safe, 0, 0, { NULL } },
        { "replace", filter_replace, 2, 3, { "old", "new", "count" } },
        { "indent", filter_indent, 0, 3, { "width", "first", "blank" } },
        { "tojson", filter_tojson, 0, 4, { "ensure_ascii", "indent", "separators", "sort_keys" } },
        { "format", filter_format, 0, -1, { NULL } },
        { "int", filter_int, 0, 2, { "default", "base" } },
        { "float", filter_float, 0, 1, { "default" } },
        { "abs", filter_abs, 0, 0, { NULL } },
        { "round", filter_round, 0, 2, { "precision", "method" } },
        { "default", filter_default, 0, 2, { "default_value", "boolean" } },
        { "d", filter_default, 0, 2, { "default_value", "boolean" } },
        { "length", filter_length, 0, 0, { NULL } },
        { "count", filter_length, 0, 0, { NULL } },
        { "first", filter_first, 0, 0, { NULL } },
        { "last", filter_last, 0, 0, { NULL } },
        { "join", filter_join, 0, 2, { "d", "attribute" } },
        { "list", filter_list, 0, 0, { NULL } },
        { "reverse", filter_reverse, 0, 0, { NULL } },
        { "items", filter_items, 0, 0, { NULL } },
        { "sort", filter_sort, 0, 3, { "reverse", "case_sensitive", "attribute" } },
        { "dictsort", filter_dictsort, 0, 3, { "case_sensitive", "by", "reverse" } },
        { "unique", filter_unique, 0, 2, { "case_sensitive", "attribute" } },
        { "min", filter_min, 0, 2, { "case_sensitive", "attribute" } },
        { "max", filter_max, 0, 2, { "case_sensitive", "attribute" } },
        { "sum", filter_sum, 0, 2, { "attribute", "start" } },
        { "map", filter_map, 0, -1, { NULL } },
        { "select", filter_select, 0, -1, { NULL } },
        { "reject", filter_reject, 0, -1, { NULL } },
        { "selectattr", filter_selectattr, 0, -1, { NULL } },
        { "rejectattr", filter_rejectattr, 0, -1, { NULL } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (bytes_equal(name, (struct bytes){ rows[i].name, strlen(rows[i].name) })) return &rows[i];
    return NULL;
}
