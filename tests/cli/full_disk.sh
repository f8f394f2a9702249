# A disk that is full: an error that says so, the old files as they were, nothing half-written. Needs root, for a small
# file system of its own.
umount "$2/disk" 2> /dev/null || true
. "$(dirname "$0")/lib.sh"
mkdir disk
if [ "$(id -u)" -ne 0 ] || ! mount -t tmpfs -o size=256k tmpfs disk 2> /dev/null; then
    echo "full_disk: skipped, cannot mount a small file system"
    exit 77
fi
trap 'umount "$scratch/disk" 2> /dev/null || true' EXIT

rows() { # COUNT BYTES: rows of about so many bytes
    local text
    text=$(head -c "$2" /dev/zero | tr '\0' x)
    for i in $(seq "$1"); do printf '{"question":"q%d","solution":"%s"}\n' "$i" "$text"; done
}
rows 300 1000 > large.jsonl
rows 100 300 > small.jsonl
names() { ls disk disk/parts | tr '\n' ' '; }

"$rlt" data convert small.jsonl disk/out.jsonl 2> log
"$rlt" data split small.jsonl disk/parts test=0.5 2> log
cp disk/out.jsonl disk/parts/*.jsonl . && before=$(names)

refuses 1 'disk/out.jsonl: cannot write: No space left on device' "$rlt" data convert large.jsonl disk/out.jsonl
refuses 1 'train.jsonl.new: cannot write: No space left on device' "$rlt" data split large.jsonl disk/parts test=0.1
refuses 1 'test.jsonl.new: cannot write: No space left on device' "$rlt" data split large.jsonl disk/parts test=0.9
cmp out.jsonl disk/out.jsonl && same_files . disk/parts train.jsonl test.jsonl
[ "$(names)" = "$before" ] || fail "files are left: $(names), expected $before"
refuses 1 'No space left on device' "$rlt" data sample large.jsonl disk/sample.jsonl count=300
[ ! -e disk/sample.jsonl ] && [ ! -e disk/sample.jsonl.partial ] || fail "a sample is left"
if "$rlt" data convert large.jsonl - > disk/piped.jsonl 2> log; then fail "a full disk behind standard output was not seen"; fi

# and with room it goes well
rm disk/piped.jsonl
"$rlt" data split small.jsonl disk/parts test=0.2 2> log
[ "$(wc -l < disk/parts/test.jsonl)" = 20 ] || fail "split into an old folder"

# every stage on disks from far too small to large enough: a line that says so; the checkpoints that are there are whole;
# with room it goes on to the same bits
umount disk
make_tiny
disk() { mount -t tmpfs -o size="$1" tmpfs disk; }

# A checkpoint that bears its name has the parameters of an undisturbed run's at that step.
checkpoints_whole() {
    local step n=0
    for step in disk/out/checkpoints/step-????????; do
        [ -d "$step" ] || continue
        cmp "$step/model.safetensors" "whole/checkpoints/${step##*/}/model.safetensors" || fail "$stage, $size: $step"
        n=$((n + 1))
    done
    n_whole=$((n_whole + n))
}

# Stage `stage`, whose command is "$@" with out=DIR after it; `again`: what is added when it goes on.
raise() {
    local size status=1 n_full=0
    n_whole=0
    rm -rf whole && mkdir whole
    "$@" out="whole$suffix" > log 2>&1 || fail "$stage: $(tail -n 1 log)"
    result_of whole > expected
    for size in 4k 32k 96k 160k 256k 384k 640k 1m 1536k 2m 3m 4m 6m 8m 16m; do
        disk $size
        status=0
        "$@" out="disk/out$suffix" > log 2> err || status=$?
        if [ $status != 0 ]; then
            [ $status = 1 ] && [ "$(grep '^rlt: ' err | grep -c 'No space left on device')" -ge 1 ] || fail "$stage, $size: status $status: $(cat err)"
            # of a run of stages: the stage's own line, and that the stage failed
            [ "$(grep -c '^rlt: ' err)" -le "$([ "$stage" = run ] && echo 2 || echo 1)" ] || fail "$stage, $size: expected one line: $(cat err)"
            checkpoints_whole
            n_full=$((n_full + 1))
            mount -o remount,size=64m disk
            "$@" out="disk/out$suffix" $again > log 2>&1 || fail "$stage, $size: does not go on: $(tail -n 1 log)"
        fi
        result_of disk/out > got
        umount disk
        diff expected got > differs || fail "$stage, $size: other files than without: $(cat differs)"
        [ $status != 0 ] || break
    done
    [ $status = 0 ] && [ $n_full -ge 1 ] || fail "$stage: $n_full sizes were too small, the last exit status is $status"
    echo "$stage: $n_full sizes were too small, $n_whole checkpoints found whole"
}

# COMMAND... out=FOLDER/FILE [more]: makes the folder first
make_folder() {
    local argument
    for argument in "$@"; do
        case $argument in out=*) mkdir -p "$(dirname "${argument#out=}")" 2> make.err || { sed 's/^/rlt: /' make.err >&2; return 1; } ;; esac
    done
    "$@"
}
suffix="" again=""
stage="data countdown" && raise "$rlt" data countdown train=300 test=5 numbers_max=3 number_max=12 style=short test_share=0.24
again=resume=true
stage=eval && raise "$rlt" eval model=base/model data=questions/test.jsonl samples=20 tags=short max_tokens=8
stage=sft && raise "$rlt" sft model=base/model data=questions/train.jsonl format=teacher tags=short steps=4 batch=2 lr=3e-3 \
    checkpoint_every=1 keep=9
[ $n_whole -ge 2 ] || fail "sft: $n_whole checkpoints found"
stage=rl && raise "$rlt" rl model=base/model data=questions/train.jsonl tags=short questions=1 samples=2 lr=1e-3 max_tokens=8 \
    sync_every=2 steps=4 checkpoint_every=1 keep=9
[ $n_whole -ge 2 ] || fail "rl: $n_whole checkpoints found"
suffix=/rows.jsonl
stage=collect && raise make_folder "$rlt" collect model=base/model data=questions/train.jsonl samples=3 chunk=5 tags=short max_tokens=40
stage=score && raise make_folder "$rlt" score teacher=base/model student=base/model data=questions/train.jsonl tags=short chunk=5
cat > recipe.yaml <<'R'
stages:
  - stage: student
    command: sft
    with: {out: "${student}", model: base/model, data: questions/train.jsonl, tags: short, steps: 4, batch: 2, lr: 1e-3, checkpoint_every: 2}
  - {stage: explanations, command: collect, with: {out: "${explanations}/rows.jsonl", model: "${student}/model", data: questions/train.jsonl, limit: 9, tags: short, max_tokens: 8}}
  - {stage: eval, command: eval, with: {out: "${eval}", model: "${student}/model", data: questions/test.jsonl, tags: short, max_tokens: 8}}
table: [{label: student, eval: eval}]
R
suffix="" again=""
stage=run && raise "$rlt" run recipe.yaml
