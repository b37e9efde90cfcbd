/* template_methods.c: methods of strings, lists, dicts and the loop, and the functions that Jinja and transformers give. */
#include <string.h>

#include "text/template_run.h"
#include "text/template_string.h"
#include "text/unicode.h"

#define METHOD(name)                                                                                       \
    static hooke_status name(struct run *r, struct value *out, struct value self, const struct value *arg, \
                             const struct args *args)
#define UNUSED(x) (void)(x)

static bool given(struct value v)
{
    return v.kind != VAL_UNDEFINED && v.kind != VAL_NONE;
}

static hooke_status string_arg(struct bytes *out, struct value v, const char *what)
{
    RETURN_IF(v.kind != VAL_STRING, HOOKE_E_FORMAT, "%s wants a str, not %s", what, kind_name(v));
    *out = v.as.string;
    return HOOKE_OK;
}

static hooke_status count_arg(int64_t *out, struct value v, const char *what)
{
    *out = -1;
    if (v.kind == VAL_UNDEFINED) return HOOKE_OK;
    RETURN_IF(v.kind != VAL_INT && v.kind != VAL_BOOL, HOOKE_E_FORMAT, "%s wants an int, not %s", what,
              kind_name(v));
    *out = integer_of(v);
    if (*out < 0) *out = -1;
    return HOOKE_OK;
}

/* ---- strings ---- */

static hooke_status stripped(struct run *r, struct value *out, struct value self, struct value chars,
                             int sides)
{
    struct bytes s = self.as.string, set = { NULL, 0 };
    if (given(chars)) RETURN_IF_ERROR(string_arg(&set, chars, "strip"));
    RETURN_IF_ERROR(string_strip(r, &s, set, sides));
    *out = value_string(s.s, s.n);
    return HOOKE_OK;
}
METHOD(str_strip)
{
    UNUSED(args);
    return stripped(r, out, self, arg[0], STRIP_BOTH);
}
METHOD(str_lstrip)
{
    UNUSED(args);
    return stripped(r, out, self, arg[0], STRIP_LEFT);
}
METHOD(str_rstrip)
{
    UNUSED(args);
    return stripped(r, out, self, arg[0], STRIP_RIGHT);
}

static hooke_status split(struct run *r, struct value *out, struct value self, const struct value *arg,
                          bool from_right)
{
    struct bytes separator = { NULL, 0 };
    int64_t n_max;
    if (given(arg[0])) RETURN_IF_ERROR(string_arg(&separator, arg[0], "split"));
    RETURN_IF_ERROR(count_arg(&n_max, arg[1], "split"));
    return string_split(r, out, self.as.string, separator, n_max, from_right);
}
METHOD(str_split)
{
    UNUSED(args);
    return split(r, out, self, arg, false);
}
METHOD(str_rsplit)
{
    UNUSED(args);
    return split(r, out, self, arg, true);
}
METHOD(str_splitlines)
{
    UNUSED(arg);
    UNUSED(args);
    return string_lines(r, out, self.as.string);
}

static bool is_at_edge(struct bytes s, struct bytes what, bool at_end)
{
    return what.n <= s.n && (what.n == 0 || memcmp(at_end ? s.s + s.n - what.n : s.s, what.s, what.n) == 0);
}

/* A str, or a tuple of which one will do. */
static hooke_status edge(struct run *r, struct value *out, struct value self, struct value what, bool at_end)
{
    struct bytes one;
    bool found = false;
    if (what.kind == VAL_TUPLE) {
        for (size_t i = 0; i < what.as.list->n; i++) {
            RETURN_IF_ERROR(string_arg(&one, what.as.list->items[i], "startswith or endswith"));
            RETURN_IF_ERROR(spend_bytes(r, one.n));
            found |= is_at_edge(self.as.string, one, at_end);
        }
    } else {
        RETURN_IF_ERROR(string_arg(&one, what, "startswith or endswith"));
        RETURN_IF_ERROR(spend_bytes(r, one.n));
        found = is_at_edge(self.as.string, one, at_end);
    }
    *out = value_bool(found);
    return HOOKE_OK;
}
METHOD(str_startswith)
{
    UNUSED(args);
    return edge(r, out, self, arg[0], false);
}
METHOD(str_endswith)
{
    UNUSED(args);
    return edge(r, out, self, arg[0], true);
}

METHOD(str_removeprefix)
{
    struct bytes s = self.as.string, what;
    UNUSED(args);
    RETURN_IF_ERROR(spend(r, 1));
    RETURN_IF_ERROR(string_arg(&what, arg[0], "removeprefix"));
    *out = is_at_edge(s, what, false) ? value_string(s.s + what.n, s.n - what.n) : self;
    return HOOKE_OK;
}
METHOD(str_removesuffix)
{
    struct bytes s = self.as.string, what;
    UNUSED(args);
    RETURN_IF_ERROR(spend(r, 1));
    RETURN_IF_ERROR(string_arg(&what, arg[0], "removesuffix"));
    *out = is_at_edge(s, what, true) ? value_string(s.s, s.n - what.n) : self;
    return HOOKE_OK;
}

METHOD(str_lower)
{
    UNUSED(arg);
    UNUSED(args);
    return string_case(r, out, self.as.string, CASE_LOWER, false);
}
METHOD(str_upper)
{
    UNUSED(arg);
    UNUSED(args);
    return string_case(r, out, self.as.string, CASE_UPPER, false);
}
METHOD(str_title)
{
    UNUSED(arg);
    UNUSED(args);
    return string_case(r, out, self.as.string, CASE_TITLE, false);
}
METHOD(str_capitalize)
{
    UNUSED(arg);
    UNUSED(args);
    return string_case(r, out, self.as.string, CASE_CAPITAL, false);
}

METHOD(str_replace)
{
    struct bytes from, to;
    int64_t n;
    UNUSED(args);
    RETURN_IF_ERROR(string_arg(&from, arg[0], "replace"));
    RETURN_IF_ERROR(string_arg(&to, arg[1], "replace"));
    RETURN_IF_ERROR(count_arg(&n, arg[2], "replace"));
    return string_replace(r, out, self.as.string, from, to, n);
}

METHOD(str_join)
{
    const struct list *items;
    size_t mark = r->out->n;
    UNUSED(args);
    RETURN_IF_ERROR(value_items(r, &items, arg[0]));
    for (size_t i = 0; i < items->n; i++) {
        struct bytes s;
        RETURN_IF_ERROR(string_arg(&s, items->items[i], "join"));
        if (i) RETURN_IF_ERROR(put_bytes(r, self.as.string.s, self.as.string.n));
        RETURN_IF_ERROR(put_bytes(r, s.s, s.n));
    }
    return take_from(r, out, mark);
}

METHOD(str_find)
{
    struct bytes what, s = self.as.string;
    bool found;
    size_t at;
    UNUSED(args);
    RETURN_IF_ERROR(string_arg(&what, arg[0], "find"));
    RETURN_IF_ERROR(string_find(r, &found, &at, s, what, 0));
    *out = value_int(found ? (int64_t)string_length((struct bytes){ s.s, at }) : -1);
    return HOOKE_OK;
}

METHOD(str_count)
{
    struct bytes what, s = self.as.string;
    int64_t n = 0;
    UNUSED(args);
    RETURN_IF_ERROR(string_arg(&what, arg[0], "count"));
    if (what.n == 0) {
        *out = value_int((int64_t)string_length(s) + 1);
        return spend_bytes(r, s.n);
    }
    for (size_t at = 0;; at += what.n, n++) {
        bool found;
        RETURN_IF_ERROR(string_find(r, &found, &at, s, what, at));
        if (!found) break;
    }
    *out = value_int(n);
    return HOOKE_OK;
}

/* Every character is of the kind, and there is one. */
static hooke_status all_chars(struct run *r, struct value *out, struct bytes s, bool (*is_kind)(uint32_t))
{
    bool all = s.n > 0;
    RETURN_IF_ERROR(spend_bytes(r, s.n));
    for (size_t i = 0, length; all && i < s.n; i += length) all = is_kind(char_at(s.s + i, s.n - i, &length));
    *out = value_bool(all);
    return HOOKE_OK;
}
static bool is_number_char(uint32_t c)
{
    return char_class(c) == CLASS_NUMBER;
}
static bool is_letter(uint32_t c)
{
    return char_class(c) == CLASS_LETTER;
}
static bool is_letter_or_number(uint32_t c)
{
    return is_letter(c) || is_number_char(c);
}
METHOD(str_isdigit)
{
    UNUSED(arg);
    UNUSED(args);
    return all_chars(r, out, self.as.string, is_number_char);
}
METHOD(str_isalpha)
{
    UNUSED(arg);
    UNUSED(args);
    return all_chars(r, out, self.as.string, is_letter);
}
METHOD(str_isalnum)
{
    UNUSED(arg);
    UNUSED(args);
    return all_chars(r, out, self.as.string, is_letter_or_number);
}
METHOD(str_isspace)
{
    UNUSED(arg);
    UNUSED(args);
    return all_chars(r, out, self.as.string, is_python_space);
}

METHOD(str_format)
{
    UNUSED(arg);
    return format_braces(r, out, self.as.string, args);
}

/* ---- dicts, lists, the loop ---- */

METHOD(dict_get)
{
    struct value *found;
    UNUSED(args);
    RETURN_IF_ERROR(dict_find(r, &found, self.as.dict, arg[0]));
    *out = found ? *found : arg[1].kind == VAL_UNDEFINED ? value_none() : arg[1];
    return HOOKE_OK;
}

static hooke_status view(struct run *r, struct value *out, const struct value *items, size_t n)
{
    RETURN_IF_ERROR(list_new(r, out, VAL_VIEW));
    for (size_t i = 0; i < n; i++) RETURN_IF_ERROR(list_push(r, out->as.list, items[i]));
    return HOOKE_OK;
}
METHOD(dict_items)
{
    UNUSED(arg);
    UNUSED(args);
    return dict_pairs(r, out, VAL_VIEW, self.as.dict);
}
METHOD(dict_keys)
{
    UNUSED(arg);
    UNUSED(args);
    return view(r, out, self.as.dict->keys, self.as.dict->n);
}
METHOD(dict_values)
{
    UNUSED(arg);
    UNUSED(args);
    return view(r, out, self.as.dict->values, self.as.dict->n);
}

static hooke_status copy_pairs(struct run *r, struct dict *to, const struct dict *from)
{
    for (size_t i = 0; i < from->n; i++) RETURN_IF_ERROR(dict_set(r, to, from->keys[i], from->values[i]));
    return HOOKE_OK;
}
METHOD(dict_copy)
{
    UNUSED(arg);
    UNUSED(args);
    RETURN_IF_ERROR(dict_new(r, out, VAL_DICT));
    return copy_pairs(r, out->as.dict, self.as.dict);
}

METHOD(list_index)
{
    UNUSED(args);
    for (size_t i = 0; i < self.as.list->n; i++) {
        bool same;
        RETURN_IF_ERROR(value_equal(r, &same, self.as.list->items[i], arg[0]));
        if (!same) continue;
        *out = value_int((int64_t)i);
        return HOOKE_OK;
    }
    return fail(HOOKE_E_FORMAT, "index: the item is not in the list");
}
METHOD(list_count)
{
    int64_t n = 0;
    UNUSED(args);
    for (size_t i = 0; i < self.as.list->n; i++) {
        bool same;
        RETURN_IF_ERROR(value_equal(r, &same, self.as.list->items[i], arg[0]));
        n += same;
    }
    *out = value_int(n);
    return HOOKE_OK;
}

METHOD(loop_cycle)
{
    UNUSED(r);
    UNUSED(arg);
    RETURN_IF(args->n == 0, HOOKE_E_FORMAT, "loop.cycle wants values");
    *out = args->list[self.as.loop->at % args->n];
    return HOOKE_OK;
}
METHOD(loop_changed)
{
    struct value now, before = { 0 };
    bool same = false;
    UNUSED(arg);
    RETURN_IF_ERROR(list_new(r, &now, VAL_TUPLE));
    for (size_t i = 0; i < args->n; i++) RETURN_IF_ERROR(list_push(r, now.as.list, args->list[i]));
    if (self.as.loop->changed) {
        before.kind = VAL_TUPLE;
        before.as.list = self.as.loop->changed;
        RETURN_IF_ERROR(value_equal(r, &same, now, before));
    }
    self.as.loop->changed = now.as.list;
    *out = value_bool(!same);
    return HOOKE_OK;
}

static const struct builtin *find_row(const struct builtin *rows, size_t n, struct bytes name)
{
    for (size_t i = 0; i < n; i++)
        if (bytes_equal(name, (struct bytes){ rows[i].name, strlen(rows[i].name) })) return &rows[i];
    return NULL;
}
#define FIND(rows, name) find_row(rows, sizeof(rows) / sizeof(rows)[0], name)

const struct builtin *find_method(struct value self, struct bytes name)
{
    static const struct builtin of_str[] = {
        { "strip", str_strip, 0, 1, { "chars" } },
        { "lstrip", str_lstrip, 0, 1, { "chars" } },
        { "rstrip", str_rstrip, 0, 1, { "chars" } },
        { "split", str_split, 0, 2, { "sep", "maxsplit" } },
        { "rsplit", str_rsplit, 0, 2, { "sep", "maxsplit" } },
        { "splitlines", str_splitlines, 0, 0, { NULL } },
        { "startswith", str_startswith, 1, 1, { "prefix" } },
        { "endswith", str_endswith, 1, 1, { "suffix" } },
        { "removeprefix", str_removeprefix, 1, 1, { "prefix" } },
        { "removesuffix", str_removesuffix, 1, 1, { "suffix" } },
        { "lower", str_lower, 0, 0, { NULL } },
        { "upper", str_upper, 0, 0, { NULL } },
        { "title", str_title, 0, 0, { NULL } },
        { "capitalize", str_capitalize, 0, 0, { NULL } },
        { "replace", str_replace, 2, 3, { "old", "new", "count" } },
        { "join", str_join, 1, 1, { "iterable" } },
        { "find", str_find, 1, 1, { "sub" } },
        { "count", str_count, 1, 1, { "sub" } },
        { "isdigit", str_isdigit, 0, 0, { NULL } },
        { "isalpha", str_isalpha, 0, 0, { NULL } },
        { "isalnum", str_isalnum, 0, 0, { NULL } },
        { "isspace", str_isspace, 0, 0, { NULL } },
        { "format", str_format, 0, -1, { NULL } },
    };
    static const struct builtin of_dict[] = {
        { "get", dict_get, 1, 2, { "key", "default" } }, { "items", dict_items, 0, 0, { NULL } },
        { "keys", dict_keys, 0, 0, { NULL } },           { "values", dict_values, 0, 0, { NULL } },
        { "copy", dict_copy, 0, 0, { NULL } },
    };
    static const struct builtin of_list[] = { { "index", list_index, 1, 1, { "value" } },
                                              { "count", list_count, 1, 1, { "value" } } };
    static const struct builtin of_loop[] = { { "cycle", loop_cycle, 0, -1, { NULL } },
                                              { "changed", loop_changed, 0, -1, { NULL } } };
    if (self.kind == VAL_STRING) return FIND(of_str, name);
    if (self.kind == VAL_DICT) return FIND(of_dict, name);
    if (self.kind == VAL_LIST || self.kind == VAL_TUPLE) return FIND(of_list, name);
    return self.kind == VAL_LOOP ? FIND(of_loop, name) : NULL;
}

/* ---- functions ---- */

METHOD(call_raise)
{
    struct bytes s;
    UNUSED(args);
    UNUSED(self);
    UNUSED(out);
    RETURN_IF_ERROR(text_of_value(r, &s, arg[0]));
    return fail(HOOKE_E_ARGUMENT, "the template refuses this conversation: %.*s",
                (int)(s.n < 500 ? s.n : 500), s.s);
}

METHOD(call_range)
{
    int64_t begin = 0, end, step = 1;
    UNUSED(args);
    UNUSED(self);
    for (int i = 0; i < 3; i++)
        RETURN_IF(arg[i].kind != VAL_UNDEFINED && arg[i].kind != VAL_INT && arg[i].kind != VAL_BOOL,
                  HOOKE_E_FORMAT, "range wants whole numbers, not %s", kind_name(arg[i]));
    RETURN_IF(arg[0].kind == VAL_UNDEFINED, HOOKE_E_FORMAT, "range of an undefined value");
    end = integer_of(arg[0]);
    if (arg[1].kind != VAL_UNDEFINED) {
        begin = end;
        end = integer_of(arg[1]);
    }
    if (arg[2].kind != VAL_UNDEFINED) step = integer_of(arg[2]);
    RETURN_IF(step == 0, HOOKE_E_FORMAT, "range with a step of zero");
    RETURN_IF_ERROR(list_new(r, out, VAL_RANGE));
    for (int64_t i = begin; step > 0 ? i < end : i > end;) {
        RETURN_IF(out->as.list->n >= TEMPLATE_MAX_RANGE, HOOKE_E_UNSUPPORTED, "range of more than %d numbers",
                  (int)TEMPLATE_MAX_RANGE);
        RETURN_IF_ERROR(list_push(r, out->as.list, value_int(i)));
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    return HOOKE_OK;
}

static hooke_status make_dict(struct run *r, struct value *out, const struct args *args, enum value_kind kind)
{
    RETURN_IF(args->n > 1, HOOKE_E_FORMAT, "dict and namespace take one argument without a name");
    RETURN_IF_ERROR(dict_new(r, out, kind));
    if (args->n == 1) {
        RETURN_IF(args->list[0].kind != VAL_DICT, HOOKE_E_UNSUPPORTED, "a dict made of a value of type %s",
                  kind_name(args->list[0]));
        RETURN_IF_ERROR(copy_pairs(r, out->as.dict, args->list[0].as.dict));
    }
    for (size_t i = 0; i < args->n_named; i++)
        RETURN_IF_ERROR(
            dict_set(r, out->as.dict, value_string(args->names[i].s, args->names[i].n), args->named[i]));
    return HOOKE_OK;
}
METHOD(call_dict)
{
    UNUSED(self);
    UNUSED(arg);
    return make_dict(r, out, args, VAL_DICT);
}
METHOD(call_namespace)
{
    UNUSED(self);
    UNUSED(arg);
    return make_dict(r, out, args, VAL_NAMESPACE);
}

METHOD(call_strftime_now)
{
    struct bytes format;
    UNUSED(self);
    UNUSED(args);
    RETURN_IF_ERROR(string_arg(&format, arg[0], "strftime_now"));
    return format_time(r, out, format);
}

const struct builtin *find_function(struct bytes name)
{
    static const struct builtin rows[] = {
        { "raise_exception", call_raise, 1, 1, { "message" } },
        { "range", call_range, 1, 3, { "start", "stop", "step" } },
        { "dict", call_dict, 0, -1, { NULL } },
        { "namespace", call_namespace, 0, -1, { NULL } },
        { "strftime_now", call_strftime_now, 1, 1, { "format" } },
    };
    return FIND(rows, name);
}
