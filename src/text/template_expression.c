/* template_expression.c: expressions, by Jinja's precedence from loose to tight:
 *
 *   a if b else c;  or;  and;  not;  == != < <= > >= in;  + -;  ~;  * / // %;  **;  unary + -;  . [] () | is */
#include <string.h>

#include "text/template_tree.h"

bool next_is(const struct parser *p, const char *name)
{
    return p->t->kind == TOK_NAME && p->t->text.n == strlen(name) &&
           memcmp(p->t->text.s, name, p->t->text.n) == 0;
}

bool take_name(struct parser *p, const char *name)
{
    bool is = next_is(p, name);
    p->t += is;
    return is;
}

bool take_op(struct parser *p, int kind)
{
    bool is = p->t->kind == kind;
    p->t += is;
    return is;
}

hooke_status unexpected(const struct parser *p, const char *wanted)
{
    const struct lexeme *t = p->t;
    if (t->kind == TOK_END)
        return fail(HOOKE_E_FORMAT, "line %d: the template ends where %s is due", t->line, wanted);
    if (t->kind == TOK_BLOCK_END || t->kind == TOK_PRINT_END)
        return fail(HOOKE_E_FORMAT, "line %d: the tag ends where %s is due", t->line, wanted);
    int n = t->text.n < 40 ? (int)t->text.n : 40;
    return fail(HOOKE_E_FORMAT, "line %d: '%.*s' where %s is due", t->line, n, t->text.s, wanted);
}

hooke_status expect(struct parser *p, int kind)
{
    char wanted[4] = { '\'', (char)kind, '\'', '\0' };
    if (take_op(p, kind)) return HOOKE_OK;
    return unexpected(p, kind == TOK_BLOCK_END   ? "'%}'"
                         : kind == TOK_PRINT_END ? "'}}'"
                         : kind == TOK_NAME      ? "a name"
                                                 : wanted);
}

hooke_status parse_node(struct parser *p, struct node **out, enum node_kind kind)
{
    *out = arena_alloc(p->arena, 1, sizeof **out);
    if (!*out) return HOOKE_E_MEMORY;
    (*out)->kind = kind;
    (*out)->line = p->t->line;
    return HOOKE_OK;
}

static hooke_status parse_two(struct parser *p, const struct node **out, enum node_kind kind,
                              const struct node *a, const struct node *b)
{
    struct node *n;
    RETURN_IF_ERROR(parse_node(p, &n, kind));
    n->a = a;
    n->b = b;
    *out = n;
    return HOOKE_OK;
}

/* Appends to a chain whose end is *end. */
static struct node **chain(struct node **end, struct node *n)
{
    *end = n;
    return n ? &n->next : end;
}

/* A copy of the pointer target that may be chained: expressions are made by this file and not yet shared. */
static struct node *owned(const struct node *n)
{
    union {
        const struct node *from;
        struct node *to;
    } u = { n };
    return u.to;
}

/* ---- what is tightest ---- */

static hooke_status parse_const(struct parser *p, const struct node **out, struct value v)
{
    struct node *n;
    RETURN_IF_ERROR(parse_node(p, &n, NODE_CONST));
    n->value = v;
    *out = n;
    return HOOKE_OK;
}

/* Strings behind one another are one. */
static hooke_status parse_string(struct parser *p, const struct node **out)
{
    struct bytes all = p->t->text;
    p->t++;
    while (p->t->kind == TOK_STRING) {
        struct bytes more = p->t->text;
        char *joined = arena_alloc(p->arena, all.n + more.n + 1, 1);
        if (!joined) return HOOKE_E_MEMORY;
        if (all.n) memcpy(joined, all.s, all.n);
        if (more.n) memcpy(joined + all.n, more.s, more.n);
        all = (struct bytes){ joined, all.n + more.n };
        p->t++;
    }
    return parse_const(p, out, value_string(all.s, all.n));
}

static hooke_status parse_items(struct parser *p, const struct node **first, int end)
{
    struct node *head = NULL, **tail = &head;
    const struct node *item;
    while (p->t->kind != end) {
        if (head) RETURN_IF_ERROR(expect(p, ','));
        if (p->t->kind == end) break;
        RETURN_IF_ERROR(parse_expression(p, &item, WITH_CHOICE));
        tail = chain(tail, owned(item));
    }
    *first = head;
    return expect(p, end);
}

static hooke_status parse_list(struct parser *p, const struct node **out)
{
    struct node *n;
    RETURN_IF_ERROR(parse_node(p, &n, NODE_LIST));
    p->t++;
    *out = n;
    return parse_items(p, &n->list, ']');
}

static hooke_status parse_dict(struct parser *p, const struct node **out)
{
    struct node *n, *head = NULL, **tail = &head;
    const struct node *item;
    RETURN_IF_ERROR(parse_node(p, &n, NODE_DICT));
    p->t++;
    while (p->t->kind != '}') {
        if (head) RETURN_IF_ERROR(expect(p, ','));
        if (p->t->kind == '}') break;
        RETURN_IF_ERROR(parse_expression(p, &item, WITH_CHOICE));
        tail = chain(tail, owned(item));
        RETURN_IF_ERROR(expect(p, ':'));
        RETURN_IF_ERROR(parse_expression(p, &item, WITH_CHOICE));
        tail = chain(tail, owned(item));
    }
    n->list = head;
    *out = n;
    return expect(p, '}');
}

static hooke_status parse_name(struct parser *p, const struct node **out)
{
    struct node *n;
    if (take_name(p, "true") || take_name(p, "True")) return parse_const(p, out, value_bool(true));
    if (take_name(p, "false") || take_name(p, "False")) return parse_const(p, out, value_bool(false));
    if (take_name(p, "none") || take_name(p, "None")) return parse_const(p, out, value_none());
    RETURN_IF(p->t->text.s[0] >= '0' && p->t->text.s[0] <= '9', HOOKE_E_FORMAT,
              "line %d: a name begins with a digit", p->t->line);
    RETURN_IF_ERROR(parse_node(p, &n, NODE_NAME));
    n->name = p->t->text;
    p->t++;
    *out = n;
    return HOOKE_OK;
}

hooke_status parse_primary(struct parser *p, const struct node **out)
{
    const struct lexeme *t = p->t;
    switch (t->kind) {
    case TOK_NAME:
        return parse_name(p, out);
    case TOK_STRING:
        return parse_string(p, out);
    case TOK_INT:
        p->t++;
        return parse_const(p, out, value_int(t->integer));
    case TOK_REAL:
        p->t++;
        return parse_const(p, out, value_real(t->real));
    case '(':
        p->t++;
        RETURN_IF_ERROR(parse_tuple(p, out, WITH_CHOICE | MAY_BE_EMPTY));
        return expect(p, ')');
    case '[':
        return parse_list(p, out);
    case '{':
        return parse_dict(p, out);
    default:
        return unexpected(p, "an expression");
    }
}

/* ---- calls, subscripts, filters, tests ---- */

static hooke_status parse_arguments(struct parser *p, struct node *call)
{
    struct node *list = NULL, **list_end = &list, *named = NULL, **named_end = &named;
    RETURN_IF_ERROR(expect(p, '('));
    while (p->t->kind != ')') {
        const struct node *item;
        if (list || named) RETURN_IF_ERROR(expect(p, ','));
        if (p->t->kind == ')') break;
        RETURN_IF(p->t->kind == '*' || p->t->kind == TOK_POWER, HOOKE_E_UNSUPPORTED,
                  "line %d: arguments by * and ** are not supported", p->t->line);
        if (p->t->kind == TOK_NAME && p->t[1].kind == '=') {
            struct node *n;
            RETURN_IF_ERROR(parse_node(p, &n, NODE_NAMED));
            n->name = p->t->text;
            p->t += 2;
            RETURN_IF_ERROR(parse_expression(p, &n->a, WITH_CHOICE));
            named_end = chain(named_end, n);
            continue;
        }
        RETURN_IF(named, HOOKE_E_FORMAT, "line %d: an argument without a name behind one with a name",
                  p->t->line);
        RETURN_IF_ERROR(parse_expression(p, &item, WITH_CHOICE));
        list_end = chain(list_end, owned(item));
    }
    call->list = list;
    call->named = named;
    return expect(p, ')');
}

static hooke_status parse_call(struct parser *p, const struct node **node)
{
    struct node *n;
    RETURN_IF_ERROR(parse_node(p, &n, NODE_CALL));
    n->a = *node;
    *node = n;
    return parse_arguments(p, n);
}

/* Behind '[': one index, or up to three parts of a slice. */
static hooke_status parse_subscript(struct parser *p, const struct node **node)
{
    struct node *n;
    const struct node *part[3] = { NULL, NULL, NULL };
    int n_colons = 0;
    RETURN_IF_ERROR(parse_node(p, &n, NODE_ITEM));
    while (p->t->kind != ']') {
        if (p->t->kind == ':') {
            RETURN_IF(++n_colons > 2, HOOKE_E_FORMAT, "line %d: a slice of more than three parts",
                      p->t->line);
            p->t++;
            continue;
        }
        RETURN_IF(part[n_colons], HOOKE_E_FORMAT, "line %d: a subscript with two values", p->t->line);
        RETURN_IF_ERROR(parse_expression(p, &part[n_colons], WITH_CHOICE));
        RETURN_IF(p->t->kind == ',', HOOKE_E_UNSUPPORTED,
                  "line %d: a subscript of several values is not supported", p->t->line);
    }
    if (!n_colons && !part[0]) return unexpected(p, "an index");
    n->kind = n_colons ? NODE_SLICE : NODE_ITEM;
    n->a = *node;
    n->b = part[0];
    n->c = part[1];
    n->d = part[2];
    *node = n;
    return expect(p, ']');
}

static hooke_status parse_dot(struct parser *p, const struct node **node)
{
    struct node *n;
    RETURN_IF_ERROR(parse_node(p, &n, p->t->kind == TOK_INT ? NODE_ITEM : NODE_ATTRIBUTE));
    n->a = *node;
    n->name = p->t->text;
    if (p->t->kind == TOK_INT)
        RETURN_IF_ERROR(parse_const(p, &n->b, value_int(p->t->integer)));
    else if (p->t->kind != TOK_NAME)
        return unexpected(p, "a name");
    p->t++;
    *node = n;
    return HOOKE_OK;
}

hooke_status parse_postfix(struct parser *p, const struct node **node)
{
    for (;;) {
        if (take_op(p, '.'))
            RETURN_IF_ERROR(parse_dot(p, node));
        else if (take_op(p, '['))
            RETURN_IF_ERROR(parse_subscript(p, node));
        else if (p->t->kind == '(')
            RETURN_IF_ERROR(parse_call(p, node));
        else
            return HOOKE_OK;
    }
}

/* The name and arguments of a filter. */
static hooke_status parse_filter(struct parser *p, const struct node **node)
{
    struct node *n;
    RETURN_IF_ERROR(parse_node(p, &n, NODE_FILTER));
    n->a = *node;
    n->name = p->t->text;
    RETURN_IF_ERROR(expect(p, TOK_NAME));
    *node = n;
    return p->t->kind == '(' ? parse_arguments(p, n) : HOOKE_OK;
}

static bool begins_value(const struct parser *p)
{
    switch (p->t->kind) {
    case TOK_NAME:
        return !next_is(p, "else") && !next_is(p, "or") && !next_is(p, "and");
    case TOK_STRING:
    case TOK_INT:
    case TOK_REAL:
    case '[':
    case '{':
        return true;
    default:
        return false;
    }
}

static hooke_status parse_test(struct parser *p, const struct node **node)
{
    struct node *n;
    bool negated = take_name(p, "not");
    RETURN_IF_ERROR(parse_node(p, &n, NODE_TEST));
    n->a = *node;
    n->name = p->t->text;
    RETURN_IF_ERROR(expect(p, TOK_NAME));
    if (p->t->kind == '(') {
        RETURN_IF_ERROR(parse_arguments(p, n));
    } else if (begins_value(p)) {
        RETURN_IF(next_is(p, "is"), HOOKE_E_FORMAT, "line %d: 'is' behind 'is'", p->t->line);
        RETURN_IF_ERROR(parse_primary(p, &n->list));
        RETURN_IF_ERROR(parse_postfix(p, &n->list));
    }
    *node = n;
    return negated ? parse_two(p, node, NODE_NOT, n, NULL) : HOOKE_OK;
}

hooke_status parse_filters(struct parser *p, const struct node **node)
{
    for (;;) {
        if (take_op(p, '|'))
            RETURN_IF_ERROR(parse_filter(p, node));
        else if (take_name(p, "is"))
            RETURN_IF_ERROR(parse_test(p, node));
        else if (p->t->kind == '(')
            RETURN_IF_ERROR(parse_call(p, node));
        else
            return HOOKE_OK;
    }
}

hooke_status parse_filter_chain(struct parser *p, const struct node **out)
{
    *out = NULL;
    do RETURN_IF_ERROR(parse_filter(p, out));
    while (take_op(p, '|'));
    return HOOKE_OK;
}

/* ---- operators ---- */

static hooke_status deeper(struct parser *p)
{
    RETURN_IF(p->depth >= TEMPLATE_MAX_DEPTH, HOOKE_E_UNSUPPORTED, "line %d: nested deeper than %d levels",
              p->t->line, (int)TEMPLATE_MAX_DEPTH);
    p->depth++;
    return HOOKE_OK;
}

static hooke_status parse_unary(struct parser *p, const struct node **out, bool with_filters)
{
    int op = p->t->kind;
    if (op == '-' || op == '+') {
        p->t++;
        RETURN_IF_ERROR(deeper(p));
        RETURN_IF_ERROR(parse_unary(p, out, false));
        p->depth--;
        RETURN_IF_ERROR(parse_two(p, out, op == '-' ? NODE_NEGATIVE : NODE_POSITIVE, *out, NULL));
    } else {
        RETURN_IF_ERROR(parse_primary(p, out));
    }
    RETURN_IF_ERROR(parse_postfix(p, out));
    return with_filters ? parse_filters(p, out) : HOOKE_OK;
}

enum { LEVEL_SUM, LEVEL_CONCAT, LEVEL_PRODUCT, LEVEL_POWER, LEVEL_UNARY };

static bool is_op_of(int level, int kind)
{
    static const int ops[][5] = {
        { '+', '-', 0 }, { '~', 0 }, { '*', '/', TOK_FLOOR, '%', 0 }, { TOK_POWER, 0 }
    };
    for (int i = 0; ops[level][i]; i++)
        if (ops[level][i] == kind) return true;
    return false;
}

static hooke_status parse_level(struct parser *p, const struct node **out, int level)
{
    if (level == LEVEL_UNARY) return parse_unary(p, out, true);
    RETURN_IF_ERROR(parse_level(p, out, level + 1));
    while (is_op_of(level, p->t->kind)) {
        struct node *n;
        RETURN_IF_ERROR(parse_node(p, &n, NODE_BINARY));
        n->op = p->t->kind;
        n->a = *out;
        p->t++;
        RETURN_IF_ERROR(parse_level(p, &n->b, level + 1));
        *out = n;
    }
    return HOOKE_OK;
}

/* 0: no comparison here. */
static int take_comparison(struct parser *p)
{
    int kind = p->t->kind;
    if (kind == TOK_EQUAL || kind == TOK_UNEQUAL || kind == TOK_AT_LEAST || kind == TOK_AT_MOST ||
        kind == '<' || kind == '>') {
        p->t++;
        return kind;
    }
    if (take_name(p, "in")) return TOK_IN;
    if (next_is(p, "not") && p->t[1].kind == TOK_NAME && p->t[1].text.n == 2 &&
        memcmp(p->t[1].text.s, "in", 2) == 0) {
        p->t += 2;
        return TOK_NOT_IN;
    }
    return 0;
}

static hooke_status parse_comparison(struct parser *p, const struct node **out)
{
    struct node *head = NULL, **tail = &head, *n;
    int op;
    RETURN_IF_ERROR(parse_level(p, out, LEVEL_SUM));
    while ((op = take_comparison(p)) != 0) {
        RETURN_IF_ERROR(parse_node(p, &n, NODE_OPERAND));
        n->op = op;
        RETURN_IF_ERROR(parse_level(p, &n->a, LEVEL_SUM));
        tail = chain(tail, n);
    }
    if (!head) return HOOKE_OK;
    RETURN_IF_ERROR(parse_node(p, &n, NODE_COMPARE));
    n->a = *out;
    n->list = head;
    *out = n;
    return HOOKE_OK;
}

static hooke_status parse_not(struct parser *p, const struct node **out)
{
    if (!take_name(p, "not")) return parse_comparison(p, out);
    RETURN_IF_ERROR(deeper(p));
    RETURN_IF_ERROR(parse_not(p, out));
    p->depth--;
    return parse_two(p, out, NODE_NOT, *out, NULL);
}

static hooke_status parse_and(struct parser *p, const struct node **out)
{
    const struct node *right;
    RETURN_IF_ERROR(parse_not(p, out));
    while (take_name(p, "and")) {
        RETURN_IF_ERROR(parse_not(p, &right));
        RETURN_IF_ERROR(parse_two(p, out, NODE_AND, *out, right));
    }
    return HOOKE_OK;
}

static hooke_status parse_or(struct parser *p, const struct node **out)
{
    const struct node *right;
    RETURN_IF_ERROR(parse_and(p, out));
    while (take_name(p, "or")) {
        RETURN_IF_ERROR(parse_and(p, &right));
        RETURN_IF_ERROR(parse_two(p, out, NODE_OR, *out, right));
    }
    return HOOKE_OK;
}

static hooke_status parse_choice(struct parser *p, const struct node **out, int flags)
{
    RETURN_IF_ERROR(parse_or(p, out));
    while (flags & WITH_CHOICE && take_name(p, "if")) {
        struct node *n;
        RETURN_IF_ERROR(parse_node(p, &n, NODE_CHOICE));
        n->a = *out;
        RETURN_IF_ERROR(parse_or(p, &n->b));
        if (take_name(p, "else")) RETURN_IF_ERROR(parse_expression(p, &n->c, WITH_CHOICE));
        *out = n;
    }
    return HOOKE_OK;
}

hooke_status parse_expression(struct parser *p, const struct node **out, int flags)
{
    RETURN_IF_ERROR(deeper(p));
    RETURN_IF_ERROR(parse_choice(p, out, flags));
    p->depth--;
    return HOOKE_OK;
}

static bool ends_tuple(const struct parser *p)
{
    return p->t->kind == TOK_PRINT_END || p->t->kind == TOK_BLOCK_END || p->t->kind == ')' ||
           next_is(p, "recursive");
}

hooke_status parse_tuple(struct parser *p, const struct node **out, int flags)
{
    struct node *n, *head = NULL, **tail = &head;
    bool is_tuple = false;
    RETURN_IF_ERROR(parse_node(p, &n, NODE_TUPLE));
    while (!ends_tuple(p)) {
        const struct node *item;
        RETURN_IF_ERROR(parse_expression(p, &item, flags));
        tail = chain(tail, owned(item));
        if (!take_op(p, ',')) break;
        is_tuple = true;
    }
    if (!head && !(flags & MAY_BE_EMPTY)) return unexpected(p, "an expression");
    n->list = head;
    *out = head && !is_tuple ? head : n;
    return HOOKE_OK;
}
