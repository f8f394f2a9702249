# Writes the Parquet files of tests/data/golden/parquet with pyarrow and DuckDB, and beside each the rows as JSON lines,
# as pyarrow reads them back.
# usage: make_parquet.py OUT [--many]     --many: every combination of the writers' settings; without it, those that are kept
#        make_parquet.py --seeds OUT      small files for tests/fuzz/seeds/parquet
import datetime
import itertools
import json
import os
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

STRUCT = pa.struct([("from", pa.string()), ("value", pa.string())])
SCHEMA = pa.schema([
    ("id", pa.int64()),
    ("system", pa.string()),
    ("conversations", pa.list_(STRUCT)),
    ("tags", pa.list_(pa.string())),
    ("nested", pa.list_(pa.list_(pa.int32()))),
    ("score", pa.float64()),
    ("weight", pa.float32()),
    ("flag", pa.bool_()),
    ("small", pa.int8()),
    ("unsigned", pa.uint32()),
    ("deep", pa.struct([("a", pa.struct([("b", pa.list_(pa.int64())), ("c", pa.string())])), ("d", pa.bool_())])),
    ("day", pa.date32()),
    ("at", pa.timestamp("us", tz="UTC")),
    ("local", pa.timestamp("ms")),
    ("nothing", pa.null()),
    pa.field("needed", pa.string(), nullable=False),
])


def rows(n):
    """Rows in which every column is null, empty and full in turn, at periods that do not divide each other."""
    out = []
    for i in range(n):
        out.append({
            "id": (i - 3) * 1234567890123 if i % 5 else None,
            "system": ["a system prompt", "", None, "é ü \U0001f600"][i % 4],
            "conversations": None if i % 7 == 6 else [
                {"from": None, "value": "v"} if j == 2 else None if j == 3 else {"from": "user", "value": f"text {i} " * j}
                for j in range(i % 5)],
            "tags": None if i % 6 == 5 else [None if (i + j) % 4 == 0 else f"t{j}" for j in range(i % 4)],
            "nested": None if i % 9 == 8 else [None if j == 1 else list(range(-j, i % 3)) for j in range(i % 4)],
            "score": i / 7 if i % 3 else None,
            "weight": i / 7 if i % 4 else None,
            "flag": [True, False, None, True, True][i % 5],
            "small": i % 256 - 128,
            "unsigned": 4294967295 - i,
            "deep": None if i % 5 == 4 else {"a": None if i % 3 == 2 else {"b": [None, i] if i % 2 else [], "c": "x"},
                                             "d": i % 2 == 0},
            "day": datetime.date(1899, 2, 1) + datetime.timedelta(days=i * 397) if i % 4 else None,
            "at": datetime.datetime(1969, 11, 1, 23, 59, 58, 5, datetime.timezone.utc) + datetime.timedelta(
                seconds=i * 1234567) if i % 3 else None,
            "local": datetime.datetime(2025, 1, 31, 12, 0, 0, 7000) + datetime.timedelta(hours=i),
            "nothing": None,
            "needed": f"n{i % 3}",
        })
    return out


def plain(value):
    """As the reader gives it."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, datetime.datetime):
        utc = value.tzinfo is not None
        return value.replace(tzinfo=None).isoformat(timespec="microseconds" if utc else "milliseconds") + "Z" * utc
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return None
    return value


def write_rows(path, table):
    with open(path, "w", encoding="utf-8") as out:
        for row in table.to_pylist():
            out.write(json.dumps(plain(row), ensure_ascii=False, separators=(",", ":")) + "\n")


def write(folder, name, table, **settings):
    pq.write_table(table, f"{folder}/{name}.parquet", **settings)
    write_rows(f"{folder}/{name}.jsonl", table)


def combinations(folder, tables):
    pages = {"1": dict(data_page_version="1.0"), "2": dict(data_page_version="2.0")}
    codecs = ["none", "snappy", "zstd", "gzip"]
    for n, version, codec, dictionary, size, group in itertools.product(
            tables, pages, codecs, [True, False], [1 << 20, 64], [None, 1, 37]):
        write(folder, f"many_{n}_{version}_{codec}_{int(dictionary)}_{size}_{group}", tables[n], compression=codec,
              use_dictionary=dictionary, data_page_size=size, row_group_size=group, write_batch_size=13,
              write_page_checksum=dictionary, **pages[version])


def duck(folder, name, table, settings):
    path = f"{folder}/{name}.parquet"
    data = table.drop_columns(["nothing"])  # has no type there
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.register("data", data)
    connection.execute(f"copy (select * from data) to '{path}' (format parquet {settings})")
    write_rows(f"{folder}/{name}.jsonl", pq.read_table(path))


def shapes():
    """Types that pyarrow maps onto those above, and maps, which it gives back as lists of pairs."""
    n = 12
    pairs = [None if i % 4 == 3 else [(f"k{j}", None if j == 1 else j) for j in range(i % 3)] for i in range(n)]
    columns = {
        "map": pa.array(pairs, pa.map_(pa.string(), pa.int32())),
        "category": pa.array([["a", "b", None][i % 3] for i in range(n)]).dictionary_encode(),
        "large": pa.array(["x" * i if i % 5 else None for i in range(n)], pa.large_string()),
        "view": pa.array([f"v{i}" for i in range(n)], pa.string_view()),
        "pair": pa.array([[i, None] if i % 3 else None for i in range(n)], pa.list_(pa.int16(), 2)),
        "large_list": pa.array([[True] * (i % 3) for i in range(n)], pa.large_list(pa.bool_())),
        "u64": pa.array([2**63 - 1 + 2048 * (i % 3) for i in range(n)], pa.uint64()),
        "nan": pa.array([float("nan"), float("-inf"), -0.0, 1e300] * 3),
        "listed_structs": pa.array([[{"a": {"b": [[i]]}}, {"a": None}, None][: i % 4] for i in range(n)]),
    }
    rows = pa.table(columns)
    lines = [{**row, "map": row["map"] and [{"key": k, "value": v} for k, v in row["map"]],
              "u64": row["u64"] if row["u64"] < 2**63 else float(row["u64"])} for row in rows.to_pylist()]
    for row, pair in zip(lines, pairs):
        row["map"] = [] if pair == [] else row["map"]
    return rows, lines


def write_shapes(folder):
    table, lines = shapes()
    for name, settings in {"shapes": {}, "shapes_old": dict(use_compliant_nested_type=False, version="1.0")}.items():
        pq.write_table(table, f"{folder}/{name}.parquet", **settings)
        with open(f"{folder}/{name}.jsonl", "w", encoding="utf-8") as out:
            for row in lines:
                out.write(json.dumps(plain(row), ensure_ascii=False, separators=(",", ":")) + "\n")


BESPOKE = pa.schema([("system", pa.string()), ("conversations", pa.list_(STRUCT))])


def bespoke():
    """The form of Bespoke-Stratos-17k; the texts are ours. The third row's answer is cut off."""
    def row(question, thought, solution, end="<|end_of_solution|>"):
        answer = (f"<|begin_of_thought|>\n\n{thought}\n\n<|end_of_thought|>\n\n"
                  f"<|begin_of_solution|>\n\n{solution}\n\n{end}")
        return {"system": "Think step by step.", "conversations": [{"from": "user", "value": question},
                                                                   {"from": "assistant", "value": answer}]}
    return [row("Return your answer in \\boxed{}. What is $1 + 1$?", "Two ones.\n\nSo 2.", "It is \\(\\boxed{2}\\)."),
            row("Größe von {1, 2}?", "\"Größe\": 2 <|not a tag|>", "```python\nlen({1, 2})\n```"),
            row("Cut off?", "Yes.", "It is", end=""),
            row("Last?", "\tYes.", "Yes.")]


def seeds(folder):
    """Small, and without check sums, which would stop every change at the page's door."""
    os.makedirs(folder, exist_ok=True)
    names = ["id", "system", "conversations", "nested", "flag", "weight", "at"]
    table = pa.Table.from_pylist(rows(7), SCHEMA).select(names)
    settings = dict(store_schema=False, write_statistics=False)
    pq.write_table(table, f"{folder}/v1_plain", compression="none", use_dictionary=False, **settings)
    pq.write_table(table, f"{folder}/v1_dictionary", compression="none", row_group_size=4, **settings)
    pq.write_table(table, f"{folder}/v2_dictionary", compression="none", data_page_version="2.0", **settings)
    for codec in ["snappy", "zstd", "gzip"]:
        pq.write_table(table.select(["system", "nested"]), f"{folder}/v1_{codec}", compression=codec, **settings)


def refused(folder):
    """What the reader names and refuses; no text columns, so that the files stay small."""
    os.makedirs(folder, exist_ok=True)
    settings = dict(store_schema=False, write_statistics=False, use_dictionary=False, compression="none")
    numbers = pa.table({"n": pa.array([1, 2, None], pa.int64())})
    files = {
        "delta": (numbers, dict(column_encoding={"n": "DELTA_BINARY_PACKED"})),
        "split": (numbers, dict(column_encoding={"n": "BYTE_STREAM_SPLIT"})),
        "lz4": (numbers, dict(compression="lz4")),
        "brotli": (numbers, dict(compression="brotli")),
        "decimal": (pa.table({"n": pa.array([1], pa.decimal128(5, 2))}), {}),
        "time": (pa.table({"n": pa.array([1], pa.time64("us"))}), {}),
        "fixed": (pa.table({"n": pa.array([b"ab"], pa.binary(2))}), {}),
        "bytes": (pa.table({"n": pa.array([b"fine", b"\xff\xfe"], pa.binary())}), {}),
        "int96": (pa.table({"n": pa.array([1], pa.timestamp("ns"))}), dict(use_deprecated_int96_timestamps=True)),
    }
    for name, (table, more) in files.items():
        pq.write_table(table, f"{folder}/{name}.parquet", **{**settings, **more})


def main():
    if sys.argv[1] == "--seeds":
        return seeds(sys.argv[2])
    folder, many = sys.argv[1], "--many" in sys.argv
    os.makedirs(folder, exist_ok=True)
    tables = {n: pa.Table.from_pylist(rows(n), SCHEMA) for n in [0, 1, 200]}
    kept = pa.Table.from_pylist(rows(40), SCHEMA)
    write(folder, "snappy_v1", kept, row_group_size=17)
    write(folder, "zstd_v2", kept, compression="zstd", data_page_version="2.0", data_page_size=64, write_batch_size=5)
    write(folder, "gzip_plain", kept, compression="gzip", use_dictionary=False, write_page_checksum=True)
    write(folder, "none_v2_plain", kept, compression="none", use_dictionary=False, data_page_version="2.0")
    write(folder, "no_rows", kept.slice(0, 0))
    duck(folder, "duckdb", kept, "")
    write_shapes(folder)
    write(folder, "bespoke", pa.Table.from_pylist(bespoke(), BESPOKE))
    refused(f"{folder}/refused")
    if not many:
        return
    combinations(folder, tables)
    for codec in ["uncompressed", "snappy", "zstd", "gzip"]:
        duck(folder, f"duckdb_{codec}", tables[200], f", compression {codec}, row_group_size 64")


main()
