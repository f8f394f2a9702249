// A recipe of stages: reading it, checking it, and what each stage's command line is.
//
//   name: countdown-tiny
//   extends: other.yaml                         # what it does not say itself (recipe_file.h)
//   variables: {teacher_steps: 40}              # ${teacher_steps} in values below; `rlt run ... teacher_steps=10` overrides
//   stages:
//     - stage: base                             # its folder is OUT/base; ${base} names it in later stages
//       command: sft
//       with: {out: "${base}", data: "${questions}/train.jsonl", ...}   # the command's keys; `base.lr=1e-3` overrides
//     - {stage: again, like: base, with: {out: "${again}", seed: 2}}     # as `base`, but for these keys; with
//                                             # `pattern: true` in `base`, that is no stage itself
//   table:
//     - {label: base model, eval: eval_base}    # one row: the results of an eval stage
//
// ${out} and ${seed} are always there. The keys themselves are a table (recipe_rows), as those of commands are.
#ifndef RLT_COMMANDS_STAGES_H
#define RLT_COMMANDS_STAGES_H

#include "commands/options.h"
#include "commands/recipe_file.h"

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
    RecipeFiles files; // the recipe, then what it extends
} StageList;

// An override from the command line: "variable" or "stage.key".
typedef struct StageOverride {
    const char *key, *value;
    bool used; // set by stages_read
} StageOverride;

// Keys of a recipe: of the file itself, of a stage ("stages[].stage") and of a row of the table ("table[].label").
extern const OptionRow recipe_rows[];

// Commands are looked up through `find`. Unknown stages, commands and keys, values out of their range and keys that are
// missing are errors that name the recipe and the place.
MUST_CHECK bool stages_read(const char *recipe, const char *out, const char *seed, StageOverride *overrides, size_t n_overrides,
                            const Command *(*find)(const char *name), StageList *list, Error *error);
void stages_free(StageList *list);
// The value of a stage's key; NULL where the recipe leaves it at its default.
const char *stage_key_value(const Stage *stage, const char *key);
// The recipe with every value resolved, as a recipe.
void stages_write_yaml(const StageList *list, Buf *out);

#endif
