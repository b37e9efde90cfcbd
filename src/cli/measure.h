/* measure.h: does a dictionary do on its model what was published about it? */
#ifndef HOOKE_CLI_MEASURE_H
#define HOOKE_CLI_MEASURE_H

#include "cli/cli.h"
#include "cli/json_out.h"

#ifdef __cplusplus
extern "C" {
#endif

/* L0 and explained variance of the session's dictionary on the embedded text, beside the published ones, printed or as member
 * "measured". Opens the model. Values far from the published ones are a failure; returns 0 or the exit code. */
int measure_dict(struct session *s, struct json_out *j);

#ifdef __cplusplus
}
#endif
#endif
