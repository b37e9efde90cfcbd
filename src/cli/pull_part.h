/* pull_part.h: hooke pull --only, --rows, --tensors: parts of safetensors files. */
#ifndef HOOKE_CLI_PULL_PART_H
#define HOOKE_CLI_PULL_PART_H

#include "cli/cli.h"

#ifdef __cplusplus
extern "C" {
#endif

/* rows: "5,17,100-120", or NULL for all; out: a file or a folder, or NULL. Each returns the exit code. */
int pull_part(struct session *s, const struct list *tensors, const char *rows, const char *out,
              const hooke_pull_options *o);
int list_remote_tensors(struct session *s, const hooke_pull_options *o);

#ifdef __cplusplus
}
#endif
#endif
