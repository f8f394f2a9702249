# Recipes: each in recipes/ resolves, and what it resolves to is the same recipe; extends, like and pattern; what is refused.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
root=$(cd "$here/../.." && pwd)
dry() { "$rlt" run "$@" dry_run=true; }
says() { grep -qF -- "$1" "$2" || fail "expected \"$1\" in: $(cat "$2")"; }

# every recipe, without models: all keys known, all values in their ranges, every needed key given
n=0
for recipe in "$root"/recipes/*.yaml "$root"/recipes/paper/*.yaml; do
    dry "$recipe" out=X > resolved.yaml || fail "$recipe"
    dry resolved.yaml out=Y > again.yaml && cmp resolved.yaml again.yaml || fail "$recipe: what it resolves to is another recipe"
    ! grep -qF '${' resolved.yaml || fail "$recipe: a variable is left"
    n=$((n + 1))
done
[ $n -ge 13 ] && [ ! -e X ] || fail "$n recipes"
# the paper's numbers, as its text gives them: 125 steps of 1024 completions at 1e-6; students 3 epochs, batch 96, 1e-5
dry "$root/recipes/paper/student-32b-1k.yaml" out=X > resolved.yaml
key() { sed -n "/^- stage: $1\$/,/^- stage/p" resolved.yaml | sed -n "s/^    $2: //p"; } # STAGE KEY: its value
expect() { [ "$(key "$1" "$2")" = "$3" ] || fail "$1.$2: $(key "$1" "$2"), expected $3"; }
expect warmup epochs 10.0 && expect warmup batch 16 && expect warmup lr 1e-05 && expect warmup format teacher && expect warmup warmup_ratio 0.05
expect teacher steps 125 && [ $(($(key teacher questions) * $(key teacher samples))) = 1024 ] && expect teacher lr 1e-06
expect teacher beta 0.04 && expect teacher sync_every 32 && expect teacher sync_share 0.9 && expect teacher max_tokens 16384
expect teacher reward.ss '1.0*mean + 0.01*min' && expect teacher reward.kl '3.0*mean + 0.03*max' && expect teacher temperature 0.7
expect student_32b_1k epochs 3.0 && expect student_32b_1k batch 96 && expect student_32b_1k lr 1e-05 && expect explanations_1k count 1000

# extends and like: the nearest wins, order of the first, several files deep
mkdir deep
cat > deep/base.yaml <<'R'
name: base
variables: {count: 5, kept: 7}
stages:
  - {stage: rows, command: data countdown, with: {out: "${rows}", train: "${count}", test: 3, style: short}}
  - {stage: any, pattern: true, command: data sample, with: {count: "${kept}", seed: 4}}
table: []
R
cat > middle.yaml <<'R'
extends: deep/base.yaml
name: middle
variables: {count: 6}
stages:
  - {stage: part, like: any, with: {data: "${rows}/train.jsonl", out: "${part}/rows.jsonl"}}
R
cat > top.yaml <<'R'
extends: middle.yaml
stages:
  - {stage: more, like: part, with: {out: "${more}/rows.jsonl", shuffle: false}}
  - {stage: rows, with: {test: 4}}
R
cat > expected.yaml <<'R'
name: middle
stages:
- stage: rows
  command: data countdown
  with:
    out: o/rows
    train: 6
    test: 4
    style: short
- stage: part
  command: data sample
  with:
    count: 8
    seed: 4
    data: o/rows/train.jsonl
    out: o/part/rows.jsonl
- stage: more
  command: data sample
  with:
    count: 8
    seed: 4
    data: o/rows/train.jsonl
    out: o/more/rows.jsonl
    shuffle: false
table: []
R
dry top.yaml out=o kept=8 > resolved.yaml
diff expected.yaml resolved.yaml || fail "extends"
"$rlt" run top.yaml out=o kept=2 > log 2>&1
[ "$(wc -l < o/more/rows.jsonl)" = 2 ] || fail "$(cat log)"
for file in top middle deep/base; do says "$(sha256sum < $file.yaml | cut -d ' ' -f 1)" o/manifest.json; done
"$rlt" verify o > out && says 'o: manifest: 3 inputs' out
# the same for one command's recipe
printf 'extends: deep/one.yaml\ntrain: 4\n' > one.yaml
printf 'train: 9\ntest: 2\nstyle: short\n' > deep/one.yaml
"$rlt" data countdown one.yaml out=q 2> log && [ "$(wc -l < q/train.jsonl)" = 4 ] && [ "$(wc -l < q/test.jsonl)" = 2 ] || fail "one.yaml: $(cat log)"

# what is refused
refused() { # TEXT RECIPE_LINES...
    printf '%s\n' "${@:2}" > bad.yaml
    refuses 1 "$1" "$rlt" run bad.yaml out=none
    [ ! -e none ] || fail "a refused recipe left a folder"
}
stage='stages: [{stage: a, command: data sample, with: {data: d, out: o'
refused 'bad.yaml: extends bad.yaml: a cycle' 'extends: bad.yaml'
printf 'extends: ../bad.yaml\n' > deep/back.yaml
refused 'deep/back.yaml: extends deep/../bad.yaml: a cycle' 'extends: deep/back.yaml'
refused 'nowhere.yaml' 'extends: nowhere.yaml'
refused 'key "extends": expected the path' 'extends: [a]'
refused 'unknown key "stagse"; the nearest is "stages"' 'stagse: []'
refused 'unknown key "stages[].comand"; the nearest is "stages[].command"' 'stages: [{stage: a, comand: sft}]'
refused 'unknown key "table[].lable"; the nearest is "table[].label"' "$stage}}]" 'table: [{lable: x, eval: a}]'
refused 'stage "a": unknown key "shufle" of rlt data sample; the nearest is "shuffle"' "$stage, shufle: 1}}]"
refused 'stage "a": count=0: expected a whole number from 1 to 1e+09' "$stage, count: 0}}]"
refused 'stage "a": shuffle=maybe: expected true or false' "$stage, shuffle: maybe}}]"
refused 'stage "a": key "out" of rlt data countdown must be given' 'stages: [{stage: a, command: data countdown, with: {train: 3}}]'
refused 'like "b": expected the name of an earlier stage' 'stages: [{stage: a, like: b}]'
refused 'like "a": expected the name of an earlier stage' 'stages: [{stage: a, like: a}]'
refused 'key "pattern"' 'stages: [{stage: a, pattern: 3}]'
refused 'there is no command "nonsense"' 'stages: [{stage: a, command: nonsense}]'
refuses 1 'there is no command "nonsense"' "$rlt" help nonsense
"$rlt" help data sample > a && "$rlt" data sample --help | cmp - a || fail "help data sample"
