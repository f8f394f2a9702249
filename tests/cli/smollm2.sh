# The real model answers: greedy, "What is the capital of France?" gives Paris; F32 and BF16; a converted folder too.
model=$(cd "$(dirname "$0")/../.." && pwd)/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf
[ -f "$model" ] || { echo "skipped: $model is not there (scripts/get-smollm2 fetches it)"; exit 77; }
. "$(dirname "$0")/lib.sh"

ask() { "$rlt" generate prompt="What is the capital of France?" chat=true temperature=0 max_tokens=24 "$@" 2> log; }
ask model="$model" > f32.jsonl
grep -q 'Paris' f32.jsonl || fail "expected Paris: $(cat f32.jsonl)"
ask model="$model" dtype=bf16 | grep -q 'Paris' || fail "BF16: expected Paris"
"$rlt" convert model="$model" out=folder
ask model=folder > folder.jsonl
cmp f32.jsonl folder.jsonl || fail "the converted folder answers otherwise"
