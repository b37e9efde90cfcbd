/* name_facts.c: what a dictionary's name tells about it: hook point, layer, width. For lists and filters: a reader trusts the file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/name.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The number at s, at most nine digits; -1: none. */
static int number_at(const char *s)
{
    size_t n = strspn(s, "0123456789");
    return n > 0 && n <= 9 ? (int)strtol(s, NULL, 10) : -1;
}

/* The number behind the first `mark` that is followed by a digit. */
static int number_after(const char *s, const char *mark)
{
    for (const char *p = s; (p = strstr(p, mark)) != NULL; p++)
        if (is_digit(p[strlen(mark)])) return number_at(p + strlen(mark));
    return -1;
}

/* ---- layer ---- */

static int layer_of(const struct hooke_name *n)
{
    const char *id = n->row.sae_id, *file = n->place.file;
    static const char *const marks[] = { "blocks.", "layer_", "layers.", "layer" };
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        int layer = number_after(id, marks[i]);
        if (layer < 0) layer = number_after(file, marks[i]);
        if (layer >= 0) return layer;
    }
    if (id[0] == 'l' && is_digit(id[1])) return number_at(id + 1); /* Llama Scope: l12r_8x */
    return number_after(file, "-SAE-l");
}

/* ---- hook point ---- */

static bool holds(const char *s, const char *part)
{
    return strstr(s, part) != NULL;
}

/* "hook_resid_post" and the like where the id spells it out. */
static const char *spelt_hook(const char *id)
{
    static const char *const hooks[] = { "hook_resid_pre", "hook_resid_mid", "hook_resid_post",
                                         "hook_attn_out",  "hook_mlp_out",   "resid_post",
                                         "attn_out",       "mlp_out" };
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++)
        if (holds(id, hooks[i])) return hooks[i];
    return holds(id, "hook_z") ? "attn.hook_z" : NULL;
}

/* The letter of "l12r_8x" and of "Llama3_1-8B-Base-L12R-8x". */
static const char *llama_scope_hook(const char *name)
{
    const char *p = name + strcspn(name, "lL");
    for (; *p; p += 1 + strcspn(p + 1, "lL")) {
        size_t digits = strspn(p + 1, "0123456789");
        char c = digits ? p[1 + digits] : '\0';
        if (c == 'r' || c == 'R') return "hook_resid_post";
        if (c == 'a' || c == 'A') return "hook_attn_out";
        if (c == 'm' || c == 'M') return "hook_mlp_out";
    }
    return NULL;
}

static const char *hook_of(const struct hooke_name *n)
{
    const char *id = n->row.sae_id[0] ? n->row.sae_id : n->place.file, *repo = n->place.repo;
    const char *hook = spelt_hook(id);
    if (strcmp(n->format, "gemma_2_transcoder") == 0) return "ln2.hook_normalized";
    if (strcmp(n->format, "mwhanna_transcoder") == 0) return "mlp.hook_in";
    if (strcmp(n->format, "goodfire") == 0 || strcmp(n->format, "qwen_scope") == 0) return "hook_resid_post";
    if (strcmp(n->format, "gemma_2") == 0)
        return holds(repo, "-res") ? "hook_resid_post" : holds(repo, "-mlp") ? "hook_mlp_out" : "attn.hook_z";
    if (strncmp(n->format, "llama_scope", 11) == 0) return llama_scope_hook(id);
    if (strcmp(n->format, "gemma_3") == 0 && hook && holds(hook, "attn_out")) return "attn.hook_z";
    return hook;
}

static void write_site(struct hooke_name *n)
{
    const char *hook = hook_of(n);
    n->site[0] = '\0';
    if (strncmp(n->place.file, "embedding/", 10) == 0 && strcmp(n->format, "gemma_2") == 0)
        snprintf(n->site, sizeof n->site, "hook_embed");
    else if (hook && n->info.layer >= 0) {
        bool is_short = strncmp(hook, "hook_", 5) != 0 && !strchr(hook, '.');
        snprintf(n->site, sizeof n->site, "blocks.%d.%s%s", n->info.layer, is_short ? "hook_" : "", hook);
    }
}

/* ---- width ---- */

/* "16k" is 16384 and "65k" 65536: thousands that stand for powers of two. */
static int64_t from_thousands(int n, char unit)
{
    static const int by_thousand[][2] = { { 65, 64 }, { 131, 128 }, { 262, 256 }, { 524, 512 } };
    if (unit == 'm' || unit == 'M') return (int64_t)n * 1048576;
    for (size_t i = 0; i < sizeof by_thousand / sizeof *by_thousand; i++)
        if (n == by_thousand[i][0]) return (int64_t)by_thousand[i][1] * 1024;
    return (int64_t)n * 1024;
}

/* A count of thousands or millions behind `mark`: "width_16k". */
static int64_t width_after(const char *s, const char *mark)
{
    for (const char *p = s; (p = strstr(p, mark)) != NULL; p++) {
        const char *digits = p + strlen(mark);
        size_t k = strspn(digits, "0123456789");
        if (k == 0 || k > 4 || !strchr("kKmM", digits[k]) || !digits[k]) continue;
        return from_thousands(number_at(digits), digits[k]);
    }
    return 0;
}

/* The number that a name ends in or that stands before a version: "..._24576:v1", "..._16384_anthropic", "hook_resid_pre_768". */
static int64_t width_at_end(const char *s)
{
    const char *p = strstr(s, "hook_");
    size_t k = 0;
    for (; p && (p = strchr(p, '_')) != NULL; p++)
        if ((k = strspn(p + 1, "0123456789")) >= 3 && k <= 7 && (!p[1 + k] || strchr(":_", p[1 + k])))
            return number_at(p + 1);
    return 0;
}

static int64_t width_of(const struct hooke_name *n)
{
    static const char *const marks[] = { "width_", "v5_", "-w-", "-W" };
    const char *places[] = { n->row.sae_id, n->place.file, n->place.repo };
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < sizeof marks / sizeof *marks; k++) {
            int64_t width = width_after(places[i], marks[k]);
            if (width) return width;
        }
        int power = number_after(places[i], "width-2pow");
        if (power > 0 && power < 31) return (int64_t)1 << power;
        if (i < 2 && !holds(places[i], "__trainer") && width_at_end(places[i]))
            return width_at_end(places[i]);
        int ds = number_after(places[i], "_ds"); /* ..._ds24576_... */
        if (ds > 0) return ds;
    }
    /* Neuronpedia's sources end in the width: "12-gemmascope-res-16k", "3-sae_bench-topk-res-4k__trainer_0" */
    for (const char *p = n->row.neuronpedia; (p = strchr(p, '-')) != NULL; p++) {
        size_t k = strspn(p + 1, "0123456789");
        if (k && k <= 4 && (p[1 + k] == 'k' || p[1 + k] == 'm') &&
            (!p[2 + k] || strncmp(p + 2 + k, "__", 2) == 0))
            return from_thousands(number_at(p + 1), p[1 + k]);
    }
    return 0;
}

void name_read_facts(struct hooke_name *n)
{
    int l0 = number_after(n->place.file, "average_l0_");
    if (isnan(n->info.l0) && l0 >= 0) n->info.l0 = l0; /* Gemma Scope's folders say what was measured */
    n->info.layer = layer_of(n);
    n->info.width = width_of(n);
    write_site(n);
    n->info.site = n->site;
}
