/* absent.h: what a name tells of something that is known and not on this machine. */
#ifndef HOOKE_CLI_ABSENT_H
#define HOOKE_CLI_ABSENT_H

#include "cli/cli.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Prints it, or with --json an object whose "cached" is false. A name that no list knows tells nothing: nothing is printed. */
void show_absent(const struct session *s, const hooke_name_info *name);

#ifdef __cplusplus
}
#endif
#endif
