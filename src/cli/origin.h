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
/* The same of a model that nothing but its name and tokenizer is needed of. */
const char *origin_of_model(const hooke_name_info *model);
/* The same as member "origin". */
void emit_origin(struct json_out *j, const struct session *s);
/* What a result depends on: members "prepend_bos" (with a model), "dtype" (of matrix products) and "origin". */
void emit_run(struct json_out *j, const struct session *s);
/* "google/gemma-scope-2b-pt-res layer_20/... @0123456789ab", "micro", or a path: short, for people. Lives to the end. */
const char *origin_line(const hooke_name_info *info);

#ifdef __cplusplus
}
#endif
#endif
