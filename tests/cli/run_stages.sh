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

# a stage's program is an input: its own file and those of its arguments that name files
make_tiny
cat > judge.sh <<'R'
while read -r line; do echo '{"reward": 0.25}'; done
R
cat > judged.yaml <<'R'
name: judged
stages:
  - stage: explanations
    command: collect
    with: {out: "${explanations}/rows.jsonl", model: base/model, data: questions/train.jsonl, tags: short, limit: 2, max_tokens: 8}
  - stage: scored
    command: score
    with: {out: "${scored}/rows.jsonl", teacher: base/model, student: base/model, data: "${explanations}/rows.jsonl", tags: short,
           reward.program: '["sh", "judge.sh", "no-file"]'}
R
judged() { "$rlt" run judged.yaml out=judged until=scored > out 2> log || fail "$(tail -n 1 log)"; }
judged
[ "$(ran)" = 2 ] || fail "judged: $(cat log)"
hash=$(sha256sum < judge.sh | cut -d ' ' -f 1)
for record in judged/scored.stage.json judged/scored/rows.jsonl.manifest.json; do
    grep -qF "{\"key\":\"reward.program\",\"path\":\"judge.sh\",\"sha256\":\"$hash\"}" $record || fail "$record: $(cat $record)"
    grep -qF "{\"key\":\"reward.program\",\"path\":\"$(command -v sh)\",\"sha256\":\"$(sha256sum < "$(command -v sh)" | cut -d ' ' -f 1)\"}" \
        $record || fail "$record: $(cat $record)"
done
"$rlt" verify judged > out && grep -q 'judged/scored/rows.jsonl: manifest: .* as recorded$' out || fail "verify: $(cat out)"
judged
[ "$(ran)" = 0 ] || fail "the program has not changed: $(cat log)"
sed -i s/0.25/0.5/ judge.sh
judged
[ "$(ran)" = 1 ] && grep -q '"program_reward":0.5' judged/scored/rows.jsonl || fail "the program has changed: $(cat log)"
