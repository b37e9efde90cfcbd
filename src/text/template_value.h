/* template_value.h: what a chat template computes with: Python's values as far as such templates see them, and the bounds that a
 * template from a file has to keep.
 *
 * Everything lies in the run's arena and goes with it. Values are passed by value; lists and dicts are shared, as in Python. Strings
 * are valid UTF-8; positions and lengths count characters. */
#ifndef HOOKE_TEXT_TEMPLATE_VALUE_H
#define HOOKE_TEXT_TEMPLATE_VALUE_H

#include "text/template.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    TEMPLATE_MAX_BYTES = 1 << 18,    /* of the template's text; the longest published ones have 30,000 */
    TEMPLATE_MAX_DEPTH = 200,        /* of nested expressions, blocks and macro calls together */
    TEMPLATE_MAX_WORK = 20000000,    /* nodes evaluated, plus items visited, plus bytes looked at / 16 */
    TEMPLATE_MAX_MEMORY = 128 << 20, /* bytes of all values made */
    TEMPLATE_MAX_OUTPUT = 64 << 20,  /* bytes */
    TEMPLATE_MAX_RANGE = 100000,     /* items of range(), as Jinja's sandbox has it */
    TEMPLATE_MAX_NESTING = 64,       /* of lists and dicts that are printed or compared */
};

enum value_kind {
    VAL_UNDEFINED, /* prints as nothing, is false and empty; its attributes are errors */
    VAL_NONE,
    VAL_BOOL,
    VAL_INT,
    VAL_REAL,
    VAL_STRING,
    VAL_LIST,
    VAL_TUPLE,
    VAL_RANGE,
    VAL_VIEW,     /* of a dict: keys(), items(), values() */
    VAL_ITERATOR, /* gives each item once: selectattr, map, reverse */
    VAL_DICT,
    VAL_NAMESPACE,
    VAL_LOOP,
    VAL_MACRO,
    VAL_CALLABLE, /* a function, or a method with the value it belongs to */
};

struct value {
    enum value_kind kind;
    bool is_safe; /* of a string that went through |safe: what is added to it is escaped for HTML */
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct bytes string; /* of VAL_UNDEFINED: the name that was looked for */
        struct list *list;   /* list, tuple, range, view, iterator */
        struct dict *dict;   /* dict, namespace */
        struct loop *loop;
        const struct macro *macro;
        const struct callable *callable;
    } as;
};

struct list {
    struct value *items; /* [n] */
    size_t n, capacity;
    size_t next; /* of an iterator: the items before it are spent */
};

struct dict {
    struct value *keys, *values; /* [n], in order of insertion */
    size_t n, capacity;
};

struct run {
    struct arena arena;
    hooke_text *out; /* what is rendered so far; captures and conversions use its end */
    int64_t work_left;
    int depth;
    int line; /* of the node in work, for messages */
    enum { JUMP_NONE, JUMP_BREAK, JUMP_CONTINUE } jump;
    struct scope *scope;
    struct civil_time now;
};

static inline struct value value_undefined(struct bytes name)
{
    struct value v;
    v.is_safe = false;
    v.kind = VAL_UNDEFINED;
    v.as.string = name;
    return v;
}
static inline struct value value_none(void)
{
    struct value v;
    v.is_safe = false;
    v.kind = VAL_NONE;
    v.as.integer = 0;
    return v;
}
static inline struct value value_bool(bool b)
{
    struct value v;
    v.is_safe = false;
    v.kind = VAL_BOOL;
    v.as.boolean = b;
    return v;
}
static inline struct value value_int(int64_t i)
{
    struct value v;
    v.is_safe = false;
    v.kind = VAL_INT;
    v.as.integer = i;
    return v;
}
static inline struct value value_real(double r)
{
    struct value v;
    v.is_safe = false;
    v.kind = VAL_REAL;
    v.as.real = r;
    return v;
}
static inline struct value value_string(const char *s, size_t n)
{
    struct value v;
    v.is_safe = false;
    v.kind = VAL_STRING;
    v.as.string.s = s;
    v.as.string.n = n;
    return v;
}
static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.n == b.n && (a.n == 0 || __builtin_memcmp(a.s, b.s, a.n) == 0);
}

/* Takes n units from what the template may still do. */
hooke_status spend(struct run *r, size_t n);
hooke_status spend_bytes(struct run *r, size_t n);
/* Counts a level of nesting; leave() after success and failure of what is inside. */
hooke_status enter(struct run *r);
void leave(struct run *r);

/* Appends to the output, within its bound. */
hooke_status put_bytes(struct run *r, const char *s, size_t n);
hooke_status put_word(struct run *r, const char *s);
/* Cuts the output back to `mark` and gives what was behind it as a string. */
hooke_status take_from(struct run *r, struct value *out, size_t mark);

const char *kind_name(struct value v); /* as Python calls the type */
bool is_number(struct value v);        /* int, float or bool */
bool is_sequence(struct value v);      /* list, tuple, range, view or iterator: as.list */
double number_of(struct value v);
int64_t integer_of(struct value v); /* of int or bool */
hooke_status value_truth(struct run *r, bool *out, struct value v);
hooke_status value_equal(struct run *r, bool *out, struct value a, struct value b);
/* -1, 0 or 1; values that have no order are an error that names `op`. */
hooke_status value_compare(struct run *r, int *out, struct value a, struct value b, const char *op);
hooke_status value_contains(struct run *r, bool *out, struct value item, struct value in);

hooke_status list_new(struct run *r, struct value *out, enum value_kind kind);
hooke_status list_push(struct run *r, struct list *list, struct value v);
hooke_status dict_new(struct run *r, struct value *out, enum value_kind kind);
hooke_status dict_set(struct run *r, struct dict *d, struct value key, struct value v);
/* NULL in *out when there is none. */
hooke_status dict_find(struct run *r, struct value **out, const struct dict *d, struct value key);
/* (key, value) tuples in order, as a list, view or iterator. */
hooke_status dict_pairs(struct run *r, struct value *out, enum value_kind kind, const struct dict *d);
/* The items that a for loop would see; spends an iterator. May be the value's own list: not to be changed. */
hooke_status value_items(struct run *r, const struct list **out, struct value v);
hooke_status string_chars(struct run *r, struct list *out, struct bytes s);
size_t string_length(struct bytes s);

#ifdef __cplusplus
}
#endif
#endif
