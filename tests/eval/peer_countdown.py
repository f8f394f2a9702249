"""Countdown grading beside reasoning-gym's (0.1.25), on demand.

Run as `python tests/eval/peer_countdown.py [n]`.

Grades n random answers (right, wrong, with wrong numbers, malformed) with both and lists each way in which they differ.
Builds the grader as a shared library in a temporary folder; needs gcc and the program's libraries.
"""
import collections
import ctypes
import glob
import os
import random
import re
import subprocess
import sys
import tempfile
from fractions import Fraction

import reasoning_gym

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VERDICTS = ["right", "wrong_value", "wrong_numbers", "unparsable", "no_answer"]


class Problem(ctypes.Structure):
    _fields_ = [("numbers", ctypes.c_int64 * 64), ("n", ctypes.c_int32), ("target", ctypes.c_int64)]


class Str(ctypes.Structure):
    _fields_ = [("ptr", ctypes.c_char_p), ("len", ctypes.c_size_t)]


def load():
    path = os.path.join(tempfile.mkdtemp(), "grader.so")
    sources = [os.path.join(ROOT, "src/eval/tasks/countdown.c")] + glob.glob(os.path.join(ROOT, "src/base/*.c"))
    subprocess.run(["gcc", "-std=gnu17", "-O1", "-D_GNU_SOURCE", "-DRLT_VERSION=\"0\"", "-shared", "-fPIC",
                    "-I" + os.path.join(ROOT, "src"), "-o", path] + sources +
                   ["-ljansson", "-lyaml", "-lgmp", "-lcrypto", "-lz", "-lzstd", "-lm"], check=True)
    library = ctypes.CDLL(path)
    library.countdown_grade.argtypes = [Str, ctypes.POINTER(Problem)]
    return library


def draw(rng):
    """A random expression over random numbers with a whole value: (text, numbers, value)."""
    while True:
        numbers = [rng.randint(1, 30) for _ in range(rng.randint(2, 5))]
        pool = [(str(n), Fraction(n)) for n in numbers]
        while len(pool) > 1:
            (a, x), (b, y) = (pool.pop(rng.randrange(len(pool))) for _ in range(2))
            op = rng.choice("+-*/")
            if op == "/" and y == 0:
                break
            value = {"+": x + y, "-": x - y, "*": x * y, "/": x / y if y else 0}[op]
            space = rng.choice(["", " "])
            pool.append(("(" + a + space + op + space + b + ")", value))
        else:
            text, value = pool[0]
            if value.denominator == 1 and abs(value) < 10**6:
                return text if rng.random() < 0.5 else text[1:-1], numbers, int(value)


def answer(rng, text):
    """One of many ways to answer, right or not."""
    way = rng.choice(["right", "operator", "number", "delete", "insert", "swap", "tail", "twice", "unary", "bare"])
    if way == "operator":
        places = [i for i, c in enumerate(text) if c in "+-*/"]
        i = rng.choice(places)
        text = text[:i] + rng.choice("+-*/") + text[i + 1:]
    elif way == "number":
        text = text.replace(rng.choice("123456789"), rng.choice("123456789"), 1)
    elif way == "delete":
        i = rng.randrange(len(text))
        text = text[:i] + text[i + 1:]
    elif way == "insert":
        i = rng.randrange(len(text) + 1)
        text = text[:i] + rng.choice("()+-*/ 0179.,^!%=xa") + text[i:]
    elif way == "swap":
        i = rng.randrange(len(text) - 1)
        text = text[:i] + text[i + 1] + text[i] + text[i + 2:]
    elif way == "tail":
        text += rng.choice([" = 7", " = 24", ".", " .", "\n", " or so", "*1", "+0"])
    elif way == "twice":
        text += rng.choice(["", "-0*", "+"]) + text
    elif way == "unary":
        text = rng.choice(["-", "+", "- -"]) + text
    elif way == "bare":
        text = rng.choice(["", " ", "12", "()", "none", "1/0"])
    return way, text


def cause(peer, ours, given, row):
    """Why the two differ, where the other grader accepts the answer written otherwise, or reads it as Python alone does."""
    def theirs(text):
        return peer.score_answer(text.strip(), row) == 1.0
    if ours != "right":
        python = given.endswith(" or so") or re.search(r"\d\.(?!\d)|/ ?/|\^|!|\* ?\*", given)
        return "Python's syntax: or, 14., //, ^, !, **" if python else "NOT EXPLAINED"
    if theirs(given.rstrip().removesuffix(".")):
        return "a full stop at the end"
    if theirs(re.sub(r"(?<!\d)0+(?=\d)", "", given)):
        return "a zero in front of a number"
    if theirs(re.sub(r"(?<=[\d)])(?= *\()", "*", given)):
        return "a product before a bracket"
    if "=" in given and theirs(given.split("=")[0]):
        return "an equation"
    return "NOT EXPLAINED"


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    library, rng = load(), random.Random(1)
    peer = reasoning_gym.create_dataset("countdown", size=1, seed=1)
    table, examples = collections.Counter(), collections.defaultdict(list)
    for _ in range(n):
        text, numbers, value = draw(rng)
        way, given = answer(rng, text)
        problem = Problem(n=len(numbers), target=value)
        for i, number in enumerate(numbers):
            problem.numbers[i] = number
        raw = given.encode()
        ours = VERDICTS[library.countdown_grade(Str(raw, len(raw)), ctypes.byref(problem))]
        row = {"metadata": {"numbers": numbers, "target": value}}
        theirs = peer.score_answer(given, row)
        table[(ours, theirs)] += 1
        if (ours == "right") != (theirs == 1.0):
            examples[(ours, theirs, cause(peer, ours, given, row))].append((way, given, numbers, value))
    for key, count in sorted(table.items()):
        print(*key, count)
    for key, found in examples.items():
        print("differ:", *key, len(found))
        for example in found[:12]:
            print("   ", *example)


if __name__ == "__main__":
    main()
