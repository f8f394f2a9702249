# Same seed, same bits: generate and three RL steps with 1 and 2 threads, other slots, other batches, with and without
# speculation, with and without a tape (and with one that is too short), and a kill -9 with resume in between.
. "$(dirname "$0")/lib.sh"
make_tiny

echo '{"prompt":"4,6,5 ->29"}
{"prompt":"12,3,7 ->63"}
{"prompt":"1,2,3 ->6"}' > prompts.jsonl
generate() { "$rlt" generate model=base/model prompts=prompts.jsonl samples=5 seed=5 temperature=0.7 max_tokens=30 "$@" 2>> log; }
OMP_NUM_THREADS=1 generate out=a.jsonl
OMP_NUM_THREADS=2 generate out=b.jsonl
OMP_NUM_THREADS=2 generate out=c.jsonl slots=1
OMP_NUM_THREADS=2 generate out=d.jsonl slots=7 cache_rows=40
OMP_NUM_THREADS=1 generate out=e.jsonl speculate=false
[ "$(wc -l < a.jsonl)" = 15 ] || fail "expected 15 completions"
for other in b c d e; do cmp a.jsonl $other.jsonl || fail "generate differs: $other"; done

# explanations of one question share its prompt, also where only some are tried again
head -n 6 questions/train.jsonl > six.jsonl
collect() { OMP_NUM_THREADS=$1 "$rlt" collect model=base/model data=six.jsonl tags=short max_tokens=30 attempts=3 seed=3 samples=4 "${@:2}" 2>> log; }
collect 2 out=collected.jsonl
collect 1 out=collected2.jsonl slots=1 speculate=false chunk=1
cmp collected.jsonl collected2.jsonl || fail "collect differs"
[ "$(wc -l < collected.jsonl)" = 24 ] || fail "expected 24 explanations"

rl() { "$rlt" rl model=base/model data=questions/train.jsonl reward=teacher tags=short questions=2 samples=4 lr=1e-3 max_tokens=24 \
           sync_every=2 seed=7 "$@" 2>> log; }
files="metrics.jsonl samples.jsonl model/model.safetensors"
OMP_NUM_THREADS=1 rl steps=3 out=one
OMP_NUM_THREADS=2 rl steps=3 out=two max_rows=100 slots=3 tape_mib=0
OMP_NUM_THREADS=2 rl steps=3 out=three max_rows=1 speculate=false
same_files one two $files
same_files one three $files
OMP_NUM_THREADS=2 rl steps=3 samples=40 out=long tape_mib=0
OMP_NUM_THREADS=2 rl steps=3 samples=40 out=short tape_mib=3 slots=30
same_files long short $files
from_tape() { sed 's/.*"update_tokens_from_tape":\([0-9]*\).*/\1/' $1/timing.jsonl | awk '{ n += $1 } END { print n }'; }
[ "$(from_tape one)" -gt 0 ] && [ "$(from_tape two)" = 0 ] || fail "tape: $(cat one/timing.jsonl two/timing.jsonl)"
tokens=$(sed 's/.*"tokens_sampled":\([0-9]*\).*/\1/' short/metrics.jsonl | awk '{ n += $1 } END { print n }')
[ "$(from_tape short)" -gt 0 ] && [ "$(from_tape short)" -lt "$tokens" ] || fail "a short tape: $(from_tape short) of $tokens"

# where samples are so much alike that many guesses are made and hold
rl steps=2 temperature=0.05 slots=2 out=guessed
rl steps=2 temperature=0.05 speculate=false out=plain
same_files guessed plain $files
grep -q '"tokens_accepted":[1-9]' guessed/timing.jsonl && ! grep -q '"tokens_drafted":[1-9]' plain/timing.jsonl ||
    fail "speculation is not what differs: $(cat guessed/timing.jsonl plain/timing.jsonl)"
grep -q '"ratio_error":0[.0]*,' one/metrics.jsonl || fail "the rollout's log-probs are not the policy's"

# a reference that equals the policy is not run: before the first update, and after a sync to the policy's weights; its kl is 0
# there and only there
rl steps=5 out=synced sync_share=1
grep -o 'step [0-9]*: the reference has' log | tail -n 3 | grep -o '[0-9]*' | paste -sd' ' | grep -qx '0 2 4' || fail "steps: $(cat log)"
grep -o '"kl_reference":[^,]*' synced/metrics.jsonl | sed 's/.*://' | awk '{ printf "%s", ($1 == 0) ? "=" : "x" }' | grep -qx '=x=x=' ||
    fail "kl to the reference: $(cat synced/metrics.jsonl)"

# killed at some moment after the first checkpoints, then resumed
long_rl() { rl steps=60 checkpoint_every=1 "$@"; }
long_rl out=whole
killed_midway killed killed/metrics.jsonl 3 killed/model "$rlt" rl model=base/model data=questions/train.jsonl reward=teacher \
    tags=short questions=2 samples=4 lr=1e-3 max_tokens=24 sync_every=2 seed=7 steps=60 checkpoint_every=1 out=killed
refuses 1 "resume=true" "$rlt" rl model=base/model data=questions/train.jsonl tags=short steps=60 out=killed
long_rl out=killed --resume
same_files whole killed $files

# log-probs: what generate says is what logp computes
"$rlt" tokenize base/model <<< '"4,6,5 ->29"' > ids
prompt=$(tr -d '[]\n' < ids)
first=$(head -n 1 a.jsonl)
ids=$(sed 's/.*"ids":\[\([^]]*\)\].*/\1/' <<< "$first")
sampled=$(sed 's/.*"logp":\[\([^]]*\)\].*/\1/' <<< "$first")
echo "{\"ids\":[$prompt,$ids]}" > rows.jsonl
"$rlt" logp model=base/model in=rows.jsonl out=logp.jsonl temperature=0.7
tail_of=$(sed 's/.*\[\(.*\)\].*/\1/' logp.jsonl | tr ',' '\n' | tail -n "$(tr ',' '\n' <<< "$ids" | wc -l)" | paste -sd,)
[ "$tail_of" = "$sampled" ] || fail "logp: $tail_of, generate: $sampled"
