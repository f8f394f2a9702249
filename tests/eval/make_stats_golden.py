"""Prints the expected values of the resampling tests of test_stats.c: Philox4x32-10 written from the paper, quantiles by NumPy.

usage: make_stats_golden.py
"""
import numpy as np

MASK32, MASK64, RESAMPLES, RNG_BOOTSTRAP = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF, 10000, 5


def mix(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK64
    return x ^ (x >> 31)


def philox(c, key):
    """c: four arrays of uint64 that hold 32 bits each."""
    k0, k1 = key & MASK32, key >> 32
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        low, s32 = np.uint64(MASK32), np.uint64(32)
        c = [(p1 >> s32) ^ c[1] ^ np.uint64(k0), p1 & low, (p0 >> s32) ^ c[3] ^ np.uint64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & MASK32, (k1 + 0xBB67AE85) & MASK32
    return c


def means(values, seed, stream):
    n = len(values)
    key = mix(seed ^ mix(RNG_BOOTSTRAP))
    blocks = (n + 3) // 4
    resample, position = np.meshgrid(np.arange(RESAMPLES, dtype=np.uint64), np.arange(blocks, dtype=np.uint64), indexing="ij")
    words = philox([np.full_like(resample, stream), resample, np.zeros_like(resample), position], key)
    draws = np.stack(words, axis=-1).reshape(RESAMPLES, -1)[:, :n]
    return np.asarray(values)[(draws * np.uint64(n)) >> np.uint64(32)].mean(axis=1)


def show(name, values, seed, stream):
    m = means(values, seed, stream)
    low, high = np.percentile(m, [2.5, 97.5])
    least = min((m <= 0).sum(), (m >= 0).sum())
    print(name, repr(float(np.mean(values))), repr(float(low)), repr(float(high)), repr(min(1.0, 2 * (1 + int(least)) / (1 + RESAMPLES))))


shares = [((7 * i * i + 3 * i) % 97) / 96 for i in range(50)]
others = [((5 * i * i + i) % 97) / 96 for i in range(50)]
show("shares", shares, 1, 0)
show("shares, seed 2, stream 3", shares, 2, 3)
show("difference", [a - b for a, b in zip(shares, others)], 1, 4)
show("constant", [0.25] * 3, 1, 0)
