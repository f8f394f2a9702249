# kill -9 at random moments: each stage, and a run of stages, is killed `kills` times in one run; its final files are the
# same bits as without. `work`: how long the stages are.
kills=${kills:-3} work=${work:-36}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lib.sh"
in_memory
make_tiny
RANDOM=7 # the moments; where they fall in a run depends on the machine

now_ms() { date +%s%3N; }

# Starts "$@", waits up to $1 ms, kills it (or, for a run of stages, at every other time the stage that it runs).
kill_once() {
    local ms=$1 child target
    shift
    (exec "$@" >> log 2>&1) &
    child=$! target=$!
    sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
    if [ "$stage" = run ] && [ $((ms % 2)) = 0 ]; then target=$(cut -d ' ' -f 1 /proc/$child/task/$child/children 2> /dev/null); fi
    killed=$((killed + $(kill -9 ${target:-$child} 2> /dev/null && echo 1 || echo 0)))
    wait $child 2> /dev/null || true
}

# Kills "$@" `kills` times, each within $1 ms; fails where the run ends before its last kill.
kill_all() {
    local ms=$1 i
    shift
    rm -rf broken
    [ "$suffix" = "" ] || mkdir broken
    : > log
    killed=0
    for i in $(seq "$kills"); do
        kill_once $((RANDOM % ms + 1)) "$@" out="broken$suffix" $again
        [ $killed = "$i" ] || return 1
    done
}

# Stage `stage`, whose command is "$@" with out=DIR after it; `again`: what is added when it goes on; `went_on`: what its log must
# say in one of five rounds of kills, as moments may all come too early.
survives() {
    local start whole_ms ms round
    rm -rf whole
    [ "$suffix" = "" ] || mkdir whole
    start=$(now_ms)
    "$@" out="whole$suffix" > log 2>&1 || fail "$stage: $(tail -n 1 log)"
    whole_ms=$(($(now_ms) - start))
    result_of whole > expected
    # on the whole less time than the run takes; a machine that has become faster since gets less
    ms=$((whole_ms * 3 / (2 * kills) + 1))
    for round in 1 2 3 4 5; do
        until kill_all $ms "$@"; do
            [ $ms -gt 2 ] || fail "$stage: the run ends before it is killed $kills times"
            ms=$((ms / 2))
        done
        "$@" out="broken$suffix" $again >> log 2>&1 || fail "$stage: does not go on: $(tail -n 1 log)"
        result_of broken > got
        diff expected got > differs || fail "$stage: other files than without kills: $(cat differs)"
        [ "$went_on" = "" ] || grep -q "$went_on" log || continue
        break
    done
    [ "$went_on" = "" ] || grep -q "$went_on" log || fail "$stage: no kill came after a checkpoint"
    echo "$stage: the same files after $killed kills ($whole_ms ms without)"
}

suffix="" again="" went_on=""
stage="data countdown" && survives "$rlt" data countdown train=$((work * 100)) test=50 attempts=2
stage="data split" && survives "$rlt" data split data=questions/train.jsonl test=0.3
stage="data tokenizer" && survives "$rlt" data tokenizer data=questions/train.jsonl vocabulary=700 tags=short
again=resume=true
stage="eval" && survives "$rlt" eval model=base/model data=questions/test.jsonl samples=$((work / 4)) tags=short max_tokens=40
suffix=/rows.jsonl again=resume=true
stage="score" && survives "$rlt" score teacher=base/model student=base/model data=questions/train.jsonl tags=short chunk=2
stage="collect" && survives "$rlt" collect model=base/model data=questions/train.jsonl samples=$((work / 12)) chunk=1 tags=short max_tokens=40
suffix="" went_on='going on from step'
stage="sft" && survives "$rlt" sft model=base/model data=questions/train.jsonl format=teacher tags=short steps=$((work * 4)) batch=4 lr=3e-3 \
    checkpoint_every=1
stage="rl" && survives "$rlt" rl model=base/model data=questions/train.jsonl tags=short questions=2 samples=4 lr=1e-3 max_tokens=24 \
    sync_every=2 steps=$((work * 2)) checkpoint_every=1

if [ "$kills" -gt 3 ]; then # the long run alone
    stage="rl in bf16" && survives "$rlt" rl model=base/model data=questions/train.jsonl tags=short questions=2 samples=4 lr=1e-3 \
        max_tokens=24 dtype=bf16 sync_every=2 steps=$((work * 2)) checkpoint_every=1
fi

cat > recipe.yaml <<R
name: all stages
stages:
  - {stage: rows, command: data sample, with: {data: questions/train.jsonl, out: "\${rows}/rows.jsonl", count: 40}}
  - stage: student
    command: sft
    with: {out: "\${student}", model: base/model, data: "\${rows}/rows.jsonl", tags: short, steps: $((work * 2)), batch: 2, lr: 1e-3, checkpoint_every: 2}
  - stage: teacher
    command: rl
    with: {out: "\${teacher}", model: base/model, student: "\${student}/model", data: "\${rows}/rows.jsonl", tags: short, questions: 2,
           samples: 4, lr: 1e-3, max_tokens: 24, steps: $work, checkpoint_every: 2}
  - stage: explanations
    command: collect
    with: {out: "\${explanations}/rows.jsonl", model: "\${teacher}/model", data: "\${rows}/rows.jsonl", tags: short, chunk: 4, max_tokens: 24}
  - {stage: distilled, like: student, with: {out: "\${distilled}", data: "\${explanations}/rows.jsonl"}}
  - stage: eval
    command: eval
    with: {out: "\${eval}", model: "\${distilled}/model", data: questions/test.jsonl, tags: short, max_tokens: 24}
table: [{label: distilled, eval: eval}]
R
again="" went_on=""
stage=run && survives "$rlt" run recipe.yaml
[ -s broken/table.md ] || fail "run: no table"
"$rlt" verify broken > out || fail "run: $(cat out)"

# one folder has one writer
stage=writer
(exec "$rlt" sft model=base/model data=questions/train.jsonl tags=short steps=100000 batch=4 out=held 2> log) &
child=$!
until [ -s held/metrics.jsonl ]; do kill -0 $child || fail "$(cat log)"; sleep 0.02; done
refuses_last 'held: another process is writing there' "$rlt" sft model=base/model data=questions/train.jsonl tags=short steps=100000 batch=4 out=held
kill -9 $child
wait $child 2> /dev/null || true
