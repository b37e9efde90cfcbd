/* name_near.c: what was probably meant. A name that is not known gets the nearest ones, and what there is instead where a layer or a
 * width is out of range. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "file/name.h"

enum { N_NEAR = 3, NAME_BYTES = 200, OTHER_LAYER = 4 };

/* The nearest few of the names offered, best first. */
struct near_list {
    char names[N_NEAR][NAME_BYTES];
    long scores[N_NEAR]; /* smaller is nearer */
    int n;
};

/* Capitals are no difference worth a letter. */
static const char *lowered(char *out, size_t capacity, const char *s)
{
    size_t n = 0;
    for (; s[n] && n + 1 < capacity; n++)
        out[n] = (char)(s[n] >= 'A' && s[n] <= 'Z' ? s[n] - 'A' + 'a' : s[n]);
    out[n] = '\0';
    return out;
}

static size_t bytes_before_last_number(const char *s)
{
    size_t n = strlen(s);
    while (n > 0 && s[n - 1] >= '0' && s[n - 1] <= '9') n--;
    return n;
}

static int layer_in(const char *id)
{
    const char *p = strstr(id, "layer_"), *q = strstr(id, "blocks.");
    const char *digits = p ? p + 6 : q ? q + 7 : id[0] == 'l' ? id + 1 : "";
    return *digits >= '0' && *digits <= '9' ? (int)strtol(digits, NULL, 10) : -1;
}

/* Names that differ in their last number only are nearest, the closer the number the nearer ("average_l0_70" and "..._71"); else
 * letters to change count, another layer as several, and at equal counts the longer common beginning wins. */
static long score(const char *wanted, const char *name)
{
    size_t a = bytes_before_last_number(wanted), b = bytes_before_last_number(name), common = 0;
    if (a == b && wanted[a] && name[b] && memcmp(wanted, name, a) == 0)
        return labs(strtol(wanted + a, NULL, 10) - strtol(name + b, NULL, 10)) - 1000000000L;
    while (wanted[common] && wanted[common] == name[common]) common++;
    int other_layer = layer_in(wanted) != layer_in(name) ? OTHER_LAYER : 0;
    return 256L * (edit_distance(wanted, name) + other_layer) - (long)common;
}

static void offer(struct near_list *l, const char *wanted, const char *name)
{
    char a[NAME_BYTES], b[NAME_BYTES];
    long s = score(lowered(a, sizeof a, wanted), lowered(b, sizeof b, name));
    int at = l->n;
    while (at > 0 && l->scores[at - 1] > s) at--;
    if (at == N_NEAR) return;
    if (l->n < N_NEAR) l->n++;
    for (int i = l->n - 1; i > at; i--) {
        memcpy(l->names[i], l->names[i - 1], NAME_BYTES);
        l->scores[i] = l->scores[i - 1];
    }
    snprintf(l->names[at], NAME_BYTES, "%s", name);
    l->scores[at] = s;
}

static hooke_status print_list(hooke_text *out, const struct near_list *l, const char *before)
{
    hooke_status st = HOOKE_OK;
    for (int i = 0; i < l->n && st == HOOKE_OK; i++)
        st = text_printf(out, "%s%s%s", i == 0 ? "" : i + 1 < l->n ? ", " : " or ", before, l->names[i]);
    return st;
}

/* ---- ids of a release ---- */

/* "16k" of ".../width_16k/..."; its length, 0: none. */
static size_t width_in(const char *id, const char **width)
{
    const char *p = strstr(id, "width_");
    *width = p ? p + 6 : "";
    return strcspn(*width, "/");
}

/* What a release offers, as far as the wanted id goes along with it. */
struct offer {
    int n_ids, n_inside, lowest, highest;
    bool has_layer, has_width, is_listed;
    char first[NAME_BYTES], inside[2 * NAME_BYTES], widths[NAME_BYTES];
    struct near_list near;
};

static void note_width(struct offer *o, const char *width, size_t n)
{
    char item[32];
    if (n == 0 || n > 16) return;
    snprintf(item, sizeof item, " %.*s", (int)n, width);
    size_t used = strlen(o->widths);
    const char *seen = strstr(o->widths, item);
    while (seen && seen[n + 1] && seen[n + 1] != ' ') seen = strstr(seen + 1, item);
    if (!seen && used + n + 2 < sizeof o->widths) memcpy(o->widths + used, item, n + 2);
}

static void note_id(struct offer *o, const char *wanted, const char *id)
{
    const char *width, *wanted_width;
    size_t n = strlen(wanted), width_bytes = width_in(id, &width),
           wanted_bytes = width_in(wanted, &wanted_width);
    int layer = layer_in(id), wanted_layer = layer_in(wanted);
    if (o->n_ids++ == 0) snprintf(o->first, sizeof o->first, "%s", id);
    if (layer >= 0 && (o->lowest < 0 || layer < o->lowest)) o->lowest = layer;
    if (layer > o->highest) o->highest = layer;
    if (layer == wanted_layer) {
        o->has_layer = true;
        note_width(o, width, width_bytes);
        if (width_bytes == wanted_bytes && memcmp(width, wanted_width, width_bytes) == 0) o->has_width = true;
    }
    if (n == 0 || (strncmp(id, wanted, n) == 0 && (id[n] == '/' || wanted[n - 1] == '/'))) {
        size_t used = strlen(o->inside);
        const char *rest = id + n + (id[n] == '/');
        if (o->n_inside++ < 8 && used + strlen(rest) + 3 < sizeof o->inside)
            snprintf(o->inside + used, sizeof o->inside - used, "%s%s", used ? ", " : "", rest);
    }
    offer(&o->near, wanted, id);
}

hooke_status name_explain_id(const char *release, const char *typed)
{
    struct registry_cursor c = { .all = true };
    struct offer o = { .lowest = -1, .highest = -1 };
    hooke_text near = { 0 };
    char small[NAME_BYTES];
    const char *width, *sae_id = lowered(small, sizeof small, typed);
    while (registry_next(&c)) {
        if (strcmp(c.row.release, release) != 0) continue;
        o.is_listed = registry_is_listed(&c);
        note_id(&o, sae_id, c.row.sae_id);
    }
    size_t width_bytes = width_in(sae_id, &width);
    int layer = layer_in(sae_id);
    hooke_status st = HOOKE_E_NOT_FOUND;
    if (!sae_id[0] && o.is_listed)
        return fail(st, "release '%s' holds %d dictionaries; name one, e.g. %s/%s; 'hooke ls %s' lists them",
                    release, o.n_ids, release, o.first, release);
    if (!sae_id[0])
        return fail(st, "release '%s' holds %d dictionar%s; name one, e.g. %s/%s; its ids: %s", release,
                    o.n_ids, o.n_ids == 1 ? "y" : "ies", release, o.first, o.inside);
    if (o.n_inside)
        return fail(st, "release '%s' holds %d dictionaries below '%.100s'; add one of: %s", release,
                    o.n_inside, sae_id, o.inside);
    if (print_list(&near, &o.near, "") != HOOKE_OK) text_clear(&near);
    bool knows_layer = layer >= 0 && o.highest >= 0;
    if (knows_layer && !o.has_layer)
        st = fail(st, "release '%s' has no layer %d: its layers are %d to %d; nearest: %s", release, layer,
                  o.lowest, o.highest, near.n ? near.data : "none");
    else if (knows_layer && width_bytes && o.widths[0] && !o.has_width)
        st = fail(st, "release '%s' has no width %.*s at layer %d, only%s; nearest: %s", release,
                  (int)width_bytes, width, layer, o.widths, near.n ? near.data : "none");
    else
        st = fail(st, "release '%s' has no dictionary '%.100s'; did you mean %s?", release, typed,
                  near.n ? near.data : "another release");
    hooke_text_release(&near);
    return st;
}

/* ---- releases and models ---- */

static size_t first_part(const char *what)
{
    return strcspn(what, "/:@ ,%");
}

static void offer_release(char *out, size_t capacity, int *nearest, const char *wanted, const char *release)
{
    char small[NAME_BYTES];
    int distance = edit_distance(wanted, lowered(small, sizeof small, release));
    if (distance > *nearest || (distance == *nearest && out[0])) return;
    snprintf(out, capacity, "%s", release);
    *nearest = distance;
}

void name_near_release(char *out, size_t capacity, const char *what)
{
    struct registry_cursor c = { .all = true };
    char wanted[NAME_BYTES], rule[64];
    size_t n = first_part(what);
    int nearest = n / 8 > 2 ? (int)(n / 8) : 2;
    out[0] = '\0';
    if (n < 4 || n >= sizeof wanted) return;
    lowered(wanted, n + 1, what);
    while (registry_next_release(&c)) offer_release(out, capacity, &nearest, wanted, c.row.release);
    for (int i = 0; name_rule_release(rule, sizeof rule, i); i++)
        offer_release(out, capacity, &nearest, wanted, rule);
}

hooke_status name_explain_bare_id(const char *id)
{
    enum { MOST_NAMED = 4 };
    struct registry_cursor c = { .all = true };
    hooke_text releases = { 0 };
    hooke_status st = HOOKE_OK;
    char first[64] = "";
    int n = 0;
    while (st == HOOKE_OK && registry_next(&c)) {
        if (strcmp(c.row.sae_id, id) != 0) continue;
        if (n == 0) memcpy(first, c.row.release, sizeof first);
        if (n++ < MOST_NAMED) st = text_printf(&releases, "%s%s", n > 1 ? ", " : "", c.row.release);
    }
    if (st == HOOKE_OK && n > 0)
        st = fail(
            HOOKE_E_NOT_FOUND,
            "'%.200s' is the id of a dictionary in %d release%s (%s%s); write RELEASE/SAE_ID, e.g. %s/%s", id,
            n, n > 1 ? "s" : "", releases.data, n > MOST_NAMED ? ", ..." : "", first, id);
    hooke_text_release(&releases);
    return st;
}

bool name_is_neuronpedia_model(const char *model, size_t n)
{
    struct registry_cursor c = { .all = true };
    while (registry_next(&c))
        if (strncasecmp(c.row.neuronpedia, model, n) == 0 && c.row.neuronpedia[n] == '/') return true;
    return false;
}

hooke_status name_explain_folder(const struct name_place *p)
{
    struct registry_cursor c = { .all = true };
    struct registry_row first = { .release = "" };
    size_t n = strlen(p->file);
    int n_below = 0;
    while (registry_next(&c)) {
        bool is_below =
            strcmp(c.row.repo, p->repo) == 0 && strncmp(c.row.path, p->file, n) == 0 && c.row.path[n] == '/';
        if (is_below && n_below == 0) first = c.row;
        n_below +=
            is_below && strcmp(c.row.release, first.release) == 0; /* canonical names are the same files */
    }
    if (n_below == 0) return HOOKE_OK;
    hooke_text why = { 0 }; /* of the search that failed */
    RETURN_IF_ERROR(text_puts(&why, hooke_error()));
    hooke_status st =
        fail(HOOKE_E_NOT_FOUND, "%s; '%s' is a folder with %d dictionaries in it: name one, e.g. %s/%s",
             why.data, p->file, n_below, first.release, first.sae_id);
    hooke_text_release(&why);
    return st;
}

bool name_is_neuronpedia_source(const char *id)
{
    struct registry_cursor c = { .all = true };
    while (registry_next(&c)) {
        size_t n = strlen(c.row.neuronpedia);
        if (n && strncasecmp(c.row.neuronpedia, id, n) == 0 && (!id[n] || id[n] == '/')) return true;
    }
    return false;
}

hooke_status name_explain_model_of_source(const char *id)
{
    struct registry_cursor c = { .all = true };
    char model[NAME_BYTES], theirs[NAME_BYTES];
    const char *near;
    size_t n = first_part(id), source = n + 1 + strcspn(id + n + (id[n] != '\0'), "/@");
    if (id[n] != '/' || n >= sizeof model) return HOOKE_OK;
    lowered(model, n + 1, id);
    const char *repo = model_repository(model, &near);
    while (repo && registry_next(&c)) {
        size_t k = first_part(c.row.neuronpedia);
        if (!c.row.neuronpedia[0] || strlen(c.row.neuronpedia) - k != source - n ||
            strncasecmp(c.row.neuronpedia + k, id + n, source - n) != 0)
            continue;
        lowered(theirs, k + 1, c.row.neuronpedia);
        if (model_repository(theirs, &near) == repo)
            return fail(HOOKE_E_NOT_FOUND, "'%.200s': Neuronpedia calls that model '%s'; write %s%s", id,
                        theirs, c.row.neuronpedia, id + source);
    }
    return HOOKE_OK;
}

hooke_status name_explain_source(const char *id)
{
    struct registry_cursor c = { .all = true };
    struct near_list near = { .n = 0 };
    hooke_text list = { 0 };
    size_t model = first_part(id), set = strlen(id) - model;
    char example[NAME_BYTES] = "";
    int n_in_set = 0;
    while (registry_next(&c)) {
        const char *name = c.row.neuronpedia;
        size_t n = strlen(name);
        if (n < model || strncasecmp(name, id, model) != 0 || name[model] != '/') continue;
        offer(&near, id, name);
        /* MODEL/SOURCESET is the same kind of source over many layers: "gemma-2-2b/gemmascope-res-16k" */
        if (set > 2 && n > set && strcmp(name + n - (set - 1), id + model + 1) == 0 && name[n - set] == '-' &&
            n_in_set++ == 0)
            snprintf(example, sizeof example, "%s", name);
    }
    hooke_status st = print_list(&list, &near, "");
    if (st == HOOKE_OK && n_in_set)
        st = fail(HOOKE_E_NOT_FOUND, "'%.200s' is a set of %d sources, one a layer; name one, e.g. %s", id,
                  n_in_set, example);
    else if (st == HOOKE_OK && near.n)
        st = fail(HOOKE_E_NOT_FOUND, "Neuronpedia source '%.200s' is not in the registry; did you mean %s?",
                  id, list.data);
    else if (st == HOOKE_OK)
        st = fail(HOOKE_E_NOT_FOUND, "Neuronpedia model '%.*s' has no dictionary in the registry; %s",
                  (int)(model < 100 ? model : 100), id,
                  strncasecmp(id, "gemma-3-", 8) == 0 ? "Gemma Scope 2 goes by its releases, e.g. "
                                                        "gemma-scope-2-1b-it-res/layer_13_width_65k_l0_medium"
                                                      : "'hooke ls' lists all that are known");
    hooke_text_release(&list);
    return st;
}
