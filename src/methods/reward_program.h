// A reward given by a program of the user's: started once, asked in JSON lines.
//
// A line to it for each completion, with "id" counting from 0 in each batch:
//   {"id": 0, "row": {"question": ..., "solution": ..., ...}, "completion": ..., "tokens": 123, "truncated": false}
// A line from it for each, in the same order: {"reward": 0.5}, with "id" if it likes (it must agree then).
#ifndef RLT_METHODS_REWARD_PROGRAM_H
#define RLT_METHODS_REWARD_PROGRAM_H

#include "data/rows.h"

typedef struct RewardProgram RewardProgram;

// command: a path, or a JSON array of the program and its arguments. No shell reads either. seconds: the longest wait
// for an answer.
MUST_CHECK bool reward_program_open(const char *command, double seconds, RewardProgram **program, Error *error);
void reward_program_close(RewardProgram *program); // NULL is fine

// The files that a command is made of, for records: the program's own, and those of its arguments that name files. What it
// reads otherwise is not known here. Freed with reward_program_files_free.
#define REWARD_PROGRAM_FILES_MAX 64
typedef struct RewardProgramFiles {
    char *paths[REWARD_PROGRAM_FILES_MAX];
    int n;
} RewardProgramFiles;
MUST_CHECK bool reward_program_files(const char *command, RewardProgramFiles *files, Error *error);
void reward_program_files_free(RewardProgramFiles *files);

typedef struct RewardQuery { // borrowed
    const Row *row;
    Str completion;
    int32_t n_tokens;
    bool truncated;
} RewardQuery;
// rewards[n]. Fails where the program ends, stalls or answers anything else; the message says which answer.
MUST_CHECK bool reward_program_ask(RewardProgram *program, const RewardQuery *queries, int32_t n, double *rewards,
                                   Error *error);

// One answer; `where` begins an error's message. Public for the fuzz target.
MUST_CHECK bool reward_answer_parse(Str line, const char *where, int64_t id, double *reward, Error *error);

#endif
