#include "cli/targets.h"

#include <regex.h>
#include <string.h>

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
    struct target t = { what, NULL, "custom_sae" };
    hooke_name *name = NULL;
    const hooke_name_info *info = hooke_name_open(&name, what, "dict") ? NULL : hooke_name_get_info(name);
    if (info && info->release[0]) {
        t.release = take_printf("%s", info->release);
        t.id = take_printf("%s", info->sae_id);
    } else
        t.release = custom_name(what);
    hooke_name_close(name);
    return t;
}

static int compile(regex_t *re, const char *pattern)
{
    char why[256];
    int bad = regcomp(re, take_printf("^(%s)$", pattern), REG_EXTENDED | REG_NOSUB);
    if (!bad) return 0;
    regerror(bad, re, why, sizeof why);
    return wrong("pattern", "write a POSIX extended regular expression", "'%s': %s", pattern, why);
}

struct matching {
    regex_t by_release, by_id;
    struct target *found;
    size_t n, capacity;
};

static int on_name(void *payload, const hooke_name_info *info)
{
    struct matching *m = payload;
    if (regexec(&m->by_release, info->release, 0, NULL, 0) != 0 ||
        regexec(&m->by_id, info->sae_id, 0, NULL, 0) != 0)
        return 0;
    grow(&m->found, &m->capacity, m->n + 1, sizeof *m->found);
    m->found[m->n++] = (struct target){ take_printf("%s", info->what), take_printf("%s", info->release),
                                        take_printf("%s", info->sae_id) };
    return 0;
}

int targets_match(struct target **out, size_t *n, const char *release_pattern, const char *id_pattern)
{
    struct matching m = { .n = 0 };
    int code = compile(&m.by_release, release_pattern);
    if (code) return code;
    if ((code = compile(&m.by_id, id_pattern)) == 0) {
        hooke_status st = hooke_registry_walk("dict", on_name, &m);
        if (st) code = failed_call(st, "registry", NULL);
        regfree(&m.by_id);
    }
    regfree(&m.by_release);
    *out = m.found;
    *n = m.n;
    if (code || m.n) return code;
    return failed("registry", "'hooke ls' lists it; name a file with -d", "no dictionary matches '%s/%s'",
                  release_pattern, id_pattern);
}
