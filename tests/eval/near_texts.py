#!/usr/bin/env python3
"""Near misses of real answers: each with one digit, sign, letter, bracket or relation changed, graded against itself.

usage: near_texts.py RLT PAIRS SEED FILE.jsonl...    (not run by ctest; rows have answer, gold, final_answer or a boxed
solution)
Prints the pairs that are graded equal. Some are right: 2^{10} (x + 1)^0 has places where a digit does not count; each
is to be read. Changes that no reading could tell (of units and words, of spaces) are not made.
"""
import json
import random
import re
import subprocess
import sys
import tempfile

SWAPS = [("+", "-"), ("<", ">"), ("\\le ", "\\ge "), ("\\leq", "\\geq"), ("\\sin", "\\cos"), ("\\cup", "\\cap"),
         ("\\pi", "e"), ("(", "["), ("]", ")"), ("x", "y"), ("n", "m"), ("a", "b"), ("\\sqrt", ""), ("^2", "^3")]


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


def without_words(text):
    """Spaces over units and words, so that no change falls into them; the same length."""
    signs = {s for pair in SWAPS for s in pair}
    return re.sub(r"\\(text|mbox|textbf|mathrm)\s*\{[^{}]*\}(\^\d)?|\\[a-zA-Z]+",
                  lambda m: m.group() if m.group() in signs else " " * len(m.group()), text)


def change_digit(rng, text):
    digits = [i for i, c in enumerate(without_words(text)) if c.isdigit()]
    if not digits:
        return None
    at = rng.choice(digits)
    return text[:at] + rng.choice([d for d in "123456789" if d != text[at]]) + text[at + 1:]


def swap(rng, text):
    plain = without_words(text)
    possible = [(at, old, new) for pair in SWAPS for old, new in (pair, pair[::-1]) if old
                for at in [m.start() for m in re.finditer(re.escape(old), plain)]
                if not (old.isalpha() and len(old) == 1 and at > 0 and text[at - 1].isalpha())]
    if not possible:
        return None
    at, old, new = rng.choice(possible)
    return text[:at] + new + (" " if new.startswith("\\") else "") + text[at + len(old):]


def negate(_, text):
    return None if "=" in text or "\\pm" in text or text.startswith("-") or not text[:1].isdigit() else "-" + text


def main():
    rlt, pairs, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rng = random.Random(seed)
    given = [gold(json.loads(line)) for path in sys.argv[4:] for line in open(path, encoding="utf-8")]
    answers = sorted({a for a in given if a and not re.fullmatch(r"\\(text|mbox)\{.*\}", a)})
    rows = []
    while len(rows) < pairs:
        text = rng.choice(answers)
        changed = rng.choice([change_digit, change_digit, swap, negate])(rng, text)
        if changed is not None and changed != text:
            rows.append({"gold": text, "pred": changed, "extract": "none"})
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))
        file.flush()
        out = subprocess.run([rlt, "eval", "grade", file.name], check=True, capture_output=True, text=True).stdout
    results = [json.loads(line) for line in out.splitlines()]
    assert len(results) == len(rows)
    equal = 0
    for row, result in zip(rows, results):
        if result["equal"]:
            equal += 1
            print(f"{row['gold']!r} | {row['pred']!r}: {result['how']}: {result['gold_form']} | {result['pred_form']}")
    parsed = sum(r["pred_form"] is not None for r in results)
    print(f"{pairs} near misses of {len(answers)} answers ({parsed} parse): {equal} graded equal")


if __name__ == "__main__":
    main()
