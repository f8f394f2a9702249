# Shared by the scripts here. Each is called as: script PATH_OF_RLT SCRATCH_FOLDER
set -euo pipefail
rlt=$1
scratch=$2
rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"

fail() { echo "FAIL: $*" >&2; exit 1; }

# Goes on in a folder in memory, where there is one: for tests that start many processes, each of which syncs its files.
in_memory() {
    [ -d /dev/shm ] && [ -w /dev/shm ] || return 0
    memory=$(mktemp -d -p /dev/shm)
    trap 'cd /; rm -rf "$memory"' EXIT
    cd "$memory"
}

# A tiny tokenizer, model and data set, for runs of seconds.
make_tiny() {
    "$rlt" data countdown out=questions train=60 test=20 numbers_max=3 number_max=12 target_min=5 target_max=100 value_max=100 \
        attempts=2 style=short test_share=0.24 2> log
    "$rlt" data tokenizer data=questions/train.jsonl out=tokenizer vocabulary=320 tags=short 2>> log
    "$rlt" sft scratch.tokenizer=tokenizer scratch.hidden=32 scratch.layers=2 scratch.heads=2 scratch.kv_heads=1 scratch.ffn=48 \
        scratch.positions=256 data=questions/train.jsonl format=teacher tags=short steps=6 batch=4 lr=3e-3 out=base 2>> log
}

# The files that are a folder's result, names and bytes; what tells of time, paths or interruptions is left out.
result_of() {
    (cd "$1" && find . -type f ! -name '*.html' ! -name 'events.*' ! -name timing.jsonl ! -name manifest.json ! -name '*.manifest.json' ! -name recipe.yaml \
        ! -name '*.stage.json' ! -path '*/checkpoints/*' | LC_ALL=C sort | xargs sha256sum)
}

# same_files A B FILE...: the same bytes
same_files() {
    local a=$1 b=$2
    shift 2
    for file in "$@"; do cmp "$a/$file" "$b/$file" || fail "$a/$file and $b/$file differ"; done
}

# refuses STATUS TEXT COMMAND...: exit status, exactly one line on standard error, which holds the text
refuses() {
    local status=$1 text=$2 got=0
    shift 2
    "$@" > refused.out 2> refused.err || got=$?
    [ "$got" = "$status" ] || fail "$*: exit status $got, expected $status: $(cat refused.err)"
    [ "$(wc -l < refused.err)" = 1 ] || fail "$*: expected one line: $(cat refused.err)"
    grep -qF -- "$text" refused.err || fail "$*: expected \"$text\" in: $(cat refused.err)"
}

# refuses_last TEXT COMMAND...: exit status 1; of the lines on standard error only the last is an error, and it holds the text
refuses_last() {
    local text=$1 got=0
    shift
    "$@" > refused.out 2> refused.err || got=$?
    [ $got = 1 ] && [ "$(grep -c '^rlt: ' refused.err)" = 1 ] && tail -n 1 refused.err | grep '^rlt: ' | grep -qF -- "$text" ||
        fail "$*: exit status $got, expected 1 and a last line with \"$text\": $(cat refused.err)"
}

# killed_midway OUT WATCHED LINES FINISHED COMMAND...: killed once the file WATCHED has as many lines; where FINISHED is there by
# then, since a fast machine may end the run before the kill, once more
killed_midway() {
    local out=$1 watched=$2 lines=$3 finished=$4 child
    shift 4
    for _ in $(seq 20); do
        rm -rf "$out" "$watched"
        (exec "$@" > /dev/null 2>> log) &
        child=$!
        until [ "$(cat "$watched" 2> /dev/null | wc -l)" -ge "$lines" ] || [ -e "$finished" ]; do
            kill -0 $child 2> /dev/null || break
            sleep 0.002
        done
        kill -9 $child 2> /dev/null || true
        wait $child 2> /dev/null || true
        [ -e "$finished" ] && continue
        [ "$(cat "$watched" 2> /dev/null | wc -l)" -ge "$lines" ] || fail "$out: the run ended by itself: $(tail -n 3 log)"
        return 0
    done
    fail "$out: the run ended before it was killed, 20 times"
}
