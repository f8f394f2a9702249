#!/usr/bin/env bash
# tools/check-layers finds each kind of wrong include, names its line, and lets right ones pass.
# usage: check_layers.sh CHECK_LAYERS SCRATCH_FOLDER
set -euo pipefail
check=$1
scratch=$2
rm -rf "$scratch"

fail() { echo "check_layers.sh: $*" >&2; exit 1; }

# expect EXIT_CODE PART_OF_OUTPUT, after FILE has been given LINES
expect() {
    local code=0 output
    output=$("$check" "$scratch/src" 2>&1) || code=$?
    [ "$code" = "$1" ] || fail "expected exit $1, found $code: $output"
    [[ $output == *"$2"* ]] || fail "expected \"$2\" in: $output"
}
put() { mkdir -p "$(dirname "$scratch/src/$1")"; printf '%b' "$2" > "$scratch/src/$1"; }

mkdir -p "$scratch/src"
expect 1 'found none'
put base/a.h '#include <stdio.h>\n'
put compute/cpu/k.c '#include "base/a.h"\n#include "compute/compute.h"\n#include "compute/ref/ref.h"\n'
put text/t.c '#include "base/a.h"\n#include "text/t.h"\n'
put commands/main.c '#include "report/r.h"\n  #  include "text/t.h"\n'
expect 0 'layers hold in 4 files'

put base/b.c '// a line\n#include "base/a.h"\n#include "compute/forest.h"\n'
expect 1 'src/base/b.c:3: "compute/forest.h": base lies below compute'
rm "$scratch/src/base/b.c"
put compute/cpu/up.c '\t#\tinclude "model/model.h" // why not\n'
expect 1 'src/compute/cpu/up.c:1: "model/model.h": compute lies below model'
rm "$scratch/src/compute/cpu/up.c"
put text/u.h '\n#include "compute/forest.h"\n'
expect 1 'src/text/u.h:2: "compute/forest.h": text sees only base'
rm "$scratch/src/text/u.h"
put model/m.c '#include "model.h"\n'
expect 1 'src/model/m.c:1: "model.h": expected a path from src/'
rm "$scratch/src/model/m.c"
put model/m.c '#include "../base/a.h"\n'
expect 1 'src/model/m.c:1: "../base/a.h": expected a path from src/'
rm "$scratch/src/model/m.c"
put misc/x.c '\n'
expect 1 'src/misc/x.c:1: expected a file in a folder that has a layer'
rm "$scratch/src/misc/x.c"
expect 0 'layers hold in 4 files'
expect_folder() { ! "$check" "$scratch/none" > /dev/null 2>&1 || fail "a folder that is not there passed"; }
expect_folder
rm -rf "$scratch"
