// What a run's folder says of itself: its manifest, or one record for each stage of a run of stages.
//
// A record is manifest.json, or OUT/STAGE.stage.json of `rlt run`: command, options, inputs, outputs. Paths in a manifest's
// `outputs` begin at the run's folder, all others at the folder in which the run was started; a run of stages may have
// moved as a whole.
#ifndef RLT_COMMANDS_RECORD_H
#define RLT_COMMANDS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include "base/json.h"

#define STAGE_RECORD_SUFFIX ".stage.json"

typedef struct Record {
    char *name;     // as messages call it: "RUN", or "RUN/STAGE" for a stage; owned
    char *folder;   // of the run, or the stage's own; owned
    json_t *record;
    bool is_stage;  // a STAGE.stage.json
} Record;

typedef struct RecordList {
    Record *records; // the manifest first, then stages by name
    size_t n;
    char *run;       // the folder; owned
    const char *out, *directory; // of the manifest: as the run was called, where it was started
} RecordList;

MUST_CHECK bool records_read(const char *run, RecordList *list, Error *error);
void records_free(RecordList *list);
// The file that a record's path means now; to be freed.
char *record_path(const RecordList *list, const Record *record, bool output, const char *path);

#endif
