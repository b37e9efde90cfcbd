/* cli.h: what every command shares: memory, messages, the session with its open objects.
 *
 * One run of the program is one lifetime: memory from take() and objects opened through the session live until
 * session_close(), so commands return early without cleaning up. Large buffers can be given back sooner with give(). */
#ifndef HOOKE_CLI_CLI_H
#define HOOKE_CLI_CLI_H

#include <hooke.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- memory: zeroed; the program ends with a message when there is none -------------------------------------- */

void *take(size_t n, size_t size);
/* Grows *p to hold need items of `size` bytes, at least doubling; new items are zero. */
void grow(void *p, size_t *capacity, size_t need, size_t size);
void give(void *p);
char *take_text(const char *s, size_t n);
char *take_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- messages: "hooke: <what>: <why>; <what to do>" on standard error ------------------------------------------ */

/* A wrong call: returns exit code 2. */
int wrong(const char *what, const char *todo, const char *why, ...) __attribute__((format(printf, 3, 4)));
/* A failed operation of our own: returns exit code 1. */
int failed(const char *what, const char *todo, const char *why, ...) __attribute__((format(printf, 3, 4)));
/* A failed library call: its message, and what to do about such a failure (todo NULL: by the code). Returns the exit code. */
int failed_call(hooke_status st, const char *what, const char *todo);
/* The nearest of names[n] to `word`, NULL when nothing is near. */
const char *nearest(const char *word, const char *const *names, int n);

/* ---- the session ----------------------------------------------------------------------------------------------- */

struct list {
    const char **items;
    int n;
};
void list_add(struct list *l, const char *item);

/* Values of the options that commands share (opt.c holds their rows). */
struct common {
    const char *model, *dict, *device, *dtype, *config, *column, *split, *subset, *ids_file, *pack;
    const char *dict_arch, *dict_family; /* what a dictionary's files leave open */
    struct list texts;                   /* --text FILE, repeatable */
    struct list at;                      /* --at SITE,SITE, repeatable; split at commas */
    struct list args;                    /* positional */
    int64_t threads, seed, batch_tokens, max_memory, n_ctx, max_tokens, pack_block;
    int64_t target;             /* of a cross-layer transcoder */
    double norm_scaling_factor; /* of activations, where the dictionary's files leave it open */
    int prepend_bos;            /* -1: the model's own rule */
    bool pull;                  /* fetch what is named and not in the hub cache */
    bool json, quiet, verbose, canonical, as_saelens;
};

struct opened_dict {
    const char *what;
    hooke_dict *dict;
};

struct session {
    const char *command; /* its name, for messages */
    struct common opt;
    hooke_context *ctx;
    hooke_model *model;
    hooke_dict *dict; /* the one of --dict; borrowed from dicts */
    struct opened_dict *dicts;
    size_t n_dicts, dicts_capacity;
};

/* Each opens once and returns 0, or the exit code after a message. */
int session_context(struct session *s);
int session_model(struct session *s); /* --model, else the dictionary's own model, else micro */
int session_dict(struct session *s);  /* --dict, else micro */
/* Any dictionary by name; the same name gives the same object. */
int session_open_dict(struct session *s, hooke_dict **out, const char *what);
int session_model_and_dict(struct session *s);
/* With --pull: brings what a name stands for into the hub cache, unless it lies on this machine anyway. The ones above begin so. */
int session_pull_first(struct session *s, const char *what, const char *kind);
void session_close(struct session *s);

/* One line on standard error: model, dictionary, BOS rule, operand type, level, scale of activations. */
void session_header(struct session *s, const hooke_dict *dict);
bool session_prepends_bos(const struct session *s);

extern const char program_name[]; /* "hooke 0.1.0", for files that say who wrote them */

/* ---- commands -------------------------------------------------------------------------------------------------- */

#define COMMAND_LIST(X)                                                                           \
    X(demo, "the main job on the embedded model: features of each token, steering, core numbers") \
    X(info, "what a model, a dictionary or a file holds")                                         \
    X(ls, "published dictionaries and known models, filtered")                                    \
    X(pull, "download models, dictionaries and data sets into the hub cache")                     \
    X(tokens, "text to token ids and back")                                                       \
    X(capture, "write a model's activations at chosen sites to a file")                           \
    X(convert, "a dictionary in the format of another library")                                   \
    X(encode, "activations to sparse codes of a dictionary")                                      \
    X(decode, "sparse codes back to activations")                                                 \
    X(features, "the strongest features of each token of a text")                                 \
    X(feature, "one feature: density, logits, neighbours, examples")                              \
    X(generate, "continue a text, with features turned up or taken out")                          \
    X(eval, "score a dictionary as SAEBench does")                                                \
    X(bench, "this machine's ceilings and our share of them")                                     \
    X(synth, "write a random-weight model or dictionary of a published shape")                    \
    X(doctor, "what is built in, what is found, what is missing")

#define COMMAND_PROTOTYPE(name, about) int cmd_##name(struct session *s, int argc, char **argv);
COMMAND_LIST(COMMAND_PROTOTYPE)
#undef COMMAND_PROTOTYPE

#ifdef __cplusplus
}
#endif
#endif
