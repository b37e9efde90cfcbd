/* codes_file.h: activations and codes in safetensors files, as 'hooke encode' and 'hooke decode' pass them on.
 *
 * Codes: indptr I64 [n_rows + 1], indices I32 and values F32 [n], shape I64 [n_rows, d_dict], leading I64 (the dimensions
 * before the last of what was encoded), and norm_mean, norm_scale F32 [n_rows] where the dictionary normalises its input at
 * run time. Dense: one tensor "codes" F32 [..., d_dict]. */
#ifndef HOOKE_CLI_CODES_FILE_H
#define HOOKE_CLI_CODES_FILE_H

#include "cli/cli.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rows of a tensor: all dimensions but the last one together. */
struct rows {
    const char *name;
    float *data; /* [n_rows, width] */
    int64_t n_rows, width;
    int n_leading;
    int64_t leading[8];
};
/* where: "FILE" or "FILE:NAME". Without a name: `preferred`, else the only tensor of that width. */
int rows_read(struct rows *out, const char *where, const char *preferred, int64_t width);
/* Codes of a file; their arrays belong to the session, not to the library. */
int codes_read(hooke_codes *out, struct rows *shape, const char *path, int64_t d_dict);
/* The session says what made them: its dictionary, operand type and origins are kept with the codes. */
int codes_write(const struct session *s, const char *path, const hooke_codes *c, const struct rows *shape,
                bool dense);

#ifdef __cplusplus
}
#endif
#endif
