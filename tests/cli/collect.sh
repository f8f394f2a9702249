#!/usr/bin/env bash
# rlt collect with a model: attempts until an explanation closes and fits, the best by reward where none does, explanations
# written anew, and a kill -9 in between. And the values of tokens that RL keeps.
. "$(dirname "$0")/lib.sh"
command -v python3 > /dev/null || { echo "skipped: python3 is not there to check the rows"; exit 77; }
make_tiny
collect() { "$rlt" collect model=base/model data=questions/train.jsonl tags=short limit=16 samples=2 max_tokens=24 seed=3 "$@" 2>> log; }

collect out=one.jsonl student=base/model budget=60
collect out=four.jsonl student=base/model budget=60 attempts=4
collect out=plain.jsonl attempts=4
OMP_NUM_THREADS=1 collect out=other.jsonl student=base/model budget=60 attempts=4 chunk=3 slots=5 max_rows=90
cmp four.jsonl other.jsonl || fail "other threads, chunks and batches give other rows"
"$rlt" score teacher=base/model student=base/model tags=short data=four.jsonl out=scored.jsonl 2>> log

python3 - << 'EOF' || fail "see above"
import json
def read(name): return [json.loads(line) for line in open(name)]
questions = read("questions/train.jsonl")[:16]
one, four, plain, scored = read("one.jsonl"), read("four.jsonl"), read("plain.jsonl"), read("scored.jsonl")
assert len(one) == len(four) == len(plain) == 32
better = 0
for i, (a, b, c) in enumerate(zip(one, four, plain)):
    q = questions[i // 2]
    assert b["question"] == q["question"] and b["solution"] == q["solution"] and b["sample"] == i % 2 and b["numbers"] == q["numbers"]
    good = b["closed"] and b["fits"]
    assert 1 <= b["attempts"] <= 4 and (good or b["attempts"] == 4), b
    assert "attempts" not in a and "reward" not in c and "fits" not in c
    if a["closed"] and a["fits"]:
        assert b["attempts"] == 1 and b["reasoning_trace"] == a["reasoning_trace"] and b["reward"] == a["reward"]
    if not good:  # the best of four, the first of which is that of `one`
        assert b["reward"] >= a["reward"]
        better += b["reward"] > a["reward"]
    assert abs(b["reward"] - (b["r_ss"] - b["r_kl"] + b["match"])) < 1e-9
    assert b["match"] == (0 if b["closed"] else -1)
print("good", sum(r["closed"] and r["fits"] for r in one), sum(r["closed"] and r["fits"] for r in four), "closed",
      sum(r["closed"] for r in four), "fits", sum(r["fits"] for r in four), "better", better)
assert better > 0, "no attempt was better than the first: nothing was chosen"
assert any(not r["fits"] for r in four), "every explanation fits: the budget is not tried"
# the reward is that of `rlt score`, where the trace is tokenised to what was sampled
same = [abs(b["reward"] - s["reward"]) < 1e-5 for b, s in zip(four, scored) if b["closed"]]
assert not same or any(same), same
EOF

# killed at some moment, then resumed: the same bytes
killed_midway killed.jsonl killed.jsonl.partial 3 killed.jsonl "$rlt" collect model=base/model data=questions/train.jsonl \
    tags=short limit=16 samples=2 max_tokens=24 seed=3 out=killed.jsonl student=base/model budget=60 attempts=4 chunk=1
printf '{"question": "cut in the mid' >> killed.jsonl.partial
collect out=killed.jsonl student=base/model budget=60 attempts=4 resume=true
cmp four.jsonl killed.jsonl || fail "a resumed run differs"

# explanations written anew
echo 'Write anew: {explanation} for {question} = {solution} {other}' > prompt.txt
"$rlt" collect model=base/model rewrite=prompt.txt data=four.jsonl out=anew.jsonl limit=5 max_tokens=12 tags=short 2>> log || fail "$(tail -n 1 log)"
[ "$(wc -l < anew.jsonl)" = 5 ] || fail "expected 5 rows"
echo 'Write anew.' > empty.txt
refuses 1 "empty.txt: expected {explanation} in the prompt" "$rlt" collect model=base/model rewrite=empty.txt data=four.jsonl out=x
echo '{"question": "1 2 -> 3", "solution": "1 + 2"}' > bare.jsonl
refuses 1 'bare.jsonl:1: key "reasoning_trace"' "$rlt" collect model=base/model rewrite=prompt.txt data=bare.jsonl out=x
[ ! -e x ] || fail "a refused run left its file"

# RL with added rewards and the exact divergence, and the values of tokens in its samples
cat > judge.sh << 'END'
while read -r line; do echo '{"reward": 0.25}'; done
END
"$rlt" rl model=base/model data=questions/train.jsonl tags=short questions=2 samples=3 steps=2 lr=1e-3 max_tokens=20 out=rl log_samples=3 \
    log_tokens=true reward.kl_estimator=exact reward.format_weight=0.5 reward.length_weight=1 reward.program='["sh", "judge.sh"]' \
    2>> log || fail "$(tail -n 1 log)"
python3 - << 'EOF' || fail "see above"
import json
def read(name): return [json.loads(line) for line in open(name)]
rows, steps = read("rl/samples.jsonl"), read("rl/metrics.jsonl")
assert len(rows) == 6 and len(steps) == 2
for row in rows:
    kl, ss = row["kl_values"], row["ss_values"]
    assert len(row["explanation_tokens"]) == len(kl) and len(row["solution_tokens"]) == len(ss)
    if not any("\ufffd" in token for token in row["explanation_tokens"]):
        assert row["completion"].startswith("".join(row["explanation_tokens"]))
    assert "".join(row["solution_tokens"]) in row["solution"]
    assert all(v >= -1e-5 for v in kl) and all(v <= 0 for v in ss)
    own = row["r_ss"] - row["r_kl"] + row["match"]
    if ss: assert abs(row["r_ss"] - sum(ss) / len(ss) - 0.01 * min(ss)) < 1e-5
    if kl: assert abs(row["r_kl"] - 3 * sum(kl) / len(kl) - 0.03 * max(kl)) < 1e-5
    assert row["program_reward"] == 0.25 and row["format_reward"] in (0, 1) and -1 <= row["length_reward"] <= 0
    assert abs(row["reward"] - own - 0.25 - 0.5 * row["format_reward"] - row["length_reward"]) < 1e-9
for step in steps: assert abs(step["reward_program"] - 0.25) < 1e-12 and 0 <= step["reward_format"] <= 1
EOF
