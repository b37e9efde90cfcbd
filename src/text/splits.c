/* splits.c
 *
 *   hf:ORG/NAME -> CACHE/datasets--ORG--NAME/snapshots/COMMIT
 *   README.md, front matter:  configs: [{config_name, data_dir, data_files: [{split, path}]}], dataset_info: [{config_name, features}]
 *
 * Without data_files the names decide, the first of these that fits any file: data/SPLIT-00000-of-00001...; a folder named after
 * a split; a file named after one ("train.csv", "my-test-0.jsonl"); all files are "train". */
#include "text/splits.h"

#include <stdio.h>
#include <string.h>

#include "file/folder.h"
#include "file/hub.h"
#include "file/name.h"
#include "file/yaml.h"
#include "text/card.h"
#include "text/rows.h"

enum { CARD_MAX_BYTES = 16 << 20, PATTERN_MAX = 512 };

struct search {
    const char *what; /* for messages */
    const hooke_rows_options *options;
    const char *split;
    hooke_text root;
    struct folder folder;
    hooke_text card;
    const struct json *configs, *info; /* of the card; NULL: it has none */
    const struct json *config;         /* the chosen one of configs */
};

/* ---- where ---- */

static bool is_id(const char *what)
{
    enum source_kind packed;
    if (strncmp(what, "hf:", 3) == 0) return true;
    return hub_is_repo(what) && strchr(what, '/') && row_format_of(what, &packed) == ROWS_PLAIN &&
           packed == SOURCE_PLAIN && !strstr(what, ".txt") && !file_exists(what);
}

bool is_data_set(const char *what)
{
    return is_folder(what) || is_id(what);
}

/* hf:[datasets/]ORG/NAME[@REVISION] */
static hooke_status find_root(struct search *s)
{
    char repo[256];
    const char *behind = name_behind_hf(s->what), *id = behind ? behind : s->what, *at;
    if (is_folder(s->what)) return text_puts(&s->root, s->what);
    if (strncmp(id, "datasets/", 9) == 0) id += 9;
    at = strchr(id, '@');
    int n = at ? (int)(at - id) : (int)strlen(id);
    RETURN_IF(n > 200, HOOKE_E_ARGUMENT, "'%.200s' is no data set of the hub (ORG/NAME)", id);
    snprintf(repo, sizeof repo, "datasets/%.*s", n, id);
    return hub_snapshot(&s->root, repo, s->options->revision ? s->options->revision : at ? at + 1 : NULL);
}

/* ---- the card ---- */

static hooke_status read_section(const struct json **out, struct search *s, struct arena *a, const char *key)
{
    const char *begin;
    size_t n;
    const struct json *section;
    if (!card_section(s->card.data, s->card.n, key, &begin, &n)) return HOOKE_OK;
    hooke_status st = yaml_parse(&section, a, begin, n, "README.md");
    if (st != HOOKE_OK) return fail_within(st, "%s", s->what);
    *out = json_get(section, key);
    return HOOKE_OK;
}

static hooke_status read_card(struct search *s, struct arena *a)
{
    hooke_text path = { 0 };
    hooke_status st = path_join(&path, s->root.data, "README.md");
    if (st == HOOKE_OK && file_exists(path.data)) {
        st = file_read(&s->card, path.data, CARD_MAX_BYTES);
        if (st == HOOKE_OK) st = read_section(&s->configs, s, a, "configs");
        if (st == HOOKE_OK) st = read_section(&s->info, s, a, "dataset_info");
    }
    hooke_text_release(&path);
    return st;
}

static const char *word(const struct json *o, const char *key)
{
    const struct json *v = json_get(o, key);
    return v && v->kind == JSON_STRING ? v->as.string.bytes : NULL;
}

/* The one of that name in a list of configurations, or the single one itself. NULL: none. */
static const struct json *named(const struct json *list, const char *name)
{
    if (!list || list->kind == JSON_OBJECT) {
        const char *own = list ? word(list, "config_name") : NULL;
        return list && (!own || !name || strcmp(own, name) == 0) ? list : NULL;
    }
    for (const struct json *c = list->kind == JSON_ARRAY ? list->as.list.first : NULL; c; c = c->next) {
        const char *own = word(c, "config_name");
        if (name && own && strcmp(own, name) == 0) return c;
    }
    return NULL;
}

static const struct json *default_config(const struct json *list)
{
    if (list->kind != JSON_ARRAY) return list;
    for (const struct json *c = list->as.list.first; c; c = c->next) {
        const struct json *is_default = json_get(c, "default");
        if (is_default && is_default->kind == JSON_BOOL && is_default->as.boolean) return c;
    }
    return list->as.list.n == 1 ? list->as.list.first : named(list, "default");
}

static hooke_status no_config(const struct search *s)
{
    hooke_text names = { 0 };
    hooke_status st = text_append(&names, "", 0);
    for (const struct json *c = s->configs->kind == JSON_ARRAY ? s->configs->as.list.first : s->configs;
         st == HOOKE_OK && c && names.n < 400; c = c->next)
        st = text_printf(&names, "%s%.80s", names.n ? ", " : "",
                         word(c, "config_name") ? word(c, "config_name") : "?");
    if (st == HOOKE_OK)
        st = s->options->config
                 ? fail(HOOKE_E_NOT_FOUND, "data set %s has no configuration '%s'; there are: %s", s->what,
                        s->options->config, names.data)
                 : fail(HOOKE_E_ARGUMENT, "data set %s has several configurations, name one: %s", s->what,
                        names.data);
    hooke_text_release(&names);
    return st;
}

static hooke_status choose_config(struct search *s, struct split_files *out)
{
    const char *name = s->options->config;
    if (s->configs && s->configs->kind != JSON_NULL && !s->options->files) {
        s->config = name ? named(s->configs, name) : default_config(s->configs);
        if (!s->config) return no_config(s);
        if (!name) name = word(s->config, "config_name");
    }
    const struct json *info = named(s->info, name);
    const struct json *features = info ? json_get(info, "features") : NULL;
    if (features && features->kind == JSON_ARRAY) out->features = features;
    return HOOKE_OK;
}

/* ---- which files ---- */

/* Joins folder and pattern; those of cards may begin with "./", a folder may be "." and end in '/'. */
static bool full_pattern(char *out, const char *folder, const char *pattern)
{
    if (!folder || strcmp(folder, ".") == 0) folder = "";
    if (strncmp(pattern, "./", 2) == 0) pattern += 2;
    if (strncmp(folder, "./", 2) == 0) folder += 2;
    int length = (int)strnlen(folder, PATTERN_MAX);
    while (length > 0 && folder[length - 1] == '/') length--;
    int n = snprintf(out, PATTERN_MAX, "%.*s%s%s", length, folder, length ? "/" : "", pattern);
    return n > 0 && n < PATTERN_MAX;
}

static bool is_data_file(const char *path)
{
    static const char *const about[] = { "dataset_infos.json", "dataset_info.json", "config.json",
                                         "dataset_dict.json", "state.json" };
    enum source_kind packed;
    const char *name = strrchr(path, '/'), *dot;
    name = name ? name + 1 : path;
    if (row_format_of(path, &packed) != ROWS_PLAIN) {
        for (size_t i = 0; i < sizeof about / sizeof *about; i++)
            if (strcmp(name, about[i]) == 0) return false;
        return true;
    }
    dot = strstr(name, ".txt");
    return dot && (dot[4] == '\0' || dot[4] == '.');
}

/* Marks files that the pattern chooses; returns how many it does. */
static size_t mark(const struct search *s, bool *chosen, const char *folder, const char *pattern)
{
    char full[PATTERN_MAX];
    size_t n = 0;
    if (!full_pattern(full, folder, pattern)) return 0;
    for (size_t i = 0; i < s->folder.n; i++) {
        if (!is_data_file(s->folder.paths[i]) || !path_matches(full, s->folder.paths[i])) continue;
        if (chosen) chosen[i] = true;
        n++;
    }
    return n;
}

struct split_words {
    const char *split, *words[5];
};
static const struct split_words split_words[] = { { "train", { "train", "training" } },
                                                  { "validation", { "validation", "valid", "dev", "val" } },
                                                  { "test", { "test", "testing", "eval", "evaluation" } } };
enum { N_SPLITS = sizeof split_words / sizeof *split_words };
#define SEPARATORS "[-._ 0-9]"
static const char *const by_folder[] = { "**/%s/**", "**/%s" SEPARATORS "*/**", "**/*" SEPARATORS "%s/**",
                                         "**/*" SEPARATORS "%s" SEPARATORS "*/**" };
static const char *const by_name[] = { "**/%s" SEPARATORS "*", "**/*" SEPARATORS "%s" SEPARATORS "*" };

/* Puts the word where the pattern has "%s". */
static void fill_in(char *out, const char *pattern, const char *with)
{
    const char *hole = strstr(pattern, "%s");
    snprintf(out, PATTERN_MAX, "%.*s%s%s", (int)(hole - pattern), pattern, with, hole + 2);
}

static size_t mark_split(const struct search *s, bool *chosen, const char *folder,
                         const struct split_words *w, const char *const *patterns, size_t n_patterns)
{
    char pattern[PATTERN_MAX];
    size_t n = 0;
    for (int i = 0; i < 5 && w->words[i]; i++)
        for (size_t k = 0; k < n_patterns; k++) {
            fill_in(pattern, patterns[k], w->words[i]);
            n += mark(s, chosen, folder, pattern);
        }
    return n;
}

/* What datasets' save_to_disk leaves. */
static bool has_arrow_files(const struct search *s)
{
    for (size_t i = 0; i < s->folder.n; i++) {
        size_t n = strlen(s->folder.paths[i]);
        if (n > 6 && strcmp(s->folder.paths[i] + n - 6, ".arrow") == 0) return true;
    }
    return false;
}

static hooke_status no_split(const struct search *s, const char *there)
{
    RETURN_IF(!there[0] && has_arrow_files(s), HOOKE_E_UNSUPPORTED,
              "data set %s is Arrow files (save_to_disk), which are not read; write Parquet: to_parquet()",
              s->what);
    return fail(HOOKE_E_NOT_FOUND, "data set %s has no split '%s'; there are: %s", s->what, s->split,
                there[0] ? there : "none (no file that can be read)");
}

static void add_word(char *list, size_t capacity, const char *one, size_t n)
{
    size_t at = strlen(list);
    if (n < 64) snprintf(list + at, capacity - at, "%s%.*s", at ? ", " : "", (int)n, one);
}

/* data/SPLIT-00000-of-00002-HASH.parquet. *any: the data set is laid out so. */
static size_t mark_numbered(const struct search *s, bool *chosen, const char *folder, char *there,
                            size_t capacity)
{
    char pattern[PATTERN_MAX], before[256] = "";
    const char *digits = "-[0-9][0-9][0-9][0-9][0-9]-of-[0-9][0-9][0-9][0-9][0-9]*.*";
    size_t n = 0;
    if (!full_pattern(pattern, folder, "data/*")) return 0;
    snprintf(pattern + strlen(pattern), PATTERN_MAX - strlen(pattern), "%s", digits);
    for (size_t i = 0; i < s->folder.n; i++) {
        const char *path = s->folder.paths[i], *name = strrchr(path, '/');
        if (!name || !is_data_file(path) || !path_matches(pattern, path)) continue;
        const char *end = strstr(++name, "-of-");
        size_t length = end && end - name > 6 ? (size_t)(end - name) - 6 : 0;
        if (length == strlen(s->split) && memcmp(name, s->split, length) == 0) {
            chosen[i] = true;
            n++;
        }
        if (strlen(before) != length || memcmp(before, name, length) != 0)
            add_word(there, capacity, name, length);
        snprintf(before, sizeof before, "%.*s", (int)(length < 255 ? length : 255), name);
    }
    return n;
}

static hooke_status mark_by_names(const struct search *s, bool *chosen, const char *folder)
{
    char there[512] = "";
    if (mark_numbered(s, chosen, folder, there, sizeof there)) return HOOKE_OK;
    if (there[0]) return no_split(s, there);
    for (int how = 0; how < 2; how++) {
        bool found = false;
        for (int i = 0; i < N_SPLITS; i++) {
            bool is_it = strcmp(split_words[i].split, s->split) == 0;
            size_t n =
                mark_split(s, is_it ? chosen : NULL, folder, &split_words[i], how ? by_name : by_folder,
                           how ? sizeof by_name / sizeof *by_name : sizeof by_folder / sizeof *by_folder);
            if (n) add_word(there, sizeof there, split_words[i].split, strlen(split_words[i].split));
            found |= n && is_it;
        }
        if (found) return HOOKE_OK;
        if (there[0]) return no_split(s, there);
    }
    if (strcmp(s->split, "train") == 0 && mark(s, chosen, folder, "**")) return HOOKE_OK;
    return no_split(s, mark(s, NULL, folder, "**") ? "train" : "");
}

static size_t mark_paths(const struct search *s, bool *chosen, const char *folder, const struct json *paths)
{
    size_t n = 0;
    if (!paths) return 0;
    if (paths->kind == JSON_STRING) return mark(s, chosen, folder, paths->as.string.bytes);
    for (const struct json *p = paths->kind == JSON_ARRAY ? paths->as.list.first : NULL; p; p = p->next)
        if (p->kind == JSON_STRING) n += mark(s, chosen, folder, p->as.string.bytes);
    return n;
}

/* data_files: a pattern or patterns (train), a list of {split, path}, or {split: pattern or patterns} */
static hooke_status mark_by_card(const struct search *s, bool *chosen, const struct json *data_files)
{
    const char *folder = word(s->config, "data_dir");
    char there[512] = "";
    const struct json *first =
        data_files->kind == JSON_ARRAY || data_files->kind == JSON_OBJECT ? data_files->as.list.first : NULL;
    bool has_splits = first && (data_files->kind == JSON_OBJECT || first->kind == JSON_OBJECT);
    bool is_there = false;
    size_t n = 0;
    if (!has_splits) {
        is_there = strcmp(s->split, "train") == 0;
        if (is_there) n = mark_paths(s, chosen, folder, data_files);
        add_word(there, sizeof there, "train", 5);
    }
    for (const struct json *e = has_splits ? first : NULL; e; e = e->next) {
        const char *split = data_files->kind == JSON_OBJECT ? e->key : word(e, "split");
        if (!split) continue;
        add_word(there, sizeof there, split, strlen(split));
        if (strcmp(split, s->split) != 0) continue;
        is_there = true;
        n += mark_paths(s, chosen, folder, data_files->kind == JSON_OBJECT ? e : json_get(e, "path"));
    }
    if (!is_there) return no_split(s, there);
    RETURN_IF(n == 0, HOOKE_E_NOT_FOUND, "data set %s: the files of split '%s' are not here (in %s)", s->what,
              s->split, s->root.data);
    return HOOKE_OK;
}

static hooke_status mark_files(const struct search *s, bool *chosen)
{
    const char *pattern = s->options->files;
    if (pattern) {
        RETURN_IF(mark(s, chosen, NULL, pattern) == 0, HOOKE_E_NOT_FOUND,
                  "data set %s has no file '%s' (in %s)", s->what, pattern, s->root.data);
        return HOOKE_OK;
    }
    const struct json *data_files = json_get(s->config, "data_files");
    if (!json_is_null(data_files)) return mark_by_card(s, chosen, data_files);
    const char *folder = word(s->config, "data_dir"), *named = s->config ? NULL : s->options->config;
    RETURN_IF(
        named && !mark(s, NULL, named, "**"), HOOKE_E_NOT_FOUND,
        "data set %s has no configuration '%s': its card names none, and no folder of that name has files",
        s->what, named);
    return mark_by_names(s, chosen, folder ? folder : named); /* without a card a configuration is a folder */
}

/* ---- the list ---- */

/* One format only: the most frequent, Parquet and then the earlier in the enum where two are as frequent. */
static enum row_format common_format(const struct search *s, const bool *chosen)
{
    size_t counts[ROWS_PARQUET + 1] = { 0 };
    enum source_kind packed;
    int best = ROWS_PARQUET;
    for (size_t i = 0; i < s->folder.n; i++)
        if (chosen[i]) counts[row_format_of(s->folder.paths[i], &packed)]++;
    for (int f = 0; f < ROWS_PARQUET; f++)
        if (counts[f] > counts[best]) best = f;
    return (enum row_format)best;
}

static hooke_status list_files(struct split_files *out, const struct search *s, const bool *chosen)
{
    enum row_format format = common_format(s, chosen);
    enum source_kind packed;
    for (size_t i = 0; i < s->folder.n; i++) {
        if (!chosen[i] || row_format_of(s->folder.paths[i], &packed) != format) continue;
        RETURN_IF_ERROR(text_append(&out->paths.text, s->root.data, s->root.n));
        RETURN_IF_ERROR(text_puts(&out->paths.text, "/"));
        RETURN_IF_ERROR(pieces_add(&out->paths, s->folder.paths[i], strlen(s->folder.paths[i]) + 1));
    }
    return HOOKE_OK;
}

static hooke_status search_folder(struct split_files *out, struct search *s)
{
    void *chosen = NULL;
    RETURN_IF_ERROR(find_root(s));
    RETURN_IF_ERROR(folder_list(&s->folder, s->root.data));
    RETURN_IF_ERROR(read_card(s, &out->arena));
    RETURN_IF_ERROR(choose_config(s, out));
    RETURN_IF_ERROR(mem_take(&chosen, s->folder.n, sizeof(bool), "files of a data set"));
    hooke_status st = mark_files(s, chosen);
    if (st == HOOKE_OK) st = list_files(out, s, chosen);
    mem_free(chosen);
    return st;
}

hooke_status split_files_find(struct split_files *out, const char *what, const hooke_rows_options *options)
{
    struct search s = { .what = what,
                        .options = options,
                        .split = options->split ? options->split : "train" };
    *out = (struct split_files){ 0 };
    RETURN_IF(!is_data_set(what) && (options->split || options->config || options->files), HOOKE_E_ARGUMENT,
              "%s: splits and configurations are a data set's (a folder, hf:ORG/NAME), and this is one file",
              what);
    if (!is_data_set(what)) return pieces_add(&out->paths, what, strlen(what) + 1);
    hooke_status st = search_folder(out, &s);
    hooke_text_release(&s.root);
    hooke_text_release(&s.card);
    folder_release(&s.folder);
    if (st != HOOKE_OK) split_files_release(out);
    return st;
}

void split_files_release(struct split_files *f)
{
    pieces_release(&f->paths);
    arena_release(&f->arena);
    *f = (struct split_files){ 0 };
}
