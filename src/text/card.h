/* card.h: the front matter of a data set's card (README.md): YAML between two lines of ---. */
#ifndef HOOKE_TEXT_CARD_H
#define HOOKE_TEXT_CARD_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The lines of one top-level section ("configs:" and what is indented below it); false: there is none. Cards hold much else, some
 * of it odd: only the sections that are asked for need to be understood. */
bool card_section(const char *text, size_t n, const char *key, const char **begin, size_t *length);

#ifdef __cplusplus
}
#endif
#endif
