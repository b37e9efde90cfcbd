/* progress.h: the bar on standard error, and Ctrl-C.
 *
 * The library calls progress_report() during long work; a non-zero answer cancels it. The bar shows only on a terminal. */
#ifndef HOOKE_CLI_PROGRESS_H
#define HOOKE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Catches SIGINT and SIGTERM: the first asks running work to stop, a second one ends the program at once. */
void progress_start(bool quiet);
int progress_report(void *payload, const char *what, int64_t done, int64_t total);
/* Removes the bar from the line, before anything else is written there. */
void progress_clear(void);
bool interrupted(void);

#ifdef __cplusplus
}
#endif
#endif
