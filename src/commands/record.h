// What a run says of itself: its manifest, and a record for each stage of a run of stages.
//
// A record is manifest.json of a folder, OUT.manifest.json of a file, or OUT/STAGE.stage.json of `rlt run`: command, options,
// inputs, outputs. Paths in a manifest's `outputs` begin at its run's folder, or at the one that holds its file, all others at
// the folder in which the run was started; a run of stages may have moved as a whole.
#ifndef RLT_COMMANDS_RECORD_H
#define RLT_COMMANDS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include "base/json.h"

#define STAGE_RECORD_SUFFIX ".stage.json"

typedef struct Record {
    char *name;     // as messages call it: "RUN", "RUN/STAGE" for a stage, "RUN/STAGE/FILE" for a file of one; owned
    char *folder;   // of the run, the stage's own, or that which holds the file; owned
    json_t *record;
    bool is_stage;  // a STAGE.stage.json
    bool is_file;   // a FILE.manifest.json
} Record;

typedef struct RecordList {
    Record *records; // the manifest first, then stages by name
    size_t n;
    char *run;       // the folder or file; owned
    const char *out, *directory; // of the manifest: as the run was called, where it was started
} RecordList;

MUST_CHECK bool records_read(const char *run, RecordList *list, Error *error);
void records_free(RecordList *list);
// The file that a record's path means now; to be freed.
char *record_path(const RecordList *list, const Record *record, bool output, const char *path);

#endif
