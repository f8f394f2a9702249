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
collect() { "$rlt" collect server="$url" server_model=m key_env=RLT_TEST_KEY data=data.jsonl samples=2 max_tokens=50 request_tries=2 "$@"; }

for i in $(seq 20); do
    case $i in 5) kind="open " ;; 7) kind="tag " ;; 9) kind="refuse " ;; *) kind="" ;; esac
    printf '{"question": "%sQ%d", "solution": "S%d", "kept": %d}\n' "$kind" "$i" "$i" "$i"
done > data.jsonl

start
collect out=all.jsonl 2> log || fail "$(cat log)"
python3 - << 'EOF' || fail "all.jsonl: $(cat all.jsonl)"
import json
rows = [json.loads(line) for line in open("all.jsonl")]
assert len(rows) == 40
for i, row in enumerate(rows):
    n = i // 2 + 1
    assert row["question"].endswith(f"Q{n}") and row["solution"] == f"S{n}" and row["kept"] == n and row["sample"] == i % 2
    assert row["closed"] == (n not in (5, 9)), row
    assert row["reasoning_trace"] == ("" if n == 9 else "because " + row["question"]), row
    assert ("refused" in row) == (n == 9)
assert rows[16]["refused"] == "status 400: no such thing"
EOF
grep -q "2 of 40 explanations do not close" log || fail "expected a warning of open ones: $(cat log)"
grep -q "2 of 40 explanations were refused" log || fail "expected a warning of refused ones: $(cat log)"

# A server that dies: what came is kept, and the run goes on from there to the same rows.
start --die 15
if collect out=part.jsonl in_flight=8 2> log; then fail "expected a failure"; fi
grep -q "request .* (of 40), try 2" log || fail "expected to hear of the request: $(cat log)"
[ -s part.jsonl.partial ] || fail "expected rows of the run that ended"
[ ! -e part.jsonl ] || fail "expected no finished file"
start
collect out=part.jsonl resume=true 2> log || fail "$(cat log)"
cmp all.jsonl part.jsonl || fail "a resumed run differs"
grep -rqF sk-never-shown . && fail "the key was written"

refuses 1 "expected one of model and server, found neither" "$rlt" collect data=data.jsonl out=x
refuses 1 "expected one of model and server, found both" "$rlt" collect data=data.jsonl out=x model=m server=u
refuses 1 "server_model" "$rlt" collect data=data.jsonl out=x server=http://u
refuses 1 "expected a URL" "$rlt" collect data=data.jsonl out=x server=u server_model=m
refuses 1 "key attempts: expected 1 with a server" "$rlt" collect data=data.jsonl out=x server=http://u server_model=m attempts=2
exec 7>&-
