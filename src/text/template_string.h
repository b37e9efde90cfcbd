/* template_string.h: what Python's str does, on values of a template. */
#ifndef HOOKE_TEXT_TEMPLATE_STRING_H
#define HOOKE_TEXT_TEMPLATE_STRING_H

#include "text/template_value.h"

#ifdef __cplusplus
extern "C" {
#endif

bool is_python_space(uint32_t code); /* str.isspace(): White_Space and U+001C..001F */
/* First place at or behind `from`; *found false when there is none. The empty string is everywhere. */
hooke_status string_find(struct run *r, bool *found, size_t *at, struct bytes in, struct bytes what,
                         size_t from);
enum { STRIP_LEFT = 1, STRIP_RIGHT = 2, STRIP_BOTH = 3 };
/* chars.s NULL: white space. */
hooke_status string_strip(struct run *r, struct bytes *s, struct bytes chars, int sides);
hooke_status string_replace(struct run *r, struct value *out, struct bytes s, struct bytes from,
                            struct bytes to, int64_t n_max /* -1: all */);
/* separator.s NULL: runs of white space. At most n_max cuts (-1: any number), from the right end if asked. */
hooke_status string_split(struct run *r, struct value *out, struct bytes s, struct bytes separator,
                          int64_t n_max, bool from_right);
hooke_status string_lines(struct run *r, struct value *out, struct bytes s);
enum string_case {
    CASE_LOWER,
    CASE_UPPER,
    CASE_CAPITAL /* the first character */,
    CASE_TITLE /* of every word */
};
/* is_filter: Jinja's title, which goes by spaces and brackets; else str.title(), which goes by letters. */
hooke_status string_case(struct run *r, struct value *out, struct bytes s, enum string_case how,
                         bool is_filter);

#ifdef __cplusplus
}
#endif
#endif
