# A disk that is full: an error that says so, the old files as they were, nothing half-written. Needs root, for a small
# file system of its own.
umount "$2/disk" 2> /dev/null || true
. "$(dirname "$0")/lib.sh"
mkdir disk
if [ "$(id -u)" -ne 0 ] || ! mount -t tmpfs -o size=256k tmpfs disk 2> /dev/null; then
    echo "full_disk: skipped, cannot mount a small file system"
    exit 77
fi
trap 'umount "$scratch/disk"' EXIT

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
