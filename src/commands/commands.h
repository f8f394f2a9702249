// Every command of the program, for the table in main.c. A command's file: its options table, its run function.
#ifndef RLT_COMMANDS_COMMANDS_H
#define RLT_COMMANDS_COMMANDS_H

#include "commands/options.h"

extern const Command command_collect, command_convert, command_data_convert, command_data_countdown, command_data_drills,
    command_data_sample, command_data_split, command_data_stats, command_data_tokenizer, command_eval, command_eval_grade, command_generate, command_help, command_inspect,
    command_logp, command_plan, command_report, command_rl, command_run, command_score, command_sft, command_tokenize, command_verify;

#endif
