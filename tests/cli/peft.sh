# Students of collected rows, full and LoRA: both load in Transformers and PEFT and give the same log-softmax of their logits
# within 1e-3, and so does the merged one. RLT_PEFT_PYTHON names a Python that has both; python3 otherwise.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
python=${RLT_PEFT_PYTHON:-python3}
has='import importlib.util as u, sys; sys.exit(not all(u.find_spec(m) for m in ("peft", "torch", "transformers")))'
"$python" -c "$has" 2> /dev/null ||
    { echo "skipped: $python lacks peft, torch or transformers (RLT_PEFT_PYTHON names one that has them)"; exit 77; }
make_tiny
families="llama qwen2 qwen3"
vocabulary=$("$rlt" inspect base/model tensors=false | sed -n 's/^vocabulary: //p')
for family in $families; do
    "$rlt" sft scratch.tokenizer=tokenizer scratch.family=$family scratch.hidden=32 scratch.layers=2 scratch.heads=2 scratch.kv_heads=1 \
        scratch.ffn=48 scratch.positions=256 scratch.init_std=0.2 data=questions/train.jsonl format=teacher tags=short steps=20 batch=4 \
        lr=1e-2 out=base-$family 2>> log
    "$rlt" collect model=base-$family/model data=questions/train.jsonl tags=short limit=32 max_tokens=32 out=collected-$family.jsonl 2>> log
    "$rlt" sft model=base-$family/model data=collected-$family.jsonl format=student tags=short batch=4 lr=1e-2 steps=30 \
        out=full-$family 2>> log
    "$rlt" sft model=base-$family/model data=collected-$family.jsonl format=student tags=short batch=4 lr=2e-2 steps=30 lora.rank=4 \
        lora.dropout=0.1 lora.rslora=$([ $family = qwen2 ] && echo true || echo false) out=student-$family 2>> log
    "$rlt" convert model=student-$family/model out=merged-$family 2>> log
    awk -v v="$vocabulary" 'BEGIN { # prefixes of 8, 16, ... 48 ids of a fixed sequence, each id of the vocabulary behind them
        for (i = 0; i < 48; i++) {
            prefix = prefix (7 * i * i + 13 * i + 5) % v ","
            for (id = 0; i % 8 == 7 && id < v; id++) print "{\"ids\":[" prefix id "]}"
        } }' > rows-$family.jsonl
    "$rlt" logp model=full-$family/model in=rows-$family.jsonl out=full-$family.jsonl
    "$rlt" logp model=student-$family/model in=rows-$family.jsonl out=adapted-$family.jsonl
    "$rlt" logp model=merged-$family in=rows-$family.jsonl out=merged-$family.jsonl
done
HF_HUB_OFFLINE=1 "$python" "$here/peft_logits.py" $families 2>> log || fail "PEFT's logits are others: $(tail -n 1 log)"
