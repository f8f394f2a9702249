# The record: a manifest whose hashes are those of the files (sha256sum says so), `rlt verify` of one run and of two, and
# replays of single steps to the same bits.
. "$(dirname "$0")/lib.sh"
make_tiny
sft() { "$rlt" sft model=base/model data=questions/train.jsonl format=teacher tags=short steps=8 batch=4 lr=3e-3 checkpoint_every=3 "$@" 2>> log; }
rl() { "$rlt" rl model=base/model data=questions/train.jsonl tags=short questions=2 samples=4 lr=1e-3 max_tokens=24 sync_every=2 \
           checkpoint_every=2 steps=5 "$@" 2>> log; }
says() { grep -qF -- "$1" "$2" || fail "expected \"$1\" in: $(cat "$2")"; }
verify_fails() { ! "$rlt" verify "$@" > out 2> err || fail "verify $*: expected a failure: $(cat out)"; }

sft out=a
hash=$(sha256sum < questions/train.jsonl | cut -d ' ' -f 1)
says "\"key\":\"data\",\"path\":\"questions/train.jsonl\",\"sha256\":\"$hash\"" a/manifest.json
hash=$(sha256sum < a/model/model.safetensors | cut -d ' ' -f 1)
says "\"path\":\"model/model.safetensors\",\"sha256\":\"$hash\"" a/manifest.json
says "\"sha256\":\"$(sha256sum < "$rlt" | cut -d ' ' -f 1)\"" a/manifest.json
says '"arguments":["rlt","sft","model=base/model","data=questions/train.jsonl"' a/manifest.json
says '"seeds":{"seed":1}' a/manifest.json

# one run: as recorded; a changed output, a changed input, a missing one
"$rlt" verify a > out && says 'a: manifest: 2 inputs' out
cp -r a b && printf x >> b/model/config.json
verify_fails b && says 'output model/config.json' out && says '1 of' err
cp questions/train.jsonl kept && sed -i '1s/4/5/' questions/train.jsonl
verify_fails a && says 'input data' out
refuses 1 'are not as recorded: no replay' "$rlt" verify a replay=2
mv questions/train.jsonl gone && verify_fails a && says 'No such file' out
cp kept questions/train.jsonl

# two runs: none, a setting, an input
rm -r b && OMP_NUM_THREADS=2 sft out=b
"$rlt" verify a b > out 2> err || fail "the same run twice: $(cat out err)"
says 'no difference' out
sft out=c lr=3e-3 beta2=0.99
verify_fails a c && says 'option beta2: 0.95' out && says 'first step that differs is 2' out && says 'loss: ' out
# AdamW's beta2 first shows once a second gradient is in the moments: the loss of step 2 is the first that can differ
verify_fails base a && says 'option steps: 6 / 8' out && says 'input model: none / base/model' out

# a step once more: every one, from checkpoints and from the inputs; in a folder that has moved; with other threads
for step in 0 1 2 3 4 5 6 7; do "$rlt" verify a replay=$step > out 2>> log || fail "replay $step: $(tail -n 1 log)"; done
says 'step 7, from' out && says 'step-00000006: the same bits: metrics, model' out
"$rlt" verify a --replay 2 > out 2>> log && says "from the run's inputs: the same bits: metrics, 1 checkpoint" out
refuses_last 'has no step 8: it ends with step 7' "$rlt" verify a replay=8
rl out=r && mv r moved
before=$(find moved -type f | sort | xargs sha256sum)
for step in 0 1 2 3 4; do OMP_NUM_THREADS=$((step % 2 + 1)) "$rlt" verify moved replay=$step > out 2>> log || fail "replay $step: $(tail -n 1 log)"; done
says 'the same bits: metrics, samples, model' out
[ "$before" = "$(find moved -type f | sort | xargs sha256sum)" ] || fail "a replay changed the run's folder"
rl out=r16 dtype=bf16 lr=1e-4
for step in 1 2 4; do "$rlt" verify r16 replay=$step > out 2>> log || fail "replay $step in bf16: $(tail -n 1 log)"; done
says 'the same bits: metrics, samples, model' out
# and what is not so is seen: a metric, a sample, a parameter
sed -i '4s/"reward":-*[0-9]/&7/' moved/metrics.jsonl
refuses_last 'step 3: reward was' "$rlt" verify moved replay=3
rl out=r && sed -i '7s/"completion":"/&x/' r/samples.jsonl
refuses_last 'gives other samples' "$rlt" verify r replay=3
printf '\001' | dd of=a/checkpoints/step-00000006/state.safetensors bs=1 seek=20000 conv=notrunc status=none
refuses_last 'step-00000006: the replay gives other parameters' "$rlt" verify a replay=5
[ ! -e a/replay.partial ] || fail "a replay left its folder"

# a run goes on with its own settings and inputs only
long() { exec "$rlt" sft model=base/model data=questions/train.jsonl format=teacher tags=short steps=100000 batch=4 lr=3e-3 out=d \
             checkpoint_every=1 2>> log; }
(long) &
child=$!
until [ "$(cat d/metrics.jsonl 2> /dev/null | wc -l)" -ge 3 ]; do kill -0 $child || fail "the run ended"; sleep 0.01; done
kill -9 $child
wait $child 2> /dev/null || true
again() { "$rlt" sft model=base/model data=questions/train.jsonl format=teacher tags=short steps=100000 batch=4 out=d resume=true "$@"; }
refuses_last 'd: holds a run with lr=0.003, not 1e-3: take another folder' again lr=1e-3
sed -i '1s/4/5/' questions/train.jsonl
refuses_last 'questions/train.jsonl: has changed since the run in d began' again lr=3e-3
cp kept questions/train.jsonl

# a command that leaves one file: the manifest beside it
"$rlt" collect model=base/model data=questions/train.jsonl tags=short limit=4 max_tokens=16 out=rows.jsonl 2>> log
score() { "$rlt" score teacher=base/model student=base/model data=rows.jsonl tags=short "$@" 2>> log; }
score out=scored.jsonl
for file in rows.jsonl scored.jsonl; do
    says "\"outputs\":[{\"path\":\"$file\",\"sha256\":\"$(sha256sum < $file | cut -d ' ' -f 1)\"}]" $file.manifest.json
    "$rlt" verify $file > out && says "$file: manifest:" out
    (mkdir -p elsewhere && cd elsewhere && "$rlt" verify ../$file > out && grep -qF '1 outputs as recorded' out) || fail "verify ../$file: $(cat out)"
done
score out=scored2.jsonl reward.kl_estimator=k3
verify_fails scored.jsonl scored2.jsonl && says 'option reward.kl_estimator: k1 / k3' out && says 'output' out
cp scored.jsonl held.jsonl && echo >> scored.jsonl
verify_fails scored.jsonl && says 'output scored.jsonl' out && says '1 of' err
mv held.jsonl scored.jsonl
# it is done, or goes on with what it began with
score out=scored.jsonl resume=true && tail -n 1 log | grep -qF 'scored.jsonl: finished already' || fail "$(tail -n 1 log)"
refuses_last 'scored.jsonl: holds a run with reward.kl_estimator=k1, not k3: take another file' "$rlt" score teacher=base/model \
    student=base/model data=rows.jsonl tags=short out=scored.jsonl resume=true reward.kl_estimator=k3
refuses_last 'key out: expected a file, found questions' "$rlt" collect model=base/model data=questions/train.jsonl tags=short out=questions
[ -s questions/train.jsonl ] || fail "a refused run removed a folder"
# killed behind its last row: the record is made good
sed -i 's/,"outputs":.*/}/' scored.jsonl.manifest.json
"$rlt" verify scored.jsonl > out && says 'it has not ended' out
score out=scored.jsonl resume=true && "$rlt" verify scored.jsonl > out && says '1 outputs as recorded' out

# inputs when a run goes on: another run to look at in the end may be gone; a prompt may neither come nor go
echo 'Think.' > system.txt
ask() { "$rlt" eval model=base/model data=questions/test.jsonl tags=short max_tokens=16 "$@" 2>> log; }
ask out=first > table
killed_midway second second/answers.jsonl.partial 2 second/results.json "$rlt" eval model=base/model data=questions/test.jsonl tags=short \
    max_tokens=16 slots=1 student_system=system.txt against=first out=second
refuses_last 'second: holds a run with student_system=system.txt, which is not given now' "$rlt" eval model=base/model \
    data=questions/test.jsonl tags=short max_tokens=16 out=second resume=true
mv first gone_first && mv system.txt moved.txt
ask student_system=moved.txt out=second resume=true > table || fail "the run does not go on: $(tail -n 1 log)"
says '"path":"moved.txt"' second/manifest.json
! grep -qF '"key":"against"' second/manifest.json || fail "an input that is not looked at is recorded"
"$rlt" verify second > out || fail "$(cat out)"
killed_midway third third/answers.jsonl.partial 2 third/results.json "$rlt" eval model=base/model data=questions/test.jsonl tags=short \
    max_tokens=16 slots=1 out=third
refuses_last 'third: holds a run with 0 files of key student_system, not 1' "$rlt" eval model=base/model \
    data=questions/test.jsonl tags=short max_tokens=16 out=third resume=true student_system=moved.txt
refuses_last 'gone_by/samples.jsonl: No such file' "$rlt" eval model=base/model data=questions/test.jsonl tags=short max_tokens=16 \
    out=third resume=true against=gone_by
"$rlt" verify third > out || fail "the answers are there, their comparison is not: $(cat out)"
