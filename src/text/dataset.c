/* dataset.c: finding data sets and their splits in the table. */
#include "text/dataset.h"

#include <string.h>
#include <strings.h>

/* Other names that files, papers and older versions of the hub use. */
static const char *const former_names[][2] = {
    { "ag_news", "fancyzhx/ag_news" },
    { "amazon_reviews", "canrager/amazon_reviews_mcauley_1and5" },
    { "alpaca_eval", "tatsu-lab/alpaca_eval" },
    { "axbench", "pyvene/axbench-concept500" },
    { "bio-forget-corpus", "cais/wmdp-bio-forget-corpus" },
    { "concept10", "pyvene/axbench-concept10" },
    { "concept500", "pyvene/axbench-concept500" },
    { "openwebtext", "Skylion007/openwebtext" },
    { "pile", "monology/pile-uncopyrighted" },
    { "ravel", "adamkarvonen/ravel_prompts" },
    { "wikitext", "Salesforce/wikitext" },
    { "wmdp-bio", "cais/wmdp" },
};

const hooke_dataset_info *hooke_dataset_get(int index)
{
    return index >= 0 && index < dataset_table_n ? &dataset_table[index] : NULL;
}

const hooke_problem_set *hooke_problem_set_get(int index)
{
    return index >= 0 && index < dataset_problems_n ? &dataset_problems[index] : NULL;
}

const hooke_scr_pair *hooke_scr_pair_get(int index)
{
    return index >= 0 && index < dataset_scr_pairs_n ? &dataset_scr_pairs[index] : NULL;
}

static const char *behind_slash(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

static const hooke_dataset_info *by_name(const char *name)
{
    for (int i = 0; i < dataset_table_n; i++)
        if (strcasecmp(dataset_table[i].name, name) == 0) return &dataset_table[i];
    return NULL;
}

static const hooke_dataset_info *find(const char *name)
{
    const hooke_dataset_info *info = by_name(name);
    for (size_t i = 0; !info && i < sizeof former_names / sizeof *former_names; i++)
        if (strcasecmp(former_names[i][0], name) == 0) info = by_name(former_names[i][1]);
    for (int i = 0; !info && i < dataset_problems_n; i++)
        if (strcasecmp(dataset_problems[i].name, name) == 0 ||
            strcasecmp(behind_slash(dataset_problems[i].name), name) == 0)
            info = by_name(dataset_problems[i].dataset);
    for (int i = 0; !info && i < dataset_table_n; i++)
        if (strcasecmp(behind_slash(dataset_table[i].name), name) == 0) info = &dataset_table[i];
    return info;
}

/* The name in the table that is nearest to what was typed. */
static const char *nearest(const char *name)
{
    const char *best = dataset_table[0].name;
    int least = 1 << 30;
    for (int i = 0; i < dataset_table_n; i++) {
        int whole = edit_distance(dataset_table[i].name, name);
        int part = edit_distance(behind_slash(dataset_table[i].name), behind_slash(name));
        int d = whole < part ? whole : part;
        if (d < least) {
            least = d;
            best = dataset_table[i].name;
        }
    }
    return best;
}

hooke_status hooke_dataset_find(const hooke_dataset_info **out, const char *name)
{
    *out = NULL;
    RETURN_IF(!name, HOOKE_E_ARGUMENT, "hooke_dataset_find: no name");
    *out = find(name);
    RETURN_IF(!*out, HOOKE_E_NOT_FOUND, "no evaluation reads a data set '%.100s'; the nearest is '%s'", name,
              nearest(name));
    return HOOKE_OK;
}

bool hooke_dataset_serves(const hooke_dataset_info *info, const char *eval)
{
    if (!eval) return info->evals[0] != '\0';
    size_t n = strlen(eval);
    for (const char *at = info->evals; *at;) {
        size_t length = strcspn(at, ",");
        if (length == n && memcmp(at, eval, n) == 0) return true;
        at += length + (at[length] == ',');
    }
    return false;
}

const hooke_dataset_split *hooke_dataset_get_split(const hooke_dataset_info *info, const char *split)
{
    for (int i = 0; i < info->n_splits; i++)
        if (strcmp(info->splits[i].name, split) == 0) return &info->splits[i];
    return NULL;
}
