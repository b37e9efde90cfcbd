/* input.h: what the user gives to read, as sequences of token ids.
 *
 * Prompts are arguments ("-": standard input); files come by --text, ready ids by --ids. Without --ctx each document is one
 * sequence; with it documents are packed into contexts of exactly that many tokens. */
#ifndef HOOKE_CLI_INPUT_H
#define HOOKE_CLI_INPUT_H

#include "cli/cli.h"

#ifdef __cplusplus
extern "C" {
#endif

struct seqs {
    int32_t *ids;
    size_t n_ids, ids_capacity;
    int64_t *start; /* [n_seqs + 1] */
    size_t n_seqs, start_capacity;
};
void seqs_clear(struct seqs *q);
void seqs_add(struct seqs *q, const int32_t *ids, size_t n);
hooke_batch seqs_batch(const struct seqs *q);

struct input {
    struct session *s;
    const hooke_tokenizer *tk; /* NULL: ids only */
    int n_vocab, longest;      /* ids below n_vocab; sequences of at most `longest` tokens (0: no bound) */
    bool split;                /* cut longer documents into pieces instead of refusing them */
    bool prepend_bos;
    int next_arg, next_file, next_seq;
    const char *name; /* of the file being read */
    hooke_docs *docs;
    hooke_packer *packer;
    struct seqs stored; /* --ids */
    int64_t n_tokens;   /* handed out so far */
    struct seqs group;  /* what input_next() fills */
};

/* Takes tokenizer and limits from the session's model. Returns 0 or the exit code. */
int input_open(struct input *in, struct session *s);
/* The same without a model. */
int input_open_tokenizer(struct input *in, struct session *s, const hooke_tokenizer *tk);
/* Fills in->group with the next sequences, about max_tokens tokens; an empty group is the end. */
int input_next(struct input *in, int64_t max_tokens);
/* Fills in->group with everything; no text at all is an error. */
int input_all(struct input *in);
/* Closes the files; the group stays. */
void input_close(struct input *in);
bool input_given(const struct session *s);

/* Reads a whole file, at most max bytes. */
int read_whole_file(char **data, size_t *n, const char *path, size_t max);

#ifdef __cplusplus
}
#endif
#endif
