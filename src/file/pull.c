/* pull.c: from a name to a pull. What a format consists of is name_files.c's knowledge; a repository of unknown kind is looked at
 * before anything is brought. */
#include <stdlib.h>
#include <string.h>

#include "file/hub_net.h"
#include "file/name.h"

struct hooke_pulled {
    hooke_pulled_info info;
    struct hub_pulled pulled;
    hooke_text repo, revision;
    hooke_pulled_file *files;
};

/* What is to be brought, before options have their say. */
struct target {
    hooke_name *name; /* NULL for data sets */
    struct name_place place;
    hooke_text entry; /* where a reader starts in the repository */
    bool is_dataset, is_model, has_format;
};

static void target_release(struct target *t)
{
    hooke_name_close(t->name);
    hooke_text_release(&t->entry);
}

/* "hf:datasets/ORG/NAME/PATH@REV" without its beginning; NULL for anything else. */
static const char *dataset_part(const char *what)
{
    static const char *const beginnings[] = { "hf:datasets/", "hf://datasets/", "datasets/",
                                              "https://huggingface.co/datasets/" };
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        size_t n = strlen(beginnings[i]);
        if (strncmp(what, beginnings[i], n) == 0) return what + n;
    }
    return NULL;
}

static hooke_status open_target(struct target *t, const char *what, const char *kind)
{
    const char *dataset = dataset_part(what);
    if (dataset) {
        t->is_dataset = true;
        return name_split_hub(&t->place, dataset);
    }
    RETURN_IF_ERROR(hooke_name_open(&t->name, what, kind));
    const hooke_name_info *info = &t->name->info;
    RETURN_IF(!info->repo[0], HOOKE_E_ARGUMENT,
              "'%.200s' lies on this machine already; there is nothing to pull", what);
    t->place = t->name->place;
    t->is_model = strcmp(info->kind, "model") == 0;
    t->has_format = !t->is_model && info->format[0];
    return name_entry_point(&t->entry, t->name);
}

/* The repository as hub_pull() wants it, "datasets/" before it where it is one. */
static hooke_status make_wish(struct hooke_pulled *p, struct hub_wish *wish, const struct target *t,
                              const hooke_pull_options *o)
{
    bool chooses = o->everything || o->include || o->exclude;
    bool says_model = (o->kind && strcmp(o->kind, "model") == 0) ||
                      (t->name && strcmp(t->name->info.spelling, "short name") == 0);
    RETURN_IF_ERROR(text_printf(&p->repo, "%s%s", t->is_dataset ? "datasets/" : "", t->place.repo));
    RETURN_IF_ERROR(text_puts(&p->revision, o->revision && *o->revision ? o->revision
                                            : *t->place.revision        ? t->place.revision
                                                                        : "main"));
    *wish = (struct hub_wish){
        .repo = p->repo.data,
        .revision = p->revision.data,
        .path = t->place.file,
        .choice = { .include = o->include, .exclude = o->exclude, .everything = o->everything },
        .is_model = says_model && !chooses,
        .dry_run = o->dry_run,
        .n_at_once = o->n_at_once,
        .n_retries = o->n_retries,
        .progress = o->progress,
        .progress_payload = o->progress_payload,
    };
    if (t->has_format && !chooses) {
        wish->wanted = t->name->info.files;
        wish->n_wanted = t->name->info.n_files;
        wish->entry = t->entry.data ? t->entry.data : "";
    }
    return HOOKE_OK;
}

static hooke_status fill_info(struct hooke_pulled *p)
{
    p->files = mem_alloc(p->pulled.n_files, sizeof *p->files);
    RETURN_IF(!p->files, HOOKE_E_MEMORY, "out of memory");
    for (size_t i = 0; i < p->pulled.n_files; i++)
        p->files[i] = (hooke_pulled_file){ .path = p->pulled.files[i].path,
                                           .bytes = p->pulled.files[i].bytes,
                                           .was_cached = p->pulled.files[i].was_cached };
    p->info = (hooke_pulled_info){
        .repo = p->repo.data,
        .revision = p->revision.data,
        .commit = p->pulled.commit,
        .path = p->pulled.path.data,
        .files = p->files,
        .n_files = (int)p->pulled.n_files,
        .bytes = p->pulled.bytes,
        .bytes_downloaded = p->pulled.bytes_downloaded,
    };
    return HOOKE_OK;
}

hooke_status hooke_pull(hooke_pulled **out, const char *what, const hooke_pull_options *options)
{
    static const hooke_pull_options defaults = { .size = sizeof defaults };
    struct target t = { .name = NULL };
    struct hub_wish wish;
    if (out) *out = NULL;
    RETURN_IF(!out || !what || !*what, HOOKE_E_ARGUMENT, "hooke_pull: a name is needed");
    const hooke_pull_options *o = options ? options : &defaults;
    struct hooke_pulled *p = mem_alloc(1, sizeof *p);
    RETURN_IF(!p, HOOKE_E_MEMORY, "out of memory");
    hooke_status st = open_target(&t, what, o->kind);
    if (st == HOOKE_OK) st = make_wish(p, &wish, &t, o);
    if (st == HOOKE_OK) st = hub_pull(&p->pulled, &wish);
    if (st == HOOKE_OK) st = fill_info(p);
    target_release(&t);
    if (st != HOOKE_OK) {
        hooke_pulled_close(p);
        return st;
    }
    *out = p;
    return HOOKE_OK;
}

void hooke_pulled_close(hooke_pulled *p)
{
    if (!p) return;
    hub_pulled_release(&p->pulled);
    hooke_text_release(&p->repo);
    hooke_text_release(&p->revision);
    mem_free(p->files);
    mem_free(p);
}

const hooke_pulled_info *hooke_pulled_get_info(const hooke_pulled *p)
{
    return p ? &p->info : NULL;
}
