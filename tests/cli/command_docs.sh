#!/usr/bin/env bash
# docs/commands.md is what the program's help texts give today.
# usage: command_docs.sh RLT SCRATCH
set -euo pipefail
rlt=$1 scratch=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
rm -rf "$scratch"
mkdir -p "$scratch"

"$root/tools/make-command-docs" "$rlt" >"$scratch/commands.md"
# The page has a section for every command that the overview lists: a page made from nothing would equal nothing.
listed=$("$rlt" --help | grep -c '^  [a-z]')
sections=$(grep -c '^## rlt ' "$scratch/commands.md")
[ "$listed" -gt 0 ] && [ "$listed" -eq "$sections" ] || {
    echo "commands.md: $sections sections, the program lists $listed commands"
    exit 1
}
diff -u "$root/docs/commands.md" "$scratch/commands.md" || {
    echo "docs/commands.md is not what the program prints: tools/make-command-docs RLT > docs/commands.md"
    exit 1
}
