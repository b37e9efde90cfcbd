/* template_tests.c: what stands behind "is". */
#include <string.h>

#include "text/template_run.h"
#include "text/template_string.h"

#define TEST(name, holds)                                                                                  \
    static hooke_status name(struct run *r, struct value *out, struct value self, const struct value *arg, \
                             const struct args *args)                                                      \
    {                                                                                                      \
        (void)r;                                                                                           \
        (void)arg;                                                                                         \
        (void)args;                                                                                        \
        *out = value_bool(holds);                                                                          \
        return HOOKE_OK;                                                                                   \
    }

TEST(test_defined, self.kind != VAL_UNDEFINED)
TEST(test_undefined, self.kind == VAL_UNDEFINED)
TEST(test_none, self.kind == VAL_NONE)
TEST(test_boolean, self.kind == VAL_BOOL)
TEST(test_true, self.kind == VAL_BOOL && self.as.boolean)
TEST(test_false, self.kind == VAL_BOOL && !self.as.boolean)
TEST(test_integer, self.kind == VAL_INT)
TEST(test_float, self.kind == VAL_REAL)
TEST(test_number, is_number(self))
TEST(test_string, self.kind == VAL_STRING)
TEST(test_mapping, self.kind == VAL_DICT)
TEST(test_iterable, is_sequence(self) || self.kind == VAL_STRING || self.kind == VAL_DICT ||
                        self.kind == VAL_UNDEFINED || self.kind == VAL_LOOP)
/* Has a length and items by position or key. */
TEST(test_sequence, self.kind == VAL_LIST || self.kind == VAL_TUPLE || self.kind == VAL_RANGE ||
                        self.kind == VAL_STRING || self.kind == VAL_DICT || self.kind == VAL_UNDEFINED)
TEST(test_callable, self.kind == VAL_CALLABLE || self.kind == VAL_MACRO || self.kind == VAL_UNDEFINED)
TEST(test_filter, self.kind == VAL_STRING && find_filter(self.as.string))
TEST(test_test, self.kind == VAL_STRING && find_test(self.as.string))

#define COMPARISON(name, call)                                                                             \
    static hooke_status name(struct run *r, struct value *out, struct value self, const struct value *arg, \
                             const struct args *args)                                                      \
    {                                                                                                      \
        bool holds = false;                                                                                \
        (void)arg;                                                                                         \
        (void)args;                                                                                        \
        RETURN_IF_ERROR(call);                                                                             \
        *out = value_bool(holds);                                                                          \
        return HOOKE_OK;                                                                                   \
    }

static hooke_status in_order(struct run *r, bool *holds, struct value a, struct value b, bool less,
                             bool or_equal)
{
    int c;
    RETURN_IF_ERROR(value_compare(r, &c, a, b, less ? "<" : ">"));
    *holds = c == 0 ? or_equal : (c < 0) == less;
    return HOOKE_OK;
}

static hooke_status unequal(struct run *r, bool *holds, struct value a, struct value b)
{
    RETURN_IF_ERROR(value_equal(r, holds, a, b));
    *holds = !*holds;
    return HOOKE_OK;
}

/* a % b is `rest`. */
static hooke_status leaves(struct run *r, bool *holds, struct value a, struct value b, int64_t rest)
{
    struct value v;
    RETURN_IF_ERROR(binary(r, &v, '%', a, b));
    return value_equal(r, holds, v, value_int(rest));
}

/* The text is as upper or lower makes it, and has letters. */
static hooke_status is_case(struct run *r, bool *holds, struct value v, enum string_case how)
{
    struct bytes s;
    struct value same, other;
    RETURN_IF_ERROR(text_of_value(r, &s, v));
    RETURN_IF_ERROR(string_case(r, &same, s, how, false));
    RETURN_IF_ERROR(string_case(r, &other, s, how == CASE_LOWER ? CASE_UPPER : CASE_LOWER, false));
    *holds = bytes_equal(same.as.string, s) && !bytes_equal(other.as.string, s);
    return HOOKE_OK;
}

COMPARISON(test_equal, value_equal(r, &holds, self, arg[0]))
COMPARISON(test_unequal, unequal(r, &holds, self, arg[0]))
COMPARISON(test_less, in_order(r, &holds, self, arg[0], true, false))
COMPARISON(test_at_most, in_order(r, &holds, self, arg[0], true, true))
COMPARISON(test_greater, in_order(r, &holds, self, arg[0], false, false))
COMPARISON(test_at_least, in_order(r, &holds, self, arg[0], false, true))
COMPARISON(test_in, value_contains(r, &holds, self, arg[0]))
COMPARISON(test_odd, leaves(r, &holds, self, value_int(2), 1))
COMPARISON(test_even, leaves(r, &holds, self, value_int(2), 0))
COMPARISON(test_divisible, leaves(r, &holds, self, arg[0], 0))
COMPARISON(test_lower, is_case(r, &holds, self, CASE_LOWER))
COMPARISON(test_upper, is_case(r, &holds, self, CASE_UPPER))

const struct builtin *find_test(struct bytes name)
{
    static const struct builtin rows[] = {
        { "defined", test_defined, 0, 0, { NULL } },
        { "undefined", test_undefined, 0, 0, { NULL } },
        { "none", test_none, 0, 0, { NULL } },
        { "boolean", test_boolean, 0, 0, { NULL } },
        { "true", test_true, 0, 0, { NULL } },
        { "false", test_false, 0, 0, { NULL } },
        { "integer", test_integer, 0, 0, { NULL } },
        { "float", test_float, 0, 0, { NULL } },
        { "number", test_number, 0, 0, { NULL } },
        { "string", test_string, 0, 0, { NULL } },
        { "mapping", test_mapping, 0, 0, { NULL } },
        { "iterable", test_iterable, 0, 0, { NULL } },
        { "sequence", test_sequence, 0, 0, { NULL } },
        { "callable", test_callable, 0, 0, { NULL } },
        { "filter", test_filter, 0, 0, { NULL } },
        { "test", test_test, 0, 0, { NULL } },
        { "odd", test_odd, 0, 0, { NULL } },
        { "even", test_even, 0, 0, { NULL } },
        { "lower", test_lower, 0, 0, { NULL } },
        { "upper", test_upper, 0, 0, { NULL } },
        { "divisibleby", test_divisible, 1, 1, { "num" } },
        { "in", test_in, 1, 1, { "seq" } },
        { "eq", test_equal, 1, 1, { "b" } },
        { "equalto", test_equal, 1, 1, { "b" } },
        { "==", test_equal, 1, 1, { "b" } },
        { "ne", test_unequal, 1, 1, { "b" } },
        { "!=", test_unequal, 1, 1, { "b" } },
        { "lt", test_less, 1, 1, { "b" } },
        { "lessthan", test_less, 1, 1, { "b" } },
        { "<", test_less, 1, 1, { "b" } },
        { "le", test_at_most, 1, 1, { "b" } },
        { "<=", test_at_most, 1, 1, { "b" } },
        { "gt", test_greater, 1, 1, { "b" } },
        { "greaterthan", test_greater, 1, 1, { "b" } },
        { ">", test_greater, 1, 1, { "b" } },
        { "ge", test_at_least, 1, 1, { "b" } },
        { ">=", test_at_least, 1, 1, { "b" } },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (bytes_equal(name, (struct bytes){ rows[i].name, strlen(rows[i].name) })) return &rows[i];
    return NULL;
}
