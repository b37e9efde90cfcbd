/* template_tree.h: a chat template as tokens and as a tree.
 *
 *   source -> template_lex(): text between tags, and the words inside them -> template_parse(): nodes -> template_run.c
 *
 * All of it lies in one arena and points into the source. Grammar and white space are Jinja's with transformers' settings:
 * trim_blocks, lstrip_blocks, loop controls, {% generation %}. */
#ifndef HOOKE_TEXT_TEMPLATE_TREE_H
#define HOOKE_TEXT_TEMPLATE_TREE_H

#include "text/template_value.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Operators of one character are that character. */
enum token_kind {
    TOK_END = 0,
    TOK_DATA = 256, /* text outside tags */
    TOK_PRINT,      /* {{ */
    TOK_PRINT_END,  /* }} */
    TOK_BLOCK,      /* {% */
    TOK_BLOCK_END,  /* %} */
    TOK_NAME,
    TOK_INT,
    TOK_REAL,
    TOK_STRING,
    TOK_POWER, /* ** */
    TOK_FLOOR, /* // */
    TOK_EQUAL,
    TOK_UNEQUAL,
    TOK_AT_LEAST,
    TOK_AT_MOST,
    TOK_IN, /* only in comparison nodes */
    TOK_NOT_IN,
};

struct lexeme {
    int kind, line;
    struct bytes text; /* of data, names and strings (escapes resolved) */
    int64_t integer;
    double real;
};
/* tokens end with TOK_END. The source is valid UTF-8 with "\n" line ends. */
hooke_status template_lex(const struct lexeme **tokens, struct arena *a, struct bytes source);

enum node_kind {
    /* expressions                fields */
    NODE_CONST,     /* value */
    NODE_NAME,      /* name */
    NODE_LIST,      /* list: items */
    NODE_TUPLE,     /* list: items */
    NODE_DICT,      /* list: key, value, key, value, ... */
    NODE_ATTRIBUTE, /* a.name */
    NODE_ITEM,      /* a[b] */
    NODE_SLICE,     /* a[b:c:d], each may be NULL */
    NODE_CALL,      /* a(list, named) */
    NODE_FILTER,    /* a | name(list, named); a NULL: what the block made */
    NODE_TEST,      /* a is name(list, named) */
    NODE_NOT,       /* not a */
    NODE_NEGATIVE,  /* -a */
    NODE_POSITIVE,  /* +a */
    NODE_AND,       /* a and b */
    NODE_OR,        /* a or b */
    NODE_BINARY,    /* a op b */
    NODE_COMPARE,   /* a, then list of NODE_OPERAND */
    NODE_OPERAND,   /* op a */
    NODE_CHOICE,    /* a if b else c; c may be NULL */
    NODE_NAMED,     /* name = a: an argument or a parameter's default (a may be NULL) */
    /* statements */
    NODE_TEXT,       /* name: the text */
    NODE_PRINT,      /* {{ a }} */
    NODE_IF,         /* if a: list, else: other */
    NODE_FOR,        /* for a in b if c: list, else: other */
    NODE_SET,        /* a = b */
    NODE_SET_TEXT,   /* a = what list renders, through the filters b (may be NULL) */
    NODE_MACRO,      /* macro name(named): list */
    NODE_CALL_BLOCK, /* call(named) a: list */
    NODE_FILTERED,   /* what list renders, through the filters b */
    NODE_WITH,       /* with other (NODE_SET each): list */
    NODE_SCOPE,      /* list with variables of its own */
    NODE_BREAK,
    NODE_CONTINUE,
};

struct node {
    enum node_kind kind;
    int op; /* a token's kind */
    int line;
    struct bytes name;
    struct value value;
    const struct node *a, *b, *c, *d;
    const struct node *list, *named, *other; /* chains by next */
    struct node *next;
};

/* *tree is the first statement; NULL for an empty template. Messages begin with the line. */
hooke_status template_parse(const struct node **tree, struct arena *a, struct bytes source);

/* ---- the parser's two halves ---- */

struct parser {
    struct arena *arena;
    const struct lexeme *t; /* the token to look at */
    int depth;
    int n_loops; /* around this place */
};
enum { WITH_CHOICE = 1 /* "a if b else c" may stand here */, MAY_BE_EMPTY = 2 /* () */ };
hooke_status parse_node(struct parser *p, struct node **out, enum node_kind kind);
bool next_is(const struct parser *p, const char *name); /* a name or keyword */
bool take_name(struct parser *p, const char *name);
bool take_op(struct parser *p, int kind);
hooke_status expect(struct parser *p, int kind);
hooke_status unexpected(const struct parser *p, const char *wanted);
hooke_status parse_expression(struct parser *p, const struct node **out, int flags);
hooke_status parse_tuple(struct parser *p, const struct node **out, int flags);
hooke_status parse_postfix(struct parser *p, const struct node **node);
hooke_status parse_primary(struct parser *p, const struct node **out);
/* "| name(...) | ..." behind *node. */
hooke_status parse_filters(struct parser *p, const struct node **node);
/* "name(...) | ...", the first without its bar: of {% filter %} and block set. */
hooke_status parse_filter_chain(struct parser *p, const struct node **out);

#ifdef __cplusplus
}
#endif
#endif
