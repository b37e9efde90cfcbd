/* dataset_rows.c: the rows of a split, with text and labels told apart. Columns may have other names in other copies of a set: the
 * first of the table's alternatives that the file has is read. */
#include "text/dataset.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "file/hub.h"

enum { MOST_ALTERNATIVES = 4, MOST_COLUMNS = 4 };

struct column_name {
    char s[256]; /* "": none */
    int at;      /* in the rows; -1: none */
};

struct hooke_dataset_rows {
    const hooke_dataset_info *info;
    const hooke_dataset_split *split;
    hooke_text path;
    hooke_rows_options options;
    hooke_rows *rows;
    struct column_name text, label, group, choices;
    hooke_text label_key, group_key; /* of the row */
};

/* ---- where the files are ---- */

/* A plain file is read by its own name; a folder or a snapshot by the split's pattern. */
static hooke_status locate(hooke_dataset_rows *r, const char *where)
{
    struct stat s;
    const hooke_dataset_info *d = r->info;
    if (where && strcmp(where, "micro") == 0) {
        RETURN_IF(!r->split->micro, HOOKE_E_NOT_FOUND, "%s: the micro world has no stand-in for split '%s'",
                  d->name, r->split->name);
        return hooke_asset(&r->path, r->split->micro);
    }
    r->options.files = r->split->files;
    if (where && strcmp(where, "hub") != 0) {
        RETURN_IF(stat(where, &s) != 0, HOOKE_E_NOT_FOUND, "%s: no such file or folder", where);
        if (!S_ISDIR(s.st_mode)) r->options.files = NULL;
        return text_puts(&r->path, where);
    }
    RETURN_IF(!d->repo[0], HOOKE_E_NOT_FOUND,
              "%s is not on the hub: get its files from %s and name their folder", d->name, d->page);
    hooke_text repo = { 0 };
    hooke_status st = text_printf(&repo, "datasets/%s", d->repo);
    if (st == HOOKE_OK) st = hub_snapshot(&r->path, repo.data, d->revision);
    hooke_text_release(&repo);
    if (st == HOOKE_E_NOT_FOUND && d->gated)
        return fail_within(st, "%s has to be asked for at %s", d->name, d->page);
    return st;
}

/* ---- which columns ---- */

static hooke_status open_with(hooke_rows **out, const hooke_dataset_rows *r, const char *const *columns,
                              int n)
{
    hooke_rows_options o = r->options;
    o.size = sizeof o;
    o.columns = columns;
    o.n_columns = n;
    return hooke_rows_open(out, r->path.data, &o);
}

/* Whether the files have the column: JSON lines tell by their first row. */
static hooke_status has_column(const hooke_dataset_rows *r, const char *name, bool *has)
{
    hooke_rows *rows;
    *has = false;
    hooke_status st = open_with(&rows, r, &name, 1);
    if (st == HOOKE_E_FORMAT) return HOOKE_OK;
    if (st == HOOKE_OK) st = hooke_rows_next(rows, has);
    if (st == HOOKE_OK && *has) *has = hooke_rows_value(rows, 0)->kind != HOOKE_VALUE_ABSENT;
    hooke_rows_close(rows);
    return st;
}

/* The first of "a|b|c" that the files have; the first of all when there is only one, so that opening complains of it. */
static hooke_status choose(struct column_name *out, const hooke_dataset_rows *r, const char *alternatives)
{
    bool has = false;
    out->at = -1;
    for (const char *s = alternatives; *s && !has;) {
        size_t n = strcspn(s, "|");
        RETURN_IF(n >= sizeof out->s, HOOKE_E_INTERNAL, "a column name of %zu bytes", n);
        memcpy(out->s, s, n);
        out->s[n] = '\0';
        if (n == strlen(alternatives)) return HOOKE_OK;
        RETURN_IF_ERROR(has_column(r, out->s, &has));
        s += n + (s[n] == '|');
    }
    return HOOKE_OK;
}

static hooke_status open_columns(hooke_dataset_rows *r)
{
    const hooke_dataset_info *d = r->info;
    struct column_name *wanted[MOST_COLUMNS] = { &r->text, &r->label, &r->group, &r->choices };
    const char *names[MOST_COLUMNS];
    int n = 0;
    RETURN_IF_ERROR(choose(&r->text, r, r->split->text_column ? r->split->text_column : d->text_column));
    RETURN_IF_ERROR(choose(&r->label, r, r->split->label ? "" : d->label_column));
    RETURN_IF_ERROR(choose(&r->group, r, d->group_column));
    RETURN_IF_ERROR(choose(&r->choices, r, strcmp(d->kind, "choices") == 0 ? "choices" : ""));
    for (int i = 0; i < MOST_COLUMNS; i++) {
        if (!wanted[i]->s[0]) continue;
        wanted[i]->at = n;
        names[n++] = wanted[i]->s;
    }
    return open_with(&r->rows, r, names, n);
}

/* ---- labels ---- */

/* What github-code's loader makes of a file's path. Languages that no problem asks for are "". */
static const char *language_of(const char *path, size_t n)
{
    static const char *const endings[][2] = {
        { ".c", "C" },       { ".h", "C" },      { ".py", "Python" }, { ".html", "HTML" },
        { ".java", "Java" }, { ".php", "PHP" },  { ".php3", "PHP" },  { ".php4", "PHP" },
        { ".php5", "PHP" },  { ".phps", "PHP" }, { ".phpt", "PHP" },
    };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t m = strlen(endings[i][0]);
        if (n >= m && memcmp(path + n - m, endings[i][0], m) == 0) return endings[i][1];
    }
    return "";
}

/* As Python's str() writes the value, which is what the evaluations' keys are. */
static hooke_status write_key(hooke_text *out, const hooke_dataset_rows *r, const struct column_name *column)
{
    const hooke_value *v = hooke_rows_value(r->rows, column->at);
    text_clear(out);
    if (column->at < 0) return text_puts(out, "");
    switch (v->kind) {
    case HOOKE_VALUE_TEXT:
        if (strcmp(column->s, "path") == 0) return text_puts(out, language_of(v->text, v->n_bytes));
        RETURN_IF_ERROR(text_puts(out, ""));
        return text_append(out, v->text, v->n_bytes);
    case HOOKE_VALUE_INT:
        return text_printf(out, "%lld", (long long)v->integer);
    case HOOKE_VALUE_BOOL:
        return text_puts(out, v->integer ? "True" : "False");
    case HOOKE_VALUE_REAL:
        return text_printf(out, floor(v->real) == v->real ? "%.1f" : "%.17g", v->real);
    default:
        return fail(HOOKE_E_FORMAT, "%s: column '%s' holds no label", hooke_rows_place(r->rows), column->s);
    }
}

static hooke_status check_key(const hooke_dataset_rows *r, const char *key, const hooke_label *labels, int n)
{
    if (!*key || n == 0) return HOOKE_OK;
    for (int i = 0; i < n; i++)
        if (strcmp(labels[i].key, key) == 0) return HOOKE_OK;
    return fail(HOOKE_E_FORMAT, "%s: label '%.60s' is none of the %d that %s has", hooke_rows_place(r->rows),
                key, n, r->info->name);
}

/* ---- rows ---- */

static hooke_status fill_labels(hooke_dataset_rows *r, hooke_dataset_row *row)
{
    const hooke_dataset_info *d = r->info;
    bool open_set =
        strcmp(r->label.s, "language") == 0; /* thirty languages, of which five are in the table */
    RETURN_IF_ERROR(write_key(&r->label_key, r, &r->label));
    RETURN_IF_ERROR(write_key(&r->group_key, r, &r->group));
    row->label = r->split->label ? r->split->label : r->label_key.data;
    row->group = r->group_key.data;
    if (!open_set) RETURN_IF_ERROR(check_key(r, row->label, d->labels, d->n_labels));
    return check_key(r, row->group, d->groups, d->n_groups);
}

static hooke_status fill_choices(const hooke_dataset_rows *r, hooke_dataset_row *row)
{
    const hooke_value *v = hooke_rows_value(r->rows, r->choices.at);
    if (!v) return HOOKE_OK;
    RETURN_IF(v->kind != HOOKE_VALUE_LIST || v->n_items != (size_t)r->info->n_labels, HOOKE_E_FORMAT,
              "%s: expected %d choices", hooke_rows_place(r->rows), r->info->n_labels);
    for (size_t i = 0; i < v->n_items; i++)
        RETURN_IF(v->items[i].kind != HOOKE_VALUE_TEXT, HOOKE_E_FORMAT, "%s: choice %zu is not text",
                  hooke_rows_place(r->rows), i);
    row->choices = v->items;
    row->n_choices = v->n_items;
    return HOOKE_OK;
}

hooke_status hooke_dataset_next(hooke_dataset_rows *r, hooke_dataset_row *row, bool *got)
{
    *row = (hooke_dataset_row){ 0 };
    RETURN_IF_ERROR(hooke_rows_next(r->rows, got));
    if (!*got) return HOOKE_OK;
    hooke_status st = hooke_rows_text(r->rows, r->text.at, &row->text, &row->n_bytes);
    if (st == HOOKE_OK) st = fill_labels(r, row);
    if (st == HOOKE_OK) st = fill_choices(r, row);
    if (st != HOOKE_OK) *got = false;
    return st;
}

static hooke_status open_split(hooke_dataset_rows *r, const char *name, const char *split, const char *where)
{
    RETURN_IF_ERROR(hooke_dataset_find(&r->info, name));
    RETURN_IF(!r->info->text_column[0], HOOKE_E_UNSUPPORTED, "%s has no rows: it is of kind '%s'",
              r->info->name, r->info->kind);
    r->split = hooke_dataset_get_split(r->info, split ? split : r->info->splits[0].name);
    RETURN_IF(!r->split, HOOKE_E_NOT_FOUND, "%s has no split '%.60s'; the first of its %d is '%s'",
              r->info->name, split, r->info->n_splits, r->info->splits[0].name);
    RETURN_IF_ERROR(locate(r, where));
    return open_columns(r);
}

hooke_status hooke_dataset_open(hooke_dataset_rows **out, const char *name, const char *split,
                                const char *where)
{
    void *p;
    *out = NULL;
    RETURN_IF_ERROR(mem_take(&p, 1, sizeof **out, "data set reader"));
    hooke_status st = open_split(p, name, split, where);
    if (st != HOOKE_OK) {
        hooke_dataset_close(p);
        return st;
    }
    *out = p;
    return HOOKE_OK;
}

void hooke_dataset_close(hooke_dataset_rows *r)
{
    if (!r) return;
    hooke_rows_close(r->rows);
    hooke_text_release(&r->path);
    hooke_text_release(&r->label_key);
    hooke_text_release(&r->group_key);
    mem_free(r);
}
