/* term.h: colours, quoted tokens, bars. Colours appear only on a terminal, and never when NO_COLOR is set. */
#ifndef HOOKE_CLI_TERM_H
#define HOOKE_CLI_TERM_H

#include "cli/cli.h"

#ifdef __cplusplus
extern "C" {
#endif

bool term_colours(void); /* of standard output */
int term_columns(void);  /* of standard output; 100 when it is no terminal */

const char *term_dim(void), *term_bold(void), *term_off(void); /* "" without colours */
/* Background for strength in [0, 1]; "" for 0 and without colours. */
const char *term_heat(double strength);

/* The text of one token: decoded, or its vocabulary spelling where that says more (specials, bytes). Lives to the end. */
const char *token_text(const hooke_tokenizer *tk, int32_t id);
/* `"…"` with line breaks and quotes made visible, padded with blanks to `columns` (0: no padding). */
const char *quoted(const char *text, int columns);
/* The text with line breaks and control characters made visible. */
const char *on_one_line(const char *text);
/* Prints text whose control characters could steer the terminal as "?"; line breaks and tabs stay. */
void print_safe(const char *s, size_t n);
/* Prints text tokens coloured by strengths[n] / max: marked with «» where there are no colours. */
void print_heat_text(const hooke_tokenizer *tk, const int32_t *ids, const float *strengths, size_t n,
                     float max);
/* A horizontal bar of eighths of a cell; fraction in [0, 1]. */
const char *term_bar(double fraction, int cells);

#ifdef __cplusplus
}
#endif
#endif
