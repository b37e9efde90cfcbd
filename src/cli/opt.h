/* opt.h: a command's options are rows of one table; parsing, --help, --config and the messages come from it. */
#ifndef HOOKE_CLI_OPT_H
#define HOOKE_CLI_OPT_H

#include "cli/cli.h"

#ifdef __cplusplus
extern "C" {
#endif

enum opt_type {
    OPT_FLAG,   /* bool */
    OPT_SWITCH, /* int: --x is 1, --no-x is 0 */
    OPT_INT,    /* int64_t in [min, max] */
    OPT_REAL,   /* double in [min, max] */
    OPT_SIZE,   /* int64_t bytes: 4096, 512M, 6G, 1.5G */
    OPT_TEXT,   /* const char * */
    OPT_OUT,    /* const char *, a file or folder to write; "-" is none */
    OPT_CHOICE, /* const char *, one of the row's arg "a|b|c" */
    OPT_LIST,   /* struct list: the option may be repeated */
};

struct opt {
    const char *name; /* without dashes; "-" and "_" are the same in what the user types */
    char letter;      /* 0: none */
    enum opt_type type;
    size_t offset;   /* into the values struct */
    const char *arg; /* what --help calls the value */
    const char *def; /* default as the user would type it; NULL: unset */
    double min, max;
    const char *help; /* NULL: an alias, left out of --help */
};

/* Groups of shared options. */
enum { OPT_MODEL = 1, OPT_DICT = 2, OPT_AT = 4, OPT_INPUT = 8 };

struct opt_spec {
    const char *usage;   /* after "hooke " */
    const char *about;   /* a sentence or two */
    const char *example; /* lines as typed */
    unsigned groups;
    const struct opt *rows; /* ends with a row whose name is NULL */
    int max_args;           /* positional arguments at most; -1: any number */
};

/* Fills s->opt and *values. Returns -1 to go on, else the exit code (0 after --help, 2 after a wrong call). */
int opt_parse(struct session *s, const struct opt_spec *spec, void *values, int argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif
