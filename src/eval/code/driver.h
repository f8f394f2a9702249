// The Python that runs a solution inside of the sandbox.
#ifndef RLT_EVAL_CODE_DRIVER_H
#define RLT_EVAL_CODE_DRIVER_H

#include "base/buf.h"

#define CODE_DRIVER_PATH "/driver.py"
#define CODE_SOLUTION_PATH "/solution.py"

// The whole driver. fn_name NULL: the solution reads standard input. Else it is called with the JSON values of the lines
// of standard input and its result is the only thing on standard output, as JSON.
void code_driver(const char *fn_name, Buf *out);

#endif
