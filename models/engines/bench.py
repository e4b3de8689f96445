"""Times all engines beside ONNX Runtime, in turn, over short rounds; or checks that they say the same.

    python bench.py check  FOLDER PROGRAM            embeddings of all engines against ONNX Runtime's in fp32
    python bench.py measure FOLDER PROGRAM ROUNDS    the best of all rounds, posts a second
    python bench.py cost    FOLDER PROGRAM ROUNDS    one worker, posts a second of processor time: holds on a busy machine

FOLDER is what prepare.py made, PROGRAM the release build of this workspace. Engines that cannot open the model are named
and left out. `RESULTS` (a file) gathers the rounds of several calls, so a busy machine can be asked at quiet moments.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

import numpy as np
import onnxruntime as ort

BATCH = 32
ENGINES = os.environ.get("ENGINES", "ragged rten tract candle").split()
KINDS = os.environ.get("KINDS", "int8 fp32").split()
# Whole passes over the set until this is over.
SECONDS = float(os.environ.get("SECONDS", "0.4"))


class Rust:
    def __init__(self, program, engine, kind, folder):
        environment = os.environ | {"RAYON_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [program, engine, kind, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.loaded = self.process.stdout.readline().strip()
        if not self.loaded:
            raise RuntimeError("does not open the model")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise RuntimeError("stopped at " + line)
        return answer

    def run(self, name, order, threads):
        return float(self.ask(f"run {name} {order} {threads} {SECONDS}"))


class Onnx:
    """ONNX Runtime with all its optimisations. On two threads: `both` works a batch with two threads, else two sessions
    of one thread take batches in turn."""

    def __init__(self, folder, model, both=False):
        self.sets = {name: read(folder, name) for name in ("real", "even")}
        self.both = both
        options = ort.SessionOptions()
        options.intra_op_num_threads = 2 if both else 1
        start = time.perf_counter()
        self.sessions = [ort.InferenceSession(str(folder / f"{model}.onnx"), options) for _ in range(1 if both else 2)]
        self.loaded = f"loaded {(time.perf_counter() - start) * 1000 / len(self.sessions):.0f} ms"
        self.pool = concurrent.futures.ThreadPoolExecutor(2)

    def embed(self, posts, session=0):
        ids = np.zeros((len(posts), max(map(len, posts))), np.int64)
        mask = np.zeros_like(ids)
        for k, post in enumerate(posts):
            ids[k, : len(post)] = post
            mask[k, : len(post)] = 1
        return self.sessions[session].run(None, {"input_ids": ids, "attention_mask": mask})[0]

    def run(self, name, order, threads):
        posts = self.sets[name]
        while len(posts) < 4 * BATCH:  # Enough batches for two workers.
            posts = posts + posts
        if order == "sorted":
            posts = sorted(posts, key=len)
        batches = [posts[k : k + BATCH] for k in range(0, len(posts), BATCH)]
        start, done = time.perf_counter(), 0
        while time.perf_counter() - start < SECONDS:
            left, lock = iter(batches), threading.Lock()

            def work(session):
                while True:
                    with lock:
                        batch = next(left, None)
                    if batch is None:
                        return
                    self.embed(batch, session)

            if threads == 1 or self.both:
                work(0)
            else:
                list(self.pool.map(work, range(2)))
            done += len(posts)
        return done / (time.perf_counter() - start)


def read(folder, name):
    lines = (folder / f"{name}.tokens").read_text().splitlines()
    return [[int(word) for word in line.split()] for line in lines]


def check(folder, program):
    posts = read(folder, "real")
    batches = [posts[k : k + BATCH] for k in range(0, len(posts), BATCH)]
    truth = np.concatenate([Onnx(folder, "fp32").embed(batch) for batch in batches])
    unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)

    def tell(name, found):
        off = np.abs(found - truth).max()
        near = (unit(found) * unit(truth)).sum(axis=1)
        print(f"{name:22} largest difference {off:.6f}, cosine mean {near.mean():.5f} least {near.min():.5f}", flush=True)

    for model in ("fp32-fused", "int8", "int8-apart", "int8-fused"):
        session = Onnx(folder, model)
        tell("onnxruntime " + model, np.concatenate([session.embed(batch) for batch in batches]))
    for engine in ENGINES:
        for kind in KINDS:
            try:
                rust = Rust(program, engine, kind, str(folder))
                rust.ask(f"embed real {folder / 'found.f32'}")
                tell(f"{engine} {kind}", np.fromfile(folder / "found.f32", np.float32).reshape(len(posts), -1))
                print(f"{'':22} {rust.loaded}, {rust.ask('memory')} MB at most")
            except RuntimeError as error:
                print(f"{engine} {kind}: {error}")


def measure(folder, program, rounds):
    racers = {}
    for kind in KINDS:
        for model in (kind, f"{kind}-fused"):
            racers[f"onnxruntime {model}", 1] = racers[f"onnxruntime {model}", 2] = Onnx(folder, model)
            racers[f"onnxruntime {model} (both)", 2] = Onnx(folder, model, both=True)
        for engine in ENGINES:
            try:
                racer = Rust(program, engine, kind, str(folder))
                racers[f"{engine} {kind}", 1] = racers[f"{engine} {kind}", 2] = racer
            except RuntimeError as error:
                print(f"{engine} {kind}: {error}")
    found = collections.defaultdict(list)
    file = pathlib.Path(os.environ.get("RESULTS", folder / "results.jsonl"))
    for number in range(rounds):
        for name, order in (("even", "come"), ("real", "come"), ("real", "sorted")):
            for (racer, threads), engine in racers.items():
                rate = engine.run(name, order, threads)
                with file.open("a") as out:
                    out.write(json.dumps([racer, name, order, threads, rate]) + "\n")
    for line in file.read_text().splitlines():
        racer, name, order, threads, rate = json.loads(line)
        found[racer, threads, f"{name} {order}"].append(rate)
    columns = ("even come", "real come", "real sorted")
    print("| engine | threads | " + " | ".join(columns) + " |")
    for racer, threads in sorted({key[:2] for key in found}):
        cells = [f"{max(found[racer, threads, column], default=0):.0f}" for column in columns]
        print(f"| {racer} | {threads} | " + " | ".join(cells) + " |")


def cost(folder, program, rounds):
    """Processor time is what others on the machine do not take: good for ratios, not for rates on two threads."""
    racers = {}
    for kind in KINDS:
        for model in (kind, f"{kind}-fused"):
            racers[f"onnxruntime {model}"] = Onnx(folder, model)
        for engine in ENGINES:
            racers[f"{engine} {kind}"] = Rust(program, engine, kind, str(folder))
    found = collections.defaultdict(list)
    columns = (("even", "come", 128), ("real", "come", 512), ("real", "sorted", 512))

    def used(engine):
        if isinstance(engine, Onnx):
            return time.process_time()
        fields = pathlib.Path(f"/proc/{engine.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    for number in range(rounds):
        for racer, engine in racers.items():
            for name, order, posts in columns:
                before, start = used(engine), time.perf_counter()
                rate = engine.run(name, order, 1)
                passes = round(rate * (time.perf_counter() - start) / posts)
                found[racer, name, order].append(passes * posts / (used(engine) - before))
                print(racer, name, order, f"{found[racer, name, order][-1]:.0f}", flush=True)
    for racer in racers:
        print(racer, *(f"{name} {order} {max(found[racer, name, order]):.0f}" for name, order, _ in columns), sep=" | ")


if __name__ == "__main__":
    task, folder, program, *rest = sys.argv[1:]
    if task == "check":
        check(pathlib.Path(folder), program)
    elif task == "cost":
        cost(pathlib.Path(folder), program, int(rest[0]))
    else:
        measure(pathlib.Path(folder), program, int(rest[0]))
