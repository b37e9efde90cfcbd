/* origin.h: where a result's model and dictionaries come from: name, file, revision. Every result carries it. */
#ifndef HOOKE_CLI_ORIGIN_H
#define HOOKE_CLI_ORIGIN_H

#include "cli/cli.h"
#include "cli/json_out.h"

#ifdef __cplusplus
extern "C" {
#endif

/* {"model": {...}, "dicts": [...]} of what the session has opened. Lives to the end. */
const char *origin_of(const struct session *s);
/* The same of names, where nothing is open; each may be NULL. */
const char *origin_of_names(const hooke_name_info *model, const hooke_name_info *dict);
/* The same as member "origin". */
void emit_origin(struct json_out *j, const struct session *s);
/* What a result depends on: members "prepend_bos" (with a model), "dtype" (of matrix products) and "origin". */
void emit_run(struct json_out *j, const struct session *s);
/* Lines of `hooke info`: where it came from, when that says more than the path. */
void print_origin(const hooke_name_info *info);
/* "google/gemma-scope-2b-pt-res layer_20/... @0123456789ab", "micro", or a path: short, for people. Lives to the end. */
const char *origin_line(const hooke_name_info *info);

#ifdef __cplusplus
}
#endif
#endif
