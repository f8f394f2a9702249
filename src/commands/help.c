// rlt help: the commands, one command's keys, or how a recipe is written with every key that may stand in it.
#include "commands/help.h"

#include <stdio.h>
#include <string.h>

#include "commands/command_table.h"
#include "commands/commands.h"
#include "commands/stages.h"

static const OptionRow rows[] = {
    {"topic", OPTION_TEXT, "", 0, 0, NULL, "A command, or recipe: every key of a recipe and of its stages; none: the list of commands."},
    {"subtopic", OPTION_TEXT, "", 0, 0, NULL, "The second word of a command that has two."},
    {0},
};

void help_write_overview(Buf *out, const char *group) {
    buf_printf(out, "rlt %s: Reinforcement-Learned Teachers\n\nusage: rlt COMMAND [recipe.yaml] [key=value ...]\n\n", RLT_VERSION);
    for (const Command *const *c = command_table; *c != NULL; c++) {
        if (*group == 0 || command_in_group(*c, group)) buf_printf(out, "  %-18s %s\n", (*c)->name, (*c)->summary);
    }
    buf_add_text(out, "\n`rlt COMMAND --help` lists a command's keys, `rlt help recipe` those of a recipe.\n");
}

// A command that leaves something behind can be a stage.
static bool can_be_stage(const Command *command) {
    if (command == &command_run) return false;
    for (const OptionRow *row = command->rows; row->key != NULL; row++) {
        if (row->type == OPTION_OUTPUT) return true;
    }
    return false;
}

static void write_recipe_help(Buf *out) {
    buf_add_text(out, "A recipe is a YAML file of stages: rlt run RECIPE [out=DIR] [VARIABLE=value] [STAGE.KEY=value]\n\n"
                      "  name: mini\n"
                      "  variables: {n: 20}\n"
                      "  stages:\n"
                      "    - stage: questions\n"
                      "      command: data countdown\n"
                      "      with: {out: \"${questions}\", seed: \"${seed}\", train: \"${n}\", test: 5}\n"
                      "    - stage: part\n"
                      "      command: data sample\n"
                      "      with: {data: \"${questions}/train.jsonl\", out: \"${part}/rows.jsonl\", count: 3}\n\n"
                      "${seed} and ${out} are always there; ${STAGE} is that stage's folder, in itself and in later ones.\n\n"
                      "Keys of a recipe:\n\n");
    option_rows_write_help(recipe_rows, out);
    buf_add_text(out, "\nKeys of `with`, by command:\n");
    for (const Command *const *c = command_table; *c != NULL; c++) {
        if (!can_be_stage(*c)) continue;
        buf_printf(out, "\n%s: %s\n\n", (*c)->name, (*c)->summary);
        option_rows_write_help((*c)->rows, out);
    }
}

static const Command *find(const char *topic, const char *subtopic) {
    char name[64];
    int n = snprintf(name, sizeof name, "%s%s%s", topic, *subtopic != 0 ? " " : "", subtopic);
    return n > 0 && (size_t)n < sizeof name ? command_find(name) : NULL;
}

static bool run(const Options *options, Error *error) {
    const char *topic = options_text(options, "topic"), *subtopic = options_text(options, "subtopic");
    const Command *command = find(topic, subtopic);
    Buf text;
    buf_init(&text, 0);
    bool ok = true;
    if (*topic == 0) {
        help_write_overview(&text, "");
    } else if (strcmp(topic, "recipe") == 0) {
        write_recipe_help(&text);
    } else if (command != NULL) {
        options_write_help(command, &text);
    } else {
        ok = error_set(error, "there is no command \"%s%s%s\"", topic, *subtopic != 0 ? " " : "", subtopic);
    }
    if (ok) fputs(text.data, stdout);
    buf_free(&text);
    return ok;
}

const Command command_help = {"help", "the commands, one command's keys, or every key of a recipe", "topic subtopic", rows, run};
