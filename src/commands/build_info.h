// What this program is, what it is built with and runs on, for records.
#ifndef RLT_COMMANDS_BUILD_INFO_H
#define RLT_COMMANDS_BUILD_INFO_H

#include "base/hash.h"
#include "base/json.h"

// SHA-256 of the program's own file: which build this is.
MUST_CHECK bool program_build(Sha256Hex *build, Error *error);
// Keys of an open object: program, build {compiler, sha256}, processor.
MUST_CHECK bool program_write(JsonWriter *w, Error *error);
// libraries {name: version}.
void libraries_write(JsonWriter *w);

#endif
