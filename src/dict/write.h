/* write.h: dictionaries in the formats of other libraries. A format is one row of the table in write.c and one file write_*.c:
 * check() says what the format cannot hold and decides on an architecture of its own; put() makes tensors and files.
 *
 * What is written is the dictionary as it was opened, with all scales folded into its parameters (folded.c), so that the codes
 * which the other library computes are those of hooke_dict_encode(). */
#ifndef HOOKE_DICT_WRITE_H
#define HOOKE_DICT_WRITE_H

#include "dict/dict.h"

enum { WRITE_TENSORS = 24, WRITE_LOSSES = 16 };

struct writing {
    struct hooke_dict *d;
    const char *path;
    const char *architecture; /* in the format's own words; decided by check() */

    /* Decisions of check() about the parameters. */
    bool subtracts_b_dec; /* the library takes b_dec off its input */
    bool as_threshold;    /* written as JumpReLU, whatever selects here */
    bool as_stored;       /* no folding: the file's own parameters, codes in their raw unit */
    bool float32_only;    /* the container has no bfloat16 */

    hooke_dict_loss losses[WRITE_LOSSES];
    int n_losses;

    hooke_tensor_out tensors[WRITE_TENSORS];
    void *owned[WRITE_TENSORS]; /* copies behind them; NULL: the mapping */
    int n_tensors;
};

struct dict_writer {
    const char *name;
    hooke_status (*check)(struct writing *w);
    hooke_status (*put)(struct writing *w);
};

hooke_status saelens_check(struct writing *w);
hooke_status saelens_put(struct writing *w);
hooke_status gemma_scope_check(struct writing *w);
hooke_status gemma_scope_put(struct writing *w);
hooke_status dictionary_learning_check(struct writing *w);
hooke_status dictionary_learning_put(struct writing *w);
hooke_status sparsify_check(struct writing *w);
hooke_status sparsify_put(struct writing *w);

/* ---- write.c ---- */

void writing_lose(struct writing *w, const char *name, bool is_kept, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Losses that every format but SAELens' has: densities, targets, normalisation without a scale, a skip connection, another output
 * site. Fails where codes themselves would be lost. */
hooke_status writing_common_losses(struct writing *w, const char *library, bool holds_skip);
hooke_status writing_cannot(const struct writing *w, const char *library);
/* A file of the target folder, from text. */
hooke_status writing_put_text(const struct writing *w, const char *name, const hooke_text *text);
hooke_status writing_put_safetensors(struct writing *w, const char *name, const char *const *metadata);
/* Layer of a hook name ("blocks.12.hook_resid_post" -> 12); -1: none. */
int writing_layer(const char *site);
/* {"hook_name": ..., "prepend_bos": ..., ...}: what hooke reads back from formats that have no place for it. */
struct json_writer;
void writing_metadata(const struct writing *w, struct json_writer *j);
/* Where it comes from, as members of an object: "written_by", "source_format", and "source": "REPOSITORY/FILE@COMMIT" of what the hub
 * had. Paths of this machine are nobody's business. */
void writing_source(const struct writing *w, struct json_writer *j);

/* ---- folded.c: tensors of the folded dictionary ---- */

/* W_enc or W_dec: rows are features, or columns are. */
hooke_status folded_matrix(struct writing *w, const char *name, enum dict_param p, bool feature_rows);
/* As the file has it: W_skip [d_out, d_in]. */
hooke_status folded_skip(struct writing *w, const char *name);
hooke_status folded_b_enc(struct writing *w, const char *name);
hooke_status folded_b_dec(struct writing *w, const char *name);
hooke_status folded_threshold(struct writing *w, const char *name);
/* b_gate, b_mag, r_mag of gated dictionaries. */
hooke_status folded_gate(struct writing *w, const char *name, enum dict_param p);
/* A tensor as it lies in the file. */
hooke_status stored_as_is(struct writing *w, const struct stored_tensor *t);
/* One number, or n of them: copied. */
hooke_status put_numbers(struct writing *w, const char *name, const char *dtype, int n_dims, int64_t n,
                         const void *data);
/* Whether every decoder row has length 1 within torch.allclose's tolerance. */
hooke_status folded_rows_are_unit(struct writing *w, bool *unit);

#endif
