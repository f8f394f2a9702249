#!/usr/bin/env bash
# docs/commands.md and docs/recipes.md are what the program's help texts and the recipes give today.
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

"$root/tools/make-recipe-docs" "$rlt" >"$scratch/recipes.md"
recipes=$(find "$root/recipes" -name '*.yaml' | wc -l)
[ "$recipes" -gt 0 ] && [ "$(grep -c '^| `recipes/.*` | [A-Z]' "$scratch/recipes.md")" -eq "$recipes" ] || {
    echo "recipes.md: expected a row with a sentence for each of $recipes recipes"
    exit 1
}
# every key of a command that can be a stage is there: its row of the help text, with type, range and default
for command in sft rl collect "data countdown"; do
    read -ra words <<<"$command"
    "$rlt" "${words[@]}" --help | grep '^  [a-z]' | while read -r row; do
        grep -qF -- "  $row" "$scratch/recipes.md" || { echo "recipes.md: rlt $command: no row \"$row\""; exit 1; }
    done
done
diff -u "$root/docs/recipes.md" "$scratch/recipes.md" || {
    echo "docs/recipes.md is not what the program prints: tools/make-recipe-docs RLT > docs/recipes.md"
    exit 1
}
