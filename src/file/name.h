/* name.h: what a user typed, taken apart. name.c decides which spelling it is; name_url.c reads addresses, name_files.c knows which
 * files a format consists of, name_near.c finds what was probably meant, model_names.c holds the models' short names. */
#ifndef HOOKE_FILE_NAME_H
#define HOOKE_FILE_NAME_H

#include "base/text.h"
#include "file/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Longest parts of a name. A name that is longer is refused, never cut. */
enum {
    NAME_WHAT_BYTES = 2048,
    NAME_REPO_BYTES = 256,
    NAME_FILE_BYTES = 1024,
    NAME_REVISION_BYTES = 256,
    NAME_MAX_FILES = 16,
    NAME_PATTERN_BYTES = NAME_MAX_FILES * (NAME_FILE_BYTES + 64)
};

/* A place on the hub; or, in file, a Neuronpedia id. */
struct name_place {
    char repo[NAME_REPO_BYTES], file[NAME_FILE_BYTES], revision[NAME_REVISION_BYTES];
};

/* One block without pointers to more than itself, besides `path`: a walk over the registry fills the same one again and again. */
struct hooke_name {
    hooke_name_info info;
    char what[NAME_WHAT_BYTES], site[64], also[192], commit[48];
    struct name_place place;
    char asked[NAME_FILE_BYTES]; /* a file in the dictionary's folder, when that was named; else "" */
    struct registry_row row;     /* empty: none */
    const char *format;          /* the row's, or guessed from the repository's name */
    hooke_text path;
    hooke_name_file files[NAME_MAX_FILES];
    char patterns[NAME_PATTERN_BYTES];
    size_t pattern_bytes;
};

/* Takes the place of a row. Then, and for every name once its parts are in: info points at them, files are listed. */
void name_use_row(struct hooke_name *n, const struct registry_row *row);
hooke_status name_finish(struct hooke_name *n, const char *kind, const char *spelling);

/* ORG/NAME[/PATH][@REVISION], or NAME[@REVISION]. HOOKE_E_ARGUMENT says what is wrong with it. */
hooke_status name_split_hub(struct name_place *out, const char *what);
const char *name_behind_hf(const char *what); /* of "hf:..." and "hf://..."; NULL for anything else */
/* What is behind "hf://", where a revision stands before the path (ORG/NAME@REVISION/PATH), in the order of name_split_hub(). */
void name_turn_hf_address(char *out, size_t capacity, const char *address);
/* Whether `what` is an address, and of what. HOOKE_E_ARGUMENT for addresses that name neither a model nor a dictionary. */
enum name_address { ADDRESS_NONE, ADDRESS_HUB, ADDRESS_NEURONPEDIA };
hooke_status name_read_address(enum name_address *kind, struct name_place *out, const char *what);
/* Relative, without empty parts, "." or "..": a path that stays inside a repository. */
bool name_stays_inside(const char *path);

/* Fills info.files for the name's kind, format and file. Dictionaries of unknown format ask for all there is at that path. */
hooke_status name_list_files(struct hooke_name *n);
/* Where a reader starts, relative to the repository: the folder or the file (for layers spread over a repository, their encoder). */
hooke_status name_entry_point(hooke_text *out, const struct hooke_name *n);
/* SAELens' loader for a dictionary that the registry lacks, from the repository's name; "" unknown. */
const char *name_guess_format(const char *repo);

/* Hook point, layer and width as far as id, path and repository tell. */
void name_read_facts(struct hooke_name *n);

/* The repository that a model's short name stands for; NULL if none. *near is the closest other name, for the message. */
const char *model_repository(const char *name, const char **near);
/* Known repositories of models, in order; NULL past the end. */
const char *model_known(int index);
/* "gemma-2-2b" of "google/gemma-2-2b". */
const char *model_short_name(const char *repo);

/* Releases that follow a rule instead of standing in the table (name_rules.c). What the ids of such a release look like, NULL: no
 * such release; the row that the rule makes. */
const char *name_rule_ids(const char *release);
bool name_apply_rule(struct registry_row *row, const char *release, const char *id);
/* Says why a rule's release lacks an id. The releases that rules make, one after another; false at the end. */
hooke_status name_explain_rule(const char *release, const char *id);
bool name_rule_release(char *out, size_t capacity, int index);

/* Of what was located and then could not be opened, because something was not found: if that is a file of the repository which is not in
 * the cache, says so and how to fetch it. Returns st. */
hooke_status name_say_partial(hooke_status st, const struct hooke_name *n);

/* "micro" and the like, which lie beside the program. */
bool is_shipped(const char *what, const char *kind);

/* Failures with suggestions: a release that lacks the id, a Neuronpedia model that lacks the source. */
hooke_status name_explain_id(const char *release, const char *sae_id);
hooke_status name_explain_source(const char *id);
/* A folder of a repository that holds dictionaries and is none: says so behind the message of the search that failed. HOOKE_OK when no
 * dictionary is known below it. */
hooke_status name_explain_folder(const struct name_place *place);
/* A source whose model goes by another name on Neuronpedia. HOOKE_OK when it is none. */
hooke_status name_explain_model_of_source(const char *id);
/* An id without its release: says which releases have it. HOOKE_OK when none has. */
hooke_status name_explain_bare_id(const char *id);
/* A release or Neuronpedia model that `what` seems to begin with, misspelt; "" when nothing is near. */
void name_near_release(char *out, size_t capacity, const char *what);
bool name_is_neuronpedia_model(const char *model, size_t n);
/* MODEL/SOURCE or MODEL/SOURCE/INDEX of a source that is known. */
bool name_is_neuronpedia_source(const char *id);

#ifdef __cplusplus
}
#endif
#endif
