#include "cli/targets.h"

#include <regex.h>
#include <string.h>
#include <unistd.h>

#include "cli/input.h"

/* SAELens' registry as a table: release, repo_id, model, conversion_func, sae_id, ... NULL when it is not there. */
static char *read_registry(void)
{
    hooke_text path = { 0 };
    char *data = NULL;
    size_t n;
    if (hooke_asset(&path, "data/sae_registry.tsv") == HOOKE_OK)
        read_whole_file(&data, &n, path.data, 1 << 26);
    hooke_text_release(&path);
    return data;
}

/* Cuts the line at *next into release and id and moves on; false at the end. Lines without both are left out. */
static bool next_entry(char **next, const char **release, const char **id)
{
    while (**next) {
        char *field = *next, *end = field + strcspn(field, "\n");
        *next = *end ? end + 1 : end;
        *end = '\0';
        *release = field;
        for (int k = 0; k < 4 && field; k++) {
            field = strchr(field, '\t');
            if (field) *field++ = '\0';
        }
        if (!field) continue;
        field[strcspn(field, "\t")] = '\0';
        *id = field;
        return true;
    }
    return false;
}

/* The last parts of a path make a name that says something: "layer_20/width_16k/average_l0_71". */
static const char *custom_name(const char *what)
{
    size_t n = strlen(what), parts = 0, at;
    while (n && what[n - 1] == '/') n--;
    for (at = n; at > 0; at--)
        if (what[at - 1] == '/' && ++parts == 3) break;
    return take_text(what + at, n - at);
}

struct target target_of(const char *what)
{
    const char *slash = strchr(what, '/'), *release, *id;
    char *registry = slash && access(what, F_OK) != 0 ? read_registry() : NULL, *next = registry;
    while (next && next_entry(&next, &release, &id)) {
        size_t n = strlen(release);
        if (strncmp(what, release, n) == 0 && what[n] == '/' && strcmp(what + n + 1, id) == 0)
            return (struct target){ what, release, id };
    }
    return (struct target){ what, custom_name(what), "custom_sae" };
}

static int compile(regex_t *re, const char *pattern)
{
    char why[256];
    int bad = regcomp(re, take_printf("^(%s)$", pattern), REG_EXTENDED | REG_NOSUB);
    if (!bad) return 0;
    regerror(bad, re, why, sizeof why);
    return wrong("pattern", "write a POSIX extended regular expression", "'%s': %s", pattern, why);
}

int targets_match(struct target **out, size_t *n, const char *release_pattern, const char *id_pattern)
{
    regex_t by_release, by_id;
    size_t capacity = 0;
    const char *release, *id;
    int code = compile(&by_release, release_pattern);
    if (code) return code;
    if ((code = compile(&by_id, id_pattern)) == 0) {
        char *registry = read_registry(), *next = registry;
        while (next && next_entry(&next, &release, &id)) {
            if (regexec(&by_release, release, 0, NULL, 0) != 0 || regexec(&by_id, id, 0, NULL, 0) != 0)
                continue;
            grow(out, &capacity, *n + 1, sizeof **out);
            (*out)[(*n)++] = (struct target){ take_printf("%s/%s", release, id), release, id };
        }
        if (!registry) {
            grow(out, &capacity, 1, sizeof **out);
            (*out)[(*n)++] = (struct target){ take_printf("%s/%s", release_pattern, id_pattern),
                                              release_pattern, id_pattern };
        }
        regfree(&by_id);
    }
    regfree(&by_release);
    if (code || *n) return code;
    return failed("registry", "see data/sae_registry.tsv, or name a file with -d",
                  "no dictionary matches '%s' and '%s'", release_pattern, id_pattern);
}
