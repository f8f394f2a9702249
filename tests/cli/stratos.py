"""Rows in the form of Bespoke-Stratos-17k, and a plain reading of their tags.

    python3 stratos.py ROWS EXPECTED N SEED

ROWS: `system` and `conversations` [user, assistant] a line, as published; the texts are made up, of what such answers hold: LaTeX,
code, quotes, other alphabets, blank lines, things that look like tags. EXPECTED: question, solution, reasoning_trace and system,
by a regular expression over the whole answer: what stands between two tags, without the blank lines around it.
"""
import json
import random
import re
import sys

ANSWER = re.compile(r"<\|begin_of_thought\|>(.*?)<\|end_of_thought\|>\s*<\|begin_of_solution\|>(.*)<\|end_of_solution\|>\s*", re.S)
PIECES = ["Let $x^2 = 2$.", "Wait, so \\boxed{3}?", "```python\nfor i in range(3):\n    print(i)\n```", "\"quoted\" and 'so'", "\\frac{1}{2}\\\\",
          "Größe 数学 \U0001f600 \u00a0", "<|not_a_tag|>", "<think>", "a\tb", "  indented", "- item\n- item", "{\"json\": [1, null]}", "\\n is no newline",
          "|>", "<|", "end_of_thought", "\u2028", "&lt;b&gt;", "100%", "\\u0041", "/* c */", "e\u0301"]


def text(draw):
    return "".join(draw.choice(PIECES) + draw.choice([" ", "\n\n", "\n", ". "]) for _ in range(draw.randint(0, 9))) + draw.choice(["So.", "7", "\\(x\\)"])


def main(rows_path, expected_path, n, seed):
    draw = random.Random(seed)
    with open(rows_path, "w", encoding="utf-8", newline="") as rows, open(expected_path, "w", encoding="utf-8", newline="") as expected:
        for i in range(n):
            # as published: a blank line on both sides of each text
            answer = (f"<|begin_of_thought|>\n\n{text(draw)}\n\n<|end_of_thought|>\n\n<|begin_of_solution|>\n\n{text(draw)}\n\n<|end_of_solution|>")
            row = {"system": "Your role is ... " + draw.choice(PIECES),
                   "conversations": [{"from": "user", "value": f"Return your final response within \\boxed{{}}. {i}: {text(draw)}"},
                                     {"from": "assistant", "value": answer}]}
            rows.write(json.dumps(row, ensure_ascii=draw.random() < 0.5) + "\n")
            thought, solution = (re.sub(r"\A(?:\r?\n)+|(?:\r?\n)+\Z", "", part) for part in ANSWER.fullmatch(answer).groups())
            expected.write(json.dumps([row["conversations"][0]["value"], solution, thought, row["system"]]) + "\n")


def same(have_path, expected_path):
    with open(have_path, encoding="utf-8") as have, open(expected_path, encoding="utf-8") as expected:
        rows, wanted = [json.loads(line) for line in have], [json.loads(line) for line in expected]
    assert len(rows) == len(wanted), (len(rows), len(wanted))
    for number, (row, want) in enumerate(zip(rows, wanted), 1):
        got = [row["question"], row["solution"], row["reasoning_trace"], row["system"]]
        assert got == want, f"row {number}:\n{got}\nexpected\n{want}"
    print(f"{len(rows)} rows: the same question, solution, reasoning_trace and system")


if sys.argv[1] == "--same":
    same(*sys.argv[2:])
else:
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
