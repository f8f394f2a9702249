# Rows in the form of Bespoke-Stratos-17k give what a plain reading of their tags gives (stratos.py), and so do they when they
# are converted again.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
command -v python3 > /dev/null || { echo "skipped: python3 is not there to read the rows"; exit 77; }
for seed in 1 2; do
    python3 "$here/stratos.py" rows.jsonl expected.jsonl 1000 $seed
    "$rlt" data convert data=rows.jsonl out=converted.jsonl strict=true 2> log || fail "$(tail -n 1 log)"
    python3 "$here/stratos.py" --same converted.jsonl expected.jsonl || fail "seed $seed: see above"
    "$rlt" data convert data=converted.jsonl out=again.jsonl strict=true 2> log && cmp converted.jsonl again.jsonl || fail "converted again"
done
