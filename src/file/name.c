/* name.c: from what a user pastes to what it names. The spellings are tried in this order, the first that fits decides:
 *
 *   a shipped name (micro); an existing path; hf:...; an address (https://...); RELEASE/SAE_ID; MODEL/SOURCE[/INDEX]; a model's
 *   short name; ORG/NAME[/PATH][@REVISION]
 *
 * Opening a name needs neither cache nor network; locating it looks into the hub cache. */
#include "file/name.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "file/hub.h"
#include "file/json.h"

/* ---- filling in ---- */

static hooke_status decimal(double *out, const char *text, double fallback)
{
    struct arena a = { 0 };
    const struct json *v = NULL;
    *out = fallback;
    if (!text[0]) return HOOKE_OK;
    hooke_status st = json_parse(&v, &a, text, strlen(text), 0, "registry");
    if (st == HOOKE_OK) *out = v->kind == JSON_INT ? (double)v->as.integer : v->as.real;
    arena_release(&a);
    return st;
}

void name_use_row(struct hooke_name *n, const struct registry_row *row)
{
    n->row = *row;
    memcpy(n->place.repo, row->repo, sizeof row->repo);
    memcpy(n->place.file, row->path, sizeof row->path);
    if (!n->place.revision[0]) memcpy(n->place.revision, "main", sizeof "main");
}

/* Cuts a file's path to what a registry row may call it: its folder; Llama Scope's weights lie a folder deeper, and a cross-layer
 * transcoder is a number: W_enc_<L>.safetensors, W_dec_<L>.safetensors. False: there is nothing to cut. */
static bool cut_to_row(char *file)
{
    static const char inner[] = "/checkpoints/final.safetensors", *const layers[] = { "W_enc_", "W_dec_" };
    size_t n = strlen(file), m = sizeof inner - 1;
    if (n > m && strcmp(file + n - m, inner) == 0) return file[n - m] = '\0', true;
    for (size_t i = 0; i < 2; i++) {
        size_t digits = strncmp(file, layers[i], 6) == 0 ? strspn(file + 6, "0123456789") : 0;
        if (digits == 0 || strcmp(file + 6 + digits, ".safetensors") != 0) continue;
        memmove(file, file + 6, digits);
        file[digits] = '\0';
        return true;
    }
    char *slash = strrchr(file, '/');
    if (slash) *slash = '\0';
    return slash != NULL;
}

/* What the registry knows about a place, when the place is a dictionary's folder or a file in it. */
static void find_row_of_place(struct hooke_name *n)
{
    struct registry_row row, also;
    char cut[NAME_FILE_BYTES];
    if (!registry_find_file(&row, &also, n->place.repo, n->place.file)) {
        memcpy(cut, n->place.file, sizeof cut);
        if (!cut_to_row(cut) || !registry_find_file(&row, &also, n->place.repo, cut)) return;
        memcpy(n->asked, n->place.file, sizeof n->asked);
    }
    name_use_row(n, &row);
}

/* Other names of the row's file. */
static void find_twin(struct hooke_name *n)
{
    struct registry_row first, second;
    n->also[0] = '\0';
    if (!n->row.release[0] || !registry_find_file(&first, &second, n->row.repo, n->row.path)) return;
    bool is_first = strcmp(first.release, n->row.release) == 0 && strcmp(first.sae_id, n->row.sae_id) == 0;
    const struct registry_row *other = is_first ? &second : &first;
    if (other->release[0]) snprintf(n->also, sizeof n->also, "%s/%s", other->release, other->sae_id);
}

hooke_status name_finish(struct hooke_name *n, const char *kind, const char *spelling)
{
    hooke_name_info *i = &n->info;
    i->what = n->what;
    i->kind = kind;
    i->spelling = spelling;
    i->path = n->path.data ? n->path.data : "";
    i->repo = n->place.repo;
    i->file = n->place.file;
    i->revision = n->place.revision;
    i->commit = n->commit;
    i->release = n->row.release;
    i->sae_id = n->row.sae_id;
    i->also = n->also;
    i->neuronpedia = n->row.neuronpedia;
    i->config_overrides = n->row.config_overrides;
    i->model = strcmp(kind, "model") == 0 ? n->place.repo : n->row.model;
    n->format = strcmp(kind, "dict") != 0 ? ""
                : n->row.release[0]       ? n->row.format
                                          : name_guess_format(n->place.repo);
    i->format = n->format;
    i->layer = -1;
    i->site = "";
    RETURN_IF_ERROR(decimal(&i->norm_scaling_factor, n->row.norm_scaling_factor, 0.0));
    RETURN_IF_ERROR(decimal(&i->l0, n->row.l0, (double)NAN));
    RETURN_IF_ERROR(decimal(&i->variance_explained, n->row.variance_explained, (double)NAN));
    if (strcmp(kind, "dict") == 0) name_read_facts(n);
    return name_list_files(n);
}

/* ---- one spelling each ---- */

/* Cuts "@REVISION" off a name in place. */
static hooke_status take_revision(struct hooke_name *n, char *name)
{
    char *at = strrchr(name, '@');
    memcpy(n->place.revision, "main", sizeof "main");
    if (!at) return HOOKE_OK;
    RETURN_IF(!at[1] || strlen(at + 1) >= sizeof n->place.revision, HOOKE_E_ARGUMENT,
              "'%.200s': no revision behind '@'", n->what);
    memcpy(n->place.revision, at + 1, strlen(at + 1) + 1);
    *at = '\0';
    return HOOKE_OK;
}

static bool find_release(char *out, size_t capacity, const char *what)
{
    struct registry_cursor c = { .all = true };
    size_t n = strcspn(what, "/:@");
    if (n == 0 || n >= capacity) return false;
    memcpy(out, what, n);
    out[n] = '\0';
    while (registry_next_release(&c))
        if (strcmp(c.row.release, out) == 0) return true;
    return name_rule_ids(out) != NULL;
}

/* RELEASE/SAE_ID, or RELEASE:SAE_ID. A canonical id is also found through the release it was chosen from. */
static hooke_status open_registry(struct hooke_name *n, const char *release)
{
    struct registry_row row;
    char name[NAME_WHAT_BYTES], canonical[80];
    memcpy(name, n->what, sizeof name);
    RETURN_IF_ERROR(take_revision(n, name));
    RETURN_IF(strchr(n->place.revision, '/') && strncmp(n->place.revision, "refs/", 5) != 0, HOOKE_E_ARGUMENT,
              "'%.200s': '@' stands before a revision, and that at the end; write RELEASE/SAE_ID@REVISION",
              n->what);
    size_t k = strlen(release), end = strlen(name);
    while (end > k && name[end - 1] == '/') name[--end] = '\0';
    const char *id = name[k] ? name + k + 1 : "";
    snprintf(canonical, sizeof canonical, "%.60s-canonical", release);
    const char *rule = name_rule_ids(release);
    if (rule && !name_apply_rule(&row, release, id)) return name_explain_rule(release, id);
    if (!rule && !registry_find(&row, release, k, id) &&
        !registry_find(&row, canonical, strlen(canonical), id))
        return name_explain_id(release, id);
    name_use_row(n, &row);
    find_twin(n);
    return name_finish(n, "dict", "registry");
}

/* MODEL/SOURCE or MODEL/SOURCE/INDEX. *st is set when the model is one of Neuronpedia's. */
static bool open_neuronpedia(struct hooke_name *n, const char *what, bool is_address, hooke_status *st)
{
    struct registry_row row;
    char id[NAME_WHAT_BYTES];
    char *source, *index;
    snprintf(id, sizeof id, "%s", what);
    size_t model = strcspn(id, "/");
    if (!is_address && !name_is_neuronpedia_model(id, model))
        return (*st = name_explain_model_of_source(id)) != HOOKE_OK;
    n->info.feature = -1;
    if ((*st = take_revision(n, id)) != HOOKE_OK) return true;
    source = id[model] ? id + model + 1 : id + model;
    index = strchr(source, '/');
    if (index) {
        size_t digits = strspn(index + 1, "0123456789");
        if (digits == 0 || digits > 9 || index[1 + digits]) {
            *st = fail(HOOKE_E_ARGUMENT, "'%.200s': the part behind MODEL/SOURCE/ is a feature's number",
                       n->what);
            return true;
        }
        n->info.feature = strtol(index + 1, NULL, 10);
        *index = '\0';
    }
    if (!registry_find_neuronpedia(&row, id)) {
        *st = name_explain_source(id);
        return true;
    }
    name_use_row(n, &row);
    find_twin(n);
    *st = name_finish(n, "dict", "neuronpedia");
    return true;
}

/* A repository of the registry without a path means its dictionary, if that is the only one; else say what is in it. */
static hooke_status take_only_row(struct hooke_name *n)
{
    struct registry_cursor c = { .all = true };
    struct registry_row first = { .release = "" };
    bool is_listed = true;
    int n_rows = 0;
    while (registry_next(&c)) {
        if (strcmp(c.row.repo, n->place.repo) != 0 || n_rows++ > 0) continue;
        first = c.row;
        is_listed = registry_is_listed(&c);
    }
    if (n_rows == 1) name_use_row(n, &first);
    if (n_rows < 2) return HOOKE_OK;
    return fail(HOOKE_E_NOT_FOUND,
                "repository '%s' holds %d dictionaries; name one, e.g. %s/%s; 'hooke %s %s' lists them",
                n->place.repo, n_rows, first.release, first.sae_id, is_listed ? "ls" : "info", first.release);
}

/* The hub does not tell capitals apart, the cache's folders do: known repositories get the spelling of their owner. */
static void use_known_spelling(char *repo, size_t capacity)
{
    struct registry_cursor c = { .all = true };
    const char *known;
    for (int i = 0; (known = model_known(i)) != NULL; i++)
        if (strcasecmp(known, repo) == 0) snprintf(repo, capacity, "%s", known);
    while (registry_next_release(&c))
        if (strcasecmp(c.row.repo, repo) == 0) memcpy(repo, c.row.repo, sizeof c.row.repo);
}

/* What was asked for as one kind and is known as the other. */
static hooke_status refuse_kind(const char *what, const char *kind)
{
    bool is_model = strcmp(kind, "model") == 0;
    return fail(HOOKE_E_NOT_FOUND, "'%.200s' is a %s, not a %s; give it with -%c", what,
                is_model ? "dictionary" : "model", is_model ? "model" : "dictionary", is_model ? 'd' : 'm');
}

static bool is_dict_repository(const char *repo)
{
    struct registry_cursor c = { .all = true };
    while (registry_next_release(&c))
        if (strcmp(c.row.repo, repo) == 0) return true;
    return false;
}

/* A place on the hub, already split. */
static hooke_status open_place(struct hooke_name *n, const char *kind)
{
    const char *near;
    use_known_spelling(n->place.repo, sizeof n->place.repo);
    bool is_known_model = !n->place.file[0] && model_repository(n->place.repo, &near) != NULL;
    if (kind && (strcmp(kind, "model") == 0 ? is_dict_repository(n->place.repo) : is_known_model))
        return refuse_kind(n->what, kind);
    bool is_model = kind ? strcmp(kind, "model") == 0 : false;
    if (!is_model) find_row_of_place(n);
    if (!kind) /* a whole repository that no list knows is more often a model */
        is_model = !n->row.release[0] && !n->place.file[0] &&
                   (is_known_model || !name_guess_format(n->place.repo)[0]);
    if (!n->place.file[0] && !n->row.release[0] && (!kind || !is_model)) RETURN_IF_ERROR(take_only_row(n));
    if (n->row.release[0]) is_model = false;
    find_twin(n);
    return name_finish(n, is_model ? "model" : "dict", "hub");
}

static hooke_status open_hub(struct hooke_name *n, const char *what, const char *kind)
{
    RETURN_IF_ERROR(name_split_hub(&n->place, what));
    return open_place(n, kind);
}

/* revision: "" for the main branch. */
static hooke_status open_model_repo(struct hooke_name *n, const char *repo, const char *revision)
{
    RETURN_IF_ERROR(name_split_hub(&n->place, repo));
    if (revision[0]) snprintf(n->place.revision, sizeof n->place.revision, "%s", revision);
    return name_finish(n, "model", "short name");
}

/* "models--ORG--NAME/snapshots/COMMIT/FILE" at mark: fills place and commit. False if it is none. */
static bool read_cache_path(struct hooke_name *n, const char *mark)
{
    const char *name = mark + strlen("models--"), *end = strstr(name, "/snapshots/"),
               *two = strstr(name, "--");
    struct name_place *p = &n->place;
    if (!end || end == name || (size_t)(end - name) >= sizeof p->repo) return false;
    const char *commit = end + strlen("/snapshots/");
    size_t digits = strspn(commit, "0123456789abcdef");
    if (digits != 40 || (commit[40] && commit[40] != '/')) return false;
    if (two && two < end)
        snprintf(p->repo, sizeof p->repo, "%.*s/%.*s", (int)(two - name), name, (int)(end - two - 2),
                 two + 2);
    else
        snprintf(p->repo, sizeof p->repo, "%.*s", (int)(end - name), name);
    snprintf(n->commit, sizeof n->commit, "%.40s", commit);
    snprintf(p->revision, sizeof p->revision, "%.40s", commit);
    int written = snprintf(p->file, sizeof p->file, "%s", commit[40] ? commit + 41 : "");
    if (written < 0 || (size_t)written >= sizeof p->file) return false;
    for (size_t k = strlen(p->file); k && p->file[k - 1] == '/'; k--) p->file[k - 1] = '\0';
    return true;
}

/* An existing path. One inside the hub cache tells where it came from. */
static hooke_status open_path(struct hooke_name *n, const char *kind)
{
    const char *mark = strstr(n->what, "models--");
    RETURN_IF_ERROR(text_puts(&n->path, n->what));
    if (mark && !read_cache_path(n, mark)) memset(&n->place, 0, sizeof n->place);
    if (n->place.repo[0] && (!kind || strcmp(kind, "dict") == 0)) find_row_of_place(n);
    find_twin(n);
    return name_finish(n, kind ? kind : n->row.release[0] ? "dict" : "", "path");
}

/* hf:..., or hf://... as other tools write it. */
static hooke_status open_said_hub(struct hooke_name *n, const char *kind)
{
    char turned[NAME_WHAT_BYTES];
    const char *behind = name_behind_hf(n->what);
    if (behind[-1] != '/') return open_hub(n, behind, kind);
    name_turn_hf_address(turned, sizeof turned, behind);
    return open_hub(n, turned, kind);
}

static hooke_status open_address(struct hooke_name *n, const char *kind, enum name_address address)
{
    hooke_status st = HOOKE_OK;
    char id[NAME_FILE_BYTES];
    const char *near, *repo;
    /* ".../google" is an organisation's page; few repositories have no owner */
    RETURN_IF(address == ADDRESS_HUB && !strchr(n->place.repo, '/') &&
                  !model_repository(n->place.repo, &near),
              HOOKE_E_NOT_FOUND,
              "'%.200s' is no repository that is known here; an address goes on with ORG/NAME", n->what);
    if (address == ADDRESS_HUB) return open_place(n, kind);
    memcpy(id, n->place.file, sizeof id);
    memset(&n->place, 0, sizeof n->place);
    if (!strchr(id, '/')) {
        repo = model_repository(id, &near);
        if (repo && (!kind || strcmp(kind, "model") == 0)) return open_model_repo(n, repo, "");
        if (repo)
            return fail(HOOKE_E_NOT_FOUND,
                        "'%.200s' is the page of a model; a dictionary's is .../MODEL/SOURCE", n->what);
        return fail(HOOKE_E_NOT_FOUND,
                    "'%.200s' is the page of no model that is known here%s%s%s; a dictionary's is "
                    "https://www.neuronpedia.org/MODEL/SOURCE",
                    n->what, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    }
    if (kind && strcmp(kind, "model") == 0) return refuse_kind(n->what, kind);
    open_neuronpedia(n, id, true, &st);
    return st;
}

/* ---- all spellings ---- */

static hooke_status explain_model(const char *what, const char *near)
{
    hooke_text cache = { 0 };
    RETURN_IF_ERROR(hub_cache_folder(&cache));
    hooke_status st =
        fail(HOOKE_E_NOT_FOUND,
             "model '%.200s': no such path, and no name known here%s%s%s; give a folder with config.json and "
             "*.safetensors, 'micro', 'micro-neox', or a hub id that is in the cache %s",
             what, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "", cache.data);
    hooke_text_release(&cache);
    return st;
}

static hooke_status explain_dict(const char *what)
{
    char near[96];
    const char *close;
    if (model_repository(what, &close) || is_shipped(what, "model")) return refuse_kind(what, "dict");
    name_near_release(near, sizeof near, what);
    return fail(
        HOOKE_E_NOT_FOUND,
        "dictionary '%.200s': no such path, and no name known here%s%s%s; give a file or folder, 'micro', "
        "RELEASE/SAE_ID ('hooke ls' lists them), MODEL/SOURCE of Neuronpedia, or ORG/NAME/PATH of the hub",
        what, near[0] ? " (did you mean '" : "", near, near[0] ? "'?)" : "");
}

/* What can only be a path, and is not there. */
static bool is_path_spelling(const char *what)
{
    return what[0] == '/' || what[0] == '.' || what[0] == '~';
}

static hooke_status open_model(struct hooke_name *n, const char *kind)
{
    const char *near, *what = n->what;
    char name[NAME_WHAT_BYTES], revision[NAME_REVISION_BYTES] = "", release[64];
    memcpy(name, n->what, sizeof name);
    RETURN_IF_ERROR(take_revision(n, name));
    if (strchr(what, '@')) memcpy(revision, n->place.revision, sizeof revision);
    const char *repo = model_repository(name, &near);
    if (repo) return open_model_repo(n, repo, revision);
    if (is_shipped(what, "dict") || find_release(release, sizeof release, what) ||
        name_is_neuronpedia_source(name))
        return refuse_kind(what, "model");
    if (strchr(what, '/') && !is_path_spelling(what)) return open_hub(n, what, kind);
    return kind || near ? explain_model(what, near) : explain_dict(what);
}

static hooke_status open_dict(struct hooke_name *n, const char *kind)
{
    const char *what = n->what;
    char near[96];
    bool is_hub_id = strchr(what, '/') && !is_path_spelling(what) && what[strcspn(what, "/:")] == '/';
    if (!is_hub_id) return explain_dict(what);
    name_near_release(near, sizeof near, what);
    if (near[0]) return explain_dict(what);
    return open_hub(n, what, kind);
}

static hooke_status open_spelling(struct hooke_name *n, const char *kind)
{
    enum name_address address;
    char release[64];
    const char *what = n->what, *near;
    bool may_be_model = !kind || strcmp(kind, "model") == 0, may_be_dict = !kind || strcmp(kind, "dict") == 0;
    hooke_status st = HOOKE_OK;
    /* Before paths: 'hooke demo' in a folder that has a "micro" of its own still means the shipped one. */
    if (may_be_model && is_shipped(what, "model")) return name_finish(n, "model", "shipped");
    if (may_be_dict && is_shipped(what, "dict")) return name_finish(n, "dict", "shipped");
    if (access(what, F_OK) == 0) return open_path(n, kind);
    if (strcasecmp(what, "micro/") == 0 || strcasecmp(what, "micro-neox/") == 0 ||
        strcasecmp(what, "micro-sae/") == 0)
        return fail(HOOKE_E_NOT_FOUND, "'%s': no such folder; the shipped one is called without the slash",
                    what);
    if (name_behind_hf(what)) return open_said_hub(n, kind);
    RETURN_IF_ERROR(name_read_address(&address, &n->place, what));
    if (address != ADDRESS_NONE) return open_address(n, kind, address);
    if (may_be_dict && find_release(release, sizeof release, what)) return open_registry(n, release);
    if (may_be_dict && strchr(what, '/') && open_neuronpedia(n, what, false, &st)) return st;
    if (may_be_dict) RETURN_IF_ERROR(name_explain_bare_id(what));
    if (may_be_model && (!may_be_dict || model_repository(what, &near) || !strchr(what, '/')))
        return open_model(n, kind);
    return open_dict(n, kind);
}

#define BLANKS " \t\r\n" /* that are pasted along with a name */

/* Control characters could steer the terminal that a message is printed on, and no name has any. */
static hooke_status check_spelling(const char *what, const char *kind)
{
    size_t n = strlen(what);
    RETURN_IF(what[strspn(what, BLANKS)] == '\0', HOOKE_E_ARGUMENT, "an empty name for a %s",
              !kind                        ? "model or a dictionary"
              : strcmp(kind, "model") == 0 ? "model"
                                           : "dictionary");
    RETURN_IF(n >= NAME_WHAT_BYTES, HOOKE_E_ARGUMENT, "'%.60s...': a name of %zu bytes; the longest has %d",
              what, n, NAME_WHAT_BYTES - 1);
    while (strchr(BLANKS, what[n - 1])) n--;
    for (size_t i = strspn(what, BLANKS); i < n; i++)
        RETURN_IF((unsigned char)what[i] < 0x20 || what[i] == 0x7f, HOOKE_E_ARGUMENT,
                  "a name with the control character 0x%02x at byte %zu", (unsigned)(unsigned char)what[i],
                  i);
    return HOOKE_OK;
}

hooke_status hooke_name_open(hooke_name **out, const char *what, const char *kind)
{
    RETURN_IF(!out, HOOKE_E_ARGUMENT, "hooke_name_open: out is NULL");
    *out = NULL;
    RETURN_IF(!what, HOOKE_E_ARGUMENT, "hooke_name_open: the name is NULL");
    RETURN_IF(kind && strcmp(kind, "model") != 0 && strcmp(kind, "dict") != 0, HOOKE_E_ARGUMENT,
              "hooke_name_open: kind '%.40s' is not 'model' or 'dict'", kind);
    RETURN_IF_ERROR(check_spelling(what, kind));
    /* info.kind outlives the call: not the caller's string */
    if (kind) kind = strcmp(kind, "model") == 0 ? "model" : "dict";
    hooke_name *n = mem_alloc(1, sizeof *n);
    RETURN_IF(!n, HOOKE_E_MEMORY, "%.200s: out of memory", what);
    bool is_path = access(what, F_OK) == 0;
    size_t begin = is_path ? 0 : strspn(what, BLANKS), end = strlen(what);
    while (!is_path && strchr(BLANKS, what[end - 1])) end--;
    memcpy(n->what, what + begin, end - begin); /* the rest is zeros */
    n->info.feature = -1;
    hooke_status st = open_spelling(n, kind);
    if (st != HOOKE_OK) {
        hooke_name_close(n);
        return st;
    }
    *out = n;
    return HOOKE_OK;
}

void hooke_name_close(hooke_name *n)
{
    if (!n) return;
    hooke_text_release(&n->path);
    mem_free(n);
}

const hooke_name_info *hooke_name_get_info(const hooke_name *n)
{
    return n ? &n->info : NULL;
}
