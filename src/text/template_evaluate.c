/* template_evaluate.c: expressions. */
#include <math.h>
#include <string.h>

#include "text/template_run.h"

/* ---- names ---- */

hooke_status find_name(struct run *r, struct value *out, struct bytes name)
{
    for (struct scope *s = r->scope; s; s = s->parent) {
        struct value *found;
        RETURN_IF_ERROR(dict_find(r, &found, &s->names, value_string(name.s, name.n)));
        if (!found) continue;
        *out = *found;
        return HOOKE_OK;
    }
    *out = value_undefined(name);
    const struct builtin *row = find_function(name);
    if (!row) return HOOKE_OK;
    struct callable *c = arena_alloc(&r->arena, 1, sizeof *c);
    if (!c) return HOOKE_E_MEMORY;
    c->row = row;
    *out = value_none();
    out->kind = VAL_CALLABLE;
    out->as.callable = c;
    return HOOKE_OK;
}

hooke_status set_name(struct run *r, struct bytes name, struct value v)
{
    return dict_set(r, &r->scope->names, value_string(name.s, name.n), v);
}

/* ---- arithmetic ---- */

static hooke_status no_such_operation(int op, struct value a, struct value b)
{
    char text[3] = { (char)op, '\0', '\0' };
    struct value u = a.kind == VAL_UNDEFINED ? a : b;
    if (op == TOK_POWER || op == TOK_FLOOR) text[0] = text[1] = op == TOK_POWER ? '*' : '/';
    RETURN_IF(u.kind == VAL_UNDEFINED, HOOKE_E_FORMAT, "'%.*s' is undefined, before or behind '%s'",
              (int)(u.as.string.n < 60 ? u.as.string.n : 60), u.as.string.s, text);
    return fail(HOOKE_E_FORMAT, "'%s' does not work between %s and %s", text, kind_name(a), kind_name(b));
}

/* Python's: rounds towards minus infinity. b is not zero. */
static bool floor_divide(int64_t *q, int64_t *rest, int64_t a, int64_t b)
{
    if (b == -1) { /* INT64_MIN / -1 does not fit */
        *rest = 0;
        return !__builtin_sub_overflow(0, a, q);
    }
    *q = a / b;
    *rest = a % b;
    if (*rest != 0 && (*rest < 0) != (b < 0)) {
        *rest += b;
        (*q)--;
    }
    return true;
}

static bool integer_power(int64_t *out, int64_t a, int64_t b)
{
    *out = 1;
    if (a == 0 || a == 1) {
        *out = b == 0 ? 1 : a;
        return true;
    }
    if (b > 64 && a != -1) return false;
    if (a == -1) b = b & 1;
    for (; b > 0; b--)
        if (__builtin_mul_overflow(*out, a, out)) return false;
    return true;
}

static hooke_status binary_integers(struct value *out, int op, int64_t a, int64_t b)
{
    int64_t v = 0, rest;
    bool fits = true;
    RETURN_IF((op == '/' || op == '%' || op == TOK_FLOOR) && b == 0, HOOKE_E_FORMAT, "division by zero");
    if (op == '+') fits = !__builtin_add_overflow(a, b, &v);
    if (op == '-') fits = !__builtin_sub_overflow(a, b, &v);
    if (op == '*') fits = !__builtin_mul_overflow(a, b, &v);
    if (op == TOK_FLOOR) fits = floor_divide(&v, &rest, a, b);
    if (op == '%') fits = floor_divide(&rest, &v, a, b) || b == -1;
    if (op == TOK_POWER && b >= 0) fits = integer_power(&v, a, b);
    RETURN_IF(!fits, HOOKE_E_UNSUPPORTED, "a whole number past 64 bits");
    *out = value_int(v);
    if (op == '/') *out = value_real((double)a / (double)b);
    if (op == TOK_POWER && b < 0) {
        RETURN_IF(a == 0, HOOKE_E_FORMAT, "zero to a negative power");
        *out = value_real(pow((double)a, (double)b));
    }
    return HOOKE_OK;
}

static hooke_status binary_reals(struct value *out, int op, double a, double b)
{
    double v = 0;
    RETURN_IF((op == '/' || op == '%' || op == TOK_FLOOR) && b == 0, HOOKE_E_FORMAT, "division by zero");
    if (op == '+') v = a + b;
    if (op == '-') v = a - b;
    if (op == '*') v = a * b;
    if (op == '/') v = a / b;
    if (op == TOK_FLOOR) v = floor(a / b);
    if (op == '%') {
        v = fmod(a, b);
        if (v != 0 && (v < 0) != (b < 0)) v += b;
    }
    if (op == TOK_POWER) v = pow(a, b);
    *out = value_real(v);
    return HOOKE_OK;
}

static hooke_status repeat(struct run *r, struct value *out, struct value what, int64_t n)
{
    size_t mark = r->out->n;
    if (what.kind == VAL_STRING) {
        for (; n > 0 && what.as.string.n; n--)
            RETURN_IF_ERROR(put_bytes(r, what.as.string.s, what.as.string.n));
        return take_from(r, out, mark);
    }
    RETURN_IF_ERROR(list_new(r, out, what.kind));
    for (; n > 0 && what.as.list->n; n--)
        for (size_t i = 0; i < what.as.list->n; i++)
            RETURN_IF_ERROR(list_push(r, out->as.list, what.as.list->items[i]));
    return HOOKE_OK;
}

static hooke_status join_lists(struct run *r, struct value *out, struct value a, struct value b)
{
    RETURN_IF_ERROR(list_new(r, out, a.kind));
    for (size_t i = 0; i < a.as.list->n; i++)
        RETURN_IF_ERROR(list_push(r, out->as.list, a.as.list->items[i]));
    for (size_t i = 0; i < b.as.list->n; i++)
        RETURN_IF_ERROR(list_push(r, out->as.list, b.as.list->items[i]));
    return HOOKE_OK;
}

static bool can_repeat(struct value what, struct value n)
{
    return (what.kind == VAL_STRING || what.kind == VAL_LIST || what.kind == VAL_TUPLE) &&
           (n.kind == VAL_INT || n.kind == VAL_BOOL);
}

/* Appends a value as text; escaped unless it is safe. */
static hooke_status put_escaped(struct run *r, struct value v)
{
    struct bytes s;
    if (v.is_safe) return put_value(r, v);
    RETURN_IF_ERROR(text_of_value(r, &s, v));
    for (size_t i = 0; i < s.n; i++) {
        char c = s.s[i];
        const char *escape = c == '&'    ? "&amp;"
                             : c == '<'  ? "&lt;"
                             : c == '>'  ? "&gt;"
                             : c == '\'' ? "&#39;"
                             : c == '"'  ? "&#34;"
                                         : NULL;
        RETURN_IF_ERROR(escape ? put_word(r, escape) : put_bytes(r, &c, 1));
    }
    return HOOKE_OK;
}

static hooke_status concatenate(struct run *r, struct value *out, struct value a, struct value b, int op)
{
    size_t mark = r->out->n;
    bool is_safe = op == '+' && (a.is_safe || b.is_safe); /* ~ makes plain text of both */
    RETURN_IF_ERROR(is_safe ? put_escaped(r, a) : put_value(r, a));
    RETURN_IF_ERROR(is_safe ? put_escaped(r, b) : put_value(r, b));
    RETURN_IF_ERROR(take_from(r, out, mark));
    out->is_safe = is_safe;
    return HOOKE_OK;
}

hooke_status binary(struct run *r, struct value *out, int op, struct value a, struct value b)
{
    if (op == '~' || (op == '+' && a.kind == VAL_STRING && b.kind == VAL_STRING))
        return concatenate(r, out, a, b, op);
    RETURN_IF(a.is_safe || b.is_safe, HOOKE_E_UNSUPPORTED,
              "with a string behind '|safe' only + and ~ are supported");
    if (is_number(a) && is_number(b)) {
        if (a.kind == VAL_REAL || b.kind == VAL_REAL)
            return binary_reals(out, op, number_of(a), number_of(b));
        return binary_integers(out, op, integer_of(a), integer_of(b));
    }
    if (op == '*' && can_repeat(a, b)) return repeat(r, out, a, integer_of(b));
    if (op == '*' && can_repeat(b, a)) return repeat(r, out, b, integer_of(a));
    if (op == '%' && a.kind == VAL_STRING && b.kind != VAL_UNDEFINED)
        return format_percent(r, out, a.as.string, b);
    if (op == '+' && a.kind == b.kind && (a.kind == VAL_LIST || a.kind == VAL_TUPLE))
        return join_lists(r, out, a, b);
    return no_such_operation(op, a, b);
}

static hooke_status unary(struct value *out, enum node_kind kind, struct value a)
{
    RETURN_IF(!is_number(a), HOOKE_E_FORMAT, "a sign before a value of type %s", kind_name(a));
    if (a.kind == VAL_REAL) {
        *out = value_real(kind == NODE_NEGATIVE ? -a.as.real : a.as.real);
        return HOOKE_OK;
    }
    int64_t v = integer_of(a);
    RETURN_IF(kind == NODE_NEGATIVE && v == INT64_MIN, HOOKE_E_UNSUPPORTED, "a whole number past 64 bits");
    *out = value_int(kind == NODE_NEGATIVE ? -v : v);
    return HOOKE_OK;
}

/* ---- comparison ---- */

static hooke_status compare_once(struct run *r, bool *out, int op, struct value a, struct value b)
{
    int order;
    if (op == TOK_EQUAL || op == TOK_UNEQUAL) {
        RETURN_IF_ERROR(value_equal(r, out, a, b));
        *out = *out == (op == TOK_EQUAL);
        return HOOKE_OK;
    }
    if (op == TOK_IN || op == TOK_NOT_IN) {
        RETURN_IF_ERROR(value_contains(r, out, a, b));
        *out = *out == (op == TOK_IN);
        return HOOKE_OK;
    }
    RETURN_IF_ERROR(value_compare(r, &order, a, b,
                                  op == '<'           ? "<"
                                  : op == '>'         ? ">"
                                  : op == TOK_AT_MOST ? "<="
                                                      : ">="));
    *out = op == '<' ? order < 0 : op == '>' ? order > 0 : op == TOK_AT_MOST ? order <= 0 : order >= 0;
    if ((a.kind == VAL_REAL && isnan(a.as.real)) || (b.kind == VAL_REAL && isnan(b.as.real))) *out = false;
    return HOOKE_OK;
}

/* a < b <= c: each operand once, up to the first that is false. */
static hooke_status compare_chain(struct run *r, struct value *out, const struct node *n)
{
    struct value left = { 0 }, right = { 0 };
    bool holds = true;
    RETURN_IF_ERROR(evaluate(r, &left, n->a));
    for (const struct node *o = n->list; o && holds; o = o->next) {
        RETURN_IF_ERROR(evaluate(r, &right, o->a));
        RETURN_IF_ERROR(compare_once(r, &holds, o->op, left, right));
        left = right;
    }
    *out = value_bool(holds);
    return HOOKE_OK;
}

/* ---- the rest ---- */

static hooke_status evaluate_list(struct run *r, struct value *out, const struct node *n)
{
    struct value item;
    RETURN_IF_ERROR(list_new(r, out, n->kind == NODE_LIST ? VAL_LIST : VAL_TUPLE));
    for (const struct node *i = n->list; i; i = i->next) {
        RETURN_IF_ERROR(evaluate(r, &item, i));
        RETURN_IF_ERROR(list_push(r, out->as.list, item));
    }
    return HOOKE_OK;
}

static hooke_status evaluate_dict(struct run *r, struct value *out, const struct node *n)
{
    struct value key, v;
    RETURN_IF_ERROR(dict_new(r, out, VAL_DICT));
    for (const struct node *i = n->list; i; i = i->next->next) {
        RETURN_IF_ERROR(evaluate(r, &key, i));
        RETURN_IF_ERROR(evaluate(r, &v, i->next));
        RETURN_IF_ERROR(dict_set(r, out->as.dict, key, v));
    }
    return HOOKE_OK;
}

static hooke_status evaluate_item(struct run *r, struct value *out, const struct node *n)
{
    struct value object, part[3];
    const struct node *from[3] = { n->b, n->c, n->d };
    RETURN_IF_ERROR(evaluate(r, &object, n->a));
    for (int i = 0; i < 3; i++) {
        part[i] = value_none();
        if (from[i]) RETURN_IF_ERROR(evaluate(r, &part[i], from[i]));
    }
    r->line = n->line;
    return n->kind == NODE_ITEM ? get_item(r, out, object, part[0]) : get_slice(r, out, object, part);
}

static hooke_status evaluate_either(struct run *r, struct value *out, const struct node *n)
{
    bool holds;
    RETURN_IF_ERROR(evaluate(r, out, n->a));
    RETURN_IF_ERROR(value_truth(r, &holds, *out));
    return holds == (n->kind == NODE_AND) ? evaluate(r, out, n->b) : HOOKE_OK;
}

static hooke_status evaluate_not(struct run *r, struct value *out, const struct node *n)
{
    bool holds;
    RETURN_IF_ERROR(evaluate(r, out, n->a));
    RETURN_IF_ERROR(value_truth(r, &holds, *out));
    *out = value_bool(!holds);
    return HOOKE_OK;
}

static hooke_status evaluate_choice(struct run *r, struct value *out, const struct node *n)
{
    bool holds;
    RETURN_IF_ERROR(evaluate(r, out, n->b));
    RETURN_IF_ERROR(value_truth(r, &holds, *out));
    if (holds) return evaluate(r, out, n->a);
    if (n->c) return evaluate(r, out, n->c);
    *out = value_undefined((struct bytes){ "the missing else", 16 });
    return HOOKE_OK;
}

static hooke_status evaluate_binary(struct run *r, struct value *out, const struct node *n)
{
    struct value a, b;
    RETURN_IF_ERROR(evaluate(r, &a, n->a));
    RETURN_IF_ERROR(evaluate(r, &b, n->b));
    r->line = n->line;
    return binary(r, out, n->op, a, b);
}

hooke_status evaluate_args(struct run *r, struct args *args, const struct node *call)
{
    size_t n = 0, n_named = 0;
    *args = (struct args){ .caller = value_undefined((struct bytes){ "caller", 6 }) };
    for (const struct node *i = call->list; i; i = i->next) n++;
    for (const struct node *i = call->named; i; i = i->next) n_named++;
    args->list = arena_alloc(&r->arena, n, sizeof *args->list);
    args->names = arena_alloc(&r->arena, n_named, sizeof *args->names);
    args->named = arena_alloc(&r->arena, n_named, sizeof *args->named);
    if (!args->list || !args->names || !args->named) return HOOKE_E_MEMORY;
    for (const struct node *i = call->list; i; i = i->next)
        RETURN_IF_ERROR(evaluate(r, &args->list[args->n++], i));
    for (const struct node *i = call->named; i; i = i->next) {
        args->names[args->n_named] = i->name;
        RETURN_IF_ERROR(evaluate(r, &args->named[args->n_named++], i->a));
    }
    return HOOKE_OK;
}

static hooke_status evaluate_call(struct run *r, struct value *out, const struct node *n)
{
    struct value callee;
    struct args args;
    RETURN_IF_ERROR(evaluate(r, &callee, n->a));
    RETURN_IF_ERROR(evaluate_args(r, &args, n));
    r->line = n->line;
    return call_value(r, out, callee, &args);
}

static hooke_status filter_in_depth(struct run *r, struct value *out, const struct node *n,
                                    const struct value *input)
{
    struct value self;
    struct args args;
    if (n->a && n->a->kind == NODE_FILTER)
        RETURN_IF_ERROR(evaluate_filter(r, &self, n->a, input));
    else if (n->a)
        RETURN_IF_ERROR(evaluate(r, &self, n->a));
    else if (input)
        self = *input;
    else
        return fail(HOOKE_E_FORMAT, "line %d: a filter of nothing", n->line);
    RETURN_IF_ERROR(evaluate_args(r, &args, n));
    r->line = n->line;
    return call_filter(r, out, n->name, self, &args);
}

hooke_status evaluate_filter(struct run *r, struct value *out, const struct node *n,
                             const struct value *input)
{
    RETURN_IF_ERROR(enter(r));
    RETURN_IF_ERROR(filter_in_depth(r, out, n, input));
    leave(r);
    return HOOKE_OK;
}

static hooke_status evaluate_test(struct run *r, struct value *out, const struct node *n)
{
    struct value self;
    struct args args;
    bool holds;
    RETURN_IF_ERROR(evaluate(r, &self, n->a));
    RETURN_IF_ERROR(evaluate_args(r, &args, n));
    r->line = n->line;
    RETURN_IF_ERROR(call_test(r, &holds, n->name, self, &args));
    *out = value_bool(holds);
    return HOOKE_OK;
}

static hooke_status evaluate_kind(struct run *r, struct value *out, const struct node *n)
{
    switch (n->kind) {
    case NODE_CONST:
        *out = n->value;
        return HOOKE_OK;
    case NODE_NAME:
        return find_name(r, out, n->name);
    case NODE_LIST:
    case NODE_TUPLE:
        return evaluate_list(r, out, n);
    case NODE_DICT:
        return evaluate_dict(r, out, n);
    case NODE_ATTRIBUTE:
        RETURN_IF_ERROR(evaluate(r, out, n->a));
        r->line = n->line;
        return get_attribute(r, out, *out, n->name);
    case NODE_ITEM:
    case NODE_SLICE:
        return evaluate_item(r, out, n);
    case NODE_CALL:
        return evaluate_call(r, out, n);
    case NODE_FILTER:
        return filter_in_depth(r, out, n, NULL);
    case NODE_TEST:
        return evaluate_test(r, out, n);
    case NODE_NOT:
        return evaluate_not(r, out, n);
    case NODE_NEGATIVE:
    case NODE_POSITIVE:
        RETURN_IF_ERROR(evaluate(r, out, n->a));
        return unary(out, n->kind, *out);
    case NODE_AND:
    case NODE_OR:
        return evaluate_either(r, out, n);
    case NODE_BINARY:
        return evaluate_binary(r, out, n);
    case NODE_COMPARE:
        return compare_chain(r, out, n);
    case NODE_CHOICE:
        return evaluate_choice(r, out, n);
    case NODE_OPERAND:
    case NODE_NAMED:
    case NODE_TEXT:
    case NODE_PRINT:
    case NODE_IF:
    case NODE_FOR:
    case NODE_SET:
    case NODE_SET_TEXT:
    case NODE_MACRO:
    case NODE_CALL_BLOCK:
    case NODE_FILTERED:
    case NODE_WITH:
    case NODE_SCOPE:
    case NODE_BREAK:
    case NODE_CONTINUE:
        break;
    }
    return fail(HOOKE_E_INTERNAL, "node %d is no expression", (int)n->kind);
}

hooke_status evaluate(struct run *r, struct value *out, const struct node *n)
{
    r->line = n->line;
    RETURN_IF_ERROR(enter(r));
    RETURN_IF_ERROR(evaluate_kind(r, out, n));
    leave(r);
    return HOOKE_OK;
}
