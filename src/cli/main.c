/* main.c: the program is one table of commands. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

struct command {
    const char *name;
    int (*run)(struct session *s, int argc, char **argv);
    const char *about;
};

static const struct command commands[] = {
#define COMMAND_ROW(name, about) { #name, cmd_##name, about },
    COMMAND_LIST(COMMAND_ROW)
#undef COMMAND_ROW
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void print_commands(FILE *f)
{
    fputs("hooke: a microscope for language models\n\nUsage: hooke COMMAND [OPTIONS]\n\n", f);
    for (int i = 0; i < N_COMMANDS; i++) fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].about);
    fputs("\n  help CMD   a command's options and an example\n  --version\n\nStart with: hooke demo\n", f);
}

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++) names[i] = commands[i].name;
    const char *near = nearest(name, names, N_COMMANDS);
    const char *todo = near ? take_printf("did you mean '%s'?", near) : "'hooke help' lists the commands";
    return wrong(name, todo, "no such command");
}

static int run_command(struct session *s, const char *name, int argc, char **argv)
{
    const struct command *c = find_command(name);
    if (!c) return unknown_command(name);
    s->command = c->name;
    return c->run(s, argc, argv);
}

static int dispatch(struct session *s, int argc, char **argv)
{
    static char help_flag[] = "--help";
    char *help[] = { help_flag };
    const char *first = argc > 1 ? argv[1] : NULL;
    if (!first) {
        print_commands(stderr);
        return 2;
    }
    if (strcmp(first, "--version") == 0 || strcmp(first, "version") == 0) {
        printf("hooke %s\n", hooke_version());
        return 0;
    }
    if (strcmp(first, "help") == 0 || strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
        if (argc > 2) return run_command(s, argv[2], 1, help);
        print_commands(stdout);
        return 0;
    }
    return run_command(s, first, argc - 2, argv + 2);
}

int main(int argc, char **argv)
{
    struct session s = { .command = "hooke", .opt = { .prepend_bos = -1 } };
    signal(SIGXFSZ,
           SIG_IGN); /* a file past the limit is a failed write like any other, and leaves nothing behind */
    int code = dispatch(&s, argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout))
        code = failed("standard output", "check the pipe or the disk", "could not be written");
    session_close(&s);
    return code;
}
