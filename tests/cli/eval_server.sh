#!/usr/bin/env bash
# rlt eval with a server in place of a model: graded rows in the order of the questions, refusals, a run that is cut off.
here=$(cd "$(dirname "$0")" && pwd)
source "$here/lib.sh"
command -v python3 > /dev/null || { echo "skipped: python3 is not there to be the server"; exit 77; }
export no_proxy=127.0.0.1 RLT_TEST_KEY=sk-never-shown
mkfifo input
python3 "$here/../remote/mock_server.py" < input > port 2> server.err &
exec 7> input # the server ends with the end of its standard input
for _ in $(seq 200); do [ -s port ] && break; sleep 0.05; done
[ -s port ] || fail "the server does not start: $(cat server.err)"
url=http://127.0.0.1:$(cat port)/v1
evaluate() { "$rlt" eval server="$url" server_model=m key_env=RLT_TEST_KEY task=jsonl request_tries=2 "$@"; }

# The server answers "answer to N", thought apart; of 4 it refuses one, and one is wrong.
cat > data.jsonl << 'EOF'
{"question": "ok 7", "answer": "7"}
{"question": "503+ok 8", "answer": "8.0"}
{"question": "400 9", "answer": "9"}
{"question": "slow 10", "answer": "11"}
EOF
evaluate data=data.jsonl out=a samples=3 > table 2> log || fail "$(cat log)"
python3 - << 'EOF' || fail "$(cat a/samples.jsonl)"
import json
rows = [json.loads(line) for line in open("a/samples.jsonl")]
results = json.load(open("a/results.json"))
assert [(r["row"], r["sample"]) for r in rows] == [(q, s) for q in range(4) for s in range(3)]
for r in rows:
    n = 7 + r["row"]
    assert r["verdict"] == {7: "right", 8: "right", 9: "refused", 10: "wrong"}[n], r
    assert r["right"] == (n in (7, 8))
    if n == 9:
        assert r["refused"].startswith("status 400") and r["output"] == "" and r["tokens"] is None
    else:
        assert r["output"] == f"<|begin_of_thought|>\n\nhm\n\n<|end_of_thought|>\n\nanswer to {n}"
        assert r["answer"] == str(n) and r["output"][r["from"]:r["to"]] == str(n) and r["tokens"] == 4
assert results["pass_at_1"] == 0.5 and results["refused"] == 3 and results["n"] == 4 and results["samples"] == 3
assert results["mean_tokens"] == 4 and results["figures"]["maj@3"]["value"] == 0.5
EOF

# The run ends at a question that fails twice; what came before stays, and the next run goes on there.
cat > late.jsonl << 'EOF'
{"question": "ok 1", "answer": "1"}
{"question": "500+500+ok 2", "answer": "2"}
{"question": "ok 3", "answer": "3"}
EOF
if evaluate data=late.jsonl out=b in_flight=1 > table 2> log; then fail "expected a failure"; fi
[ "$(wc -l < b/answers.jsonl.partial)" = 1 ] || fail "expected the first question's row"
[ ! -e b/results.json ] || fail "results of an unfinished run"
evaluate data=late.jsonl out=b resume=true > table 2> log || fail "$(cat log)"
grep -q '"pass_at_1":1,' b/results.json || fail "$(cat b/results.json)"
grep -rqF sk-never-shown . && fail "the key was written"
refuses 1 "expected 0 with a server" evaluate data=late.jsonl out=c thought_max=5
exec 7>&-
echo "eval server: ok"
