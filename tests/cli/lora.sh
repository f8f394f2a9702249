# A student distilled with LoRA, then its own RL with the correctness reward, then graded; adapters with the same bits for
# any threads and after a kill -9; all parameters from the merged student; what convert merges; refusals.
. "$(dirname "$0")/lib.sh"
make_tiny
[ "$(grep -c reasoning_trace questions/train.jsonl)" -gt 0 ] || fail "the rows hold no traces"
rm -r base # its embeddings are too young to be frozen
"$rlt" sft scratch.tokenizer=tokenizer scratch.hidden=32 scratch.layers=2 scratch.heads=2 scratch.kv_heads=1 scratch.ffn=48 \
    scratch.positions=256 scratch.init_std=0.1 data=questions/train.jsonl format=teacher tags=short steps=80 batch=4 lr=1e-2 \
    out=base 2>> log

sft="$rlt sft model=base/model data=questions/train.jsonl format=student tags=short batch=4 lr=1e-2 steps=40 checkpoint_every=1 \
    lora.rank=3 lora.dropout=0.2 lora.targets=q_proj,v_proj,up_proj seed=4"
rl="$rlt rl model=whole/model data=questions/train.jsonl reward=correctness tags=short questions=2 samples=4 lr=1e-2 max_tokens=24 \
    steps=40 checkpoint_every=1 lora.rank=3 lora.dropout=0.1 seed=7"
full="$rlt rl model=whole/model data=questions/train.jsonl reward=correctness tags=short questions=2 samples=4 lr=1e-3 max_tokens=24 \
    steps=40 checkpoint_every=1 sync_every=3 seed=7"

# killed_and_resumed OUT COMMAND...: killed at some moment after three steps, then resumed
killed_and_resumed() {
    local out=$1
    shift
    killed_midway "$out" "$out/metrics.jsonl" 3 "$out/model" "$@" out="$out"
    "$@" out="$out" resume=true 2>> log
}

# ---- sft, rl, eval
OMP_NUM_THREADS=1 $sft out=whole 2>> log
OMP_NUM_THREADS=2 killed_and_resumed killed $sft
same_files whole killed metrics.jsonl model/adapter_model.safetensors model/adapter_config.json
[ ! -e whole/model/model.safetensors ] || fail "an adapter's folder holds the base"
first=$(head -n 1 whole/metrics.jsonl | sed 's/.*"loss":\([0-9.]*\).*/\1/')
last=$(tail -n 1 whole/metrics.jsonl | sed 's/.*"loss":\([0-9.]*\).*/\1/')
awk -v a="$first" -v b="$last" 'BEGIN { exit !(b < a - 0.8) }' || fail "the loss went from $first to $last"

OMP_NUM_THREADS=1 $rl out=rl-whole 2>> log
OMP_NUM_THREADS=2 killed_and_resumed rl-killed $rl
same_files rl-whole rl-killed metrics.jsonl samples.jsonl model/adapter_model.safetensors
cmp -s whole/model/adapter_model.safetensors rl-whole/model/adapter_model.safetensors && fail "rl changed nothing"
OMP_NUM_THREADS=1 $full out=full-whole 2>> log
OMP_NUM_THREADS=2 killed_and_resumed full-killed $full
same_files full-whole full-killed metrics.jsonl samples.jsonl model/model.safetensors
! grep -v '"ratio_error":0,' full-whole/metrics.jsonl || fail "the rollout's log-probs are not the policy's"
for run in rl-whole full-whole; do
    "$rlt" eval model=$run/model data=questions/test.jsonl tags=short max_tokens=24 out=graded-$run 2>> log > graded-$run.txt
    grep -q "pass@1" graded-$run.txt || fail "$run: no pass@1: $(cat graded-$run.txt)"
done

# without dropout the update sees what the rollout saw, to the bit
"$rlt" rl model=base/model student=base/model data=questions/train.jsonl tags=short questions=2 samples=4 lr=1e-2 max_tokens=24 \
    steps=3 lora.rank=2 lora.base_dtype=bf16 out=teacher 2>> log
! grep -v '"ratio_error":0,' teacher/metrics.jsonl || fail "the rollout's log-probs are not the adapted policy's"
grep -q '"kl_reference":[0-9.e-]*[1-9]' teacher/metrics.jsonl || fail "the reference is the policy"

# dtype is the base's: adapters are trained in F32
"$rlt" rl model=base/model student=base/model data=questions/train.jsonl tags=short questions=2 samples=4 lr=1e-2 max_tokens=24 \
    steps=3 lora.rank=2 dtype=bf16 out=teacher16 2>> log
same_files teacher teacher16 metrics.jsonl samples.jsonl model/adapter_model.safetensors

# ---- merging, and the base by name
"$rlt" convert model=whole/model out=merged 2>> log
"$rlt" convert model=base/model adapter=whole/model out=merged-too 2>> log
same_files merged merged-too model.safetensors config.json tokenizer.json
echo '{"ids":[5,9,60,33,70,20]}' > rows.jsonl
"$rlt" logp model=whole/model in=rows.jsonl out=adapted.jsonl
"$rlt" logp model=merged in=rows.jsonl out=merged.jsonl
"$rlt" logp model=base/model in=rows.jsonl out=base.jsonl
# largest difference of two files of log-probs
apart() { paste -d' ' <(grep -o '[-0-9.e]*' "$1") <(grep -o '[-0-9.e]*' "$2") | awk '{ d = $1 - $2; d = d < 0 ? -d : d; if (d > m) m = d } END { print m }'; }
awk -v a="$(apart adapted.jsonl merged.jsonl)" -v b="$(apart adapted.jsonl base.jsonl)" 'BEGIN { exit !(a < 1e-4 && b > 1e-2) }' ||
    fail "merged: $(apart adapted.jsonl merged.jsonl) away, the base: $(apart adapted.jsonl base.jsonl)"
cp -r whole/model moved
sed -i 's|"base_model_name_or_path":"[^"]*"|"base_model_name_or_path":"nowhere"|' moved/adapter_config.json
refuses 1 'moved: its base model "nowhere" is not there: name it with base=PATH' "$rlt" logp model=moved in=rows.jsonl out=x.jsonl
"$rlt" logp model=moved base=base/model in=rows.jsonl out=moved.jsonl
cmp adapted.jsonl moved.jsonl || fail "base= gives another model"
"$rlt" tokenize whole/model <<< '"4 6 5"' > ids
"$rlt" tokenize base/model <<< '"4 6 5"' | cmp - ids || fail "the adapter has another tokenizer"
"$rlt" inspect whole/model | grep -q "layers.1.mlp.up_proj.lora_B.weight" || fail "inspect does not list adapters"

# ---- refusals
refuses 1 "moved: its base whole/model is an adapter too" "$rlt" logp model=moved base=whole/model in=rows.jsonl out=x.jsonl
refuses 1 'base/model: no adapter_config.json' "$rlt" convert model=base/model adapter=base/model out=x
refuses 1 'key "lora.rank": 5: expected 3' "$rlt" rl model=whole/model data=questions/train.jsonl lora.rank=5 out=x
refuses 1 'key "lora.targets": "lm_head": expected all-linear or names' "$rlt" sft model=base/model data=questions/train.jsonl \
    lora.rank=2 lora.targets=q_proj,lm_head out=x
refuses 1 'key "lora.rank": expected model=PATH' "$rlt" sft scratch.tokenizer=tokenizer data=questions/train.jsonl lora.rank=2 out=x
refuses_last 'key "reference_dtype": expected same with LoRA' "$rlt" rl model=base/model data=questions/train.jsonl lora.rank=2 \
    reference_dtype=q8_0 steps=1 out=y
sed -i 's|"target_modules":\[|&"k_proj",|' moved/adapter_config.json
refuses 1 'moved: tensor "base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight" is missing' "$rlt" logp model=moved \
    base=base/model in=rows.jsonl out=x.jsonl
sed -i 's|"target_modules":\["k_proj","q_proj",|"target_modules":[|' moved/adapter_config.json
refuses 1 'is none of the adapters that adapter_config.json lists' "$rlt" logp model=moved base=base/model in=rows.jsonl out=x.jsonl
sed -i 's|"bias":"none"|"bias":"all"|' moved/adapter_config.json
refuses 1 'moved/adapter_config.json: key "bias": "all": expected "none"' "$rlt" logp model=moved base=base/model in=rows.jsonl out=x.jsonl
[ ! -e x ] && [ ! -e x.jsonl ] || fail "a refused command wrote something"
