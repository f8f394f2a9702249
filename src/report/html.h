// report.html: a run folder as one self-contained page, without scripts or outside resources.
//
// From metrics.jsonl: a line chart for each metric, those of one "group/" together. From samples.jsonl, where there is
// one: its last rows as a table, a column a key, and those that hold tokens with values drawn by them (tokens.h).
// recipe.yaml and manifest.json, where they are, in full. All text is escaped, and the page's own policy forbids scripts
// and requests.
#ifndef RLT_REPORT_HTML_H
#define RLT_REPORT_HTML_H

#include "base/error.h"

#define REPORT_FILE "report.html"
#define REPORT_MAX_SAMPLES 50 // rows shown, the last ones
#define REPORT_MAX_COLUMNS 24
#define REPORT_MAX_CELL_BYTES 6000              // of a text; longer ones are cut
#define REPORT_MAX_FILE_BYTES ((size_t)1 << 20) // of recipe.yaml and manifest.json

// `folder` may also be a file of rows, such as `rlt score` leaves, in place of a folder's samples.jsonl.
// Writes `out_path` (NULL: report.html in the folder), beside and renamed. Fails where the folder has no metrics.jsonl
// and no samples.jsonl.
MUST_CHECK bool report_write(const char *folder, const char *out_path, Error *error);

#endif
