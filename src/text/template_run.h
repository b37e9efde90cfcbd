/* template_run.h: running a template's tree: names, calls, and the tables of what can be called. */
#ifndef HOOKE_TEXT_TEMPLATE_RUN_H
#define HOOKE_TEXT_TEMPLATE_RUN_H

#include "text/template_tree.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Variables; a lookup goes outwards. if has no scope of its own; for, macro, with, call and generation have. */
struct scope {
    struct scope *parent;
    struct dict names;
};

struct loop {
    const struct list *items;
    size_t at;
    struct list *changed; /* what changed() saw last; NULL: nothing yet */
};

struct macro {
    const struct node *node; /* NODE_MACRO or NODE_CALL_BLOCK: named (parameters), list (body) */
    struct scope *scope;     /* where it was defined */
};

struct args {
    struct value *list; /* [n] */
    size_t n;
    struct bytes *names; /* [n_named] */
    struct value *named; /* [n_named] */
    size_t n_named;
    struct value caller; /* of {% call %}; else undefined */
};

/* A filter, a test, a method or a function. arg[i] is parameter i, undefined where it was not given; args is the whole call, for
 * those that take any number (n_parameters -1). self: what stands before | or is or the dot. */
enum { MAX_PARAMETERS = 4 };
typedef hooke_status (*builtin_fn)(struct run *r, struct value *out, struct value self,
                                   const struct value *arg, const struct args *args);
struct builtin {
    const char *name;
    builtin_fn fn;
    int n_required, n_parameters;
    const char *parameters[MAX_PARAMETERS];
};
struct callable {
    const struct builtin *row;
    struct value self;
};
const struct builtin *find_filter(struct bytes name);
const struct builtin *find_test(struct bytes name);
const struct builtin *find_function(struct bytes name);
const struct builtin *find_method(struct value self, struct bytes name); /* NULL: none */

hooke_status call_builtin(struct run *r, struct value *out, const struct builtin *row, struct value self,
                          const struct args *args);
hooke_status call_value(struct run *r, struct value *out, struct value callee, const struct args *args);
hooke_status call_macro(struct run *r, struct value *out, const struct macro *macro, const struct args *args);
/* A filter or a test by name: of map, select and their kind. */
hooke_status call_filter(struct run *r, struct value *out, struct bytes name, struct value self,
                         const struct args *args);
hooke_status call_test(struct run *r, bool *out, struct bytes name, struct value self,
                       const struct args *args);

hooke_status get_attribute(struct run *r, struct value *out, struct value object,
                           struct bytes name);                                                  /* x.name */
hooke_status get_item(struct run *r, struct value *out, struct value object, struct value key); /* x[key] */
hooke_status get_slice(struct run *r, struct value *out, struct value object, const struct value part[3]);
hooke_status binary(struct run *r, struct value *out, int op, struct value a, struct value b);

hooke_status evaluate(struct run *r, struct value *out, const struct node *n);
/* What the filter n (and those inside it) makes of `input`. */
hooke_status evaluate_filter(struct run *r, struct value *out, const struct node *n,
                             const struct value *input);
hooke_status evaluate_args(struct run *r, struct args *args, const struct node *call);
hooke_status run_body(struct run *r, const struct node *first);
hooke_status find_name(struct run *r, struct value *out, struct bytes name);
hooke_status set_name(struct run *r, struct bytes name, struct value v);

/* str() and repr(), appended to the output. */
hooke_status put_value(struct run *r, struct value v);
hooke_status put_repr(struct run *r, struct value v);
/* A string is itself; everything else as str() has it. */
hooke_status text_of_value(struct run *r, struct bytes *out, struct value v);
hooke_status put_json(struct run *r, struct value v, int indent, bool sorted);
hooke_status format_percent(struct run *r, struct value *out, struct bytes format,
                            struct value args); /* "..." % args */
hooke_status format_braces(struct run *r, struct value *out, struct bytes format, const struct args *args);
hooke_status format_time(struct run *r, struct value *out, struct bytes format);

#ifdef __cplusplus
}
#endif
#endif
