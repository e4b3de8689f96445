"""Reads the labelled texts, joins the labels of equal texts, and parts what is trained on from what is held out.

A row is a text with a target for each head it was labelled for: a class, or a share for the two-class heads, or the set
of GoEmotions labels. Held out, never trained on:
- `late` (only where the run selects settings): English sentiment of the latest year, and a tenth of the other heads'
  rows, chosen by the hash of the text;
- needs_answer's test part, with all labels of its posts;
- the `val` files.
"""

import hashlib
import random
import re
from dataclasses import dataclass, field
from pathlib import Path

from measure import EMOTION, LANGUAGES, SENTIMENT, read

LATE_YEAR = "2016test"
BINARY = {"complaint": "complaint", "offensive": "offensive", "irony": "ironic", "needs_answer": "yes"}
LABELS = Path(__file__).parent.parent / "needs_answer" / "labels.tsv"
# What people say of brands without a handle is rare in the files: invented for this, with their texts.
INVENTED = Path(__file__).parent.parent / "needs_answer" / "invented.tsv"
# Posts drawn at random hardly ever wait for a brand: a little of that is told to the head, as a share and at low weight.
EASY_SHARE, EASY_WEIGHT = 0.1, 0.3
HANDLE = re.compile(r"@\w+\s*")
TENTH = ("complaint", "offensive", "irony", "emotion")


@dataclass
class Row:
    text: str
    source: str
    target: dict = field(default_factory=dict)
    weight: dict = field(default_factory=dict)
    held: bool = False


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def bare(text):
    """Without handles; as it is where nothing else is left."""
    return HANDLE.sub("", text).strip() or text


def without_handles(rows):
    """Posts that are labelled for needs_answer, once more without their handles: most that wait for an answer begin with
    the brand's handle, and training takes that for the reason."""
    out = []
    for row in rows:
        if "needs_answer" in row.target and bare(row.text) != row.text:
            only = {"needs_answer": row.target["needs_answer"]}, {"needs_answer": row.weight["needs_answer"]}
            out.append(Row(bare(row.text), row.source, *only))
    return out


def needs_answer():
    """{id: (label, part)}"""
    rows = read(LABELS)
    return {row[0]: (row[2], row[5]) for row in rows}


def load(data, late):
    """(training rows, {name: held-out rows})"""
    labels, rows, held = needs_answer(), {}, {}
    test = {id for id, (_, part) in labels.items() if part == "test"}

    def put(text, source, head, target, weight=1.0, out=None):
        id = digest(text)[:16]
        label, part = labels.get(id, (None, None))
        tenth = late and out is None and (head in TENTH or label) and int(id[:4], 16) % 10 == 0
        if id in test:
            out = "needs_answer test"
        elif tenth:
            out = f"{'needs_answer' if label else head} tenth"
        book = rows if out is None else held.setdefault(out, {})
        row = book.setdefault(text, Row(text, source))
        row.target[head], row.weight[head] = target, weight
        if label in ("yes", "no"):
            row.target["needs_answer"], row.weight["needs_answer"] = float(label == "yes"), 1.0

    for label, origin, text in read(data / "sentiment/train.tsv"):
        put(text, origin, "sentiment", SENTIMENT.index(label), out="late" if late and origin == LATE_YEAR else None)
    for label, text in read(data / "sentiment/val.tsv"):
        put(text, "english", "sentiment", SENTIMENT.index(label), out="sentiment english")
    for language in LANGUAGES:
        for part in ("train", "val"):
            for row in read(data / f"sentiment-multilingual/{language}.{part}.tsv"):
                out = f"sentiment {language}" if part == "val" else None
                put(row[-1], language, "sentiment", SENTIMENT.index(row[0]), out=out)
    for head in ("offensive", "irony", "emotion"):
        for part in ("train", "val"):
            for row in read(data / head / f"{part}.tsv"):
                target = EMOTION.index(row[0]) if head == "emotion" else float(row[0] == BINARY[head])
                put(row[-1], head, head, target, out=f"{head} val" if part == "val" else None)
    for label, domain, text in read(data / "complaint/train.tsv"):
        put(text, domain, "complaint", float(label == "complaint"))
        if domain == "random_tweet" and digest(text)[:16] not in labels:
            put(text, domain, "needs_answer", EASY_SHARE, EASY_WEIGHT)
    for label, _, _, part, text in read(INVENTED):
        put(text, "invented", "needs_answer", float(label == "yes"), out="needs_answer test" if part == "test" else None)
    for names, text in read(data / "goemotions/train.tsv"):
        put(text, "goemotions", "goemotions", names.split(","))
    # What is held out under one label may not be trained on under another.
    known = {text for book in held.values() for text in book}
    training = [row for text, row in rows.items() if text not in known]
    return training, {name: list(book.values()) for name, book in held.items()}


def goemotions_labels(rows):
    return sorted({name for row in rows for name in row.target.get("goemotions", [])})


def batches(lengths, size, rng, pool=40):
    """Row numbers in batches of similar length, both in random order."""
    order = list(range(len(lengths)))
    rng.shuffle(order)
    out = []
    for at in range(0, len(order), size * pool):
        near = sorted(order[at : at + size * pool], key=lambda row: lengths[row])
        out.extend(near[i : i + size] for i in range(0, len(near), size))
    rng.shuffle(out)
    return out


def sample(rows, share, seed):
    """A fixed part of the rows, for quick comparisons."""
    return [row for row in rows if random.Random(f"{seed}{row.text}").random() < share]
