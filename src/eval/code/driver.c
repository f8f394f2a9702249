#include "eval/code/driver.h"

// The solution is the module __main__, so that what it defines under `if __name__ == "__main__"` runs. Names that
// solutions of this kind use without importing them are there, as in the harness of LiveCodeBench; those of builtins come
// last, so that "from math import *" does not hide pow. A limit of processes counts within the sandbox.
static const char head[] =
    "import resource, sys, types\n"
    "resource.setrlimit(resource.RLIMIT_NPROC, (32, 32))\n"
    "sys.setrecursionlimit(50000)\n"
    "prelude = '\\n'.join('from %s import *' % m for m in ('string re datetime collections heapq bisect copy math random '\n"
    "    'statistics itertools functools operator io sys json typing builtins').split())\n"
    "prelude += '\\nimport string, re, datetime, collections, heapq, bisect, copy, math, random, statistics, itertools'\n"
    "prelude += '\\nimport functools, operator, io, sys, json, typing'\n"
    "module = types.ModuleType('__main__')\n"
    "sys.modules['__main__'] = module\n"
    "scope = module.__dict__\n"
    "exec(prelude, scope)\n"
    "sys.argv = ['" CODE_SOLUTION_PATH "']\n"
    "with open('" CODE_SOLUTION_PATH "', encoding='utf-8') as file:\n"
    "    source = file.read()\n";

static const char run_program[] =
    "try:\n"
    "    exec(compile(source, '" CODE_SOLUTION_PATH "', 'exec'), scope)\n"
    "except SystemExit:\n"
    "    pass\n";

// What the solution prints goes to standard error.
static const char call_function[] =
    "import json, os\n"
    "args = [json.loads(line) for line in sys.stdin.read().split('\\n') if line.strip()]\n"
    "result = os.fdopen(os.dup(1), 'w')\n"
    "os.dup2(2, 1)\n"
    "exec(compile(source, '" CODE_SOLUTION_PATH "', 'exec'), scope)\n"
    "owner = scope['Solution']() if 'Solution' in scope else module\n"
    "value = getattr(owner, name)(*args)\n"
    "result.write(json.dumps(value))\n"
    "result.flush()\n"
    "sys.stdout.flush()\n"
    "os._exit(0)\n";

void code_driver(const char *fn_name, Buf *out) {
    buf_add_text(out, head);
    if (fn_name == NULL) {
        buf_add_text(out, run_program);
    } else {
        buf_printf(out, "name = '%s'\n", fn_name); // letters, digits and _ (tests.h)
        buf_add_text(out, call_function);
    }
}
