#include "cli/input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/progress.h"

void seqs_clear(struct seqs *q)
{
    q->n_ids = q->n_seqs = 0;
}

void seqs_add(struct seqs *q, const int32_t *ids, size_t n)
{
    grow(&q->start, &q->start_capacity, q->n_seqs + 2, sizeof *q->start);
    grow(&q->ids, &q->ids_capacity, q->n_ids + n, sizeof *q->ids);
    if (n) memcpy(q->ids + q->n_ids, ids, n * sizeof *ids);
    q->start[0] = 0;
    q->n_ids += n;
    q->start[++q->n_seqs] = (int64_t)q->n_ids;
}

hooke_batch seqs_batch(const struct seqs *q)
{
    return (hooke_batch){ .n_seqs = (int)q->n_seqs, .start = q->start, .ids = q->ids };
}

int read_whole_file(char **data, size_t *n, const char *path, size_t max)
{
    size_t capacity = 0, got;
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    *data = NULL;
    *n = 0;
    if (!f) return failed("file", "check its name", "%s: %s", path, strerror(errno));
    do {
        grow(data, &capacity, *n + 65536, 1);
        got = fread(*data + *n, 1, 65535, f);
        *n += got;
    } while (got > 0 && *n <= max);
    bool bad = ferror(f) != 0;
    if (f != stdin) fclose(f);
    if (bad) return failed("file", "check the disk", "%s: could not be read", path);
    if (*n > max) return failed("file", "split it", "%s: more than %zu bytes", path, max);
    (*data)[*n] = '\0';
    return 0;
}

/* ---- --ids: [[1, 2], [3]] or [1, 2] --------------------------------------------------------------------------- */

struct ids_reader {
    const char *path, *p;
    const char *begin;
    int n_vocab;
};

static int bad_ids(const struct ids_reader *r, const char *why)
{
    return failed("--ids", "write a JSON array of arrays of token ids", "%s: byte %zu: %s", r->path,
                  (size_t)(r->p - r->begin), why);
}

static char skip_blanks(struct ids_reader *r)
{
    r->p += strspn(r->p, " \t\r\n");
    return *r->p;
}

/* Behind '[' up to and with ']'. */
static int read_row(struct ids_reader *r, struct seqs *out)
{
    size_t n = 0;
    int32_t *ids = NULL;
    size_t capacity = 0;
    if (skip_blanks(r) == ']') {
        r->p++;
        return 0;
    }
    for (;;) {
        char *end;
        skip_blanks(r);
        if (*r->p < '0' || *r->p > '9') return bad_ids(r, "expected a token id");
        errno = 0;
        long id = strtol(r->p, &end, 10);
        if (errno || id >= r->n_vocab)
            return bad_ids(r, take_printf("id %ld, but the vocabulary has %d", id, r->n_vocab));
        r->p = end;
        grow(&ids, &capacity, n + 1, sizeof *ids);
        ids[n++] = (int32_t)id;
        char c = skip_blanks(r);
        if (c == ',' || c == ']') r->p++;
        if (c == ']') break;
        if (c != ',') return bad_ids(r, "expected ',' or ']'");
    }
    seqs_add(out, ids, n);
    give(ids);
    return 0;
}

static int read_rows(struct ids_reader *r, struct seqs *out)
{
    int code = 0;
    if (skip_blanks(r) != '[') return bad_ids(r, "expected '['");
    r->p++;
    if (skip_blanks(r) != '[')
        code = read_row(r, out);
    else {
        for (char c = ','; !code && c == ',';) {
            if (skip_blanks(r) != '[') return bad_ids(r, "expected '['");
            r->p++;
            if (skip_blanks(r) == ']') return bad_ids(r, "a sequence without ids");
            if ((code = read_row(r, out)) != 0) return code;
            c = skip_blanks(r);
            if (c == ',' || c == ']')
                r->p++;
            else
                return bad_ids(r, "expected ',' or ']'");
        }
    }
    if (!code && skip_blanks(r) != '\0') return bad_ids(r, "text behind the array");
    return code;
}

static int read_ids_file(struct input *in, const char *path)
{
    struct ids_reader r = { .path = path, .n_vocab = in->n_vocab };
    char *data;
    size_t n;
    int code = read_whole_file(&data, &n, path, (size_t)1 << 31);
    if (code) return code;
    r.p = r.begin = data;
    if (data) code = read_rows(&r, &in->stored);
    give(data);
    return code;
}

/* ---- sequences ------------------------------------------------------------------------------------------------- */

bool input_given(const struct session *s)
{
    return s->opt.args.n || s->opt.texts.n || s->opt.ids_file;
}

static int start(struct input *in)
{
    const struct common *o = &in->s->opt;
    in->prepend_bos = session_prepends_bos(in->s);
    if (!input_given(in->s))
        return wrong("text", "give a prompt, --text FILE, --ids FILE, or - for standard input",
                     "there is none to read");
    if (o->ids_file) return read_ids_file(in, o->ids_file);
    if (!in->tk)
        return failed("tokenizer", "give --ids instead of text", "the model's folder has no tokenizer.json");
    if ((o->pack || o->pack_block) && !o->n_ctx)
        return wrong("--pack", "say of how many tokens with --ctx N", "packs into contexts");
    if (o->pack_block && !o->pack)
        return wrong("--pack-block", "name a packing with --pack", "is of a packing");
    if (o->n_ctx && o->args.n)
        return wrong("--ctx", "give the text by --text FILE (- is standard input)",
                     "packs files, not prompts");
    if (in->longest && o->n_ctx > in->longest)
        return wrong("--ctx", "use a smaller one", "%lld is more than the model's %d tokens",
                     (long long)o->n_ctx, in->longest);
    return 0;
}

int input_open(struct input *in, struct session *s)
{
    const hooke_model_info *info = hooke_model_get_info(s->model);
    in->s = s;
    in->tk = hooke_model_tokenizer(s->model);
    in->n_vocab = info->d_vocab;
    in->longest = info->n_ctx;
    return start(in);
}

int input_open_tokenizer(struct input *in, struct session *s, const hooke_tokenizer *tk)
{
    in->s = s;
    in->tk = tk;
    in->n_vocab = hooke_tokenizer_n_vocab(tk);
    if (s->opt.prepend_bos < 0) s->opt.prepend_bos = hooke_tokenizer_adds_bos(tk);
    return start(in);
}

void input_close(struct input *in)
{
    hooke_packer_close(in->packer);
    hooke_docs_close(in->docs);
    in->packer = NULL;
    in->docs = NULL;
}

/* The id that stands at the beginning of a sequence: BOS, else EOS as GPT-2's users do it. */
static int32_t bos_of(const hooke_tokenizer *tk)
{
    int32_t bos = hooke_tokenizer_bos(tk);
    return bos >= 0 ? bos : hooke_tokenizer_eos(tk);
}

/* Ids of a document, with BOS when asked for, cut into pieces when that is allowed. */
static int add_document(struct input *in, const char *text, size_t n_bytes)
{
    hooke_ids ids = { 0 };
    int32_t bos = in->prepend_bos ? bos_of(in->tk) : -1;
    hooke_status st = hooke_tokenizer_encode(in->tk, &ids, text, n_bytes, 0);
    if (st) return failed_call(st, "tokenizer", NULL);
    size_t at = bos >= 0 && ids.n && ids.data[0] == bos ? 1 : 0, lead = bos >= 0;
    size_t room = in->longest > 0 ? (size_t)in->longest - lead : SIZE_MAX / 2;
    if (ids.n > room && !in->split) {
        size_t n = ids.n + lead;
        hooke_ids_release(&ids);
        return failed("text", "pack it with --ctx N (from a file: --text FILE)",
                      "%zu tokens, and the model reads %d at a time", n, in->longest);
    }
    if (room == 0) room = 1;
    while (at < ids.n) {
        size_t n = ids.n - at < room ? ids.n - at : room;
        int32_t *piece = take(n + 1, sizeof *piece);
        piece[0] = bos;
        memcpy(piece + lead, ids.data + at, n * sizeof *piece);
        seqs_add(&in->group, piece, n + lead);
        give(piece);
        at += n;
    }
    hooke_ids_release(&ids);
    return 0;
}

static const char *packings(void)
{
    const char *list = "there are ";
    for (int i = 0; hooke_packing_name(i); i++)
        list = take_printf("%s%s%s", list, i ? ", " : "", hooke_packing_name(i));
    return take_printf("%s, pretokenized", list);
}

static int open_file(struct input *in, const char *name)
{
    hooke_status st;
    const struct common *opt = &in->s->opt;
    hooke_rows_options rows = { .size = sizeof rows,
                                .columns = &opt->column,
                                .n_columns = opt->column ? 1 : 0,
                                .split = opt->split,
                                .config = opt->subset };
    if (opt->pack && strcmp(opt->pack, "pretokenized") == 0) {
        in->name = name;
        st = hooke_packer_open_pretokenized(&in->packer, in->tk, name, &rows, (int)opt->n_ctx);
        return st ? failed_call(st, "--pack pretokenized", NULL) : 0;
    }
    st = hooke_docs_open(&in->docs, name, &rows);
    in->name = name;
    if (st) return failed_call(st, "text", NULL);
    if (!opt->n_ctx) return 0;
    hooke_pack_options o = { .size = sizeof o,
                             .packing = opt->pack,
                             .n_ctx = (int)opt->n_ctx,
                             .no_bos = !in->prepend_bos,
                             .block = opt->pack_block };
    st = hooke_packer_open(&in->packer, in->tk, in->docs, &o);
    if (!st) return 0;
    return opt->pack ? failed_call(st, "--pack", packings()) : failed_call(st, "--ctx", NULL);
}

/* One more context or document of the open file; closes it at its end. */
static int read_file_item(struct input *in)
{
    hooke_status st;
    if (in->packer) {
        int n = 0;
        int32_t *ids = take((size_t)in->s->opt.n_ctx, sizeof *ids);
        st = hooke_packer_context(in->packer, ids, &n);
        if (!st && n) seqs_add(&in->group, ids, (size_t)n);
        give(ids);
        if (!st && !n) input_close(in);
    } else {
        const char *text = NULL;
        size_t n = 0;
        st = hooke_docs_next(in->docs, &text, &n);
        if (!st && text) return add_document(in, text, n);
        if (!st) input_close(in);
    }
    return st ? failed_call(st, "text", NULL) : 0;
}

/* Adds one thing to the group. *more is false at the end of everything. */
static int read_item(struct input *in, bool *more)
{
    const struct common *o = &in->s->opt;
    *more = true;
    if (in->docs || in->packer) return read_file_item(in);
    if (o->ids_file) {
        int i = in->next_seq++;
        *more = i < (int)in->stored.n_seqs;
        if (*more)
            seqs_add(&in->group, in->stored.ids + in->stored.start[i],
                     (size_t)(in->stored.start[i + 1] - in->stored.start[i]));
        return 0;
    }
    if (in->next_arg < o->args.n) {
        const char *a = o->args.items[in->next_arg++];
        if (strcmp(a, "-") == 0) return open_file(in, a);
        if (!a[0] && o->args.n > 1) /* leaving it out would shift the results of those behind it */
            return failed("text", "give a prompt, --text FILE or --ids FILE", "prompt %d is empty",
                          in->next_arg);
        return add_document(in, a, strlen(a));
    }
    if (in->next_file < o->texts.n) return open_file(in, o->texts.items[in->next_file++]);
    *more = false;
    return 0;
}

int input_next(struct input *in, int64_t max_tokens)
{
    bool more = true;
    int code = 0;
    int64_t most = in->s->opt.max_tokens;
    seqs_clear(&in->group);
    while (!code && more && (int64_t)in->group.n_ids < max_tokens) {
        if (most && in->n_tokens + (int64_t)in->group.n_ids >= most) break;
        if (interrupted()) return failed("input", "nothing was written", "interrupted");
        code = read_item(in, &more);
    }
    in->n_tokens += (int64_t)in->group.n_ids;
    return code;
}

int input_all(struct input *in)
{
    int code = input_next(in, INT64_MAX);
    input_close(in);
    if (!code && in->n_tokens == 0) {
        const char *todo = in->s->opt.n_ctx ? "use a smaller --ctx, or more text"
                                            : "give a prompt, --text FILE or --ids FILE";
        if (in->s->opt.n_ctx)
            code =
                failed("text", todo, "does not fill one context of %lld tokens", (long long)in->s->opt.n_ctx);
        else
            code = failed("text", todo, "is empty");
    }
    return code;
}
