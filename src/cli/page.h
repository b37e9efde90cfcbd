/* page.h: 'features --html': one file that needs nothing else, works in light and dark, by mouse and by keyboard. */
#ifndef HOOKE_CLI_PAGE_H
#define HOOKE_CLI_PAGE_H

#include "cli/show.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the page whole or not at all. Returns 0 or the exit code. */
int page_write(const struct shown *w, const char *path);

#ifdef __cplusplus
}
#endif
#endif
