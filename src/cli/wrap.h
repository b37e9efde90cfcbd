/* wrap.h: texts in columns. */
#ifndef HOOKE_CLI_WRAP_H
#define HOOKE_CLI_WRAP_H

#ifdef __cplusplus
extern "C" {
#endif

/* Two continuations of one prompt beside each other; below each other where the output is no terminal. */
void print_side_by_side(const char *left_title, const char *left, const char *right_title, const char *right,
                        const char *prompt);

#ifdef __cplusplus
}
#endif
#endif
