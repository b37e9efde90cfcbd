/* hooke convert: a dictionary in the format of another library. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/json_out.h"
#include "cli/opt.h"
#include "cli/origin.h"

enum { MOST_LOSSES = 32 };

struct options {
    const char *to, *drop;
    bool dry_run, force;
};

static const struct opt rows[] = {
    { "to", 0, OPT_CHOICE, offsetof(struct options, to), "saelens|gemma_scope|dictionary_learning|sparsify",
      NULL, 0, 0, "the format to write" },
    { "drop", 0, OPT_TEXT, offsetof(struct options, drop), "NAME[,NAME]", NULL, 0, 0,
      "losses that are accepted, by name; all" },
    { "dry-run", 0, OPT_FLAG, offsetof(struct options, dry_run), NULL, NULL, 0, 0,
      "say what would be lost, write nothing" },
    { "force", 0, OPT_FLAG, offsetof(struct options, force), NULL, NULL, 0, 0,
      "write into a folder that is not empty" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

static const struct opt_spec spec = {
    "convert IN OUT --to FORMAT",
    "Writes a dictionary (anything that -d takes) as a folder in another library's format, with all scales\n"
    "folded, so that that library computes the same codes. What the format has no place for is named, and\n"
    "refused unless --drop names it too.",
    "  hooke convert micro micro-saelens --to saelens\n  hooke convert sae.d out --to gemma_scope --drop "
    "skip",
    OPT_DICT,
    rows,
    2,
};

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static bool is_empty_or_absent(const char *folder)
{
    DIR *dir = opendir(folder);
    struct stat st;
    int n = 0;
    if (!dir) return stat(folder, &st) != 0;
    for (struct dirent *e; (e = readdir(dir));)
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(dir);
    return n == 0;
}

/* Names of a list that no loss has: a slip of the user's. */
static int check_drop(const char *drop, const hooke_dict_loss *losses, int n)
{
    for (const char *p = drop ? drop : ""; *p; p += strcspn(p, ","), p += *p == ',') {
        size_t length = strcspn(p, ",");
        bool known = length == 3 && strncmp(p, "all", 3) == 0;
        for (int i = 0; i < n; i++)
            known = known || (strlen(losses[i].name) == length && strncmp(losses[i].name, p, length) == 0);
        if (!known)
            return wrong("--drop", "'--dry-run' lists what would be lost",
                         "nothing called '%.*s' would be lost", (int)length, p);
    }
    return 0;
}

static void json_losses(struct json_out *j, const char *key, const hooke_dict_loss *losses, int n, bool kept)
{
    emit_begin(j, key, '[');
    for (int i = 0; i < n; i++) {
        if (losses[i].is_kept != kept) continue;
        emit_begin_inline(j, NULL, '{');
        emit_text(j, "name", losses[i].name);
        emit_text(j, "detail", losses[i].detail);
        emit_end(j);
    }
    emit_end(j);
}

static void report_json(struct session *s, const struct options *o, const hooke_dict_loss *losses, int n)
{
    const hooke_dict_info *i = hooke_dict_get_info(s->dict);
    struct json_out j = { 0 };
    emit_begin(&j, NULL, '{');
    emit_text(&j, "in", s->opt.args.items[0]);
    emit_text(&j, "out", s->opt.args.items[1]);
    emit_text(&j, "from", i->format);
    emit_text(&j, "to", o->to);
    emit_text(&j, "architecture", i->architecture);
    emit_text(&j, "activation_scale", i->activation_scale);
    emit_int(&j, "d_model", i->d_in);
    emit_int(&j, "d_dict", i->d_dict);
    emit_bool(&j, "written", !o->dry_run);
    json_losses(&j, "lost", losses, n, false);
    json_losses(&j, "kept_beside", losses, n, true);
    emit_origin(&j, s);
    emit_end(&j);
    emit_print(&j);
}

static void report(struct session *s, const struct options *o, const hooke_dict_loss *losses, int n)
{
    const hooke_dict_info *i = hooke_dict_get_info(s->dict);
    if (i->origin->repo[0]) printf("%-12s %s\n", "from", origin_line(i->origin));
    for (int k = 0; k < n; k++)
        printf("%-12s %s: %s\n", losses[k].is_kept ? "kept beside" : "lost", losses[k].name,
               losses[k].detail);
    printf("%s: %s, %s, %d features of %d, %s activations%s\n", s->opt.args.items[1], o->to, i->architecture,
           i->d_dict, i->d_in, i->activation_scale, o->dry_run ? ": not written" : "");
}

static int convert(struct session *s, const struct options *o)
{
    hooke_dict_loss losses[MOST_LOSSES];
    hooke_dict_write_options w = { .size = sizeof w, .drop = o->drop };
    int n = 0, code;
    hooke_status st = hooke_dict_losses(s->dict, o->to, losses, MOST_LOSSES, &n);
    if (st) return failed_call(st, "convert", "choose another format");
    if (n > MOST_LOSSES) n = MOST_LOSSES;
    if ((code = check_drop(o->drop, losses, n)) != 0) return code;
    if (!o->dry_run) st = hooke_dict_write(s->dict, s->opt.args.items[1], o->to, &w);
    if (st == HOOKE_E_UNSUPPORTED)
        return failed_call(st, "convert", "accept the losses by name with --drop, or choose another format");
    if (st) return failed_call(st, "convert", NULL);
    if (s->opt.json)
        report_json(s, o, losses, n);
    else
        report(s, o, losses, n);
    return 0;
}

int cmd_convert(struct session *s, int argc, char **argv)
{
    struct options o = { 0 };
    int code = opt_parse(s, &spec, &o, argc, argv);
    if (code >= 0) return code;
    if (s->opt.args.n < 2)
        return wrong("convert", "give IN and OUT", "%s is missing",
                     s->opt.args.n ? "the folder to write" : "the dictionary");
    if (!o.to) return wrong("convert", "give --to FORMAT, e.g. --to saelens", "the format is missing");
    if (is_file(s->opt.args.items[1]))
        return failed(s->opt.args.items[1], "give the name of a folder: it is made where it is absent",
                      "is a file, and a dictionary is written as a folder");
    if (!o.dry_run && !o.force && !is_empty_or_absent(s->opt.args.items[1]))
        return failed(s->opt.args.items[1], "give another folder, or --force to replace its files",
                      "is not empty");
    s->opt.dict = s->opt.args.items[0];
    if ((code = session_dict(s)) != 0) return code;
    return convert(s, &o);
}
