# Parquet files that pyarrow and DuckDB write now, in every combination of their settings (pages of both versions, dictionary
# and plain, no codec, Snappy, zstd, gzip, small and large pages, row groups of 1, 37 and all rows), read to the rows that
# pyarrow reads back. RLT_PARQUET_PYTHON names a Python that has both; otherwise they are installed into an environment here.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
python=${RLT_PARQUET_PYTHON:-}
if [ -z "$python" ]; then
    python=$PWD/venv/bin/python
    { python3 -m venv venv && "$python" -m pip install -q pyarrow duckdb; } > log 2>&1 ||
        { echo "skipped: pyarrow and duckdb cannot be installed (RLT_PARQUET_PYTHON names a Python that has them): $(tail -n 1 log)"; exit 77; }
fi
"$python" "$here/../data/make_parquet.py" many --many || fail "make_parquet.py"
files=$(find many -maxdepth 1 -name '*.parquet' | wc -l)
[ "$files" -gt 200 ] || fail "$files files: not every combination"
RLT_PARQUET_FOLDER=$PWD/many "$(dirname "$rlt")/tests/data_test_parquet" > log 2>&1 || fail "$(cat log)"
"$python" -c 'import duckdb, pyarrow; print("pyarrow", pyarrow.__version__, "duckdb", duckdb.__version__)'
echo "$files files: the same rows"
