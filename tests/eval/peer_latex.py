#!/usr/bin/env python3
"""Readings of LaTeX beside those of another parser: rows of latex and sympy (what it read, as SymPy prints it).

usage: peer_latex.py RLT FILE.jsonl    (needs sympy; not run by ctest)
Each term is turned to SymPy and compared with the given one by value. Prints each difference and counts.
"""
import json
import re
import subprocess
import sys
import tempfile

import sympy as sp

NAMES = {"arcsin": sp.asin, "arccos": sp.acos, "arctan": sp.atan, "arccot": sp.acot, "arcsec": sp.asec,
         "arccsc": sp.acsc,
         "arsinh": sp.asinh, "arcosh": sp.acosh, "artanh": sp.atanh, "arcsinh": sp.asinh, "arccosh": sp.acosh,
         "arctanh": sp.atanh, "abs": sp.Abs, "ceil": sp.ceiling, "ln": sp.log, "min": sp.Min, "max": sp.Max,
         "mod": sp.Mod, "root": lambda n, x: x ** (1 / sp.sympify(n)), "binomial": sp.binomial,
         "lcm": lambda *a: sp.lcm(list(a)), "gcd": lambda *a: sp.gcd(list(a)), "det": lambda m: m.det()}
RELATIONS = {"=": sp.Eq, "!=": sp.Ne, "<": sp.Lt, "<=": sp.Le, ">": sp.Gt, ">=": sp.Ge, "~": sp.Eq}
SETS = {"\\mathbb{N}": sp.S.Naturals, "\\mathbb{Z}": sp.S.Integers, "\\mathbb{Q}": sp.S.Rationals,
        "\\mathbb{R}": sp.S.Reals, "\\mathbb{C}": sp.S.Complexes}
CONSTANTS = {"pi": sp.pi, "e": sp.E, "i": sp.I, "infinity": sp.oo}


def read(tokens):
    token = tokens.pop(0)
    if not token.startswith("("):
        return token
    node = [token[1:]]
    while tokens[0] != ")":
        node.append(read(tokens))
    tokens.pop(0)
    return node


def leaf(text):
    if re.fullmatch(r"[\d.]+", text):
        return sp.Rational(text)
    return CONSTANTS.get(text) or SETS.get(text) or sp.Symbol(text.strip('"'))


def call(name, args):
    if name == "log":
        return sp.log(args[-1], args[0] if len(args) > 1 else 10)
    if name == "sum" or name == "prod":
        return (sp.Sum if name == "sum" else sp.Product)(args[0], (args[1], *args[2:]))
    if name == "integral":
        return sp.Integral(args[0], args[1] if len(args) == 2 else (args[1], *args[2:]))
    if name == "derivative":
        return sp.Derivative(args[0], args[1])
    if name == "lim":
        return sp.Limit(args[0], *args[1].args)
    return NAMES[name](*args) if name in NAMES else getattr(sp, name, sp.Function(name))(*args)


def product(*args):
    return sp.MatMul(*args).doit() if any(isinstance(a, sp.MatrixBase) for a in args) else sp.prod(args)


def build(node):
    if isinstance(node, str):
        return leaf(node)
    kind = node[0]
    if kind == "units":
        return build(node[2])
    if kind == "function":
        return call(node[1], [build(a) for a in node[2:]])
    if kind == "relation":
        parts = [build(a) for a in node[1::2]]
        return sp.And(*[RELATIONS[r](a, b) for a, r, b in zip(parts, node[2::2], parts[1:])])
    if kind == "matrix":
        rows = int(node[1])
        entries = [build(a) for a in node[2:]]
        return sp.Matrix(rows, len(entries) // rows, entries)
    args = [build(a) for a in node[1:]]
    simple = {"add": lambda *a: sum(a[1:], a[0]), "negate": lambda a: -a, "divide": lambda a, b: a / b,
              "multiply": product,
              "power": lambda a, b: a ** b, "factorial": sp.factorial, "percent": lambda a: a / 100,
              "degrees": lambda a: a * sp.pi / 180, "mixed": lambda a, b: a + b, "tuple": lambda *a: sp.Tuple(*a),
              "list": lambda *a: sp.FiniteSet(*a), "set": lambda *a: sp.FiniteSet(*a), "union": sp.Union,
              "intersect": sp.Intersection, "difference": sp.Complement,
              "plus_minus": lambda a, b: sp.FiniteSet(a - b, a + b)}
    if kind.startswith("interval"):
        return sp.Interval(*args, left_open=kind[-2] == "(", right_open=kind[-1] == ")")
    return simple[kind](*args)


def plain(text):
    """Names as both sides write them: x_{12} and bar{x}_2 as x_12 and xbar_2."""
    return re.sub(r"bar\{(\w+)\}", r"\1bar", text).replace("{", "").replace("}", "").replace("\\", "")


def same(ours, theirs):
    if str(ours) == str(theirs):
        return True
    try:
        ours, theirs = sp.sympify(ours), sp.sympify(theirs)
        if ours == theirs:
            return True
        names = {s: sp.Rational(hash(plain(s.name)) % 97 + 3, 31) for s in ours.free_symbols | theirs.free_symbols}
        a, b = ours.subs(names).doit(), theirs.subs(names).doit()
        return a == b or abs(complex(a.evalf(30)) - complex(b.evalf(30))) <= 1e-9 * (1 + abs(complex(a)))
    except Exception:
        return False


def main():
    rlt, path = sys.argv[1:3]
    rows = [json.loads(line) for line in open(path, encoding="utf-8")]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("".join(json.dumps({"gold": r["latex"], "pred": "0", "extract": "none"}) + "\n" for r in rows))
        file.flush()
        out = subprocess.run([rlt, "eval", "grade", file.name], check=True, capture_output=True, text=True).stdout
    agree = unparsed = differ = 0
    space = {n: sp.Symbol(n) for n in "N S Q O E I".split()} | {"E": sp.E, "I": sp.I}
    for row, result in zip(rows, map(json.loads, out.splitlines())):
        form = result["gold_form"]
        if form is None:
            unparsed += 1
            continue
        try:
            ours = build(read(re.findall(r'\([^\s()"]*(?:[\[(][\])])?|\)|"[^"]*"|[^\s()]+', form)))
        except Exception as error:
            ours = f"{type(error).__name__} {error}"
        try:
            theirs = sp.sympify(plain(str(row["sympy"])), locals=space)
        except Exception:
            theirs = row["sympy"]
        if same(ours, theirs) or plain(str(ours)) == plain(str(row["sympy"])):
            agree += 1
        else:
            differ += 1
            print(f"{row['latex']!r}: {form} -> {ours} | {row['sympy']}".replace("\n", " "))
    print(f"{len(rows)} rows: {agree} agree, {differ} differ, {unparsed} do not parse")


if __name__ == "__main__":
    main()
