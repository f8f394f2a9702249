# Rollouts of a step that is interrupted after sampling: they are kept, used instead of sampling again, and change no bit;
# a file that is not one is refused; a run that begins anew drops them.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
fault_library=${FAULT_LIBRARY:?expected the path of the library of tests/tools/fault.c}
export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0
in_memory
make_tiny
rl() { "$rlt" rl model=base/model data=questions/train.jsonl tags=short questions=2 samples=3 lr=1e-3 max_tokens=12 sync_every=2 steps=4 \
           checkpoint_every=2 "$@"; }
says() { grep -qF -- "$1" "$2" || fail "expected \"$1\" in: $(cat "$2")"; }
rl out=whole 2> log
result_of whole > expected
[ ! -e whole/rollouts ] || fail "a finished run keeps rollouts"

# killed in the update of step $1: after its rollouts are there, before its row of metrics
file() { printf 'killed/rollouts/step-%08d.safetensors' "$1"; }
kill_in_update() {
    local n
    for n in $(seq 1 400); do
        rm -rf killed
        { FAULT=kill:$n LD_PRELOAD=$fault_library rl out=killed 2> log; } 2> /dev/null || true
        [ ! -e killed/model ] || fail "the run has ended before step $1 was sampled"
        if [ -e "$(file "$1")" ]; then return 0; fi
    done
    fail "no rollouts of step $1"
}
for step in 1 3; do
    kill_in_update $step
    [ "$(wc -l < killed/metrics.jsonl)" = $step ] || fail "expected $step rows: $(cat killed/metrics.jsonl)"
    cp -r killed kept$step
    rl out=killed resume=true 2> log || fail "$(tail -n 1 log)"
    says "killed: step $step was sampled before the interruption" log
    result_of killed | diff expected - || fail "rollouts of step $step: other files than without"
done
[ ! -e kept3/rollouts/step-00000001.safetensors ] && [ -e kept3/checkpoints/step-00000002 ] || fail "a checkpoint does not drop the rollouts before it"

# they are what is used: another log-prob there gives another ratio in the metrics
rm -rf killed && cp -r kept3 killed
printf '\100' | dd of="$(file 3)" bs=1 seek=$(($(wc -c < "$(file 3)") - 1)) conv=notrunc status=none
rl out=killed resume=true 2> log && ! result_of killed | diff -q expected - > /dev/null || fail "rollouts that are there are not used"
# ids beyond the vocabulary, a cut file, one of another step
header=$(od -An -tu8 -N8 "$(file 3 | sed s/killed/kept3/)" | tr -d ' ')
rm -rf killed && cp -r kept3 killed
printf '\377\377\377\177' | dd of="$(file 3)" bs=1 seek=$((8 + header + 48)) conv=notrunc status=none
refuses_last 'its tensors: no rollout of this step; remove the file' rl out=killed resume=true
head -c 200 "$(file 3 | sed s/killed/kept3/)" > "$(file 3)"
refuses_last "$(file 3): " rl out=killed resume=true
cp kept1/rollouts/step-00000001.safetensors "$(file 3)"
refuses_last 'step: no rollout of this step' rl out=killed resume=true
rm "$(file 3)"
rl out=killed resume=true 2> log && result_of killed | diff expected - || fail "without the file: $(tail -n 1 log)"
# a run that begins anew in the folder, where no checkpoint is yet
rl out=kept1 2> log && result_of kept1 | diff expected - || fail "begun anew"
! grep -q 'sampled before' log || fail "a run that begins anew used old rollouts"
