# Forms of data: published rows converted from every form of file; lengths, parts.
golden=$(cd "$(dirname "$0")/../data/golden/parquet" && pwd)
. "$(dirname "$0")/lib.sh"

# ---- convert: the same rows from JSON lines, an array, gzip and Parquet
cat > expected.jsonl <<'END'
{"question":"Return your answer in \\boxed{}. What is $1 + 1$?","solution":"It is \\(\\boxed{2}\\).","reasoning_trace":"Two ones.\n\nSo 2.","system":"Think step by step."}
{"question":"Größe von {1, 2}?","solution":"```python\nlen({1, 2})\n```","reasoning_trace":"\"Größe\": 2 <|not a tag|>","system":"Think step by step."}
{"question":"Last?","solution":"Yes.","reasoning_trace":"\tYes.","system":"Think step by step."}
END
cp "$golden/bespoke.jsonl" lines
cp "$golden/bespoke.parquet" parquet
{ echo '['; sed '$!s/$/,/' lines; echo ']'; } > array
gzip -n -c lines > gzip
gzip -n -c array > array_gzip
if command -v zstd > /dev/null; then zstd -q lines -o zstd_lines; fi
for form in lines array gzip array_gzip parquet zstd_lines; do
    [ -e "$form" ] || continue
    "$rlt" data convert "data=$form" out=out.jsonl 2> log || fail "$form: $(cat log)"
    cmp expected.jsonl out.jsonl || fail "$form: other rows"
    [ "$(wc -l < log)" = 2 ] || fail "$form: expected a line for the bad row and a last one: $(cat log)"
    grep -q "^warning: $form:3: key \"conversations\": the answer: expected <|end_of_solution|>, found none$" log ||
        fail "$form: the bad row is not named: $(cat log)"
    grep -q "^$form: 3 rows converted, 1 left out$" log || fail "$form: not counted: $(cat log)"
done
"$rlt" data convert data=- out=- < gzip 2> log | cmp - expected.jsonl || fail "through standard input and output"
"$rlt" data convert data=out.jsonl out=again.jsonl 2> log
cmp out.jsonl again.jsonl || fail "converted rows, converted again, are others"

# strict: the old file stays
echo old > strict.jsonl
"$rlt" data convert data=lines out=strict.jsonl strict=true 2> log && fail "strict took a bad row"
tail -1 log | grep -q 'lines: 1 of 4 rows cannot be converted; nothing is written' || fail "strict: $(cat log)"
[ "$(cat strict.jsonl)" = old ] && [ ! -e strict.jsonl.partial ] || fail "strict changed its file"

# columns by other names; what cannot be parsed at all
cat > columns.jsonl <<'END'
{"problem":"p","answer":"\na\n","solution":"long","extra":{"b":[1,2.5,null,true,"ü"]},"big":9007199254740993}
{"problem":
[3]
{"problem":"p2"}
END
"$rlt" data convert data=columns.jsonl out=out.jsonl columns.question=problem columns.solution=answer 2> log
echo '{"question":"p","solution":"a","extra":{"b":[1,2.5,null,true,"ü"]},"big":9007199254740993,"original_solution":"long"}' |
    cmp - out.jsonl || fail "columns: $(cat out.jsonl)"
grep -q 'columns.jsonl:2: not JSON' log && grep -q 'columns.jsonl:3: expected a JSON object' log &&
    grep -q 'columns.jsonl:4: key "answer": expected a value, found none' log || fail "columns: $(cat log)"

# broken files: one line, nothing written
head -c 100 gzip > cut_gzip
head -c 900 parquet > cut_parquet
head -c 100 array > cut_array
refuses 1 'cut_gzip: ends inside its packed data' "$rlt" data convert data=cut_gzip out=none.jsonl
refuses 1 'cut_parquet: no whole Parquet file' "$rlt" data convert data=cut_parquet out=none.jsonl
refuses 1 'cut_array:1: ends inside its array' "$rlt" data convert data=cut_array out=none.jsonl
refuses 1 'standard input: Parquet is read from a file only' "$rlt" data convert data=- out=none.jsonl < parquet
refuses 1 'encoding DELTA_BINARY_PACKED is not read' "$rlt" data convert "data=$golden/refused/delta.parquet" out=none.jsonl
[ ! -e none.jsonl ] && [ ! -e none.jsonl.partial ] || fail "a refused run left its file"

# ---- stats: the lengths that rlt tokenize gives
make_tiny
"$rlt" data sample questions/train.jsonl part.jsonl count=21 2> log
{ cat part.jsonl; echo '{"question":'; } > some.jsonl
"$rlt" data stats some.jsonl base/model max_tokens=60 tags=short > stats 2> log
grep -q 'some.jsonl:22: not JSON' log || fail "stats does not list the bad row: $(cat log)"
head -1 stats | grep -q '^rows: 21, not parsed: 1, lengths in tokens$' || fail "stats: $(head -1 stats)"
for key in question solution reasoning_trace; do
    # 21 sorted lengths: the quartiles are numbers 6, 11 and 16, the 95 % point is number 20
    sed "s/.*\"$key\":\(\"[^\"]*\"\).*/\1/" part.jsonl | "$rlt" tokenize base/model | awk -F, '{print NF}' | sort -n |
        awk -v key=$key '{v[NR] = $1; sum += $1} END {printf "%s 21 %d %.1f %.1f %.1f %.1f %d %.1f\n", key, v[1], v[6], v[11],
            v[16], v[20], v[21], sum / 21}' > expected
    grep "^$key " stats | tr -s ' ' | cmp - expected || fail "stats of $key: $(grep "^$key " stats), expected $(cat expected)"
done
over=$(sed -n 's/^over max_tokens=60: \([0-9]*\) of 21 examples$/\1/p' stats)
left=$("$rlt" sft model=base/model data=part.jsonl tags=short max_length=60 steps=1 batch=1 out=limited 2>&1 |
    sed -n 's/.*part.jsonl: \([0-9]*\) of 21 rows left out.*/\1/p')
[ "$over" -gt 0 ] && [ "$over" = "$left" ] || fail "over max_tokens: $over, left out by sft: $left"
refuses 1 'key "max_tokens": expected a model' "$rlt" data stats part.jsonl max_tokens=5

# ---- sample: seeded, in the data's order, disjoint parts
"$rlt" data sample questions/train.jsonl a.jsonl count=20 seed=3 2> log
"$rlt" data sample questions/train.jsonl b.jsonl count=20 seed=3 2> log
"$rlt" data sample questions/train.jsonl c.jsonl count=20 seed=3 skip=20 2> log
"$rlt" data sample questions/train.jsonl d.jsonl count=20 seed=4 2> log
cmp a.jsonl b.jsonl || fail "sample: the same seed, other rows"
! cmp -s a.jsonl d.jsonl || fail "sample: another seed, the same rows"
grep -Fxf a.jsonl questions/train.jsonl | cmp - a.jsonl || fail "sample: not in the data's order"
[ -z "$(grep -Fxf a.jsonl c.jsonl)" ] || fail "sample: parts that overlap"

# ---- split
for i in 1 2 3 4 5 6 7 8 9 10; do
    printf '{"question":"What is %d?","n":1}\n{"question":" WHAT  is %d? ","n":2}\n{"question":"Other %d","n":3}\n' $i $i $i
done > doubled.jsonl
"$rlt" data split doubled.jsonl parts test=7 seed=2 2> log
[ "$(wc -l < parts/test.jsonl)" = 7 ] && [ "$(wc -l < parts/train.jsonl)" = 23 ] || fail "split: $(wc -l parts/*)"
normalised() { sed 's/.*"question":"\([^"]*\)".*/\1/' "$1" | tr 'A-Z' 'a-z' | tr -s ' ' | sed 's/^ //; s/ $//' | sort -u; }
[ -z "$(comm -12 <(normalised parts/test.jsonl) <(normalised parts/train.jsonl))" ] || fail "split: a question in both parts"
sort parts/test.jsonl parts/train.jsonl | cmp - <(sort doubled.jsonl) || fail "split: rows are lost"
sort -r doubled.jsonl > turned.jsonl
"$rlt" data split turned.jsonl turned test=7 seed=2 2> log
sort turned/test.jsonl | cmp - <(sort parts/test.jsonl) || fail "split: depends on the order of the rows"
"$rlt" data split doubled.jsonl share test=0.1 2> log
[ "$(wc -l < share/test.jsonl)" = 3 ] || fail "split: a share"
for test in 0 -1 1.5 30 0.001 many; do
    refuses 1 'key "test": expected' "$rlt" data split doubled.jsonl none test=$test
done
refuses 1 'key "question": expected a string, found none' "$rlt" data split "$golden/bespoke.parquet" none test=1
[ ! -e none ] || fail "a refused split left its folder"
