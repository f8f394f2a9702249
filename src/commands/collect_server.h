// The part of collect that takes a server for the teacher, and what both parts share.
#ifndef RLT_COMMANDS_COLLECT_SERVER_H
#define RLT_COMMANDS_COLLECT_SERVER_H

#include "base/file.h"
#include "base/log.h"
#include "commands/options.h"
#include "data/rows.h"
#include "remote/client.h"
#include "text/dialogue.h"

// Appends the row with its explanation. refusal: why there is none; NULL: there is one.
void collect_write_row(const Row *row, int32_t sample, Str trace, bool closed, const char *refusal, Buf *out);

// The server of SERVER_OPTIONS, set up for explanations.
MUST_CHECK bool server_collect_open(const Options *options, const DialogueFormat *format, Remote **remote,
                                    Error *error);

typedef struct ServerCollect { // borrowed but for the counts
    Remote *remote;
    uint64_t seed;
    const DialogueFormat *format;
    const Row *rows;
    size_t first, n_rows; // rows first .. n_rows - 1 are asked for
    int32_t samples;
    FileAppender *out;
    Progress *progress;
    int64_t n_open, n_refused; // set
} ServerCollect;

// Rows are appended as they come, in order: an interrupted run goes on after the last whole question.
MUST_CHECK bool server_collect(ServerCollect *collect, Error *error);

#endif
