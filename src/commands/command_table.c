#include "commands/command_table.h"

#include <string.h>

#include "commands/commands.h"

const Command *const command_table[] = {
    &command_run,
    &command_data_countdown,
    &command_data_drills,
    &command_data_tokenizer,
    &command_data_convert,
    &command_data_sample,
    &command_data_split,
    &command_data_stats,
    &command_sft,
    &command_rl,
    &command_collect,
    &command_score,
    &command_eval_grade,
    &command_eval,
    &command_generate,
    &command_logp,
    &command_tokenize,
    &command_inspect,
    &command_plan,
    &command_convert,
    &command_report,
    &command_verify,
    &command_help,
    NULL,
};

const Command *command_find(const char *name) {
    for (size_t i = 0; command_table[i] != NULL; i++) {
        if (strcmp(command_table[i]->name, name) == 0) return command_table[i];
    }
    return NULL;
}

bool command_in_group(const Command *command, const char *group) {
    size_t n = strlen(group);
    return strncmp(command->name, group, n) == 0 && command->name[n] == ' ';
}

bool command_group_exists(const char *group) {
    for (size_t i = 0; command_table[i] != NULL; i++) {
        if (command_in_group(command_table[i], group)) return true;
    }
    return false;
}
