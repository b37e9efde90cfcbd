/* template_parse.c: text, {{ }} and the statements of {% %}. */
#include <string.h>

#include "text/template_tree.h"

/* Names that end a list of statements, separated by bars: "else|elif|endif". */
static bool at_end(const struct parser *p, const char *ends)
{
    if (!ends || p->t->kind != TOK_BLOCK || p->t[1].kind != TOK_NAME) return false;
    struct bytes name = p->t[1].text;
    for (const char *s = ends; s; s = strchr(s, '|') ? strchr(s, '|') + 1 : NULL)
        if (strncmp(s, name.s, name.n) == 0 && (s[name.n] == '|' || s[name.n] == '\0')) return true;
    return false;
}

static hooke_status parse_statement(struct parser *p, struct node **out);

/* Statements until one of `ends` (left to be read behind its "{%"), or the template's end when NULL. */
static hooke_status parse_body(struct parser *p, const struct node **first, const char *ends,
                               const char *what)
{
    struct node *head = NULL, **tail = &head;
    int line = p->t->line;
    RETURN_IF(p->depth >= TEMPLATE_MAX_DEPTH, HOOKE_E_UNSUPPORTED, "line %d: nested deeper than %d levels",
              line, (int)TEMPLATE_MAX_DEPTH);
    p->depth++;
    while (!at_end(p, ends)) {
        if (p->t->kind == TOK_END && !ends) break;
        RETURN_IF(p->t->kind == TOK_END, HOOKE_E_FORMAT, "line %d: {%% %s %%} is never closed", line, what);
        struct node *n;
        RETURN_IF_ERROR(parse_statement(p, &n));
        *tail = n;
        tail = &n->next;
    }
    p->depth--;
    if (ends) p->t++;
    *first = head;
    return HOOKE_OK;
}

static hooke_status parse_closed_body(struct parser *p, const struct node **first, const char *end,
                                      const char *what)
{
    RETURN_IF_ERROR(expect(p, TOK_BLOCK_END));
    RETURN_IF_ERROR(parse_body(p, first, end, what));
    p->t++;
    return expect(p, TOK_BLOCK_END);
}

/* ---- targets of set and for ---- */

static hooke_status parse_one_target(struct parser *p, struct node **out, bool may_be_attribute)
{
    RETURN_IF_ERROR(parse_node(p, out, NODE_NAME));
    struct bytes name = p->t->text;
    RETURN_IF_ERROR(expect(p, TOK_NAME));
    (*out)->name = name;
    if (!may_be_attribute || !take_op(p, '.')) return HOOKE_OK;
    struct node *object = *out;
    RETURN_IF_ERROR(parse_node(p, out, NODE_ATTRIBUTE));
    (*out)->a = object;
    (*out)->name = p->t->text;
    return expect(p, TOK_NAME);
}

static hooke_status parse_target(struct parser *p, const struct node **out, bool may_be_attribute)
{
    struct node *n, *head = NULL, **tail = &head;
    bool in_brackets = take_op(p, '('), is_tuple = false;
    RETURN_IF_ERROR(parse_node(p, &n, NODE_TUPLE));
    do {
        struct node *one;
        if (is_tuple && p->t->kind != TOK_NAME) break;
        RETURN_IF_ERROR(parse_one_target(p, &one, may_be_attribute));
        *tail = one;
        tail = &one->next;
        is_tuple |= p->t->kind == ',';
    } while (take_op(p, ','));
    n->list = head;
    *out = is_tuple ? n : head;
    return in_brackets ? expect(p, ')') : HOOKE_OK;
}

/* ---- statements; the tag's name is read ---- */

static hooke_status parse_if(struct parser *p, struct node *n)
{
    n->kind = NODE_IF;
    RETURN_IF_ERROR(parse_tuple(p, &n->a, 0));
    RETURN_IF_ERROR(expect(p, TOK_BLOCK_END));
    RETURN_IF_ERROR(parse_body(p, &n->list, "elif|else|endif", "if"));
    if (take_name(p, "elif")) {
        struct node *other;
        RETURN_IF_ERROR(parse_node(p, &other, NODE_IF));
        n->other = other;
        RETURN_IF(p->depth >= TEMPLATE_MAX_DEPTH, HOOKE_E_UNSUPPORTED,
                  "line %d: nested deeper than %d levels", n->line, (int)TEMPLATE_MAX_DEPTH);
        p->depth++;
        RETURN_IF_ERROR(parse_if(p, other));
        p->depth--;
        return HOOKE_OK;
    }
    if (take_name(p, "else")) return parse_closed_body(p, &n->other, "endif", "else");
    p->t++;
    return expect(p, TOK_BLOCK_END);
}

static hooke_status parse_for(struct parser *p, struct node *n)
{
    n->kind = NODE_FOR;
    RETURN_IF(next_is(p, "loop"), HOOKE_E_FORMAT, "line %d: a loop over 'loop'", n->line);
    RETURN_IF_ERROR(parse_target(p, &n->a, false));
    if (!take_name(p, "in")) return unexpected(p, "'in'");
    RETURN_IF_ERROR(parse_tuple(p, &n->b, 0));
    if (take_name(p, "if")) RETURN_IF_ERROR(parse_expression(p, &n->c, WITH_CHOICE));
    RETURN_IF(next_is(p, "recursive"), HOOKE_E_UNSUPPORTED, "line %d: recursive loops are not supported",
              n->line);
    RETURN_IF_ERROR(expect(p, TOK_BLOCK_END));
    p->n_loops++;
    RETURN_IF_ERROR(parse_body(p, &n->list, "else|endfor", "for"));
    p->n_loops--;
    if (take_name(p, "else")) return parse_closed_body(p, &n->other, "endfor", "else");
    p->t++;
    return expect(p, TOK_BLOCK_END);
}

static hooke_status parse_set(struct parser *p, struct node *n)
{
    n->kind = NODE_SET;
    RETURN_IF_ERROR(parse_target(p, &n->a, true));
    if (take_op(p, '=')) {
        RETURN_IF_ERROR(parse_tuple(p, &n->b, WITH_CHOICE));
        return expect(p, TOK_BLOCK_END);
    }
    n->kind = NODE_SET_TEXT;
    if (take_op(p, '|')) RETURN_IF_ERROR(parse_filter_chain(p, &n->b));
    return parse_closed_body(p, &n->list, "endset", "set");
}

/* (a, b=1) */
static hooke_status parse_parameters(struct parser *p, struct node *n)
{
    struct node *head = NULL, **tail = &head;
    RETURN_IF_ERROR(expect(p, '('));
    while (p->t->kind != ')') {
        struct node *one;
        if (head) RETURN_IF_ERROR(expect(p, ','));
        if (p->t->kind == ')') break;
        RETURN_IF_ERROR(parse_node(p, &one, NODE_NAMED));
        one->name = p->t->text;
        RETURN_IF_ERROR(expect(p, TOK_NAME));
        if (take_op(p, '='))
            RETURN_IF_ERROR(parse_expression(p, &one->a, WITH_CHOICE));
        else
            RETURN_IF(head && tail != &head && n->op, HOOKE_E_FORMAT,
                      "line %d: a parameter without a default behind one with a default", one->line);
        n->op |= one->a != NULL;
        *tail = one;
        tail = &one->next;
    }
    n->op = 0;
    n->named = head;
    return expect(p, ')');
}

/* break and continue do not reach out of a macro's body. */
static hooke_status parse_macro_body(struct parser *p, struct node *n, const char *end, const char *what)
{
    int n_loops = p->n_loops;
    p->n_loops = 0;
    RETURN_IF_ERROR(parse_closed_body(p, &n->list, end, what));
    p->n_loops = n_loops;
    return HOOKE_OK;
}

static hooke_status parse_macro(struct parser *p, struct node *n)
{
    n->kind = NODE_MACRO;
    n->name = p->t->text;
    RETURN_IF_ERROR(expect(p, TOK_NAME));
    RETURN_IF_ERROR(parse_parameters(p, n));
    return parse_macro_body(p, n, "endmacro", "macro");
}

static hooke_status parse_call_block(struct parser *p, struct node *n)
{
    n->kind = NODE_CALL_BLOCK;
    if (p->t->kind == '(') RETURN_IF_ERROR(parse_parameters(p, n));
    RETURN_IF_ERROR(parse_expression(p, &n->a, WITH_CHOICE));
    RETURN_IF(n->a->kind != NODE_CALL, HOOKE_E_FORMAT, "line %d: {%% call %%} wants a call", n->line);
    return parse_macro_body(p, n, "endcall", "call");
}

static hooke_status parse_with(struct parser *p, struct node *n)
{
    struct node *head = NULL, *last = NULL;
    n->kind = NODE_WITH;
    while (p->t->kind != TOK_BLOCK_END) {
        struct node *one;
        if (head) RETURN_IF_ERROR(expect(p, ','));
        RETURN_IF_ERROR(parse_node(p, &one, NODE_SET));
        RETURN_IF_ERROR(parse_target(p, &one->a, false));
        RETURN_IF_ERROR(expect(p, '='));
        RETURN_IF_ERROR(parse_expression(p, &one->b, WITH_CHOICE));
        if (last)
            last->next = one;
        else
            head = one;
        last = one;
    }
    n->other = head;
    return parse_closed_body(p, &n->list, "endwith", "with");
}

static hooke_status parse_filter_block(struct parser *p, struct node *n)
{
    n->kind = NODE_FILTERED;
    RETURN_IF_ERROR(parse_filter_chain(p, &n->b));
    return parse_closed_body(p, &n->list, "endfilter", "filter");
}

/* {% generation %} marks what the assistant says, for training; it has a scope, else it changes nothing. */
static hooke_status parse_generation(struct parser *p, struct node *n)
{
    n->kind = NODE_SCOPE;
    return parse_macro_body(p, n, "endgeneration", "generation");
}

static hooke_status parse_jump(struct parser *p, struct node *n)
{
    n->kind = next_is(p, "break") ? NODE_BREAK : NODE_CONTINUE;
    RETURN_IF(p->n_loops == 0, HOOKE_E_FORMAT, "line %d: '%.*s' outside a loop", n->line, (int)p->t->text.n,
              p->t->text.s);
    p->t++;
    return expect(p, TOK_BLOCK_END);
}

static hooke_status parse_block(struct parser *p, struct node *n)
{
    static const struct {
        const char *name;
        hooke_status (*parse)(struct parser *p, struct node *n);
    } known[] = { { "if", parse_if },
                  { "for", parse_for },
                  { "set", parse_set },
                  { "macro", parse_macro },
                  { "call", parse_call_block },
                  { "with", parse_with },
                  { "filter", parse_filter_block },
                  { "generation", parse_generation } };
    p->t++;
    if (next_is(p, "break") || next_is(p, "continue")) return parse_jump(p, n);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (take_name(p, known[i].name)) return known[i].parse(p, n);
    if (p->t->kind != TOK_NAME) return unexpected(p, "a statement");
    return fail(strncmp(p->t->text.s, "end", 3) == 0 ? HOOKE_E_FORMAT : HOOKE_E_UNSUPPORTED,
                "line %d: {%% %.*s %%} is not understood here", n->line,
                p->t->text.n < 40 ? (int)p->t->text.n : 40, p->t->text.s);
}

static hooke_status parse_statement(struct parser *p, struct node **out)
{
    RETURN_IF_ERROR(parse_node(p, out, NODE_TEXT));
    struct node *n = *out;
    if (p->t->kind == TOK_DATA) {
        n->name = p->t->text;
        p->t++;
        return HOOKE_OK;
    }
    if (p->t->kind == TOK_BLOCK) return parse_block(p, n);
    n->kind = NODE_PRINT;
    p->t++; /* only "{{" is left */
    RETURN_IF_ERROR(parse_tuple(p, &n->a, WITH_CHOICE));
    return expect(p, TOK_PRINT_END);
}

hooke_status template_parse(const struct node **tree, struct arena *a, struct bytes source)
{
    struct parser p = { .arena = a };
    *tree = NULL;
    RETURN_IF_ERROR(template_lex(&p.t, a, source));
    return parse_body(&p, tree, NULL, NULL);
}
