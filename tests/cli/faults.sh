# Every stage with the n-th call that changes the file system going wrong (tests/tools/fault.c): the process dies there, in
# the middle of a write too; the disk is full from there on; that one call fails. An error is one line, and whatever
# happened, the stage then goes on to the same bits as without. `every`: 1 takes all calls, k each k-th, or more where
# there are few.
# usage: faults.sh RLT SCRATCH, FAULT_LIBRARY in the environment
every=${every:-37}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/lib.sh"
fault_library=${FAULT_LIBRARY:?expected the path of the library of tests/tools/fault.c}
export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 OMP_NUM_THREADS=1
in_memory
make_tiny

with_fault() { # FAULT COMMAND...
    local fault=$1
    shift
    { FAULT=$fault LD_PRELOAD=$fault_library "$@" > fault.out 2> fault.err; } 2> /dev/null
}

# What an error leaves on standard error: one line of ours, which names the reason; progress and warnings may come before.
one_error() { # FAULT REASON
    [ "$(grep -c '^rlt: ' fault.err)" = 1 ] && tail -n 1 fault.err | grep -q "^rlt: .*: $2\$" || fail "$stage, $1: expected one line with \"$2\": $(cat fault.err)"
}

# Stage `stage`, whose command is "$@" with out=DIR after it; `again`: what is added when it goes on.
survives() {
    local n fault status n_calls step
    rm -rf whole
    [ "$suffix" = "" ] || mkdir whole
    FAULT=count FAULT_COUNT=$PWD/calls LD_PRELOAD=$fault_library "$@" out="whole$suffix" > log 2>&1 || fail "$stage: $(cat log)"
    n_calls=$(cat calls)
    result_of whole > expected
    [ "$n_calls" -gt 3 ] && [ -s expected ] || fail "$stage: $n_calls calls"
    step=$((every < n_calls / 2 ? every : n_calls / 2))
    for n in $(seq 1 "$step" "$n_calls"); do
        for fault in kill torn full once; do
            rm -rf broken
            [ "$suffix" = "" ] || mkdir broken
            status=0
            with_fault $fault:$n "$@" out="broken$suffix" || status=$?
            case $fault:$status in
            kill:137 | torn:137) ;;
            # nothing from there on needed the call (room for it, a folder that is there already): all is done all the same
            full:0 | once:0) ;;
            full:1) one_error $fault:$n 'No space left on device' ;;
            once:1) one_error $fault:$n 'Input/output error' ;;
            *) fail "$stage, $fault:$n of $n_calls: exit status $status: $(cat fault.err)" ;;
            esac
            [ $status = 0 ] || "$@" out="broken$suffix" $again > log 2>&1 || fail "$stage, $fault:$n of $n_calls: does not go on: $(tail -n 1 log)"
            result_of broken > got
            diff expected got > differs || fail "$stage, $fault:$n of $n_calls: other files than without: $(cat differs)"
        done
    done
    echo "$stage: $n_calls calls, every $step"
}

suffix="" again=""
stage="data countdown" && survives "$rlt" data countdown train=20 test=5 numbers_max=3 number_max=12 style=short test_share=0.24
stage="data split" && survives "$rlt" data split data=questions/train.jsonl test=0.3
stage="data tokenizer" && survives "$rlt" data tokenizer data=questions/train.jsonl vocabulary=320 tags=short
again=resume=true
stage="eval" && survives "$rlt" eval model=base/model data=questions/test.jsonl limit=3 tags=short max_tokens=8
again=""
suffix=/rows.jsonl
stage="data sample" && survives "$rlt" data sample data=questions/train.jsonl count=5
again=resume=true
stage="score" && survives "$rlt" score teacher=base/model student=base/model data=questions/train.jsonl tags=short chunk=20
stage="collect" && survives "$rlt" collect model=base/model data=questions/train.jsonl limit=6 chunk=1 tags=short max_tokens=8
suffix=""
stage="sft" && survives "$rlt" sft model=base/model data=questions/train.jsonl format=teacher tags=short steps=3 batch=2 lr=3e-3 \
    checkpoint_every=1 keep=1
stage="rl" && survives "$rlt" rl model=base/model data=questions/train.jsonl tags=short questions=1 samples=2 lr=1e-3 max_tokens=8 \
    sync_every=2 steps=3 checkpoint_every=1
