/* template.h: chat templates. A published chat model brings one: a program in Jinja's language that turns messages into text. It is
 * run here by a small interpreter that knows what such programs use (docs/tokens.md), in bounded time and memory, and refuses the
 * rest by line and name.
 *
 *   template_lex.c         source -> words and the text between tags
 *   template_parse.c       -> tree: statements; template_expression.c: expressions
 *   template_run.c         runs statements; template_evaluate.c: expressions; template_access.c: x.y, x[y], x()
 *   template_filters.c     |, template_tests.c: is, template_methods.c: x.method() and functions
 *   template_value.c       values as Python has them; template_string.c: its str; template_format.c: values as text */
#ifndef HOOKE_TEXT_TEMPLATE_H
#define HOOKE_TEXT_TEMPLATE_H

#include "file/json.h"
#include "text/pieces.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Local time for strftime_now. */
struct civil_time {
    int year, month, day; /* 1.. */
    int hour, minute, second;
};

struct template_input {
    const char *name; /* opens messages */
    struct bytes source;
    const struct json
        *variables; /* an object: what the template sees, on top of Jinja's and transformers' functions */
    struct civil_time now;
};
/* Replaces what out holds. HOOKE_E_FORMAT: the template, or what it does with these variables, is wrong; HOOKE_E_UNSUPPORTED:
 * a construct that is not known here, or a bound; HOOKE_E_ARGUMENT: the template itself refuses (raise_exception). Messages name
 * the template's line. */
hooke_status template_render(hooke_text *out, const struct template_input *in);

#ifdef __cplusplus
}
#endif
#endif
