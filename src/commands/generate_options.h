// Options of every command that samples: how much is in flight at once. They change no bit of the result.
#ifndef RLT_COMMANDS_GENERATE_OPTIONS_H
#define RLT_COMMANDS_GENERATE_OPTIONS_H

#include "commands/options.h"

#define SLOT_OPTIONS                                                                                                              \
    {"slots", OPTION_INT, "64", 1, 1e6, NULL, "Completions in flight at once."},                                                  \
    {"cache_rows", OPTION_INT, "0", 0, 1e9, NULL, "Rows of the K/V cache; 0: what the slots need at most."},                      \
    {"speculate", OPTION_BOOL, "true", 0, 0, NULL,                                                                                \
     "Whether tokens are guessed ahead from prompt and other samples where that pays; the samples are the same either way."}

#endif
