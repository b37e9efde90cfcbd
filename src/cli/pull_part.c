#include "cli/pull_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/json_out.h"
#include "cli/progress.h"
#include "cli/term.h"

enum { ROWS_MAX = 1 << 20 };

struct rows {
    int64_t *items;
    size_t n, capacity;
};

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int bad_rows(const char *text)
{
    return wrong("--rows", "give numbers and ranges such as 5,17,100-120", "'%s' is not a list of rows",
                 text);
}

/* "5,17,100-120" to increasing numbers, each once. */
static int parse_rows(struct rows *out, const char *text)
{
    const char *p = text;
    for (;;) {
        char *end;
        errno = 0;
        long long first = strtoll(p, &end, 10), last = first;
        if (end == p || *p == '-' || errno) return bad_rows(text);
        if (*end == '-') {
            p = end + 1;
            last = strtoll(p, &end, 10);
            if (end == p || errno || last < first) return bad_rows(text);
        }
        if (last - first >= ROWS_MAX || out->n + (size_t)(last - first) >= ROWS_MAX)
            return wrong("--rows", "pull the tensor whole", "more than %d rows", ROWS_MAX);
        grow(&out->items, &out->capacity, out->n + (size_t)(last - first) + 1, sizeof *out->items);
        for (long long row = first; row <= last; row++) out->items[out->n++] = row;
        if (*end == '\0') break;
        if (*end != ',') return bad_rows(text);
        p = end + 1;
    }
    qsort(out->items, out->n, sizeof *out->items, by_value);
    size_t n = 0;
    for (size_t i = 0; i < out->n; i++)
        if (n == 0 || out->items[n - 1] != out->items[i]) out->items[n++] = out->items[i];
    out->n = n;
    return 0;
}

static int64_t file_bytes(const char *path)
{
    FILE *f = fopen(path, "rb");
    long n = f && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    if (f) fclose(f);
    return n;
}

static const char *one_name(const struct session *s)
{
    return s->opt.args.n == 1 ? s->opt.args.items[0] : NULL;
}

int pull_part(struct session *s, const struct list *tensors, const char *rows, const char *out,
              const hooke_pull_options *o)
{
    struct rows r = { NULL, 0, 0 };
    struct json_out j = { 0 };
    hooke_text path = { 0 }, part_of = { 0 };
    const char *what = one_name(s), **names;
    if (!what)
        return wrong("--only", "name one", "parts are taken of one thing, %d are named", s->opt.args.n);
    if (tensors->n == 0)
        return wrong(rows ? "--rows" : "-o", "add --only TENSOR (W_dec, for example)", "no tensor is named");
    int code = rows ? parse_rows(&r, rows) : 0;
    if (code) return code;
    names = take((size_t)tensors->n + 1, sizeof *names);
    for (int i = 0; i < tensors->n; i++) names[i] = tensors->items[i];
    hooke_part_options part = { .size = sizeof part,
                                .revision = o->revision,
                                .tensors = names,
                                .rows = r.items,
                                .n_rows = (int)r.n,
                                .out = out,
                                .n_retries = o->n_retries,
                                .progress = progress_report,
                                .part_of = &part_of };
    hooke_status st = hooke_pull_part(&path, what, &part);
    progress_clear();
    if (st)
        return failed_call(st, "pull",
                           st == HOOKE_E_SHAPE ? "'--tensors' lists the tensors and their rows" : NULL);
    int64_t bytes = file_bytes(path.data);
    if (s->opt.json) {
        emit_begin(&j, NULL, '{');
        emit_text(&j, "what", what);
        emit_text(&j, "path", path.data);
        emit_text(&j, "part_of", part_of.data);
        emit_int(&j, "bytes", bytes);
        emit_begin(&j, "files", '[');
        emit_text(&j, NULL, path.data);
        emit_end(&j);
        emit_begin(&j, "tensors", '[');
        for (int i = 0; i < tensors->n; i++) emit_text(&j, NULL, tensors->items[i]);
        emit_end(&j);
        emit_end(&j);
        emit_print(&j);
    } else {
        printf("%s\n%lld bytes of %s: a part, not checked against the file's checksum\n", path.data,
               (long long)bytes, part_of.data);
    }
    hooke_text_release(&path);
    hooke_text_release(&part_of);
    return 0;
}

/* ---- headers ---- */

struct listing {
    struct json_out json;
    bool is_json;
};

static int on_tensor(void *payload, const hooke_tensor_info *t)
{
    struct listing *l = payload;
    if (l->is_json) {
        emit_begin_inline(&l->json, NULL, '{');
        emit_text(&l->json, "name", t->name);
        emit_text(&l->json, "dtype", t->dtype);
        emit_begin(&l->json, "shape", '[');
        for (int k = 0; k < t->n_dims; k++) emit_int(&l->json, NULL, t->shape[k]);
        emit_end(&l->json);
        emit_int(&l->json, "bytes", t->bytes);
        emit_end(&l->json);
        return 0;
    }
    printf("  %-48s %-5s [", on_one_line(t->name), t->dtype);
    for (int k = 0; k < t->n_dims; k++) printf("%s%lld", k ? ", " : "", (long long)t->shape[k]);
    printf("]\n");
    return 0;
}

int list_remote_tensors(struct session *s, const hooke_pull_options *o)
{
    struct listing l = { .is_json = s->opt.json };
    const char *what = one_name(s);
    hooke_part_options part = { .size = sizeof part, .revision = o->revision, .n_retries = o->n_retries };
    if (!what)
        return wrong("--tensors", "name one", "tensors are listed of one thing, %d are named", s->opt.args.n);
    emit_begin(&l.json, NULL, '{');
    emit_text(&l.json, "what", what);
    emit_begin(&l.json, "tensors", '[');
    hooke_status st = hooke_pull_header(what, &part, on_tensor, &l);
    if (st) return failed_call(st, "pull", NULL);
    emit_end(&l.json);
    emit_end(&l.json);
    if (s->opt.json) emit_print(&l.json);
    return 0;
}
