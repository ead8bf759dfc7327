"""What the peers' workers share: their sizes, their input, the timing and the loop that answers requests.

Into `serve` go functions that measure; out comes, for each line of JSON on standard input, one on standard output:

    {"what": "describe"}
    {"engine": "PyTorch", "libraries": {"torch": "2.15.0"}, "variants": {"train": ["eager"], "predict": []}}

    {"what": "train", "variant": "eager", "batch": 8, "seconds": 2}
    {"engine": "PyTorch", "variant": "eager", "what": "train", "batch": 8, "images_per_second": 800, "milliseconds": 10}
"""

import json
import math
import os
import sys
from statistics import median
from time import perf_counter

import numpy as np

CHANNELS, HEIGHT, WIDTH, CLASSES = 3, 32, 32, 10
PARAMETERS = 122_570
LEARNING_RATE = 1e-3
THREADS = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count())

WARM_UP_STEPS, WARM_UP_SHARE = 3, 0.25
SHORT_STEP, GROUP = 1e-3, 2e-3  # seconds


def images(*shape):
    return np.random.default_rng(7).standard_normal(shape, np.float32)


def labels(count):
    return np.arange(count) % CLASSES


def median_seconds(step, seconds):
    """The median time of one step over `seconds`, after a warm-up. A step returns only when its work is done."""
    for _ in range(WARM_UP_STEPS):
        step()
    fastest = min(timed(step, 1, WARM_UP_SHARE * seconds))
    # Steps too short to be timed one by one: the timer's own cost and resolution would count.
    group = math.ceil(GROUP / fastest) if fastest < SHORT_STEP else 1
    return median(timed(step, group, seconds))


def timed(step, group, seconds):
    times = []
    end = perf_counter() + seconds
    while not times or perf_counter() < end:
        start = perf_counter()
        for _ in range(group):
            step()
        times.append((perf_counter() - start) / group)
    return times


def serve(engine, libraries, variants):
    """Answers until standard input ends. `variants[what][name](batch, seconds)` returns the seconds of one step."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    # What a library prints must not mix with the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in sys.stdin:
        request = json.loads(line)
        what = request["what"]
        if what == "describe":
            names = {what: list(measures) for what, measures in variants.items()}
            answer = {"engine": engine, "libraries": libraries, "variants": names}
        else:
            variant, batch = request["variant"], request["batch"]
            step = variants[what][variant](batch, request["seconds"])
            answer = {
                "engine": engine,
                "variant": variant,
                "what": what,
                "batch": batch,
                "images_per_second": batch / step,
                "milliseconds": 1e3 * step,
            }
        print(json.dumps(answer), file=answers)
