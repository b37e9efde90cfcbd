/* template_run.c: statements. */
#include "text/template_run.h"

#include <locale.h>
#include <string.h>

#include "file/json.h"
#include "text/unicode.h"

static hooke_status push_scope(struct run *r, struct scope *parent)
{
    struct scope *s = arena_alloc(&r->arena, 1, sizeof *s);
    if (!s) return HOOKE_E_MEMORY;
    s->parent = parent;
    r->scope = s;
    return HOOKE_OK;
}

/* ---- set ---- */

static hooke_status assign(struct run *r, const struct node *target, struct value v);

static hooke_status assign_tuple(struct run *r, const struct node *target, struct value v)
{
    const struct list *items;
    size_t n = 0;
    RETURN_IF_ERROR(value_items(r, &items, v));
    for (const struct node *i = target->list; i; i = i->next) n++;
    RETURN_IF(items->n != n, HOOKE_E_FORMAT, "%zu values for %zu names", items->n, n);
    n = 0;
    for (const struct node *i = target->list; i; i = i->next)
        RETURN_IF_ERROR(assign(r, i, items->items[n++]));
    return HOOKE_OK;
}

static hooke_status assign(struct run *r, const struct node *target, struct value v)
{
    struct value object;
    if (target->kind == NODE_NAME) return set_name(r, target->name, v);
    if (target->kind == NODE_TUPLE) return assign_tuple(r, target, v);
    RETURN_IF_ERROR(find_name(r, &object, target->a->name));
    RETURN_IF(object.kind != VAL_NAMESPACE, HOOKE_E_FORMAT,
              "an attribute of '%.*s' is set, which is no namespace()",
              (int)(target->a->name.n < 60 ? target->a->name.n : 60), target->a->name.s);
    RETURN_IF(target->name.s[0] == '_', HOOKE_E_FORMAT, "a namespace's names may not begin with '_'");
    return dict_set(r, object.as.dict, value_string(target->name.s, target->name.n), v);
}

/* What the body renders, as a string. */
static hooke_status capture(struct run *r, struct value *out, const struct node *body)
{
    size_t mark = r->out->n;
    RETURN_IF_ERROR(run_body(r, body));
    return take_from(r, out, mark);
}

/* A body whose variables are its own, parent being those around it. */
static hooke_status capture_in(struct run *r, struct value *out, const struct node *body,
                               struct scope *parent)
{
    struct scope *before = r->scope;
    RETURN_IF_ERROR(push_scope(r, parent));
    RETURN_IF_ERROR(capture(r, out, body));
    r->scope = before;
    return HOOKE_OK;
}

static hooke_status run_set_text(struct run *r, const struct node *n)
{
    struct value v;
    RETURN_IF_ERROR(capture_in(r, &v, n->list, r->scope));
    if (n->b) RETURN_IF_ERROR(evaluate_filter(r, &v, n->b, &v));
    return assign(r, n->a, v);
}

static hooke_status run_filtered(struct run *r, const struct node *n)
{
    struct value v;
    RETURN_IF_ERROR(capture_in(r, &v, n->list, r->scope));
    RETURN_IF_ERROR(evaluate_filter(r, &v, n->b, &v));
    return put_value(r, v);
}

/* ---- for ---- */

/* The items that pass the loop's own "if". */
static hooke_status loop_items(struct run *r, const struct list **out, const struct node *n)
{
    struct value v, kept;
    RETURN_IF_ERROR(evaluate(r, &v, n->b));
    r->line = n->line;
    RETURN_IF_ERROR(value_items(r, out, v));
    const struct list *all = *out;
    struct scope *outside = r->scope;
    RETURN_IF_ERROR(list_new(r, &kept, VAL_LIST));
    for (size_t i = 0; i < all->n; i++) { /* a copy: the body may not change what it goes through */
        bool wanted = true;
        if (n->c) {
            RETURN_IF_ERROR(push_scope(r, outside));
            RETURN_IF_ERROR(assign(r, n->a, all->items[i]));
            RETURN_IF_ERROR(evaluate(r, &v, n->c));
            RETURN_IF_ERROR(value_truth(r, &wanted, v));
        }
        if (wanted) RETURN_IF_ERROR(list_push(r, kept.as.list, all->items[i]));
    }
    r->scope = outside;
    *out = kept.as.list;
    return HOOKE_OK;
}

static hooke_status run_for(struct run *r, const struct node *n)
{
    struct loop *loop = arena_alloc(&r->arena, 1, sizeof *loop);
    struct scope *outside = r->scope;
    if (!loop) return HOOKE_E_MEMORY;
    RETURN_IF_ERROR(loop_items(r, &loop->items, n));
    struct value self = value_none();
    self.kind = VAL_LOOP;
    self.as.loop = loop;
    for (; loop->at < loop->items->n; loop->at++) {
        RETURN_IF_ERROR(push_scope(r, outside));
        RETURN_IF_ERROR(set_name(r, (struct bytes){ "loop", 4 }, self));
        RETURN_IF_ERROR(assign(r, n->a, loop->items->items[loop->at]));
        RETURN_IF_ERROR(run_body(r, n->list));
        bool stops = r->jump == JUMP_BREAK;
        r->jump = JUMP_NONE;
        if (stops) break;
    }
    r->scope = outside;
    return loop->items->n ? HOOKE_OK : run_body(r, n->other);
}

/* ---- macros ---- */

static hooke_status bind_macro(struct run *r, const struct macro *macro, const struct args *args)
{
    size_t n = 0, n_taken = 0;
    for (const struct node *p = macro->node->named; p; p = p->next, n++) {
        struct value v = value_undefined(p->name);
        bool given = n < args->n;
        if (given) v = args->list[n];
        for (size_t i = 0; i < args->n_named; i++) {
            if (!bytes_equal(args->names[i], p->name)) continue;
            RETURN_IF(given, HOOKE_E_FORMAT, "the macro's argument '%.*s' is given twice", (int)p->name.n,
                      p->name.s);
            v = args->named[i];
            given = true;
            n_taken++;
        }
        if (!given && p->a) RETURN_IF_ERROR(evaluate(r, &v, p->a));
        RETURN_IF_ERROR(set_name(r, p->name, v));
    }
    RETURN_IF(args->n > n || n_taken < args->n_named, HOOKE_E_FORMAT,
              "a macro that takes %zu arguments gets %zu, or one of a name that it does not have", n,
              args->n + args->n_named);
    if (args->caller.kind != VAL_UNDEFINED) return set_name(r, (struct bytes){ "caller", 6 }, args->caller);
    return HOOKE_OK;
}

hooke_status call_macro(struct run *r, struct value *out, const struct macro *macro, const struct args *args)
{
    struct scope *before = r->scope;
    int line = r->line;
    RETURN_IF_ERROR(enter(r));
    RETURN_IF_ERROR(push_scope(r, macro->scope));
    RETURN_IF_ERROR(bind_macro(r, macro, args));
    RETURN_IF_ERROR(capture(r, out, macro->node->list));
    r->scope = before;
    r->line = line;
    leave(r);
    return HOOKE_OK;
}

static hooke_status make_macro(struct run *r, struct value *out, const struct node *n)
{
    struct macro *m = arena_alloc(&r->arena, 1, sizeof *m);
    if (!m) return HOOKE_E_MEMORY;
    m->node = n;
    m->scope = r->scope;
    *out = value_none();
    out->kind = VAL_MACRO;
    out->as.macro = m;
    return HOOKE_OK;
}

static hooke_status run_macro(struct run *r, const struct node *n)
{
    struct value v;
    RETURN_IF_ERROR(make_macro(r, &v, n));
    return set_name(r, n->name, v);
}

static hooke_status run_call_block(struct run *r, const struct node *n)
{
    struct value callee, v;
    struct args args;
    RETURN_IF_ERROR(evaluate(r, &callee, n->a->a));
    RETURN_IF_ERROR(evaluate_args(r, &args, n->a));
    RETURN_IF_ERROR(make_macro(r, &args.caller, n));
    RETURN_IF_ERROR(call_value(r, &v, callee, &args));
    return put_value(r, v);
}

/* ---- the others ---- */

static hooke_status run_if(struct run *r, const struct node *n)
{
    struct value v;
    bool holds;
    RETURN_IF_ERROR(evaluate(r, &v, n->a));
    RETURN_IF_ERROR(value_truth(r, &holds, v));
    return run_body(r, holds ? n->list : n->other);
}

static hooke_status run_with(struct run *r, const struct node *n)
{
    struct scope *outside = r->scope, *inside;
    struct value v;
    RETURN_IF_ERROR(push_scope(r, outside));
    inside = r->scope;
    for (const struct node *i = n->other; i; i = i->next) { /* the values see what is outside */
        r->scope = outside;
        RETURN_IF_ERROR(evaluate(r, &v, i->b));
        r->scope = inside;
        RETURN_IF_ERROR(assign(r, i->a, v));
    }
    RETURN_IF_ERROR(run_body(r, n->list));
    r->scope = outside;
    return HOOKE_OK;
}

static hooke_status run_scope(struct run *r, const struct node *n)
{
    struct scope *outside = r->scope;
    RETURN_IF_ERROR(push_scope(r, outside));
    RETURN_IF_ERROR(run_body(r, n->list));
    r->scope = outside;
    return HOOKE_OK;
}

static hooke_status run_node(struct run *r, const struct node *n)
{
    struct value v;
    r->line = n->line;
    switch ((int)n->kind) {
    case NODE_TEXT:
        return put_bytes(r, n->name.s, n->name.n);
    case NODE_PRINT:
        RETURN_IF_ERROR(evaluate(r, &v, n->a));
        return put_value(r, v);
    case NODE_IF:
        return run_if(r, n);
    case NODE_FOR:
        return run_for(r, n);
    case NODE_SET:
        RETURN_IF_ERROR(evaluate(r, &v, n->b));
        return assign(r, n->a, v);
    case NODE_SET_TEXT:
        return run_set_text(r, n);
    case NODE_MACRO:
        return run_macro(r, n);
    case NODE_CALL_BLOCK:
        return run_call_block(r, n);
    case NODE_FILTERED:
        return run_filtered(r, n);
    case NODE_WITH:
        return run_with(r, n);
    case NODE_SCOPE:
        return run_scope(r, n);
    case NODE_BREAK:
    case NODE_CONTINUE:
        r->jump = n->kind == NODE_BREAK ? JUMP_BREAK : JUMP_CONTINUE;
        return HOOKE_OK;
    default:
        return fail(HOOKE_E_INTERNAL, "node %d is no statement", (int)n->kind);
    }
}

hooke_status run_body(struct run *r, const struct node *first)
{
    RETURN_IF_ERROR(enter(r));
    for (const struct node *n = first; n && r->jump == JUMP_NONE; n = n->next) {
        RETURN_IF_ERROR(spend(r, 1));
        RETURN_IF_ERROR(run_node(r, n));
    }
    leave(r);
    return HOOKE_OK;
}

/* ---- the whole ---- */

static hooke_status from_json(struct run *r, struct value *out, const struct json *v)
{
    struct value item;
    *out = value_none();
    RETURN_IF_ERROR(spend(r, 1));
    if (v->kind == JSON_BOOL) *out = value_bool(v->as.boolean);
    if (v->kind == JSON_INT) *out = value_int(v->as.integer);
    if (v->kind == JSON_REAL) *out = value_real(v->as.real);
    if (v->kind == JSON_STRING) *out = value_string(v->as.string.bytes, v->as.string.n);
    if (v->kind != JSON_ARRAY && v->kind != JSON_OBJECT) return HOOKE_OK;
    RETURN_IF_ERROR(v->kind == JSON_ARRAY ? list_new(r, out, VAL_LIST) : dict_new(r, out, VAL_DICT));
    for (const struct json *i = v->as.list.first; i; i = i->next) {
        RETURN_IF_ERROR(from_json(r, &item, i)); /* as deep as the reader let it be */
        RETURN_IF_ERROR(v->kind == JSON_ARRAY
                            ? list_push(r, out->as.list, item)
                            : dict_set(r, out->as.dict, value_string(i->key, i->key_bytes), item));
    }
    return HOOKE_OK;
}

/* Valid UTF-8, "\n" line ends, and not the one at the very end. */
static hooke_status normalise(hooke_text *out, struct bytes source)
{
    RETURN_IF(source.n > TEMPLATE_MAX_BYTES, HOOKE_E_UNSUPPORTED,
              "the template has %zu bytes, the limit is %d", source.n, (int)TEMPLATE_MAX_BYTES);
    RETURN_IF_ERROR(text_append(out, "", 0));
    RETURN_IF_ERROR(append_as_utf8(out, source.s, source.n));
    size_t n = 0;
    for (size_t i = 0; i < out->n; i++) {
        char c = out->data[i];
        if (c == '\r' && i + 1 < out->n && out->data[i + 1] == '\n') continue;
        out->data[n++] = c == '\r' ? '\n' : c;
    }
    if (n && out->data[n - 1] == '\n') n--;
    out->n = n;
    out->data[n] = '\0';
    return HOOKE_OK;
}

static hooke_status run_tree(struct run *r, const struct node *tree, const struct template_input *in)
{
    struct value variables;
    RETURN_IF_ERROR(push_scope(r, NULL));
    RETURN_IF_ERROR(from_json(r, &variables, in->variables));
    if (variables.kind == VAL_DICT) r->scope->names = *variables.as.dict;
    RETURN_IF_ERROR(push_scope(r, r->scope)); /* what the template sets goes on top */
    hooke_status st = run_body(r, tree);
    return st == HOOKE_OK ? st : fail_within(st, "line %d", r->line);
}

hooke_status template_render(hooke_text *out, const struct template_input *in)
{
    hooke_text source = { 0 };
    struct arena tree_arena = { .max_bytes = TEMPLATE_MAX_MEMORY };
    struct run r = { .arena = { .max_bytes = TEMPLATE_MAX_MEMORY },
                     .out = out,
                     .work_left = TEMPLATE_MAX_WORK };
    const struct node *tree = NULL;
    r.now = in->now;
    text_clear(out);
    locale_t c_locale =
        newlocale(LC_ALL_MASK, "C", (locale_t)0); /* numbers have a point wherever the host lives */
    locale_t before = c_locale ? uselocale(c_locale) : (locale_t)0;
    hooke_status st = text_append(out, "", 0);
    if (st == HOOKE_OK) st = normalise(&source, in->source);
    if (st == HOOKE_OK) st = template_parse(&tree, &tree_arena, (struct bytes){ source.data, source.n });
    if (st == HOOKE_OK) st = run_tree(&r, tree, in);
    if (st != HOOKE_OK) text_clear(out);
    if (c_locale) {
        uselocale(before);
        freelocale(c_locale);
    }
    arena_release(&r.arena);
    arena_release(&tree_arena);
    hooke_text_release(&source);
    return st == HOOKE_OK ? st : fail_within(st, "%s: chat template", in->name);
}
