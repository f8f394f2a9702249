#!/usr/bin/env bash
# rlt score: rewards by their formula, the best and the worst rows, correlations, added rewards, and a kill -9 in between.
. "$(dirname "$0")/lib.sh"
command -v python3 > /dev/null || { echo "skipped: python3 is not there to check the numbers"; exit 77; }
make_tiny
"$rlt" collect model=base/model data=questions/train.jsonl out=traces.jsonl tags=short limit=14 samples=3 max_tokens=24 2>> log
score() { "$rlt" score teacher=base/model student=base/model tags=short data=traces.jsonl "$@" 2>> log; }

score out=all.jsonl correlate=sample,closed > correlations || fail "$(cat log)"
score out=top.jsonl top=5 chunk=7
score out=bottom.jsonl bottom=4 max_rows=100
score out=best.jsonl best=true
score out=both.jsonl best=true top=6 tokens=false
score > printed.jsonl
cmp all.jsonl printed.jsonl || fail "standard output differs"
[ -z "$(find . -name '*.scored' -o -name '*.partial')" ] || fail "left over: $(find . -name '*.scored')"

cat > judge.py << 'END'
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps({"id": asked["id"], "reward": asked["tokens"] + len(asked["row"]["question"]) / 1000}), flush=True)
END
score out=sum.jsonl reward.weight=0.5 reward.program='["python3", "judge.py"]' reward.program_weight=0.01 reward.format_weight=2 \
    reward.length_weight=1 reward.length_to=30
score out=exact.jsonl reward.kl_estimator=exact reward.kl="1*mean + 0.5*max"
score out=exact_packed.jsonl reward.kl_estimator=exact reward.kl="1*mean + 0.5*max" max_rows=60 chunk=5
cmp exact.jsonl exact_packed.jsonl || fail "other batches give another divergence"
score out=bare.jsonl reward.teacher_entropy=false

python3 - << 'EOF' || fail "see above"
import json, math
def read(name): return [json.loads(line) for line in open(name)]
def near(a, b): assert abs(a - b) <= 1e-6 * (1 + abs(b)), (a, b)
def mean(x): return sum(x) / len(x)
rows, traces = read("all.jsonl"), read("traces.jsonl")
assert len(rows) == 42 and [r["question"] for r in rows] == [t["question"] for t in traces]
for row in rows:
    kl = [t - s for t, s in zip(row["teacher_logp"], row["student_logp"])]
    ss = row["solution_logp"]
    near(row["r_ss"], mean(ss) + 0.01 * min(ss))
    near(row["r_kl"], 3 * mean(kl) + 0.03 * max(kl) if kl else 30.3)
    near(row["reward"], row["r_ss"] - row["r_kl"] + row["match"])
    assert len(row["explanation_tokens"]) == len(kl) == len(row["kl_values"]) and len(row["solution_tokens"]) == len(ss)
    assert row["ss_values"] == ss and "".join(row["solution_tokens"]) in row["solution"]
    for have, want in zip(row["kl_values"], kl): near(have, want)
order = sorted(range(42), key=lambda i: -rows[i]["reward"])
assert read("top.jsonl") == [rows[i] for i in sorted(order[:5])]
worst = sorted(range(42), key=lambda i: rows[i]["reward"])
assert read("bottom.jsonl") == [rows[i] for i in sorted(worst[:4])]
best = {}
for i in order: best.setdefault((rows[i]["question"], rows[i]["solution"]), i)
assert len(best) == 14 and read("best.jsonl") == [rows[i] for i in sorted(best.values())]
both = read("both.jsonl")
assert len(both) == 6 and "teacher_logp" not in both[0]
assert [b["reward"] for b in both] == [rows[i]["reward"] for i in sorted(sorted(best.values(), key=lambda i: -rows[i]["reward"])[:6])]

def pearson(x, y):
    a, b = [v - mean(x) for v in x], [v - mean(y) for v in y]
    return sum(p * q for p, q in zip(a, b)) / math.sqrt(sum(p * p for p in a) * sum(q * q for q in b))
def ranks(x): return [sum(v < w for v in x) + (sum(v == w for v in x) + 1) / 2 for w in x]
said = read("correlations")
assert [(s["column"], s["of"]) for s in said] == [(c, o) for c in ("sample", "closed") for o in ("reward", "r_ss", "r_kl", "match")]
for s in said:
    x, y = [r[s["of"]] for r in rows], [float(r[s["column"]]) for r in rows]
    assert s["n"] == 42
    if len(set(x)) > 1 and len(set(y)) > 1:
        near(s["pearson"], pearson(x, y))
        near(s["spearman"], pearson(ranks(x), ranks(y)))
    else:
        assert s["pearson"] is None and s["spearman"] is None

def laid_out(trace):
    tags = [f"<|{side}_of_{name}|>" for side in ("begin", "end") for name in ("solution", "explanation", "thought")]
    return trace.strip() != "" and not any(tag in trace for tag in tags)
for row, own in zip(read("sum.jsonl"), rows):
    tokens = round(row["program_reward"] - len(row["question"]) / 1000)
    assert tokens >= len(own["teacher_logp"]) and row["format_reward"] == float(laid_out(own["reasoning_trace"]))
    near(row["length_reward"], -min(1, tokens / 30))
    near(row["reward"], 0.5 * own["reward"] + 0.01 * row["program_reward"] + 2 * row["format_reward"] + row["length_reward"])
for row, own in zip(read("exact.jsonl"), rows):
    assert all(v >= -1e-5 for v in row["exact_kl"]) and len(row["exact_kl"]) == len(own["teacher_logp"])
    near(row["r_kl"], mean(row["exact_kl"]) + 0.5 * max(row["exact_kl"]) if row["exact_kl"] else 15)
for row, own in zip(read("bare.jsonl"), rows):
    k = [-s for s in own["student_logp"]]
    near(row["r_kl"], 3 * mean(k) + 0.03 * max(k) if k else 30.3)
EOF

# scored again: the same rows, no key twice
"$rlt" score teacher=base/model student=base/model tags=short data=all.jsonl out=again.jsonl 2>> log || fail "$(tail -n 1 log)"
cmp all.jsonl again.jsonl || fail "scored again it differs"

# killed at some moment, then resumed: the same bytes; rows of another run are not gone on from
killed_midway killed.jsonl killed.jsonl.scored 3 killed.jsonl "$rlt" score teacher=base/model student=base/model tags=short \
    data=traces.jsonl out=killed.jsonl chunk=1
printf '{"question": "cut in the mid' >> killed.jsonl.scored
score out=killed.jsonl resume=true
cmp all.jsonl killed.jsonl || fail "a resumed run differs"
head -n 3 all.jsonl > other.jsonl.scored
tail -n +4 traces.jsonl > other.traces
quiet() { "$rlt" score teacher=base/model student=base/model tags=short "$@" 2>&1 | grep -v "^score" >&2; return "${PIPESTATUS[0]}"; }
refuses 1 "other.jsonl.scored:1: expected the data's row 1: the file is of another run" quiet data=other.traces out=other.jsonl resume=true

refuses 1 "key bottom: not together with top" "$rlt" score teacher=a student=b data=traces.jsonl top=1 bottom=1
refuses 1 "key out: expected a file with correlate" "$rlt" score teacher=a student=b data=traces.jsonl correlate=sample
refuses 1 'key "nothing": expected in some row' "$rlt" score teacher=a student=b data=traces.jsonl correlate=nothing out=x
refuses 1 'key "numbers": expected a number' "$rlt" score teacher=a student=b data=traces.jsonl correlate=numbers out=x
refuses 1 "key reward.teacher_entropy: expected true" quiet data=traces.jsonl out=x reward.kl_estimator=exact reward.teacher_entropy=false
refuses 1 "key reward.length_to: expected more than" quiet data=traces.jsonl out=x reward.length_weight=1
refuses 1 "program /nowhere: expected a program that can be started" quiet data=traces.jsonl out=x reward.program=/nowhere
refuses 1 "program sh: no answer within 0.2 s after 0 of 42 lines" quiet data=traces.jsonl out=x \
    reward.program='["sh", "-c", "sleep 30"]' reward.program_seconds=0.2
refuses 1 "program head: ended after 0 of 42 lines" quiet data=traces.jsonl out=x reward.program='["head", "-n", "0"]'
[ ! -e x ] || fail "a refused run left its file"
