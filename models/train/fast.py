"""Trains the fast tier: `python models/train/fast.py DATA --teacher RUN... --late-teacher RUN --cache FOLDER`, with DATA
the folder of labelled texts that the model's card describes, RUN folders of the encoder, FOLDER where their answers are
kept. Writes weights, manifest, golden file and run log to `models/fast-2`.

Twice: first without the latest year and the held-out tenths, with a teacher that never saw them either; on these the
student is judged and calibrated. Then on everything, with the mean of the final teachers; that is what ships. The
calibration is folded into the weights, so that the daemon only adds, scales and squashes.
"""

import argparse
import json
import struct
import time
from pathlib import Path

import blake3
import numpy as np
from scipy.sparse import vstack
from scipy.special import expit
from sklearn.metrics import recall_score

from data import Row, load
from fragment import fragments
from golden import TEXTS
from judge import split, thresholds
from measure import EMOTION, LANGUAGES, LOG, SENTIMENT, balanced, platt, report, report_binary, say, say_bins, scaling
from prepare import features
from student import FRAGMENT, SLICES, Targets, learn
from teacher import said

MODEL = "fast-2"
SEED = 1
BUCKETS_LOG2 = 18
# Texts hashed at a time, which bounds the memory of it.
TEXTS_AT_A_TIME = 8_192
CLASSES = {"sentiment": SENTIMENT, "emotion": EMOTION}
# Weights beyond this share of all are cut before rounding to 8 bits: a few giants would cost all others their precision.
CLIP_QUANTILE = 0.9999


def hashed(texts):
    parts = [texts[at : at + TEXTS_AT_A_TIME] for at in range(0, len(texts), TEXTS_AT_A_TIME)]
    return vstack([features(part, BUCKETS_LOG2) for part in parts]).tocsr().astype(np.float32)


def student(rows, teacher):
    rows = rows + [Row(text, FRAGMENT) for text in fragments([row.text for row in rows if row.source not in LANGUAGES])]
    texts = [row.text for row in rows]
    return learn(hashed(texts), Targets(rows, teacher(texts)), SEED)


def calibrate(held, logits):
    """{head: (factor, shift)}: a temperature and class shifts for sentiment on the latest year and for emotion, classes
    weighted equally; Platt for the others, so for the mixes of the data."""
    scales = {}
    for head, part in SLICES.items():
        ends = "late" if head == "sentiment" else "tenth"
        found = [labelled(held[name], logits[name], head) for name in held if name.endswith(ends)]
        truth, z = np.concatenate([truth for truth, _ in found]), np.concatenate([z for _, z in found])
        if head in CLASSES:
            y = np.array(CLASSES[head])[truth.astype(int)]
            scales[head] = scaling(z, y, CLASSES[head], balanced(y))
        else:
            scales[head] = tuple(float(x) for x in platt(z[:, 0], truth))
    return scales


def labelled(rows, logits, head):
    """(targets, logits) of the rows that have the head's label."""
    place = {id(row): at for at, row in enumerate(rows)}
    mine, truth = split(rows, head)
    return truth, logits[[place[id(row)] for row in mine], SLICES[head]] if mine else np.zeros((0, SLICES[head].stop - SLICES[head].start))


class Table:
    """Weights rounded to 8 bits with one scale per column, the calibration folded in."""

    def __init__(self, weights, bias, scales):
        factor, shift = np.ones(len(bias)), np.zeros(len(bias))
        for head, part in SLICES.items():
            factor[part], shift[part] = scales[head]
        weights = weights * factor
        self.scale = (np.quantile(np.abs(weights), CLIP_QUANTILE, axis=0) / 127).astype(np.float32)
        self.bias = (bias * factor + shift).astype(np.float32)
        self.cells = np.clip(np.rint(weights / self.scale), -127, 127).astype(np.int8)

    def logits(self, X):
        return (X @ self.cells.astype(np.float32)) * self.scale + self.bias

    def bytes(self):
        header = b"reputed\0" + struct.pack("<III", 1, BUCKETS_LOG2, self.cells.shape[1])
        return header + self.scale.astype("<f4").tobytes() + self.bias.astype("<f4").tobytes() + self.cells.tobytes()


def judged(held, logits, told):
    """All figures of the student's `logits`, and how near they are to what the teacher `told`."""
    for name in held:
        for head, part in SLICES.items():
            truth, z = labelled(held[name], logits[name], head)
            if len(truth) < 100 or len(set(truth)) < 2:
                continue
            _, z_teacher = labelled(held[name], told[name], head)
            if head in CLASSES:
                classes = np.array(CLASSES[head])
                bins = report(f"{head} on {name}", classes[truth.astype(int)], z, CLASSES[head])
                mine, theirs = z.argmax(1), z_teacher.argmax(1)
            else:
                truth = truth >= 0.5
                bins = report_binary(f"{head} on {name}", truth, z[:, 0])
                thresholds(head, truth, expit(z[:, 0]))
                mine, theirs = z[:, 0] >= 0, z_teacher[:, 0] >= 0
            say(f"  the teacher: macro-recall {recall_score(truth, theirs, average='macro'):.4f}, same answer {np.mean(mine == theirs):.4f}")
            if not name.startswith("sentiment") or name.endswith("english"):
                say_bins(bins)
    name = "needs_answer test"
    place = [at for at, row in enumerate(held[name]) if "complaint" in row.target and "needs_answer" in row.target]
    truth = np.array([held[name][at].target["needs_answer"] >= 0.5 for at in place])
    for who, answers in (("needs_answer", logits), ("the teacher's needs_answer", told)):
        say(f"{who}, test, posts of the complaint file alone:")
        thresholds(who, truth, expit(answers[name][place, SLICES["needs_answer"].start]))


def main():
    parser = argparse.ArgumentParser(description="train the fast tier")
    parser.add_argument("data", type=Path, help="folder with sentiment/, complaint/ and so on")
    parser.add_argument("--teacher", type=Path, nargs="+", required=True, help="runs of the encoder; the mean of their logits is learnt")
    parser.add_argument("--late-teacher", type=Path, required=True, help="the run that held out the latest year")
    parser.add_argument("--cache", type=Path, required=True, help="folder for what teachers say; outside the project")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / MODEL)
    chosen = parser.parse_args()
    start = time.monotonic()

    def late_teacher(texts):
        return said(chosen.late_teacher, texts, chosen.cache)

    def teacher(texts):
        return np.mean([said(run, texts, chosen.cache) for run in chosen.teacher], axis=0)

    def hashes(held):
        return {name: hashed([row.text for row in book]) for name, book in held.items()}

    def told(held, who):
        return {name: who([row.text for row in book]) for name, book in held.items()}

    rows, held = load(chosen.data, late=True)
    weights, bias = student(rows, late_teacher)
    X = hashes(held)
    scales = calibrate(held, {name: part @ weights + bias for name, part in X.items()})
    say(f"without the latest year and the tenths; calibration (factor, shift): {json.dumps(scales)}")
    early = Table(weights, bias, scales)
    judged(held, {name: early.logits(part) for name, part in X.items()}, told(held, late_teacher))

    rows, held = load(chosen.data, late=False)
    table = Table(*student(rows, teacher), scales)
    say("trained on everything, as shipped (8 bits):")
    judged(held, {name: table.logits(part) for name, part in hashes(held).items()}, told(held, teacher))
    write(table, chosen.out)
    print(f"{time.monotonic() - start:.0f} s")


def write(table, out):
    out.mkdir(exist_ok=True)
    whole = table.bytes()
    (out / "weights.bin").write_bytes(whole)
    digest = blake3.blake3(whole).hexdigest()
    (out / "manifest.toml").write_text(
        f'# Written by models/train/fast.py; the loader refuses weights that differ.\n'
        f'model = "{MODEL}"\nblake3 = "{digest}"\nbytes = {len(whole)}\n'
    )
    with (out / "golden.jsonl").open("w", encoding="utf-8") as file:
        for text, logits in zip(TEXTS, table.logits(hashed(TEXTS))):
            file.write(json.dumps({"text": text, "logits": [round(float(x), 5) for x in logits]}, ensure_ascii=False) + "\n")
    say(f"{len(whole)} bytes, blake3 {digest}, {np.mean(table.cells.any(axis=1)):.1%} of rows used")
    (out / "train.log").write_text("\n".join(LOG) + "\n")


if __name__ == "__main__":
    main()
