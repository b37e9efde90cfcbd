/* targets.h: which dictionaries an evaluation is about, and what SAEBench calls them. */
#ifndef HOOKE_CLI_TARGETS_H
#define HOOKE_CLI_TARGETS_H

#include "cli/cli.h"

#ifdef __cplusplus
extern "C" {
#endif

/* SAEBench knows a dictionary by release and id; one that the registry lacks is "custom". */
struct target {
    const char *what, *release, *id;
};

/* A dictionary by -d. */
struct target target_of(const char *what);
/* Dictionaries of the registry whose release and id the patterns (POSIX extended) match as a whole. Returns 0 or
 * the exit code. */
int targets_match(struct target **out, size_t *n, const char *release_pattern, const char *id_pattern);

#ifdef __cplusplus
}
#endif
#endif
