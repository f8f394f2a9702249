#!/usr/bin/env python3
"""Every right answer of a data set against itself: whether it is equal, and whether it parses.

usage: gold_selves.py RLT FILE.jsonl...    (not run by ctest; rows have answer, gold, final_answer or a boxed solution)
"""
import json
import subprocess
import sys
import tempfile


def boxed(text):
    at = text.rfind("\\boxed{")
    if at < 0:
        return None
    depth, start = 1, at + 7
    for i in range(start, len(text)):
        depth += (text[i] == "{") - (text[i] == "}")
        if depth == 0:
            return text[start:i]
    return None


def gold(row):
    if "answer" in row:
        return str(row["answer"]).split("####")[-1].strip()
    if "final_answer" in row:
        return ", ".join(row["final_answer"]) if isinstance(row["final_answer"], list) else str(row["final_answer"])
    return row.get("gold") or boxed(row.get("solution", ""))


def main():
    rlt = sys.argv[1]
    for path in sys.argv[2:]:
        answers = [gold(json.loads(line)) for line in open(path, encoding="utf-8")]
        answers = [a for a in answers if a]
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.write("".join(json.dumps({"gold": a, "pred": a, "extract": "none"}) + "\n" for a in answers))
            file.flush()
            out = subprocess.run([rlt, "eval", "grade", file.name], check=True, capture_output=True, text=True).stdout
        results = [json.loads(line) for line in out.splitlines()]
        assert len(results) == len(answers)
        for answer, result in zip(answers, results):
            if not result["equal"]:
                print(f"not itself: {answer!r}")
            elif result["gold_form"] is None:
                print(f"text only: {answer!r}")
        texts = sum(r["gold_form"] is None for r in results)
        print(f"{path}: {len(answers)} answers, {sum(r['equal'] for r in results)} equal themselves, "
              f"{texts} ({100 * texts / max(1, len(answers)):.2f}%) as text only")


if __name__ == "__main__":
    main()
