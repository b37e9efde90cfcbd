/* template_value.c: truth, equality, order and membership as Python has them, and what a template may use of the machine. */
#include "text/template_value.h"

#include <string.h>

#include "text/template_string.h"
#include "text/unicode.h"

hooke_status spend(struct run *r, size_t n)
{
    RETURN_IF(n > (size_t)r->work_left, HOOKE_E_UNSUPPORTED,
              "more than %d steps of work: an endless template?", (int)TEMPLATE_MAX_WORK);
    r->work_left -= (int64_t)n;
    return HOOKE_OK;
}

hooke_status spend_bytes(struct run *r, size_t n)
{
    return spend(r, n / 16 + 1);
}

hooke_status enter(struct run *r)
{
    RETURN_IF(r->depth >= TEMPLATE_MAX_DEPTH, HOOKE_E_UNSUPPORTED, "nested deeper than %d levels",
              (int)TEMPLATE_MAX_DEPTH);
    r->depth++;
    return spend(r, 1);
}

void leave(struct run *r)
{
    r->depth--;
}

hooke_status put_bytes(struct run *r, const char *s, size_t n)
{
    RETURN_IF(n > TEMPLATE_MAX_OUTPUT - r->out->n, HOOKE_E_UNSUPPORTED, "more than %d bytes of output",
              (int)TEMPLATE_MAX_OUTPUT);
    RETURN_IF_ERROR(spend_bytes(r, n));
    return text_append(r->out, s, n);
}

hooke_status put_word(struct run *r, const char *s)
{
    return put_bytes(r, s, strlen(s));
}

hooke_status take_from(struct run *r, struct value *out, size_t mark)
{
    size_t n = r->out->n - mark;
    char *copy = arena_copy(&r->arena, n ? r->out->data + mark : "", n);
    if (!copy) return HOOKE_E_MEMORY;
    r->out->n = mark;
    if (r->out->data) r->out->data[mark] = '\0';
    *out = value_string(copy, n);
    return HOOKE_OK;
}

const char *kind_name(struct value v)
{
    static const char *const names[] = { "undefined", "None",  "bool",  "int",       "float",    "str",
                                         "list",      "tuple", "range", "dict view", "iterator", "dict",
                                         "namespace", "loop",  "macro", "function" };
    return names[v.kind];
}

bool is_number(struct value v)
{
    return v.kind == VAL_BOOL || v.kind == VAL_INT || v.kind == VAL_REAL;
}

bool is_sequence(struct value v)
{
    return v.kind >= VAL_LIST && v.kind <= VAL_ITERATOR;
}

int64_t integer_of(struct value v)
{
    return v.kind == VAL_BOOL ? v.as.boolean : v.as.integer;
}

double number_of(struct value v)
{
    return v.kind == VAL_REAL ? v.as.real : (double)integer_of(v);
}

hooke_status value_truth(struct run *r, bool *out, struct value v)
{
    (void)r;
    *out = true; /* iterators, macros and the like */
    if (v.kind == VAL_UNDEFINED || v.kind == VAL_NONE) *out = false;
    if (is_number(v)) *out = number_of(v) != 0;
    if (v.kind == VAL_STRING) *out = v.as.string.n > 0;
    if (is_sequence(v) && v.kind != VAL_ITERATOR) *out = v.as.list->n > 0;
    if (v.kind == VAL_DICT) *out = v.as.dict->n > 0;
    return HOOKE_OK;
}

/* ---- equality ---- */

static hooke_status equal_at(struct run *r, bool *out, struct value a, struct value b, int depth);

static hooke_status equal_lists(struct run *r, bool *out, const struct list *a, const struct list *b,
                                int depth)
{
    *out = a->n == b->n;
    for (size_t i = 0; *out && i < a->n; i++)
        RETURN_IF_ERROR(equal_at(r, out, a->items[i], b->items[i], depth));
    return HOOKE_OK;
}

static hooke_status equal_dicts(struct run *r, bool *out, const struct dict *a, const struct dict *b,
                                int depth)
{
    *out = a->n == b->n;
    for (size_t i = 0; *out && i < a->n; i++) {
        struct value *other;
        RETURN_IF_ERROR(dict_find(r, &other, b, a->keys[i]));
        *out = other != NULL;
        if (other) RETURN_IF_ERROR(equal_at(r, out, a->values[i], *other, depth));
    }
    return HOOKE_OK;
}

static hooke_status equal_at(struct run *r, bool *out, struct value a, struct value b, int depth)
{
    RETURN_IF_ERROR(spend(r, 1));
    RETURN_IF(depth >= TEMPLATE_MAX_NESTING, HOOKE_E_UNSUPPORTED, "comparing values nested deeper than %d",
              (int)TEMPLATE_MAX_NESTING);
    if (is_number(a) && is_number(b)) {
        *out = a.kind != VAL_REAL && b.kind != VAL_REAL ? integer_of(a) == integer_of(b)
                                                        : number_of(a) == number_of(b);
        return HOOKE_OK;
    }
    *out = false;
    if (a.kind != b.kind) return HOOKE_OK;
    if (a.kind == VAL_STRING) {
        *out = bytes_equal(a.as.string, b.as.string);
        return a.as.string.n == b.as.string.n ? spend_bytes(r, a.as.string.n) : HOOKE_OK;
    }
    if (a.kind == VAL_LIST || a.kind == VAL_TUPLE || a.kind == VAL_RANGE)
        return equal_lists(r, out, a.as.list, b.as.list, depth + 1);
    if (a.kind == VAL_DICT) return equal_dicts(r, out, a.as.dict, b.as.dict, depth + 1);
    *out = a.kind == VAL_UNDEFINED || a.kind == VAL_NONE ||
           a.as.dict == b.as.dict; /* the rest: the same object */
    return HOOKE_OK;
}

hooke_status value_equal(struct run *r, bool *out, struct value a, struct value b)
{
    return equal_at(r, out, a, b, 0);
}

/* ---- order ---- */

static int sign(int64_t v)
{
    return v > 0 ? 1 : v < 0 ? -1 : 0;
}

static int compare_strings(struct bytes a, struct bytes b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.s, b.s, n) : 0; /* UTF-8 sorts as its characters do */
    return c ? sign(c) : a.n < b.n ? -1 : a.n > b.n;
}

static hooke_status compare_at(struct run *r, int *out, struct value a, struct value b, const char *op,
                               int depth)
{
    RETURN_IF_ERROR(spend(r, 1));
    RETURN_IF(depth >= TEMPLATE_MAX_NESTING, HOOKE_E_UNSUPPORTED, "comparing values nested deeper than %d",
              (int)TEMPLATE_MAX_NESTING);
    *out = 0;
    if (is_number(a) && is_number(b)) {
        double x = number_of(a), y = number_of(b);
        *out = x < y ? -1 : x > y;
        if (a.kind != VAL_REAL && b.kind != VAL_REAL)
            *out = integer_of(a) < integer_of(b) ? -1 : integer_of(a) > integer_of(b);
        return HOOKE_OK;
    }
    if (a.kind == VAL_STRING && b.kind == VAL_STRING) {
        *out = compare_strings(a.as.string, b.as.string);
        return spend_bytes(r, a.as.string.n < b.as.string.n ? a.as.string.n : b.as.string.n);
    }
    RETURN_IF(a.kind != b.kind || (a.kind != VAL_LIST && a.kind != VAL_TUPLE), HOOKE_E_FORMAT,
              "'%s' does not work between %s and %s", op, kind_name(a), kind_name(b));
    const struct list *x = a.as.list, *y = b.as.list;
    for (size_t i = 0; i < x->n && i < y->n; i++) {
        bool same;
        RETURN_IF_ERROR(equal_at(r, &same, x->items[i], y->items[i], depth + 1));
        if (!same) return compare_at(r, out, x->items[i], y->items[i], op, depth + 1);
    }
    *out = x->n < y->n ? -1 : x->n > y->n;
    return HOOKE_OK;
}

hooke_status value_compare(struct run *r, int *out, struct value a, struct value b, const char *op)
{
    return compare_at(r, out, a, b, op, 0);
}

hooke_status value_contains(struct run *r, bool *out, struct value item, struct value in)
{
    const struct list *items;
    *out = false;
    if (in.kind == VAL_STRING) {
        size_t at;
        RETURN_IF(item.kind != VAL_STRING, HOOKE_E_FORMAT, "'in' a str wants a str, not %s", kind_name(item));
        return string_find(r, out, &at, in.as.string, item.as.string, 0);
    }
    if (in.kind == VAL_DICT) {
        struct value *found;
        RETURN_IF_ERROR(dict_find(r, &found, in.as.dict, item));
        *out = found != NULL;
        return HOOKE_OK;
    }
    RETURN_IF_ERROR(value_items(r, &items, in));
    for (size_t i = 0; !*out && i < items->n; i++)
        RETURN_IF_ERROR(value_equal(r, out, items->items[i], item));
    return HOOKE_OK;
}

/* ---- lists and dicts ---- */

/* Room for one more of n items in the arena; what was there before stays behind, which doubling bounds. */
static hooke_status grow_items(struct run *r, struct value **items, size_t n, size_t capacity)
{
    struct value *grown = arena_alloc(&r->arena, capacity, sizeof *grown);
    if (!grown) return HOOKE_E_MEMORY;
    if (n && *items) memcpy(grown, *items, n * sizeof *grown);
    *items = grown;
    return HOOKE_OK;
}

hooke_status list_new(struct run *r, struct value *out, enum value_kind kind)
{
    out->kind = kind;
    out->is_safe = false;
    out->as.list = arena_alloc(&r->arena, 1, sizeof *out->as.list);
    return out->as.list ? HOOKE_OK : HOOKE_E_MEMORY;
}

hooke_status list_push(struct run *r, struct list *list, struct value v)
{
    RETURN_IF_ERROR(spend(r, 1));
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 4;
        RETURN_IF_ERROR(grow_items(r, &list->items, list->n, capacity));
        list->capacity = capacity;
    }
    list->items[list->n++] = v;
    return HOOKE_OK;
}

hooke_status dict_new(struct run *r, struct value *out, enum value_kind kind)
{
    out->kind = kind;
    out->is_safe = false;
    out->as.dict = arena_alloc(&r->arena, 1, sizeof *out->as.dict);
    return out->as.dict ? HOOKE_OK : HOOKE_E_MEMORY;
}

/* Where the key is; d->n when it is not there. */
static hooke_status find_key(struct run *r, size_t *at, const struct dict *d, struct value key)
{
    bool same = false;
    *at = d->n;
    RETURN_IF(key.kind == VAL_LIST || key.kind == VAL_DICT, HOOKE_E_FORMAT, "a %s cannot be a key",
              kind_name(key));
    for (size_t i = 0; i < d->n && !same; i++) {
        RETURN_IF_ERROR(value_equal(r, &same, d->keys[i], key));
        if (same) *at = i;
    }
    return HOOKE_OK;
}

hooke_status dict_find(struct run *r, struct value **out, const struct dict *d, struct value key)
{
    size_t at;
    *out = NULL;
    RETURN_IF_ERROR(find_key(r, &at, d, key));
    if (at < d->n) *out = &d->values[at];
    return HOOKE_OK;
}

hooke_status dict_set(struct run *r, struct dict *d, struct value key, struct value v)
{
    size_t at;
    RETURN_IF_ERROR(find_key(r, &at, d, key));
    if (at < d->n) {
        d->values[at] = v;
        return HOOKE_OK;
    }
    if (d->n == d->capacity) {
        size_t capacity = d->capacity ? 2 * d->capacity : 4;
        RETURN_IF_ERROR(grow_items(r, &d->keys, d->n, capacity));
        RETURN_IF_ERROR(grow_items(r, &d->values, d->n, capacity));
        d->capacity = capacity;
    }
    d->keys[d->n] = key;
    d->values[d->n++] = v;
    return HOOKE_OK;
}

hooke_status dict_pairs(struct run *r, struct value *out, enum value_kind kind, const struct dict *d)
{
    RETURN_IF_ERROR(list_new(r, out, kind));
    for (size_t i = 0; i < d->n; i++) {
        struct value pair;
        RETURN_IF_ERROR(list_new(r, &pair, VAL_TUPLE));
        RETURN_IF_ERROR(list_push(r, pair.as.list, d->keys[i]));
        RETURN_IF_ERROR(list_push(r, pair.as.list, d->values[i]));
        RETURN_IF_ERROR(list_push(r, out->as.list, pair));
    }
    return HOOKE_OK;
}

size_t string_length(struct bytes s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.s[i] & 0xC0) != 0x80;
    return n;
}

hooke_status string_chars(struct run *r, struct list *out, struct bytes s)
{
    for (size_t i = 0, length; i < s.n; i += length) {
        char_at(s.s + i, s.n - i, &length);
        RETURN_IF_ERROR(list_push(r, out, value_string(s.s + i, length)));
    }
    return HOOKE_OK;
}

static hooke_status copy_items(struct run *r, struct list *out, const struct value *items, size_t first,
                               size_t n)
{
    for (size_t i = first; i < n; i++) RETURN_IF_ERROR(list_push(r, out, items[i]));
    return HOOKE_OK;
}

hooke_status value_items(struct run *r, const struct list **out, struct value v)
{
    struct value made;
    *out = NULL;
    if (is_sequence(v) && v.kind != VAL_ITERATOR) {
        *out = v.as.list;
        return HOOKE_OK;
    }
    RETURN_IF(v.kind != VAL_ITERATOR && v.kind != VAL_STRING && v.kind != VAL_DICT && v.kind != VAL_UNDEFINED,
              HOOKE_E_FORMAT, "a value of type %s has no items to go through", kind_name(v));
    RETURN_IF_ERROR(list_new(r, &made, VAL_LIST));
    struct list *list = made.as.list;
    *out = list;
    if (v.kind == VAL_STRING) return string_chars(r, list, v.as.string);
    if (v.kind == VAL_DICT) return copy_items(r, list, v.as.dict->keys, 0, v.as.dict->n);
    if (v.kind == VAL_UNDEFINED) return HOOKE_OK;
    size_t first = v.as.list->next;
    v.as.list->next = v.as.list->n;
    return copy_items(r, list, v.as.list->items, first, v.as.list->n);
}
