/* hooke encode: activations of a file to codes. */
#include <stdio.h>
#include <string.h>

#include "cli/codes_file.h"
#include "cli/json_out.h"
#include "cli/origin.h"
#include "cli/opt.h"
#include "cli/progress.h"

struct options {
    const char *in, *out;
    bool dense;
};

static const struct opt rows[] = {
    { "in", 'i', OPT_TEXT, offsetof(struct options, in), "FILE[:NAME]", NULL, 0, 0,
      "activations (default tensor: the one named by the dictionary's site)" },
    { "out", 'o', OPT_OUT, offsetof(struct options, out), "FILE", NULL, 0, 0,
      "the safetensors file to write" },
    { "dense", 0, OPT_FLAG, offsetof(struct options, dense), NULL, NULL, 0, 0,
      "one tensor codes [..., d_dict] with all its zeros" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

static const struct opt_spec spec = {
    "encode -d DICT -i FILE[:NAME] -o FILE",
    "Turns activations into sparse codes: indptr [n + 1], indices, values, shape [n, d_dict].",
    "  hooke encode -d micro -i acts.safetensors -o codes.safetensors",
    OPT_DICT,
    rows,
    0,
};

/* Appends a block's codes. */
static void append(hooke_codes *all, size_t capacity[4], const hooke_codes *block)
{
    size_t have = (size_t)all->indptr[all->n_rows], more = (size_t)block->indptr[block->n_rows],
           n = (size_t)all->n_rows;
    size_t rows_needed = n + (size_t)block->n_rows;
    grow(&all->indices, &capacity[0], have + more, sizeof *all->indices);
    grow(&all->values, &capacity[1], have + more, sizeof *all->values);
    if (more) memcpy(all->indices + have, block->indices, more * sizeof *all->indices);
    if (more) memcpy(all->values + have, block->values, more * sizeof *all->values);
    if (block->norm_mean) {
        grow(&all->norm_mean, &capacity[2], rows_needed, sizeof *all->norm_mean);
        memcpy(all->norm_mean + n, block->norm_mean, (size_t)block->n_rows * sizeof *all->norm_mean);
    }
    if (block->norm_scale) {
        grow(&all->norm_scale, &capacity[3], rows_needed, sizeof *all->norm_scale);
        memcpy(all->norm_scale + n, block->norm_scale, (size_t)block->n_rows * sizeof *all->norm_scale);
    }
    for (int64_t i = 1; i <= block->n_rows; i++)
        all->indptr[++all->n_rows] = (int64_t)have + block->indptr[i];
}

static int encode(struct session *s, const struct rows *x, hooke_codes *all)
{
    enum { BLOCK = 4096 };
    hooke_codes block = { 0 };
    size_t capacity[4] = { 0 };
    hooke_status st = HOOKE_OK;
    all->n_cols = hooke_dict_get_info(s->dict)->d_dict;
    all->indptr = take((size_t)x->n_rows + 1, sizeof *all->indptr);
    for (int64_t first = 0; !st && first < x->n_rows; first += BLOCK) {
        int64_t n = x->n_rows - first < BLOCK ? x->n_rows - first : BLOCK;
        if (progress_report(NULL, "encode", first, x->n_rows)) {
            hooke_codes_release(&block);
            return failed("encode", "nothing was written", "interrupted");
        }
        st = hooke_dict_encode(s->dict, &block, x->data + first * x->width, n, x->width, NULL);
        if (!st) append(all, capacity, &block);
    }
    progress_clear();
    hooke_codes_release(&block);
    return st ? failed_call(st, "encode", NULL) : 0;
}

int cmd_encode(struct session *s, int argc, char **argv)
{
    struct options o = { 0 };
    struct rows x = { 0 };
    hooke_codes codes = { 0 };
    struct json_out j = { 0 };
    int code = opt_parse(s, &spec, &o, argc, argv);
    if (code >= 0) return code;
    if (!o.in || !o.out)
        return wrong("encode", "give -i FILE and -o FILE", "the %s file is missing",
                     o.in ? "output" : "input");
    if ((code = session_dict(s)) != 0) return code;
    session_header(s, s->dict);
    const hooke_dict_info *info = hooke_dict_get_info(s->dict);
    if ((code = rows_read(&x, o.in, info->site, info->d_in)) != 0 || (code = encode(s, &x, &codes)) != 0)
        return code;
    if ((code = codes_write(s, o.out, &codes, &x, o.dense)) != 0) return code;
    double l0 = codes.n_rows ? (double)codes.indptr[codes.n_rows] / (double)codes.n_rows : 0;
    if (!s->opt.json) {
        printf("%s: %lld tokens of %s, L0 %.2f\n", o.out, (long long)codes.n_rows, x.name, l0);
        return 0;
    }
    emit_begin(&j, NULL, '{');
    emit_int(&j, "n_tokens", codes.n_rows);
    emit_real(&j, "l0", l0);
    emit_text(&j, "file", o.out);
    emit_text(&j, "tensor", x.name);
    emit_text(&j, "activation_scale", info->activation_scale);
    emit_run(&j, s);
    emit_end(&j);
    emit_print(&j);
    return 0;
}
