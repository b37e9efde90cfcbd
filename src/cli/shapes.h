/* shapes.h: --shape, for commands that make random weights. */
#ifndef HOOKE_CLI_SHAPES_H
#define HOOKE_CLI_SHAPES_H

#include "cli/cli.h"

#ifdef __cplusplus
extern "C" {
#endif

/* 0 for a published shape, else the exit code after a message that names the nearest. */
int shape_check(const char *shape);

#ifdef __cplusplus
}
#endif
#endif
