#!/usr/bin/env python3
"""Agreement of `rlt eval grade` with Math-Verify on generated pairs of answers.

usage: peer_math.py RLT [PAIRS [SEED]]    (a Python that has math-verify; not run by ctest)
Prints every pair on which the two differ, with the verdict that the generator knows where it knows one, then counts.
"""
import json
import random
import subprocess
import sys
import tempfile
from fractions import Fraction


def fraction(rng, f):
    """One spelling of a fraction."""
    n, d = f.numerator, f.denominator
    sign = "-" if n < 0 else ""
    n = abs(n)
    if d == 1:
        return rng.choice([f"{sign}{n}", f"{sign}{n}.0", f"{sign}\\frac{{{2 * n}}}{{2}}"])
    forms = [f"{sign}\\frac{{{n}}}{{{d}}}", f"{sign}\\dfrac{{{n}}}{{{d}}}", f"{sign}{n}/{d}",
             f"{sign}\\frac{{{3 * n}}}{{{3 * d}}}"]
    if n < 10 and d < 10:
        forms.append(f"{sign}\\frac{n}{d}")
    if 10 ** 4 % d == 0:
        decimal = f"{n / d:.4f}".rstrip("0")
        forms += [sign + decimal, sign + decimal + "0"]
    if n > d and not sign:
        forms.append(f"{n // d}\\frac{{{n % d}}}{{{d}}}")
    return rng.choice(forms)


def value(rng):
    return Fraction(rng.randint(-30, 30), rng.choice([1, 1, 1, 2, 3, 4, 5, 7, 8, 12]))


def near(rng, f):
    return rng.choice([f + 1, -f if f else Fraction(1), 2 * f if f else Fraction(2), f + Fraction(1, 2),
                       1 / f if f and f not in (1, -1) else f + 3])


def number(rng, same):
    f = value(rng)
    return fraction(rng, f), fraction(rng, f if same else near(rng, f))


def radical(rng, same):
    a, k, r = rng.randint(-6, 6), rng.randint(1, 5), rng.choice([2, 3, 5, 6, 7])
    head = f"{a}+" if a else ""
    other = r if same else r + 1
    return f"{head}{k}\\sqrt{{{r}}}", rng.choice([f"{head}\\sqrt{{{k * k * other}}}",
                                                   f"\\sqrt{{{other}}}\\cdot {k}{f'+{a}' if a > 0 else a if a else ''}"])


def term(c, power, first):
    if c == 0:
        return ""
    sign = "" if first and c > 0 else "+" if c > 0 else "-"
    size = abs(c)
    name = ["", "x", f"x^{power}" if power < 10 else f"x^{{{power}}}"][min(power, 2)]
    return sign + (str(size) if size != 1 or power == 0 else "") + name


def polynomial(coefficients):
    text = ""
    for power in range(len(coefficients) - 1, -1, -1):
        text += term(coefficients[power], power, text == "")
    return text or "0"


def quadratic(rng, same):
    a, b = rng.randint(-9, 9), rng.randint(-9, 9)
    shift = 0 if same else rng.choice([-1, 1, 2])
    factor = lambda c: f"(x{c:+d})" if c else "x"
    return factor(a) + factor(b), polynomial([a * b + shift, a + b, 1])


def equation(rng, same):
    a, b, c = rng.randint(1, 6), rng.randint(1, 6), rng.randint(-9, 9)
    k = rng.choice([1, 2, 3])
    d = c if same else c + 1
    return f"{a}x+{b}y={c}", rng.choice([f"{k * a}x+{k * b}y={k * d}", f"{a}x+{b}y-({d})=0", f"{d}={b}y+{a}x"])


def assigned(rng, same):
    f = value(rng)
    return fraction(rng, f), f"{rng.choice('xyabn')}={fraction(rng, f if same else near(rng, f))}"


def pair_of(rng, same):
    f, g = value(rng), value(rng)
    if same:
        return f"({fraction(rng, f)},{fraction(rng, g)})", f"\\left({fraction(rng, f)}, {fraction(rng, g)}\\right)"
    return f"({fraction(rng, f)},{fraction(rng, g)})", f"({fraction(rng, near(rng, f))},{fraction(rng, g)})"


def a_set(rng, same):
    values = rng.sample(range(-20, 20), 3)
    other = values[:]
    rng.shuffle(other)
    if not same:
        other[0] += 40
    return "\\{" + ",".join(map(str, values)) + "\\}", "\\{" + ", ".join(map(str, other)) + "\\}"


def a_list(rng, same):
    values = rng.sample(range(-20, 20), 2)
    other = values[::-1]
    if not same:
        other[0] += 40
    return ", ".join(map(str, values)), ", ".join(map(str, other))


def interval(rng, same):
    a = rng.randint(-9, 5)
    b = a + rng.randint(1, 9)
    left, right = rng.choice(["[]", "[)", "(]"])
    if not same:
        return f"{left}{a},{b}{right}", f"{left}{a},{b + 1}{right}"
    low, high = "\\le" if left == "[" else "<", "\\le" if right == "]" else "<"
    return f"{left}{a},{b}{right}", rng.choice([f"{left}{a}, {b}.0{right}", f"{a} {low} x {high} {b}",
                                                 f"x \\in {left}{a},{b}{right}"])


def half_line(rng, same):
    a = rng.randint(-9, 9)
    strict = rng.random() < 0.5
    gold = f"x {'>' if strict else chr(92) + 'ge'} {a}"
    bracket = "(" if strict == same else "["
    return gold, f"{bracket}{a}, \\infty)"


def matrix(rng, same):
    values = [value(rng) for _ in range(4)]
    other = values[:]
    if not same:
        other[rng.randrange(4)] += 1
    write = lambda v, kind: (f"\\begin{{{kind}}}{fraction(rng, v[0])}&{fraction(rng, v[1])}\\\\"
                             f"{fraction(rng, v[2])}&{fraction(rng, v[3])}\\end{{{kind}}}")
    return write(values, "pmatrix"), write(other, rng.choice(["pmatrix", "bmatrix"]))


def transcendental(rng, same):
    pairs = [("\\frac{\\pi}{3}", "\\pi/3"), ("2\\sin(x)\\cos(x)", "\\sin(2x)"), ("\\ln 8", "3\\ln 2"),
             ("e^{2x}", "(e^x)^2"), ("\\log_2 32", "5"), ("\\cos(\\pi/3)", "\\frac12"), ("4\\pi", "\\pi\\cdot 4"),
             ("\\tan(\\pi/4)", "1"), ("\\sqrt[3]{27}", "3"), ("2^{x+1}", "2\\cdot 2^x")]
    gold, pred = rng.choice(pairs)
    return gold, pred if same else rng.choice([f"{pred}+1", f"2({pred})", f"-({pred})"])


def complex_number(rng, same):
    a, b = rng.randint(-9, 9), rng.randint(1, 9)
    return f"{a}+{b}i", f"{b if same else b + 1}i{a:+d}"


def percent(rng, same):
    p = rng.randint(1, 99)
    return f"{p}\\%", rng.choice([f"{p}\\%", f"{p / 100}"]) if same else f"{p + 1}\\%"


KINDS = [number, number, radical, quadratic, equation, assigned, pair_of, a_set, a_list, interval, half_line, matrix,
         transcendental, complex_number, percent]


def main():
    rlt, pairs, seed = sys.argv[1], int((sys.argv + [2000])[2]) if len(sys.argv) > 2 else 2000, 1
    if len(sys.argv) > 3:
        seed = int(sys.argv[3])
    from math_verify import parse, verify
    rng = random.Random(seed)
    rows = []
    for _ in range(pairs):
        kind, same = rng.choice(KINDS), rng.random() < 0.5
        gold, pred = kind(rng, same)
        rows.append({"gold": gold, "pred": pred, "extract": "none", "kind": kind.__name__, "same": same})
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("".join(json.dumps({k: r[k] for k in ("gold", "pred", "extract")}) + "\n" for r in rows))
        file.flush()
        out = subprocess.run([rlt, "eval", "grade", file.name], check=True, capture_output=True, text=True).stdout
    ours = [json.loads(line) for line in out.splitlines()]
    assert len(ours) == len(rows)
    agree = ours_right = theirs_right = 0
    for row, result in zip(rows, ours):
        theirs = bool(verify(parse(f"${row['gold']}$"), parse(f"${row['pred']}$")))
        agree += theirs == result["equal"]
        ours_right += result["equal"] == row["same"]
        theirs_right += theirs == row["same"]
        if theirs != result["equal"] or result["equal"] != row["same"]:
            print(f"{row['kind']}: {row['gold']} | {row['pred']}: rlt {result['equal']} ({result['how']}), "
                  f"Math-Verify {theirs}, generated as {row['same']}")
    print(f"{pairs} pairs: agree on {agree}; as generated: rlt {ours_right}, Math-Verify {theirs_right}")


if __name__ == "__main__":
    main()
