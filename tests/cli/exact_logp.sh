# A token's log-prob has the same bits wherever it comes from: `rlt generate`, `rlt logp` and the forward of training; batches of
# 1, 7 and 64; 1 and 2 threads; with speculation and without; F32 and BF16. Values are printed so that they read back to the
# same bits, so equal text is a difference of exactly 0.
. "$(dirname "$0")/lib.sh"
make_tiny
# what an untrained model says cannot be guessed ahead
"$rlt" sft model=base/model data=questions/train.jsonl format=student tags=short steps=60 batch=8 lr=3e-3 out=trained 2>> log

echo '{"prompt":"4,6,5 ->29"}' > prompts.jsonl
"$rlt" tokenize trained/model <<< '"4,6,5 ->29"' | tr -d '[]\n' > prompt_ids
samples=64
generate() { "$rlt" generate model=trained/model prompts=prompts.jsonl seed=5 temperature=0.2 max_tokens=40 samples=$samples "$@" 2>> log; }
logp() { "$rlt" logp model=trained/model temperature=0.2 "$@" 2>> log; }

# completion logps, a row each, out of rows of "logp":[...] over prompt and completion: those of prompts' own tokens cut off
n_prompt=$(tr ',' '\n' < prompt_ids | grep -c .)
tails() { sed 's/.*"logp":\[\([^]]*\)\].*/\1/' "$1" | cut -d, -f"$n_prompt"-; }

for dtype in f32 bf16; do
    OMP_NUM_THREADS=1 generate out=$dtype.jsonl dtype=$dtype slots=64 speculate=false
    [ "$(wc -l < $dtype.jsonl)" = $samples ] || fail "expected $samples completions"
    for threads in 1 2; do
        for slots in 1 7 64; do
            for speculate in true false; do
                OMP_NUM_THREADS=$threads generate out=other.jsonl dtype=$dtype slots=$slots speculate=$speculate
                cmp $dtype.jsonl other.jsonl || fail "$dtype: threads=$threads slots=$slots speculate=$speculate"
            done
        done
    done
    sed 's/.*"logp":\[\([^]]*\)\].*/\1/' $dtype.jsonl > sampled
    sed "s/.*\"ids\":\[\([^]]*\)\].*/{\"ids\":[$(cat prompt_ids),\1]}/" $dtype.jsonl > rows.jsonl
    # tokens a batch: of one completion at a time, of about 7, and of all 64
    for threads in 1 2; do
        for max_rows in 1 350 100000; do
            OMP_NUM_THREADS=$threads logp in=rows.jsonl out=scored.jsonl dtype=$dtype max_rows=$max_rows
            tails scored.jsonl | cmp - sampled || fail "$dtype: logp with threads=$threads max_rows=$max_rows"
        done
    done
done
grep -q ', [1-9][0-9]* guessed ahead, [1-9][0-9]* of them right' log || fail "speculation guessed nothing: $(cat log)"
[ "$(cut -d, -f1 sampled | sort -u | wc -l)" -gt 1 ] || fail "the samples are all alike"

# the forward of training (without a tape, so that there is one): with updates=1 its log-probs meet the rollout's in ratio_error
for samples in 2 7 64; do
    for threads in 1 2; do
        for speculate in true false; do
            OMP_NUM_THREADS=$threads "$rlt" rl model=base/model data=questions/train.jsonl reward=teacher tags=short questions=1 \
                samples=$samples lr=1e-3 max_tokens=16 steps=1 seed=7 speculate=$speculate max_rows=$((samples * 40)) tape_mib=0 out=rl 2>> log
            grep -q '"ratio_error":0,' rl/metrics.jsonl || fail "samples=$samples threads=$threads: $(cat rl/metrics.jsonl)"
            rm -r rl
        done
    done
done
