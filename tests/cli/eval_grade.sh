# rlt eval grade: a row of output for each row of input, in order; bad rows are named.
. "$(dirname "$0")/lib.sh"

cat > rows.jsonl <<'ROWS'
{"gold": "\\frac{1}{2}", "pred": "We find \\boxed{0.5}."}
{"gold": "3", "pred": "4", "extract": "none"}
{"gold": "Hence \\boxed{(1, 2)}.", "pred": "\\boxed{(1,2)}", "extract": "both"}
{"gold": "}{", "pred": "5", "extract": "none"}
ROWS
"$rlt" eval grade rows.jsonl > out.jsonl
[ "$(wc -l < out.jsonl)" = 4 ] || fail "expected 4 rows: $(cat out.jsonl)"
line() { sed -n "${1}p" out.jsonl; }
holds() { line "$1" | grep -qF -- "$2" || fail "row $1: expected $2 in: $(line "$1")"; }
holds 1 '"equal":true,"how":"same_form"'
holds 1 '"pred_found":{"rule":"boxed","from":15,"to":18}'
holds 2 '"equal":false,"how":"different"'
holds 3 '"equal":true,"how":"same_text"'
holds 3 '"gold_found":{"rule":"boxed"'
holds 4 '"equal":false,"how":"unparsed","gold_form":null'
line 2 | grep -q found && fail "row 2: nothing was to be looked for: $(line 2)"
"$rlt" eval grade data=- extract=none < rows.jsonl > again.jsonl
[ "$(wc -l < again.jsonl)" = 4 ] || fail "standard input: expected 4 rows"

echo '{"gold": "1"}' > rows.jsonl
refuses 1 'rows.jsonl:1: key "pred"' "$rlt" eval grade rows.jsonl
echo '{"gold": "1", "pred": "1", "extract": "gold"}' > rows.jsonl
refuses 1 'rows.jsonl:1: extract: expected none, pred or both' "$rlt" eval grade rows.jsonl
echo '[1]' > rows.jsonl
refuses 1 'rows.jsonl:1: expected an object' "$rlt" eval grade rows.jsonl
echo '{"gold": "1", "pred": ' > rows.jsonl
refuses 1 'rows.jsonl:1' "$rlt" eval grade rows.jsonl
refuses 1 'nowhere.jsonl' "$rlt" eval grade nowhere.jsonl
refuses 2 'expected one of none|pred|both' "$rlt" eval grade rows.jsonl extract=all
echo "eval grade: ok"
