"""What the peers share: the clock, the limit on it, and the line of JSON that a peer prints.

A job is done once unmeasured, to warm up, then measured. A limit counts for each: a job whose first run takes more than
half of it is not done again, its first run is the figure; one that is over it is ended, with what it has taken so far
as a bound.
"""
import json
import os
import resource
import threading
import time


def report(**values):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({**values, "peak_bytes": peak}), flush=True)


def timed(run, tokens, limit_s):
    """Tokens of run() and its seconds; ends the process with a bound when it takes more than the limit."""
    start = time.perf_counter()

    def over():
        report(seconds=time.perf_counter() - start, tokens=tokens, bound=True)
        os._exit(0)

    timer = threading.Timer(limit_s, over)
    timer.daemon = True
    timer.start()
    done = run()
    seconds = time.perf_counter() - start
    timer.cancel()
    return done, seconds


def measure(run, tokens, limit_s, warm=True):
    """Prints the figures of run(), which returns how many tokens count (about `tokens`)."""
    done, seconds = timed(run, tokens, limit_s)
    if warm and seconds <= limit_s / 2:
        done, seconds = timed(run, tokens, limit_s)
    report(seconds=seconds, tokens=done, bound=False)
