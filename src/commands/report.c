// rlt report: a run folder as one self-contained HTML page.
#include <stdio.h>

#include "base/file.h"
#include "commands/commands.h"
#include "report/html.h"

static const OptionRow rows[] = {
    {"run", OPTION_INPUT, NULL, 0, 0, NULL, "The run's folder; its report.html is written anew. Or the file that rlt score left: FILE.report.html."},
    {0},
};

static bool run(const Options *options, Error *error) {
    const char *run = options_text(options, "run");
    Buf page;
    buf_init(&page, 0);
    buf_printf(&page, file_exists(run) ? "%s." REPORT_FILE : "%s/" REPORT_FILE, run);
    bool ok = report_write(run, page.data, error);
    if (ok) printf("%s\n", page.data);
    buf_free(&page);
    return ok;
}

const Command command_report = {"report", "a run folder as one HTML page", "run", rows, run};
