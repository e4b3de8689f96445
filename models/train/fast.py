"""Trains the fast tier: `python models/train/fast.py DATA` with DATA the folder of labelled texts that the model's card
describes. Writes weights, manifest, golden file and run log to `models/fast-1`. Fixed seed; a few minutes on one
free core (set `OMP_NUM_THREADS=1`: more threads add up in another order).

One table of hashed features serves all heads: a row a feature, a column a class. Every head is a logistic regression
over features weighted by how unevenly they fall on the classes (Wang and Manning, 2012, "Baselines and Bigrams"); that
weighting is folded into the weights, as is the calibration, so that the daemon only adds, scales and squashes.
"""

import argparse
import json
import struct
import time
import warnings
from pathlib import Path

import blake3
import numpy as np
from scipy.sparse import diags, vstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from golden import TEXTS
from measure import (
    EMOTION, LANGUAGES, LOG, SENTIMENT, balanced, platt, read, report, report_binary, say, say_bins, temperature
)
from prepare import features

MODEL = "fast-1"
SEED = 1
BUCKETS_LOG2 = 17
# `C` of each regression, set by hand: nothing here searches for better. What is reported, on the held-out year
# (sentiment) and by cross-validation (the rest), is how well these values do.
STRENGTH = {"sentiment": 3.0, "complaint": 3.0, "offensive": 1.0, "irony": 3.0, "emotion": 3.0}
STEPS_MAX = 100
FOLDS = 5
LATE_YEAR = "2016test"
BINARY = {"complaint": "complaint", "offensive": "offensive", "irony": "ironic"}
# GoEmotions labels that say what ours say; rows with several labels, or none of these, are left out.
COUSINS = {
    "anger": ["anger", "annoyance"], "joy": ["joy", "amusement", "excitement"], "optimism": ["optimism"],
    "sadness": ["sadness", "disappointment", "grief", "remorse"],
}
COUSIN_WEIGHT = 0.3
# Weights beyond this share of all are cut before rounding to 8 bits: a few giants would cost all others their precision.
CLIP_QUANTILE = 0.9999


def columns(path):
    rows = read(path)
    return np.array([row[0] for row in rows]), [row[-1] for row in rows]


class Head:
    """Linear weights `[buckets x classes]` and biases; `fit` folds the feature weighting in."""

    def __init__(self, classes):
        self.classes = classes

    def fit(self, X, y, strength, weight=None):
        present = X.copy()
        present.data[:] = 1.0
        uneven = np.zeros(X.shape[1])
        for name in self.classes:
            mine = np.asarray(present[y == name].sum(0)).ravel() + 1
            rest = np.asarray(present[y != name].sum(0)).ravel() + 1
            uneven = np.maximum(uneven, np.abs(np.log((mine / mine.sum()) / (rest / rest.sum()))))
        model = LogisticRegression(C=strength, class_weight="balanced", max_iter=STEPS_MAX, tol=1e-4)
        model.fit(X @ diags(uneven), y, sample_weight=weight)
        order = [list(model.classes_).index(name) for name in self.classes] if len(model.classes_) > 2 else [0]
        sign = 1.0 if len(model.classes_) > 2 or model.classes_[1] == self.classes[0] else -1.0
        self.weights = sign * model.coef_[order].T * uneven[:, None]
        self.bias = sign * model.intercept_[order]
        return self

    def logits(self, X):
        return X @ self.weights + self.bias

    def scale(self, factor, shift=0.0):
        self.weights = self.weights * factor
        self.bias = self.bias * factor + shift


def train_sentiment(data, hashed):
    rows = read(data / "sentiment/train.tsv")
    y, origin = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    X = hashed([row[2] for row in rows])
    foreign = [columns(data / f"sentiment-multilingual/{language}.train.tsv") for language in LANGUAGES]
    X_foreign, y_foreign = hashed([text for _, texts in foreign for text in texts]), np.concatenate([f[0] for f in foreign])
    late = origin == LATE_YEAR
    early = Head(SENTIMENT).fit(vstack([X[~late], X_foreign]), np.concatenate([y[~late], y_foreign]), STRENGTH["sentiment"])
    logits = early.logits(X[late])
    heat = temperature(logits, y[late], SENTIMENT, balanced(y[late]))
    report(f"sentiment, trained without {LATE_YEAR}, on it", y[late], logits * heat, SENTIMENT)
    head = Head(SENTIMENT).fit(vstack([X, X_foreign]), np.concatenate([y, y_foreign]), STRENGTH["sentiment"])
    head.scale(heat)
    say(f"sentiment: logits times {heat:.3f}, from the held-out year")
    return head


def out_of_fold(X, y, make, extra=None):
    logits = None
    for train, held in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(X, y):
        head = make(X[train], y[train])
        part = head.logits(X[held])
        logits = np.zeros((len(y), part.shape[1])) if logits is None else logits
        logits[held] = part
    return logits


def train_binary(name, data, hashed):
    label = BINARY[name]
    y, texts = columns(data / name / "train.tsv")
    X, y = hashed(texts), np.where(y == label, label, "not")

    def make(X, y):
        return Head([label]).fit(X, y, STRENGTH[name])

    logits = out_of_fold(X, y, make)[:, 0]
    a, b = platt(logits, (y == label).astype(float))
    bins = report_binary(f"{name}, {FOLDS}-fold", y == label, a * logits + b)
    if name == "complaint":
        say_bins(bins)
    head = make(X, y)
    head.scale(a, b)
    return head


def cousins(data):
    wanted = {cousin: label for label, names in COUSINS.items() for cousin in names}
    rows = [(wanted.get(row[0]), row[1]) for row in read(data / "goemotions/train.tsv")]
    rows = [row for row in rows if row[0]]
    return np.array([row[0] for row in rows]), [row[1] for row in rows]


def train_emotion(data, hashed):
    y, texts = columns(data / "emotion/train.tsv")
    y_cousin, texts_cousin = cousins(data)
    X, X_cousin = hashed(texts), hashed(texts_cousin)

    def make(X, y):
        weight = np.concatenate([np.ones(len(y)), np.full(len(y_cousin), COUSIN_WEIGHT)])
        return Head(EMOTION).fit(vstack([X, X_cousin]), np.concatenate([y, y_cousin]), STRENGTH["emotion"], weight)

    logits = out_of_fold(X, y, make)
    heat = temperature(logits, y, EMOTION, balanced(y))
    report(f"emotion, {FOLDS}-fold", y, logits * heat, EMOTION)
    head = make(X, y)
    head.scale(heat)
    return head


class Table:
    """All heads side by side, rounded to 8 bits with one scale per column."""

    def __init__(self, heads):
        weights = np.hstack([head.weights for head in heads])
        bounds = np.quantile(np.abs(weights), CLIP_QUANTILE, axis=0)
        self.scale = (bounds / 127).astype(np.float32)
        self.bias = np.concatenate([head.bias for head in heads]).astype(np.float32)
        self.cells = np.clip(np.rint(weights / self.scale), -127, 127).astype(np.int8)

    def logits(self, X):
        return (X @ self.cells.astype(np.float32)) * self.scale + self.bias

    def bytes(self):
        header = b"reputed\0" + struct.pack("<III", 1, BUCKETS_LOG2, self.cells.shape[1])
        return header + self.scale.astype("<f4").tobytes() + self.bias.astype("<f4").tobytes() + self.cells.tobytes()


def measure(table, data, hashed):
    """What the rounded weights do on val."""
    say("on val, as shipped (8 bits):")
    y, texts = columns(data / "sentiment/val.tsv")
    say_bins(report("sentiment english", y, table.logits(hashed(texts))[:, :3], SENTIMENT))
    for language in LANGUAGES:
        y, texts = columns(data / f"sentiment-multilingual/{language}.val.tsv")
        report(f"sentiment {language}", y, table.logits(hashed(texts))[:, :3], SENTIMENT)
    for name, column in (("offensive", 4), ("irony", 5)):
        y, texts = columns(data / name / "val.tsv")
        say_bins(report_binary(name, y == BINARY[name], table.logits(hashed(texts))[:, column]))
    y, texts = columns(data / "emotion/val.tsv")
    say_bins(report("emotion", y, table.logits(hashed(texts))[:, 6:], EMOTION))


def main():
    parser = argparse.ArgumentParser(description="train the fast tier")
    parser.add_argument("data", type=Path, help="folder with sentiment/, complaint/ and so on")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / MODEL)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
    start = time.monotonic()

    def hashed(texts):
        return features(texts, BUCKETS_LOG2)

    heads = [train_sentiment(arguments.data, hashed)]
    for name in BINARY:
        heads.append(train_binary(name, arguments.data, hashed))
    heads.append(train_emotion(arguments.data, hashed))
    table = Table(heads)
    measure(table, arguments.data, hashed)

    out = arguments.out
    out.mkdir(exist_ok=True)
    whole = table.bytes()
    (out / "weights.bin").write_bytes(whole)
    digest = blake3.blake3(whole).hexdigest()
    (out / "manifest.toml").write_text(
        f'# Written by models/train/fast.py; the loader refuses weights that differ.\n'
        f'model = "{MODEL}"\nblake3 = "{digest}"\nbytes = {len(whole)}\n'
    )
    golden = table.logits(hashed(TEXTS))
    with (out / "golden.jsonl").open("w", encoding="utf-8") as file:
        for text, logits in zip(TEXTS, golden):
            file.write(json.dumps({"text": text, "logits": [round(float(x), 5) for x in logits]}, ensure_ascii=False) + "\n")
    say(f"{len(whole)} bytes, blake3 {digest}, {np.mean(table.cells.any(axis=1)):.1%} of rows used")
    print(f"{time.monotonic() - start:.0f} s")
    (out / "train.log").write_text("\n".join(LOG) + "\n")


if __name__ == "__main__":
    main()
