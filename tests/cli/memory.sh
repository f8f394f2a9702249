# Memory: a run says what it takes and takes no more in its steps; plans refuse what does not fit, with settings that do; models
# held in 8 bits.
. "$(dirname "$0")/lib.sh"
make_tiny

each_step_has() { # FILE TEXT N: every one of its N lines
    [ "$(grep -cF -- "$2" "$1")" = "$3" ] || fail "$1: expected $2 in each of $3 lines: $(cat "$1")"
}

# ---- sft: rows of many lengths in micro-batches, none of which allocates
"$rlt" sft model=base/model data=questions/train.jsonl format=teacher tags=short steps=8 batch=6 max_rows=200 seed=3 out=sft 2> log
grep -q "sft: .* GiB of memory planned" log || fail "no plan: $(cat log)"
each_step_has sft/timing.jsonl '"allocations":0,' 8
"$rlt" sft model=base/model data=questions/train.jsonl format=teacher tags=short steps=8 batch=6 max_rows=200 seed=3 dtype=bf16 out=sft16 2> log
each_step_has sft16/timing.jsonl '"allocations":0,' 8

# ---- rl: nor does a step of either reward, guessed ahead or not; what a run with checkpoints keeps of a rollout is a record
printf '{"numbers": [3, 4, 5], "target": 17}\n{"numbers": [2, 6], "target": 12}\n{"numbers": [1, 7, 9], "target": 16}\n' > numbers.jsonl
for reward in teacher correctness; do
    data=questions/train.jsonl
    [ $reward = teacher ] || data=numbers.jsonl
    for how in "f32 true" "f32 false" "bf16 true"; do
        dtype=${how% *} speculate=${how#* } out=rl-$reward-${how/ /-}
        "$rlt" rl model=base/model data=$data reward=$reward tags=short questions=3 samples=4 lr=1e-3 max_tokens=24 max_rows=100 \
            slots=2 sync_every=2 dtype=$dtype speculate=$speculate seed=7 checkpoint_every=3 steps=6 out=$out 2> log || fail "$(cat log)"
        each_step_has $out/timing.jsonl '"allocations":0,' 6
    done
done

# ---- plans: settings that a refusal proposes are accepted
plan() { "$rlt" plan sft model=base/model batch=64 max_rows=4096 row_tokens=200 gflops=10 "$@"; }
plan > plan.txt
grep -q "^  peak " plan.txt || fail "no peak: $(cat plan.txt)"
peak_mib=$(sed -n 's/^  peak *\([0-9.]*\) MiB/\1/p' plan.txt)
memory=$(awk -v mib="$peak_mib" 'BEGIN { print mib * 0.7 / 1024 }')
if plan memory="$memory" > small.txt 2> log; then fail "a plan of $peak_mib MiB fits into 0.7 of it: $(cat small.txt)"; fi
grep -q "not all of it fits" log || fail "$(cat log)"
settings=$(sed -n 's/.*fits with: //p' small.txt)
[ -n "$settings" ] || fail "nothing proposed: $(cat small.txt)"
plan memory="$memory" $settings > fits.txt || fail "$settings: $(cat fits.txt)"
# by hand: 28 layers of Qwen2.5-7B, 7615616512 parameters of 4 bytes, 28.370 GiB
cat > seven.json <<'JSON'
{"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
 "num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152064, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
 "rope_theta": 1000000.0, "tie_word_embeddings": false, "hidden_act": "silu"}
JSON
"$rlt" plan rl model_config=seven.json reference_dtype=bf16 memory=100000 gflops=100 > seven.txt
grep -q "weights *28\.37. GiB" seven.txt || fail "$(cat seven.txt)"
grep -q "optimiser *56\.74. GiB" seven.txt || fail "$(cat seven.txt)"
grep -q "reference *14\.18. GiB" seven.txt || fail "$(cat seven.txt)"
# BF16 for what is computed with, the reference too; the optimiser's F32 beside
"$rlt" plan rl model_config=seven.json dtype=bf16 memory=100000 gflops=100 > seven16.txt
for line in 'weights *14\.18' 'F32 master *28\.37' 'gradients *28\.37' 'optimiser *56\.74' 'reference *14\.18' 'student *14\.18'; do
    grep -q "$line. GiB" seven16.txt || fail "$line: $(cat seven16.txt)"
done
refuses 1 "expected sft, rl or a recipe" "$rlt" plan inspect
refuses 1 "give model=PATH" "$rlt" plan sft scratch.hidden=32
refuses 1 "reference_dtype" "$rlt" plan rl model_config=seven.json reference_dtype=q4

# ---- 8 bits: as good as the rounded model, steps resumed to the same bits
rl() { "$rlt" rl model=base/model data=questions/train.jsonl reward=teacher tags=short questions=2 samples=4 lr=1e-3 max_tokens=24 \
           sync_every=2 seed=7 student_dtype=q8_0 reference_dtype=q8_0 checkpoint_every=3 steps=6 "$@" 2> log; }
rl out=whole
OMP_NUM_THREADS=1 rl out=resumed steps=6
same_files whole resumed metrics.jsonl samples.jsonl model/model.safetensors
rm -rf resumed/model resumed/checkpoints/step-00000006
rl out=resumed resume=true
same_files whole resumed metrics.jsonl samples.jsonl model/model.safetensors

# ---- a task's prompts are planned too: one that fills the model is seen before the first step
printf '{"numbers": [1, 2], "target": 3, "question": "%s"}\n' "$(seq -s ' ' 300)" > long.jsonl
refuses_last "256 positions, which a prompt of" "$rlt" rl model=base/model data=long.jsonl reward=correctness tags=short questions=1 \
    samples=2 max_tokens=8 steps=1 out=long
