// The program: finds the command, parses its options, runs it. Exit status 0 done, 1 failed, 2 wrong usage.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "commands/command_table.h"
#include "commands/help.h"

static void out_of_memory(size_t bytes) {
    fprintf(stderr, "rlt: out of memory (%zu more bytes)\n", bytes);
    _exit(1);
}

static void print_commands(FILE *to, const char *group) {
    Buf text;
    buf_init(&text, 0);
    help_write_overview(&text, group);
    fputs(text.data, to);
    buf_free(&text);
}

// The command that the first one or two words name; *n_words receives how many.
static const Command *find_command(int argc, char **argv, int *n_words) {
    for (const Command *const *c = command_table; *c != NULL; c++) {
        const char *name = (*c)->name, *space = strchr(name, ' ');
        size_t first = space != NULL ? (size_t)(space - name) : strlen(name);
        if (strlen(argv[1]) != first || memcmp(argv[1], name, first) != 0) continue;
        if (space == NULL) {
            *n_words = 1;
            return *c;
        }
        if (argc > 2 && strcmp(argv[2], space + 1) == 0) {
            *n_words = 2;
            return *c;
        }
    }
    return NULL;
}

static bool wants_help(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    }
    return false;
}

static int run(const Command *command, int n_arguments, char **arguments) {
    Error error;
    Options *options;
    bool usage;
    if (!options_parse(command, n_arguments, arguments, &options, &usage, &error)) {
        fprintf(stderr, "rlt: %s\n", error.message);
        return usage ? 2 : 1;
    }
    bool ok = command->run(options, &error);
    if (!ok) fprintf(stderr, "rlt: %s\n", error.message);
    options_free(options);
    if (ok && fflush(stdout) != 0) {
        fprintf(stderr, "rlt: standard output: could not be written\n");
        return 1;
    }
    return ok ? 0 : 1;
}

int main(int argc, char **argv) {
    mem_set_oom_handler(out_of_memory);
    signal(SIGXFSZ, SIG_IGN); // a limit on file sizes is then a failed write like any other, and is reported
    if (argc < 2) {
        print_commands(stderr, "");
        return 2;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("rlt %s\n", RLT_VERSION);
        return 0;
    }
    int n_words = 0;
    const Command *command = find_command(argc, argv, &n_words);
    if (command == NULL) {
        bool help = wants_help(argc, argv), in_group = command_group_exists(argv[1]);
        if (!help && !in_group) fprintf(stderr, "rlt: unknown command \"%s\"\n\n", argv[1]);
        if (!help && in_group) fprintf(stderr, "rlt: expected one of these after \"%s\"\n\n", argv[1]);
        print_commands(help ? stdout : stderr, in_group ? argv[1] : "");
        return help ? 0 : 2;
    }
    if (wants_help(argc, argv)) {
        Buf text;
        buf_init(&text, 0);
        options_write_help(command, &text);
        fputs(text.data, stdout);
        buf_free(&text);
        return 0;
    }
    return run(command, argc - 1 - n_words, argv + 1 + n_words);
}
