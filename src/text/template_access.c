/* template_access.c: attributes, items, slices and calls. */
#include <string.h>

#include "text/template_run.h"
#include "text/unicode.h"

/* ---- attributes and items ---- */

static hooke_status of_undefined(struct value object, const char *what, size_t n)
{
    return fail(HOOKE_E_FORMAT, "'%.*s' is undefined, so it has no '%.*s'",
                (int)(object.as.string.n < 60 ? object.as.string.n : 60), object.as.string.s,
                (int)(n < 60 ? n : 60), what);
}

static hooke_status get_method(struct run *r, struct value *out, struct value object, struct bytes name,
                               bool *found)
{
    const struct builtin *row = find_method(object, name);
    RETURN_IF(row && object.is_safe, HOOKE_E_UNSUPPORTED,
              "methods of a string behind '|safe' are not supported");
    *found = row != NULL;
    if (!row) return HOOKE_OK;
    struct callable *c = arena_alloc(&r->arena, 1, sizeof *c);
    if (!c) return HOOKE_E_MEMORY;
    c->row = row;
    c->self = object;
    *out = value_none();
    out->kind = VAL_CALLABLE;
    out->as.callable = c;
    return HOOKE_OK;
}

static struct value item_or_undefined(const struct list *items, size_t at, bool exists, const char *name)
{
    return exists ? items->items[at] : value_undefined((struct bytes){ name, strlen(name) });
}

static bool get_of_loop(struct value *out, const struct loop *l, struct bytes name)
{
    size_t n = l->items->n, at = l->at;
    const struct {
        const char *name;
        struct value v;
    } known[] = {
        { "index", value_int((int64_t)at + 1) },
        { "index0", value_int((int64_t)at) },
        { "revindex", value_int((int64_t)(n - at)) },
        { "revindex0", value_int((int64_t)(n - at) - 1) },
        { "first", value_bool(at == 0) },
        { "last", value_bool(at + 1 >= n) },
        { "length", value_int((int64_t)n) },
        { "depth", value_int(1) },
        { "depth0", value_int(0) },
        { "previtem", item_or_undefined(l->items, at - 1, at > 0, "loop.previtem") },
        { "nextitem", item_or_undefined(l->items, at + 1, at + 1 < n, "loop.nextitem") },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (name.n != strlen(known[i].name) || memcmp(name.s, known[i].name, name.n) != 0) continue;
        *out = known[i].v;
        return true;
    }
    return false;
}

/* Names that Python's objects have and Jinja's sandbox hides, or that change what a template is given. */
static hooke_status refuse_unsafe(struct value object, struct bytes name)
{
    static const char *const changing[] = { "append",  "extend", "insert", "remove",     "clear",  "pop",
                                            "popitem", "sort",   "update", "setdefault", "reverse" };
    RETURN_IF(name.n && name.s[0] == '_', HOOKE_E_UNSUPPORTED,
              "'%.*s': names that begin with '_' are closed to templates", (int)(name.n < 60 ? name.n : 60),
              name.s);
    if (object.kind != VAL_LIST && object.kind != VAL_DICT) return HOOKE_OK;
    for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++)
        RETURN_IF(name.n == strlen(changing[i]) && memcmp(name.s, changing[i], name.n) == 0, HOOKE_E_FORMAT,
                  "%s.%s would change what it is called on; templates may not", kind_name(object),
                  changing[i]);
    return HOOKE_OK;
}

/* Methods before items, as x.name has it. */
hooke_status get_attribute(struct run *r, struct value *out, struct value object, struct bytes name)
{
    struct value *found = NULL;
    bool is_method;
    if (object.kind == VAL_UNDEFINED) return of_undefined(object, name.s, name.n);
    RETURN_IF_ERROR(get_method(r, out, object, name, &is_method));
    if (is_method) return HOOKE_OK;
    if (object.kind == VAL_LOOP && get_of_loop(out, object.as.loop, name)) return HOOKE_OK;
    if (object.kind == VAL_DICT || object.kind == VAL_NAMESPACE)
        RETURN_IF_ERROR(dict_find(r, &found, object.as.dict, value_string(name.s, name.n)));
    if (!found) RETURN_IF_ERROR(refuse_unsafe(object, name));
    if (object.kind == VAL_MACRO && name.n == 4 && memcmp(name.s, "name", 4) == 0)
        *out = value_string(object.as.macro->node->name.s, object.as.macro->node->name.n);
    else
        *out = found ? *found : value_undefined(name);
    return HOOKE_OK;
}

/* Character `at` of s, counted from the end when negative. */
static bool char_of(struct value *out, struct bytes s, int64_t at)
{
    size_t length, i = 0;
    if (at < 0) at += (int64_t)string_length(s);
    if (at < 0) return false;
    for (; i < s.n; i += length) {
        char_at(s.s + i, s.n - i, &length);
        if (at-- == 0) {
            *out = value_string(s.s + i, length);
            return true;
        }
    }
    return false;
}

static bool has_positions(struct value v)
{
    return v.kind == VAL_LIST || v.kind == VAL_TUPLE || v.kind == VAL_RANGE;
}

/* Items before methods, as x[key] has it; what is not there is undefined. */
hooke_status get_item(struct run *r, struct value *out, struct value object, struct value key)
{
    struct value *found = NULL;
    if (object.kind == VAL_UNDEFINED) return of_undefined(object, "item", 4);
    if (key.kind == VAL_STRING) {
        if (object.kind == VAL_DICT) RETURN_IF_ERROR(dict_find(r, &found, object.as.dict, key));
        if (!found) return get_attribute(r, out, object, key.as.string);
        *out = *found;
        return HOOKE_OK;
    }
    *out = value_undefined((struct bytes){ "a missing item", 14 });
    if (object.kind == VAL_DICT) {
        RETURN_IF_ERROR(dict_find(r, &found, object.as.dict, key));
        if (found) *out = *found;
        return HOOKE_OK;
    }
    if (key.kind != VAL_INT && key.kind != VAL_BOOL) return HOOKE_OK;
    int64_t at = integer_of(key);
    if (object.kind == VAL_STRING) {
        RETURN_IF_ERROR(spend_bytes(r, object.as.string.n));
        char_of(out, object.as.string, at);
    } else if (has_positions(object)) {
        int64_t n = (int64_t)object.as.list->n;
        if (at < 0) at += n;
        if (at >= 0 && at < n) *out = object.as.list->items[at];
    }
    return HOOKE_OK;
}

/* ---- slices ---- */

static hooke_status slice_part(int64_t *out, struct value part, int64_t fallback, int64_t n, bool backwards)
{
    *out = fallback;
    if (part.kind == VAL_NONE) return HOOKE_OK;
    RETURN_IF(part.kind != VAL_INT && part.kind != VAL_BOOL, HOOKE_E_FORMAT, "a slice's end of type %s",
              kind_name(part));
    int64_t v = integer_of(part);
    if (v < 0 && v >= -n)
        v += n;
    else if (v < 0)
        v = backwards ? -1 : 0;
    if (v >= n) v = backwards ? n - 1 : n;
    *out = v;
    return HOOKE_OK;
}

hooke_status get_slice(struct run *r, struct value *out, struct value object, const struct value part[3])
{
    struct list chars = { 0 };
    const struct list *items = &chars;
    int64_t step = 1, begin, end;
    if (object.kind == VAL_UNDEFINED) return of_undefined(object, "items", 5);
    RETURN_IF(object.kind != VAL_STRING && !has_positions(object), HOOKE_E_FORMAT,
              "a value of type %s has no slices", kind_name(object));
    if (object.kind == VAL_STRING)
        RETURN_IF_ERROR(string_chars(r, &chars, object.as.string));
    else
        items = object.as.list;
    int64_t n = (int64_t)items->n;
    if (part[2].kind != VAL_NONE) {
        RETURN_IF((part[2].kind != VAL_INT && part[2].kind != VAL_BOOL) || integer_of(part[2]) == 0,
                  HOOKE_E_FORMAT, "a slice's step of type %s, or zero", kind_name(part[2]));
        step = integer_of(part[2]);
    }
    RETURN_IF_ERROR(slice_part(&begin, part[0], step > 0 ? 0 : n - 1, n, step < 0));
    RETURN_IF_ERROR(slice_part(&end, part[1], step > 0 ? n : -1, n, step < 0));
    size_t mark = r->out->n;
    if (object.kind != VAL_STRING) RETURN_IF_ERROR(list_new(r, out, object.kind));
    for (int64_t i = begin; step > 0 ? i < end : i > end;) {
        struct value item = items->items[i];
        RETURN_IF_ERROR(object.kind == VAL_STRING ? put_bytes(r, item.as.string.s, item.as.string.n)
                                                  : list_push(r, out->as.list, item));
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    return object.kind == VAL_STRING ? take_from(r, out, mark) : HOOKE_OK;
}

/* ---- calls ---- */

static hooke_status bind(struct value *arg, const struct builtin *row, const struct args *args)
{
    size_t n_max = (size_t)row->n_parameters, n_named = 0;
    RETURN_IF(args->n > n_max, HOOKE_E_FORMAT, "%s takes at most %zu arguments, not %zu", row->name, n_max,
              args->n);
    for (size_t i = 0; i < n_max; i++) {
        arg[i] = value_undefined((struct bytes){ row->parameters[i], strlen(row->parameters[i]) });
        bool given = i < args->n;
        if (given) arg[i] = args->list[i];
        for (size_t k = 0; k < args->n_named; k++) {
            if (!bytes_equal(args->names[k],
                             (struct bytes){ row->parameters[i], strlen(row->parameters[i]) }))
                continue;
            arg[i] = args->named[k];
            given = true;
            n_named++;
        }
        RETURN_IF(!given && (int)i < row->n_required, HOOKE_E_FORMAT, "%s wants its argument '%s'", row->name,
                  row->parameters[i]);
    }
    RETURN_IF(n_named < args->n_named, HOOKE_E_UNSUPPORTED, "%s has no argument '%.*s' here", row->name,
              (int)args->names[0].n, args->names[0].s);
    return HOOKE_OK;
}

hooke_status call_builtin(struct run *r, struct value *out, const struct builtin *row, struct value self,
                          const struct args *args)
{
    struct value arg[MAX_PARAMETERS];
    RETURN_IF_ERROR(enter(r));
    if (row->n_parameters >= 0) RETURN_IF_ERROR(bind(arg, row, args));
    RETURN_IF_ERROR(row->fn(r, out, self, arg, args));
    leave(r);
    return HOOKE_OK;
}

hooke_status call_value(struct run *r, struct value *out, struct value callee, const struct args *args)
{
    if (callee.kind == VAL_CALLABLE)
        return call_builtin(r, out, callee.as.callable->row, callee.as.callable->self, args);
    if (callee.kind == VAL_MACRO) return call_macro(r, out, callee.as.macro, args);
    RETURN_IF(callee.kind == VAL_UNDEFINED, HOOKE_E_UNSUPPORTED,
              "'%.*s' is undefined, or not known here: it cannot be called",
              (int)(callee.as.string.n < 60 ? callee.as.string.n : 60), callee.as.string.s);
    return fail(HOOKE_E_FORMAT, "a value of type %s cannot be called", kind_name(callee));
}

hooke_status call_filter(struct run *r, struct value *out, struct bytes name, struct value self,
                         const struct args *args)
{
    const struct builtin *row = find_filter(name);
    RETURN_IF(!row, HOOKE_E_UNSUPPORTED, "the filter '%.*s' is not known here",
              (int)(name.n < 60 ? name.n : 60), name.s);
    bool keeps =
        bytes_equal(name, (struct bytes){ "safe", 4 }) || bytes_equal(name, (struct bytes){ "tojson", 6 }) ||
        bytes_equal(name, (struct bytes){ "length", 6 }) || bytes_equal(name, (struct bytes){ "default", 7 });
    RETURN_IF(self.is_safe && !keeps, HOOKE_E_UNSUPPORTED, "the filter '%s' behind '|safe' is not supported",
              row->name);
    return call_builtin(r, out, row, self, args);
}

hooke_status call_test(struct run *r, bool *out, struct bytes name, struct value self,
                       const struct args *args)
{
    const struct builtin *row = find_test(name);
    struct value v;
    RETURN_IF(!row, HOOKE_E_UNSUPPORTED, "the test '%.*s' is not known here",
              (int)(name.n < 60 ? name.n : 60), name.s);
    RETURN_IF_ERROR(call_builtin(r, &v, row, self, args));
    return value_truth(r, out, v);
}
