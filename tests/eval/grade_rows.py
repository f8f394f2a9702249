#!/usr/bin/env python3
"""Verdicts of `rlt eval grade` on labelled rows: gold, pred, extract, equal, tags.

usage: grade_rows.py RLT FILE.jsonl [all]    (not run by ctest; "all": rows of a harness's own habits too)
Prints each plain row that is graded otherwise than its label, then counts.
"""
import json
import subprocess
import sys

HABITS = ("choice", "extraction-rule", "tolerance", "clock", "double-escaped", "odd-escape", "removed-upstream")


def is_plain(row):
    return not any(tag in HABITS or tag.startswith("lang:") for tag in row.get("tags", []))


def main():
    rlt, path = sys.argv[1:3]
    rows = [json.loads(line) for line in open(path, encoding="utf-8")]
    out = subprocess.run([rlt, "eval", "grade", path], check=True, capture_output=True, text=True).stdout
    results = [json.loads(line) for line in out.splitlines()]
    assert len(results) == len(rows)
    plain = right = right_plain = 0
    for number, (row, result) in enumerate(zip(rows, results), 1):
        ok = result["equal"] == row["equal"]
        right += ok
        plain += is_plain(row)
        right_plain += ok and is_plain(row)
        if not ok and (is_plain(row) or "all" in sys.argv[3:]):
            print(f"row {number} {row['tags']} ({row['extract']}): {row['gold'][-90:]!r} | {row['pred'][-160:]!r}: "
                  f"{result['equal']} ({result['how']})\n    {result['gold_form']} | {result['pred_form']}")
    print(f"right: {right_plain} of {plain} plain rows, {right} of {len(rows)} rows")


if __name__ == "__main__":
    main()
