/* registry.h: the published dictionaries, one row each: which repository and path a name stands for, in which format, and what has
 * to be known beside the file. The table is part of the library (registry_rows.inc, made by tools/registry/pack.py); a walk over
 * all rows takes a fraction of a millisecond and holds one row, so nothing is kept and nothing is shared between threads.
 *
 * registry_later.inc holds names that were published after the list was drawn up and follow no rule (name_rules.c): they open like
 * any other, and lists show them once they are in the cache. */
#ifndef HOOKE_FILE_REGISTRY_H
#define HOOKE_FILE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers are decimals as text. "" is absent everywhere. */
struct registry_row {
    char release[64], repo[80], model[64], format[40], config_overrides[160];
    char sae_id[80], path[160], neuronpedia[96], l0[16], variance_explained[16], norm_scaling_factor[32];
};

struct registry_cursor {
    struct registry_row row;
    size_t line;
    char last_neuronpedia[96];
    bool all; /* set before the first step: go on to the names that stand in no list */
};

/* A zeroed cursor stands before the first row. False at the end. */
bool registry_next(struct registry_cursor *c);
/* Whether the row that the cursor is at stands in the list. */
bool registry_is_listed(const struct registry_cursor *c);
/* Moves to the next release, leaving out what is left of this one: release, repo, model, format and config_overrides are its. */
bool registry_next_release(struct registry_cursor *c);
int registry_n_rows(void); /* of the list */
/* The row of a release and an id; release need not end in NUL. */
bool registry_find(struct registry_row *out, const char *release, size_t release_bytes, const char *sae_id);
bool registry_find_neuronpedia(struct registry_row *out, const char *id);
/* The first row of a file in a repository, plain ids before canonical ones; `also` gets the second, else an empty row. */
bool registry_find_file(struct registry_row *out, struct registry_row *also, const char *repo,
                        const char *path);

#ifdef __cplusplus
}
#endif
#endif
