# Stages: done ones are skipped, changed inputs or outputs make a stage run again, overrides reach their stage.
. "$(dirname "$0")/lib.sh"
cat > recipe.yaml <<'R'
name: two
variables: {count: 5}
stages:
  - stage: questions
    command: data countdown
    with: {out: "${questions}", train: 20, test: 5, numbers_max: 3, number_max: 12, style: short, test_share: 0.24, seed: "${seed}"}
  - stage: part
    command: data sample
    with: {data: "${questions}/train.jsonl", out: "${part}/rows.jsonl", count: "${count}"}
R
go() { "$rlt" run recipe.yaml out=runs "$@" > out 2> log; }
ran() { grep -c '^== [a-z]*: rlt' log || true; }
go
[ "$(ran)" = 2 ] && [ "$(wc -l < runs/part/rows.jsonl)" = 5 ] || fail "first run: $(cat log)"
go
[ "$(ran)" = 0 ] || fail "nothing changed: $(cat log)"
go count=7
[ "$(ran)" = 1 ] && [ "$(wc -l < runs/part/rows.jsonl)" = 7 ] || fail "a variable: $(cat log)"
go part.count=6
[ "$(ran)" = 1 ] && [ "$(wc -l < runs/part/rows.jsonl)" = 6 ] || fail "a stage's key: $(cat log)"
go count=7 seed=2
[ "$(ran)" = 2 ] || fail "another seed changes the input of the second stage: $(cat log)"
cp runs/part/rows.jsonl before
echo '{}' >> runs/part/rows.jsonl
go count=7 seed=2
[ "$(ran)" = 1 ] && cmp before runs/part/rows.jsonl || fail "a changed output is made anew: $(cat log)"
refuses 1 'is no variable and no STAGE.KEY' "$rlt" run recipe.yaml out=runs nonsense=1
