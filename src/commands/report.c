// rlt report: a run folder as one self-contained HTML page.
#include <stdio.h>

#include "commands/commands.h"
#include "report/html.h"

static const OptionRow rows[] = {
    {"run", OPTION_INPUT, NULL, 0, 0, NULL, "The run's folder; its report.html is written anew."},
    {0},
};

static bool run(const Options *options, Error *error) {
    if (!report_write(options_text(options, "run"), NULL, error)) return false;
    printf("%s/report.html\n", options_text(options, "run"));
    return true;
}

const Command command_report = {"report", "a run folder as one HTML page", "run", rows, run};
