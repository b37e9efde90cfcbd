/* hooke decode: codes of a file back to activations. */
#include <stdio.h>
#include <string.h>

#include "cli/codes_file.h"
#include "cli/json_out.h"
#include "cli/origin.h"
#include "cli/opt.h"
#include "cli/progress.h"

struct options {
    const char *in, *out, *x, *name;
};

static const struct opt rows[] = {
    { "in", 'i', OPT_TEXT, offsetof(struct options, in), "FILE", NULL, 0, 0,
      "codes that 'hooke encode' wrote" },
    { "out", 'o', OPT_OUT, offsetof(struct options, out), "FILE", NULL, 0, 0,
      "the safetensors file to write" },
    { "name", 0, OPT_TEXT, offsetof(struct options, name), "NAME", NULL, 0, 0,
      "the tensor's name (default: the site it stands for)" },
    { "input", 0, OPT_TEXT, offsetof(struct options, x), "FILE[:NAME]", NULL, 0, 0,
      "a skip transcoder's own input, which its output needs" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

static const struct opt_spec spec = {
    "decode -d DICT -i FILE -o FILE",
    "Rebuilds activations from codes, in the shape of what was encoded.",
    "  hooke decode -d micro -i codes.safetensors -o rebuilt.safetensors",
    OPT_DICT,
    rows,
    0,
};

/* Rows [first, first + n) of c as codes of their own; indptr is room for n + 1. */
static hooke_codes slice(const hooke_codes *c, int64_t first, int64_t n, int64_t *indptr)
{
    hooke_codes part = *c;
    for (int64_t i = 0; i <= n; i++) indptr[i] = c->indptr[first + i] - c->indptr[first];
    part.n_rows = n;
    part.indptr = indptr;
    part.indices = c->indices + c->indptr[first];
    part.values = c->values + c->indptr[first];
    if (c->norm_mean) part.norm_mean = c->norm_mean + first;
    if (c->norm_scale) part.norm_scale = c->norm_scale + first;
    return part;
}

static int decode(struct session *s, const hooke_codes *codes, const struct rows *x, hooke_tensor_writer *f)
{
    enum { BLOCK = 4096 };
    const hooke_dict_info *info = hooke_dict_get_info(s->dict);
    float *y = take(BLOCK * (size_t)info->d_out, sizeof *y); /* [BLOCK, d_out] */
    int64_t *indptr = take(BLOCK + 1, sizeof *indptr);
    hooke_status st = HOOKE_OK;
    for (int64_t first = 0; !st && first < codes->n_rows; first += BLOCK) {
        int64_t n = codes->n_rows - first < BLOCK ? codes->n_rows - first : BLOCK;
        hooke_codes part = slice(codes, first, n, indptr);
        if (progress_report(NULL, "decode", first, codes->n_rows))
            return failed("decode", "nothing was written", "interrupted");
        st = hooke_dict_decode(s->dict, y, info->d_out, &part, NULL,
                               x->data ? x->data + first * x->width : NULL, x->width);
        size_t bytes = (size_t)n * (size_t)info->d_out * sizeof *y;
        if (!st) st = hooke_tensor_writer_put(f, 0, first * info->d_out * (int64_t)sizeof *y, y, bytes);
    }
    progress_clear();
    return st ? failed_call(st, "decode", NULL) : 0;
}

int cmd_decode(struct session *s, int argc, char **argv)
{
    struct options o = { 0 };
    struct rows shape = { 0 }, x = { 0 };
    hooke_codes codes = { 0 };
    hooke_tensor_writer *f = NULL;
    struct json_out j = { 0 };
    int code = opt_parse(s, &spec, &o, argc, argv);
    if (code >= 0) return code;
    if (!o.in || !o.out)
        return wrong("decode", "give -i FILE and -o FILE", "the %s file is missing",
                     o.in ? "output" : "input");
    if (o.name && !o.name[0]) return wrong("--name", "write --name NAME", "is empty");
    if ((code = session_dict(s)) != 0) return code;
    session_header(s, s->dict);
    const hooke_dict_info *info = hooke_dict_get_info(s->dict);
    if (info->has_skip && !o.x)
        return wrong("decode", "give --input FILE", "%s is a skip transcoder: its output needs its input too",
                     info->name);
    if ((code = codes_read(&codes, &shape, o.in, info->d_dict)) != 0) return code;
    if (o.x && (code = rows_read(&x, o.x, info->site, info->d_in)) != 0) return code;
    if (o.x && x.n_rows != codes.n_rows)
        return failed("decode", "give the activations that were encoded",
                      "%lld rows of input for %lld rows of codes", (long long)x.n_rows,
                      (long long)codes.n_rows);
    const char *site = info->site_out[0] ? info->site_out : "reconstruction";
    hooke_tensor_out t = { o.name ? o.name : site, "F32", shape.n_leading + 1, { 0 }, NULL };
    for (int i = 0; i < shape.n_leading; i++) t.shape[i] = shape.leading[i];
    t.shape[shape.n_leading] = info->d_out;
    const char *pairs[] = { "program",  program_name,   "dict",
                            info->name, "matmul_dtype", hooke_context_dtype(s->ctx),
                            "origin",   origin_of(s),   NULL };
    hooke_status st = hooke_tensor_writer_open(&f, o.out, &t, 1, pairs);
    if (st) return failed_call(st, "decode", NULL);
    if ((code = decode(s, &codes, &x, f)) != 0) {
        hooke_tensor_writer_abandon(f);
        return code;
    }
    if ((st = hooke_tensor_writer_commit(f)) != HOOKE_OK) return failed_call(st, "decode", NULL);
    if (!s->opt.json) {
        printf("%s: %s, %lld tokens\n", o.out, t.name, (long long)codes.n_rows);
        return 0;
    }
    emit_begin(&j, NULL, '{');
    emit_text(&j, "file", o.out);
    emit_text(&j, "tensor", t.name);
    emit_int(&j, "n_tokens", codes.n_rows);
    emit_run(&j, s);
    emit_end(&j);
    emit_print(&j);
    return 0;
}
