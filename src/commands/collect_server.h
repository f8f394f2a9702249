// The part of collect that asks a server for the explanations.
#ifndef RLT_COMMANDS_COLLECT_SERVER_H
#define RLT_COMMANDS_COLLECT_SERVER_H

#include "base/log.h"
#include "commands/collect_pick.h"
#include "remote/client.h"
#include "text/dialogue.h"

// The server of SERVER_OPTIONS, set up for explanations; rewrite: for answers to whole prompts.
MUST_CHECK bool server_collect_open(const Options *options, const DialogueFormat *format, bool rewrite, Remote **remote,
                                    Error *error);

typedef struct CollectCounts { // of rows
    int64_t open, too_long, refused;
} CollectCounts;
void collect_count(CollectCounts *counts, const Attempts *attempts);

typedef struct ServerCollect { // borrowed but for the counts
    Remote *remote;
    Picker *picker;
    uint64_t seed;
    const DialogueFormat *format;
    Str rewrite; // the prompt; empty: the teacher's own
    const Row *rows;
    size_t first, n_rows; // rows first .. n_rows - 1 are asked for
    int32_t samples, attempts;
    FileAppender *out;
    Progress *progress;
    CollectCounts counts; // added to
    Attempts *waiting;    // internal: [requests]
} ServerCollect;

// Rows are appended as they come, in order: an interrupted run goes on after the last whole question.
MUST_CHECK bool server_collect(ServerCollect *collect, Error *error);

#endif
