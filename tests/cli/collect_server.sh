#!/usr/bin/env bash
# rlt collect with a server for the teacher: rows in order, each once, after failures, refusals and a server that dies.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/lib.sh"
command -v python3 > /dev/null || { echo "skipped: python3 is not there to be the server"; exit 77; }
export no_proxy=127.0.0.1 RLT_TEST_KEY=sk-never-shown

# start [ARGUMENT...]: sets url; the server ends with the end of descriptor 7, its standard input
start() {
    exec 7>&- || true
    rm -f input port
    mkfifo input
    python3 "$here/../remote/mock_server.py" "$@" < input > port 2> server.err &
    exec 7> input
    for _ in $(seq 200); do [ -s port ] && break; sleep 0.05; done
    [ -s port ] || fail "the server does not start: $(cat server.err)"
    url=http://127.0.0.1:$(cat port)/v1
}
collect() { "$rlt" collect server="$url" server_model=m key_env=RLT_TEST_KEY data=data.jsonl samples=2 max_tokens=50 request_seconds=2 "$@"; }

for i in $(seq 20); do
    case $i in 5) kind="open " ;; 7) kind="tag " ;; 9) kind="refuse " ;; 11) kind="late " ;; 12) kind="late " ;; *) kind="" ;; esac
    printf '{"question": "%sQ%d", "solution": "S%d", "kept": %d}\n' "$kind" "$i" "$i" "$i"
done > data.jsonl

start
collect out=all.jsonl attempts=3 2> log || fail "$(cat log)"
python3 - << 'EOF' || fail "all.jsonl: $(cat all.jsonl)"
import json
rows = [json.loads(line) for line in open("all.jsonl")]
assert len(rows) == 40
late = []
for i, row in enumerate(rows):
    n = i // 2 + 1
    assert row["question"].endswith(f"Q{n}") and row["solution"] == f"S{n}" and row["kept"] == n and row["sample"] == i % 2
    trace = "because " + row["question"]
    if n in (11, 12):
        seed = int(row["reasoning_trace"].removeprefix(trace))
        assert row["closed"] == (seed % 2 == 0) and (row["closed"] or row["attempts"] == 3), row
        late.append(row["attempts"])
        continue
    assert row["attempts"] == (0 if n == 9 else 3 if n == 5 else 1), row
    assert row["closed"] == (n not in (5, 9)), row
    assert row["reasoning_trace"] == ("" if n == 9 else trace), row
    assert ("refused" in row) == (n == 9)
assert rows[16]["refused"] == "status 400: no such thing"
assert max(late) > 1, late
EOF
grep -qE "[2-6] of 40 explanations do not close" log || fail "expected a warning of open ones: $(cat log)"
grep -q "2 of 40 explanations were refused" log || fail "expected a warning of refused ones: $(cat log)"

# A server that dies: what came is kept, and the run goes on from there to the same rows.
start --die 15
if collect out=part.jsonl attempts=3 in_flight=8 request_tries=2 2> log; then fail "expected a failure"; fi
grep -q "request .* (of 40), try 2" log || fail "expected to hear of the request: $(cat log)"
[ -s part.jsonl.partial ] || fail "expected rows of the run that ended"
[ ! -e part.jsonl ] || fail "expected no finished file"
start
collect out=part.jsonl attempts=3 resume=true 2> log || fail "$(cat log)"
cmp all.jsonl part.jsonl || fail "a resumed run differs"

# Another model writes the explanations anew; a brace that a row brings along stands for nothing.
printf 'rewrite {question} as {solution}: {explanation} {else}' > prompt.txt
printf '{"question": "q{solution}", "solution": "s", "reasoning_trace": "old %d", "kept": %d}\n' 1 1 2 2 > old.jsonl
"$rlt" collect server="$url" server_model=m key_env=RLT_TEST_KEY rewrite=prompt.txt data=old.jsonl out=new.jsonl 2> log || fail "$(cat log)"
[ "$(sed 's/.*"reasoning_trace":"\([^"]*\)".*/\1/' new.jsonl | paste -sd,)" = "Q{SOLUTION} AS S: OLD 1 {ELSE},Q{SOLUTION} AS S: OLD 2 {ELSE}" ] ||
    fail "not written anew: $(cat new.jsonl)"
grep -rqF sk-never-shown . && fail "the key was written"

refuses 1 "expected one of model and server, found neither" "$rlt" collect data=data.jsonl out=x
refuses 1 "expected one of model and server, found both" "$rlt" collect data=data.jsonl out=x model=m server=u
refuses 1 "server_model" "$rlt" collect data=data.jsonl out=x server=http://u
refuses 1 "expected a URL" "$rlt" collect data=data.jsonl out=x server=u server_model=m
refuses 1 "key budget: expected key student" "$rlt" collect data=data.jsonl out=x server=http://u server_model=m budget=20
exec 7>&-
