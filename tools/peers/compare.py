"""Glassbox against TensorFlow, PyTorch and ONNX Runtime on the reference network, 3x32x32, on the CPU.

Into it go a built `glassbox` and the libraries of requirements.txt (what is missing is said and left out). Out comes,
on standard output, a table for each workload: the median and the range over the rounds, and Glassbox's ratio to the
best variant of each library, the median of the ratios of single rounds, since a machine's speed drifts.
"""

import argparse
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from platform import python_version
from statistics import median
from tempfile import TemporaryFile

PEERS = ["tensorflow_peer.py", "torch_peer.py", "onnxruntime_peer.py"]
OURS = {"train": ["scratch", "cpu", "flex"], "predict": ["scratch"]}
FLEX_BATCH = 64  # slow: one batch size is enough
WORKLOADS = [("train", 32), ("train", 64), ("train", 128), ("predict", 1), ("predict", 128)]
GLASSBOX = "Glassbox"
STOP_SECONDS = 10

PEER_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",
    # glibc gives large blocks back to the system after each step; PyTorch then trains and predicts at half its speed.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}
# Each library that can be held to a smaller instruction set. ONNX Runtime has no such setting.
PEER_ISA = {"avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}}


class Failed(Exception):
    pass


class Peer:
    """A worker process, see worker.py."""

    def __init__(self, program, environment):
        self.log = TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).parent / program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=os.environ | environment,
        )

    def ask(self, **request):
        try:
            print(json.dumps(request), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # the empty answer says so
        answer = self.process.stdout.readline()
        if not answer:
            *_, reason = logged(self.log)
            raise Failed(reason)
        return json.loads(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Not communicate(): a dead worker's pipe cannot be flushed.
        self.process.kill()
        self.process.wait(STOP_SECONDS)
        self.log.close()


class Glassbox:
    """A fresh process for each question."""

    def __init__(self, program, threads, environment):
        self.command = [program, "bench", "--json", "--threads", str(threads), "--only"]
        self.environment = os.environ | environment
        self.says = {}

    def ask(self, what, variant, batch, seconds):
        with TemporaryFile("w+") as log:
            command = [*self.command, f"{what}:{variant}:{batch}"]
            try:
                run = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment)
            except OSError as error:
                raise Failed(error) from error
            if run.returncode:
                raise Failed(logged(log)[0])
        report = json.loads(run.stdout)
        [result] = report.pop("results")
        self.says = report
        return result | {"engine": GLASSBOX, "variant": variant}


def logged(log):
    log.seek(0)
    return log.read().split("\n")[:-1] or ["no reason given"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--glassbox", default="target/release/glassbox", metavar="PATH")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="for one sample of a peer")
    parser.add_argument("--only", default="train,predict", help="train, predict or both, with a comma")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--isa", choices=PEER_ISA, help="hold all but ONNX Runtime to this instruction set")
    parser.add_argument("--json", metavar="FILE", help="write every sample there")
    return parser.parse_args()


def started(peers):
    """The peers that start, with what they say of themselves."""
    found = []
    for program, peer in peers:
        try:
            found.append((peer, peer.ask(what="describe")))
        except Failed as reason:
            print(f"left out: {program}: {reason}")
    return found


def machine(options, libraries):
    models = (line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": next(models, "unknown"),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "threads": options.threads,
        "isa": f"{options.isa} (ONNX Runtime: any)" if options.isa else "any",
        "libraries": {"python": python_version()} | libraries,
    }


def measured(options, workloads, entrants):
    """For each workload, the answers of each round by (engine, variant). Who fails once is not asked again."""
    rounds = {workload: [] for workload in workloads}
    out = set()
    for number in range(options.rounds):
        for what, batch in workloads:
            print(f"round {number + 1} of {options.rounds}: {what}, batch {batch}", file=sys.stderr)
            answers = {}
            for name, source in entrants[what, batch]:
                if name in out:
                    continue
                try:
                    answers[name] = source.ask(what=what, variant=name[1], batch=batch, seconds=options.seconds)
                except Failed as reason:
                    out.add(name)
                    print(f"left out: {' '.join(name)}: {reason}")
            rounds[what, batch].append(answers)
    return rounds


def ratios(rounds, quantity, best):
    """Our `quantity` over that of each engine's best variant, round by round, by (our variant, engine)."""
    found = {}
    for answers in rounds:
        peers = {}
        for (engine, _), answer in answers.items():
            if engine != GLASSBOX:
                peers[engine] = best(peers.get(engine, answer[quantity]), answer[quantity])
        for (engine, variant), answer in answers.items():
            if engine == GLASSBOX:
                for peer, value in peers.items():
                    found.setdefault((variant, peer), []).append(answer[quantity] / value)
    return found


def row(name, values, form, last=""):
    spread = f"{min(values):{form}} – {max(values):{form}}"
    return f"  {name:42}{median(values):>10{form}}  {spread:>19}  {last:>10}"


def table(what, batch, rounds):
    names = list(dict.fromkeys(name for answers in rounds for name in answers))
    lines = [f"{f'{what}, batch {batch}':44}{'images/s':>10}  {'min – max':>19}  {'ms':>10}"]
    for name in names:
        answers = [answers[name] for answers in rounds if name in answers]
        milliseconds = median(answer["milliseconds"] for answer in answers)
        lines.append(
            row(" ".join(name), [answer["images_per_second"] for answer in answers], ",.0f", f"{milliseconds:.3f}")
        )
    if batch == 1:
        title, found = "ratio of times, less is better", ratios(rounds, "milliseconds", min)
    else:
        title, found = "ratio of images/s, more is better", ratios(rounds, "images_per_second", max)
    if found:
        lines.append(f"  {title}")
    lines += [row(f"{GLASSBOX} {variant} / {peer}", values, ".2f") for (variant, peer), values in found.items()]
    return "\n".join(line.rstrip() for line in lines)


def main():
    options = arguments()
    workloads = [(what, batch) for what, batch in WORKLOADS if what in options.only.split(",")]
    isa = PEER_ISA.get(options.isa, {})
    peer_environment = PEER_ENVIRONMENT | isa | {"OMP_NUM_THREADS": str(options.threads)}
    glassbox = Glassbox(options.glassbox, options.threads, {"GLASSBOX_SIMD": options.isa} if options.isa else {})

    with ExitStack() as stack:
        peers = started([(program, stack.enter_context(Peer(program, peer_environment))) for program in PEERS])
        libraries = {name: version for _, says in peers for name, version in says["libraries"].items()}
        head = machine(options, libraries)
        print("{date}, {cpu}".format(**head))
        print("{cores} cores, load {load}, {threads} threads for each, instruction set: {isa}".format(**head))
        print(", ".join(f"{name} {version}" for name, version in head["libraries"].items()), flush=True)

        entrants = {}
        for what, batch in workloads:
            theirs = [((says["engine"], variant), peer) for peer, says in peers for variant in says["variants"][what]]
            ours = [((GLASSBOX, engine), glassbox) for engine in OURS[what] if engine != "flex" or batch == FLEX_BATCH]
            entrants[what, batch] = theirs + ours
        rounds = measured(options, workloads, entrants)

    if glassbox.says:
        print("Glassbox: simd {simd}, {threads} threads, peak {peak_gflops:.0f} GFLOP/s".format(**glassbox.says))
    for (what, batch), answers in rounds.items():
        print(f"\n{table(what, batch, answers)}")
    if options.json:
        samples = [
            {"round": number} | answer
            for answers in rounds.values()
            for number, by_name in enumerate(answers)
            for answer in by_name.values()
        ]
        report = {"machine": head, "glassbox": glassbox.says, "samples": samples}
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n")


main()
