# rlt eval with a real tiny model: the same bytes at any slots and threads, and after kill -9 with resume; tags of the
# model's training; tasks, comparison, refusals.
. "$(dirname "$0")/lib.sh"
make_tiny
# a student that has learnt that much: to open a thought
"$rlt" sft model=base/model data=questions/train.jsonl format=student tags=short steps=60 batch=8 lr=1e-2 out=student 2>> log
model=student/model
files="samples.jsonl results.json"
evaluate() { "$rlt" eval model=$model data=questions/test.jsonl samples=6 max_tokens=30 seed=3 "$@" > table 2>> log || fail "$(tail -n 1 log)"; }
budget="thought_max=12 thought_min=8 waits=2"

OMP_NUM_THREADS=1 evaluate out=s1t1 slots=1 $budget
[ "$(wc -l < s1t1/samples.jsonl)" = 120 ] || fail "expected 20 questions x 6 answers"
grep -q '"closed":true' s1t1/samples.jsonl || fail "expected a thought that was closed by force"
for slots in 7 64; do
    for threads in 1 2; do
        OMP_NUM_THREADS=$threads evaluate out=s${slots}t$threads slots=$slots $budget
        same_files s1t1 s${slots}t$threads $files
    done
done
grep -q '| pass@6' table || fail "expected pass@6 in: $(cat table)"
[ ! -e s64t2/answers.jsonl.partial ] || fail "the partial file is still there"

# another seed, another result; without budgets nothing is put in
evaluate out=seed4 seed=4 $budget
cmp -s s1t1/samples.jsonl seed4/samples.jsonl && fail "two seeds gave the same answers"
evaluate out=plain
grep -q '"put"' plain/samples.jsonl && fail "something was put in without a budget"

# the model's training says which tags: the student was trained with tags=short
evaluate out=short tags=short
same_files plain short $files
evaluate out=full tags=full
cmp -s plain/samples.jsonl full/samples.jsonl && fail "full tags gave the same answers as short ones"

# killed at some moment, then resumed
long() { OMP_NUM_THREADS=2 evaluate samples=40 max_tokens=60 "$@"; }
long out=whole
OMP_NUM_THREADS=1 killed_midway killed killed/answers.jsonl.partial 80 killed/results.json "$rlt" eval model=$model \
    data=questions/test.jsonl seed=3 samples=40 max_tokens=60 slots=3 out=killed
refuses 1 'killed: holds a run with seed=3, not 4' "$rlt" eval model=$model \
    data=questions/test.jsonl seed=4 samples=40 max_tokens=60 out=killed resume=true
refuses 1 'killed: holds an unfinished run; resume=true' "$rlt" eval model=$model data=questions/test.jsonl seed=3 samples=40 \
    max_tokens=60 out=killed
printf '{"row":1,"sample":0,"id"' >> killed/answers.jsonl.partial # a line that was cut off
long out=killed resume=true slots=64
same_files whole killed $files
stamp=$(stat -c %Y.%i killed/results.json)
long out=killed resume=true
[ "$(stat -c %Y.%i killed/results.json)" = "$stamp" ] || fail "a finished run was done again"

# two runs beside each other; --key value is key=value
"$rlt" eval --against seed4 --out s1t1 > table || fail "no comparison"
grep -q '20 questions in both' table && grep -q McNemar table || fail "$(cat table)"
grep -q '"only_here":0,' s1t1/against.json || fail "$(cat s1t1/against.json)"
evaluate out=few limit=5 against=s1t1 $budget
grep -q '5 questions in both (0 and 15 in one alone, left out)' table || fail "$(cat table)"

# other tasks, read as they are published; the row says how it was graded
cat > gsm8k.jsonl << 'EOF'
{"question": "Two and two?", "answer": "2 + 2 = <<2+2=4>>4\n#### 4"}
{"question": "Three and one?", "answer": "#### 4"}
EOF
"$rlt" eval model=$model data=gsm8k.jsonl task=gsm8k prompt=lighteval max_tokens=20 samples=8 out=gsm > table 2>> log
grep -q 'gsm8k, prompt lighteval: 2 questions, 8 answers each' table || fail "$(cat table)"
grep -q '"prompt":"Two and two?\\n\\nReason step by step' gsm/samples.jsonl || fail "$(head -n 1 gsm/samples.jsonl)"
grep -q '"gold":"4"' gsm/samples.jsonl || fail "expected the gold answer"
"$rlt" eval --list > list
for task in countdown aime24 aime25 math500 math gsm8k olympiadbench gpqa livecodebench jsonl exact; do
    grep -q "^$task: " list || fail "$task is not listed"
done
grep -q '3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14' list || fail "expected a SHA-256"

# rewards take the same tasks
"$rlt" rl model=$model data=gsm8k.jsonl task=gsm8k reward=correctness questions=2 samples=2 steps=1 max_tokens=8 lr=1e-4 \
    out=rl 2>> log || fail "$(tail -n 1 log)"
grep -q '"right"' rl/metrics.jsonl || fail "$(cat rl/metrics.jsonl)"

refuses 1 'key "out" must be given' "$rlt" eval model=$model data=gsm8k.jsonl
refuses 1 'key "data" must be given' "$rlt" eval model=$model out=x
refuses 1 'expected one of model and server, found neither' "$rlt" eval data=gsm8k.jsonl out=x
refuses 1 'gsm8k.jsonl:1: ' "$rlt" eval model=$model data=gsm8k.jsonl out=x
refuses 1 'questions/test.jsonl:1: expected a value under key "answer"' "$rlt" eval model=$model data=questions/test.jsonl task=gsm8k out=x
refuses 1 'standard input' "$rlt" eval model=$model data=- out=x
refuses 2 'expected one of countdown|' "$rlt" eval model=$model data=gsm8k.jsonl out=x task=maths
refuses 1 'nowhere/samples.jsonl' "$rlt" eval against=nowhere out=gsm
[ ! -e x ] || fail "something was written for a run that was refused"
echo "eval tasks: ok"
