# Bad input: one clear line, a non-zero exit, nothing half-written.
. "$(dirname "$0")/lib.sh"
make_tiny

refuses 2 'unknown key "stps" of rlt sft; the nearest is "steps"' "$rlt" sft stps=3
refuses 2 'key "data" must be given' "$rlt" sft out=x
refuses 2 'expected a whole number' "$rlt" sft data=d out=x steps=many
refuses 2 'expected one of student|teacher|text' "$rlt" sft data=d out=x format=other
[ "$("$rlt" nonsense > /dev/null 2>&1; echo $?)" = 2 ] || fail "unknown command: expected status 2"
status=0
"$rlt" data nonsense > out.txt 2> group.txt || status=$?
[ $status = 2 ] && [ ! -s out.txt ] && grep -qF 'expected one of these after "data"' group.txt || fail "data nonsense: $status $(cat group.txt)"
grep -q '^  data split' group.txt && ! grep -q '^  rl ' group.txt || fail "data nonsense: expected data's commands alone: $(cat group.txt)"
refuses 2 'seed=-1: expected a whole number from 0 to 4294967295' "$rlt" sft data=d out=x seed=-1

printf 'steps: 3\nstps: 4\n' > recipe.yaml
refuses 1 'recipe.yaml: unknown key "stps"' "$rlt" sft recipe.yaml
printf 'stages:\n  - stage: a\n    command: sft\n    with: {stps: 1}\n' > stages.yaml
refuses 1 'stage "a": unknown key "stps" of rlt sft; the nearest is "steps"' "$rlt" run stages.yaml out=runs

echo '{"question":"1 2 -> 3"}' > rows.jsonl
refuses 1 'rows.jsonl:1: key "solution"' "$rlt" sft model=base/model data=rows.jsonl out=x
echo '{"question":' > rows.jsonl
refuses 1 'rows.jsonl:1' "$rlt" sft model=base/model data=rows.jsonl out=x
refuses 1 'no such model' "$rlt" generate model=nowhere prompt=x
[ ! -e x ] || fail "a refused run left its folder"

# answers that are no ranges of their text, where they count
for answers in '[[0,4]]' '[[-1,2]]' '[[2,1]]' '[[1,1]]' '[[0]]' '[[0,1,2]]' '[[0,1.5]]' '[0,1]' '[[0,1],"1"]'; do
    printf '{"text":"1 2"}\n\n{"text":"1 2","answers":%s}\n' "$answers" > spans.jsonl
    refuses 1 'spans.jsonl:3: key "answers": element' "$rlt" sft model=base/model data=spans.jsonl format=text other_weight=0.5 out=x
done
echo '{"text":"1 2","answers":"2"}' > spans.jsonl
refuses 1 'spans.jsonl:1: key "answers": expected an array' "$rlt" sft model=base/model data=spans.jsonl format=text other_weight=0.5 out=x
[ ! -e x ] || fail "a refused run left its folder"

# a truncated safetensors file, and one whose header lies
mkdir cut lie
cp base/model/* cut/
cp base/model/* lie/
head -c 2000 base/model/model.safetensors > cut/model.safetensors
refuses 1 'cut/model.safetensors' "$rlt" generate model=cut prompt=x
printf '\377\377\377\377\377\377\377\177' | dd of=lie/model.safetensors conv=notrunc status=none
refuses 1 'lie/model.safetensors' "$rlt" generate model=lie prompt=x

# a GGUF whose first string claims 2^63 bytes
printf 'GGUF\003\000\000\000\001\000\000\000\000\000\000\000\001\000\000\000\000\000\000\000\000\000\000\000\000\000\000\200abc' > lying.gguf
refuses 1 'lying.gguf: truncated' "$rlt" inspect lying.gguf
printf 'GGUX' > wrong.gguf
refuses 1 'wrong.gguf: no GGUF file' "$rlt" inspect wrong.gguf

# a full disk: the old file stays
cp base/model/model.safetensors before
( ulimit -f 8; refuses 1 'File too large' "$rlt" convert model=base/model out=base/model )
cmp before base/model/model.safetensors || fail "a failed write changed the old file"
[ ! -e base/model.partial ] || fail "a failed write left a partial folder"
