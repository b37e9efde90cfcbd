/* hooke tokens: text to ids and back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/input.h"
#include "cli/json_out.h"
#include "cli/opt.h"
#include "cli/origin.h"
#include "cli/term.h"

struct options {
    bool decode, skip_special;
};

static const struct opt rows[] = {
    { "decode", 0, OPT_FLAG, offsetof(struct options, decode), NULL, NULL, 0, 0,
      "the arguments (or --ids) are token ids; print their text" },
    { "skip-special", 0, OPT_FLAG, offsetof(struct options, skip_special), NULL, NULL, 0, 0,
      "with --decode: leave special tokens out" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

static const struct opt_spec spec = {
    "tokens [-m MODEL] TEXT...",
    "Turns text into token ids as the model's tokenizer does, or ids into text with --decode.\n"
    "-m may also be a tokenizer.json or the folder that holds one.",
    "  hooke tokens -m micro \"The old sailor\"\n  hooke tokens -m micro --decode 2 651 3868",
    OPT_MODEL | OPT_INPUT,
    rows,
    -1,
};

/* The tokenizer alone: weights are not needed. */
static int open_tokenizer(struct session *s, hooke_tokenizer **tk, const char **origin)
{
    const char *what = s->opt.model ? s->opt.model : "micro";
    hooke_name *name = NULL;
    int code = session_pull_first(s, what, "model");
    if (code) return code;
    hooke_status st = hooke_name_open(&name, what, "model");
    if (!st) st = hooke_name_locate(name);
    if (!st) st = hooke_tokenizer_open(tk, hooke_name_get_info(name)->path);
    if (!st) *origin = origin_of_names(hooke_name_get_info(name), NULL);
    hooke_name_close(name);
    return st ? failed_call(st, "tokenizer", "name a model, a folder or a tokenizer.json with -m") : 0;
}

static int collect_ids(struct session *s, hooke_tokenizer *tk, struct input *in)
{
    if (s->opt.ids_file) {
        int code = input_open_tokenizer(in, s, tk);
        return code ? code : input_all(in);
    }
    int n_vocab = hooke_tokenizer_n_vocab(tk);
    int32_t *ids = NULL;
    size_t n = 0, capacity = 0;
    for (int i = 0; i < s->opt.args.n; i++) {
        const char *p = s->opt.args.items[i];
        while (*(p += strspn(p, " ,[]\n"))) {
            char *end;
            long id = strtol(p, &end, 10);
            if (end == p || id < 0 || id >= n_vocab)
                return wrong("--decode", take_printf("ids are 0 to %d", n_vocab - 1),
                             "'%s' is not a token id", p);
            grow(&ids, &capacity, n + 1, sizeof *ids);
            ids[n++] = (int32_t)id;
            p = end;
        }
    }
    if (n == 0) return wrong("--decode", "give them as arguments or by --ids FILE", "there are no ids");
    seqs_add(&in->group, ids, n);
    return 0;
}

static int decode(struct session *s, const struct options *o, hooke_tokenizer *tk, const char *origin)
{
    struct input in = { 0 };
    struct json_out j = { 0 };
    int code = collect_ids(s, tk, &in);
    if (code) return code;
    if (s->opt.json) {
        emit_begin(&j, NULL, '{');
        emit_begin(&j, "texts", '[');
    }
    for (size_t i = 0; i < in.group.n_seqs; i++) {
        hooke_text text = { 0 };
        const int32_t *ids = in.group.ids + in.group.start[i];
        size_t n = (size_t)(in.group.start[i + 1] - in.group.start[i]);
        hooke_status st = hooke_tokenizer_decode(tk, &text, ids, n, o->skip_special ? HOOKE_SKIP_SPECIAL : 0);
        if (st) return failed_call(st, "--decode", NULL);
        if (s->opt.json)
            emit_text_n(&j, NULL, text.data, text.n);
        else {
            fwrite(text.data, 1, text.n, stdout);
            putchar('\n');
        }
        hooke_text_release(&text);
    }
    if (!s->opt.json) return 0;
    emit_end(&j);
    emit_ids(&j, "ids", in.group.ids, in.group.n_ids);
    emit_raw(&j, "origin", origin);
    emit_end(&j);
    emit_print(&j);
    return 0;
}

static void put_json(const hooke_tokenizer *tk, const struct seqs *q, const char *origin)
{
    struct json_out j = { 0 };
    emit_begin(&j, NULL, '{');
    if (q->n_seqs > 1) emit_begin(&j, "sequences", '[');
    for (size_t i = 0; i < q->n_seqs; i++) {
        const int32_t *ids = q->ids + q->start[i];
        size_t n = (size_t)(q->start[i + 1] - q->start[i]);
        if (q->n_seqs > 1) emit_begin(&j, NULL, '{');
        emit_ids(&j, "ids", ids, n);
        emit_begin_inline(&j, "tokens", '[');
        for (size_t k = 0; k < n; k++) emit_text(&j, NULL, hooke_tokenizer_token(tk, ids[k]));
        emit_end(&j);
        if (q->n_seqs > 1) emit_end(&j);
    }
    if (q->n_seqs > 1) emit_end(&j);
    emit_raw(&j, "origin", origin);
    emit_end(&j);
    emit_print(&j);
}

static void put_table(const hooke_tokenizer *tk, const struct seqs *q)
{
    for (size_t i = 0; i < q->n_seqs; i++) {
        if (i) putchar('\n');
        for (int64_t k = q->start[i]; k < q->start[i + 1]; k++)
            printf("%5lld %7d  %s\n", (long long)(k - q->start[i]), q->ids[k],
                   quoted(token_text(tk, q->ids[k]), 0));
    }
}

int cmd_tokens(struct session *s, int argc, char **argv)
{
    struct options o = { 0 };
    struct input in = { 0 };
    hooke_tokenizer *tk = NULL;
    const char *origin = "null";
    int code = opt_parse(s, &spec, &o, argc, argv);
    if (code >= 0) return code;
    if ((code = open_tokenizer(s, &tk, &origin)) != 0) return code;
    if (o.decode)
        code = decode(s, &o, tk, origin);
    else if ((code = input_open_tokenizer(&in, s, tk)) == 0 && (code = input_all(&in)) == 0) {
        if (s->opt.json)
            put_json(tk, &in.group, origin);
        else
            put_table(tk, &in.group);
    }
    input_close(&in);
    hooke_tokenizer_close(tk);
    return code;
}
