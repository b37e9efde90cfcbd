/* hooke synth: random weights of a published shape. */
#include <stdio.h>
#include <string.h>

#include "cli/json_out.h"
#include "cli/opt.h"
#include "cli/shapes.h"

struct options {
    const char *shape, *out;
    bool list;
};

static const struct opt rows[] = {
    { "shape", 0, OPT_TEXT, offsetof(struct options, shape), "NAME", NULL, 0, 0,
      "gemma-2-2b, pythia-70m, gemma-scope-2b-16k, ..." },
    { "out", 'o', OPT_OUT, offsetof(struct options, out), "DIR", NULL, 0, 0, "the folder to write" },
    { "list", 0, OPT_FLAG, offsetof(struct options, list), NULL, NULL, 0, 0, "list the shapes" },
    { NULL, 0, OPT_FLAG, 0, NULL, NULL, 0, 0, NULL },
};

static const struct opt_spec spec = {
    "synth --shape NAME -o DIR",
    "Writes a model or dictionary with random weights in the published layout: the right size for measuring, "
    "no downloads.",
    "  hooke synth --shape pythia-70m --seed 1 -o random-pythia",
    0,
    rows,
    0,
};

static int list_shapes(bool json)
{
    struct json_out j = { 0 };
    if (json) emit_begin(&j, NULL, '[');
    for (int i = 0; hooke_shape_name(i); i++) {
        if (json)
            emit_text(&j, NULL, hooke_shape_name(i));
        else
            printf("%s\n", hooke_shape_name(i));
    }
    if (!json) return 0;
    emit_end(&j);
    emit_print(&j);
    return 0;
}

int cmd_synth(struct session *s, int argc, char **argv)
{
    struct options o = { 0 };
    struct json_out j = { 0 };
    int64_t bytes = 0;
    int code = opt_parse(s, &spec, &o, argc, argv);
    if (code >= 0) return code;
    if (o.list) return list_shapes(s->opt.json);
    if (!o.shape || !o.out)
        return wrong("synth", "give --shape NAME and -o DIR", "%s is missing",
                     o.shape ? "the folder" : "the shape");
    if ((code = shape_check(o.shape)) != 0) return code;
    if ((code = session_context(s)) != 0) return code;
    hooke_status st = hooke_synth(s->ctx, o.out, o.shape, (uint64_t)s->opt.seed, &bytes);
    if (st) return failed_call(st, "synth", NULL);
    if (!s->opt.json) {
        printf("%s: %s, seed %lld, %lld bytes\n", o.out, o.shape, (long long)s->opt.seed, (long long)bytes);
        return 0;
    }
    emit_begin(&j, NULL, '{');
    emit_text(&j, "path", o.out);
    emit_text(&j, "shape", o.shape);
    emit_int(&j, "seed", s->opt.seed);
    emit_int(&j, "bytes", bytes);
    emit_end(&j);
    emit_print(&j);
    return 0;
}
