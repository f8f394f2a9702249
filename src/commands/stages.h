// A recipe of stages: reading it, and what each stage's command line is.
//
//   name: countdown-tiny
//   variables: {teacher_steps: 40}              # ${teacher_steps} in values below; `rlt run ... teacher_steps=10` overrides
//   stages:
//     - stage: base                             # its folder is OUT/base; ${base} names it in later stages
//       command: sft
//       with: {out: "${base}", data: "${questions}/train.jsonl", ...}   # the command's keys; `base.lr=1e-3` overrides
//   table:
//     - {label: base model, eval: eval_base}    # one row: the results of an eval stage
//
// ${out} and ${seed} are always there.
#ifndef RLT_COMMANDS_STAGES_H
#define RLT_COMMANDS_STAGES_H

#include "commands/options.h"

#define STAGES_MAX 64

typedef struct StageKey {
    char *key, *value; // value: after expansion
} StageKey;

typedef struct Stage {
    char *name, *folder;
    const Command *command;
    StageKey *keys;
    size_t n_keys;
} Stage;

typedef struct TableRow {
    char *label, *stage;
} TableRow;

typedef struct StageList {
    char *name;
    Stage stages[STAGES_MAX];
    int n_stages;
    TableRow table[STAGES_MAX];
    int n_table;
} StageList;

// An override from the command line: "variable" or "stage.key".
typedef struct StageOverride {
    const char *key, *value;
    bool used; // set by stages_read
} StageOverride;

// Commands are looked up through `find`; unknown stages, commands and keys are errors that name the recipe and the place.
MUST_CHECK bool stages_read(const char *recipe, const char *out, const char *seed, StageOverride *overrides, size_t n_overrides,
                            const Command *(*find)(const char *name), StageList *list, Error *error);
void stages_free(StageList *list);

#endif
