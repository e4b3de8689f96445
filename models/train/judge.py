"""Judges a run on what it did not train on: `logits` of any texts, and the report over all held-out sets. Called by the
trainer at its end; `python models/train/judge.py DATA RUN` judges again."""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from scipy.special import expit
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from data import load, sample
from measure import (
    EMOTION, LANGUAGES, LOG, SENTIMENT, balanced, platt, report, report_binary, say, say_bins, scaling
)
from model import HEADS, Encoder, padded
from plot import svg
from text import Pieces

BATCH = 128
THRESHOLDS = (0.3, 0.5, 0.7)
QUICK_SHARE = 0.35


def kept(run):
    """What a run kept at its end: weights, configuration, vocabulary, settings."""
    return torch.load(run / "model.pt", map_location="cpu")


def opened(run):
    """(model, pieces) of a run's last weights."""
    found = kept(run)
    extra = {name: len(found["model"][f"heads.{name}.weight"]) for name in ["goemotions"] if f"heads.{name}.weight" in found["model"]}
    model = Encoder(found["config"], extra)
    model.load_state_dict(found["model"])
    settings = found["settings"]
    return model, Pieces(found["vocabulary"], settings["no_split"] != "True", settings["no_shorten"] != "True")


@torch.no_grad()
def logits(model, pieces, texts, device="cpu", half=True):
    """{head: [texts x classes]}, without dropout; `half` computes in bf16."""
    model.to(device).eval()
    ids = [pieces.ids(text) for text in texts]
    order = sorted(range(len(ids)), key=lambda at: len(ids[at]))
    out = {}
    for first in range(0, len(order), BATCH):
        batch = order[first : first + BATCH]
        with torch.autocast(device, dtype=torch.bfloat16, enabled=half):
            found = model(padded([ids[at] for at in batch]).to(device))
        for head, part in found.items():
            out.setdefault(head, torch.zeros(len(ids), part.shape[1]))[batch] = part.float().cpu()
    return out


def split(rows, head):
    """(rows that have the head's label, targets)"""
    rows = [row for row in rows if head in row.target and row.weight[head] == 1.0]
    return rows, np.array([row.target[head] for row in rows])


def fitted_on(held, head):
    """The sets that a head is calibrated on: what was held out to choose settings, else its `val` file."""
    part, val = ("late", "sentiment english") if head == "sentiment" else ("tenth", f"{head} val")
    return [name for name in held if name.endswith(part)] or [name for name in held if name == val]


def scale(head, z, truth):
    """(factor, shift); the classes of sentiment and emotion count the same, the others as common as they are there."""
    classes = HEADS[head]
    if len(classes) == 1:
        return tuple(float(x) for x in platt(z[:, 0], truth))
    y = np.array(classes)[truth.astype(int)]
    return scaling(z, y, classes, balanced(y))


def scaled(z, scale):
    factor, shift = scale
    return z * factor + np.array(shift)


def crosswise(head, z, truth):
    """Each half of the rows scaled by what the other half says: so figures do not flatter the calibration."""
    out = np.empty_like(z)
    for half in (0, 1):
        out[half::2] = scaled(z[half::2], scale(head, z[1 - half :: 2], truth[1 - half :: 2]))
    return out


def fit(held, say_what):
    """{head: (factor, shift)} of the heads that something was held out for."""
    scales = {}
    for head in HEADS:
        rows, truth = split([row for name in fitted_on(held, head) for row in held[name]], head)
        if rows:
            scales[head] = scale(head, say_what(rows)[head].double().numpy(), truth)
    return scales


def thresholds(name, truth, p):
    for at in THRESHOLDS:
        said = p >= at
        say(f"  {name} at {at}: precision {precision_score(truth, said, zero_division=0):.3f} "
            f"recall {recall_score(truth, said):.3f} flagged {said.mean():.3f}")
    say(f"  {name}: area under the curve {roc_auc_score(truth, p):.4f}, average precision "
        f"{average_precision_score(truth, p):.4f}, {truth.mean():.3f} are yes, n {len(truth)}")


def judged(run, held, device="cpu", quick=False, model=None, scales=None, half=True):
    """Says all figures of a run and returns one row of them: {short name: figure}."""
    model, pieces = opened(run) if model is None else model
    if quick:
        held = {name: sample(rows, QUICK_SHARE, 0) if name == "late" else rows for name, rows in held.items()}
    everything = {name: logits(model, pieces, [row.text for row in rows], device, half) for name, rows in held.items()}
    at = {id(row): (name, place) for name, rows in held.items() for place, row in enumerate(rows)}

    def say_what(rows):
        return {head: torch.stack([everything[at[id(row)][0]][head][at[id(row)][1]] for row in rows]) for head in HEADS}

    scales = (scales or {}) | fit(held, say_what)
    (run / "scales.json").write_text(json.dumps(scales, indent=1) + "\n")
    say(f"calibration (factor, shift): {json.dumps(scales)}")
    short, drawn = {}, {}
    for name, rows in held.items():
        for head in HEADS:
            mine, truth = split(rows, head)
            if len(mine) < 100 or len(set(truth)) < 2:
                continue
            z = say_what(mine)[head].double().numpy()
            z = crosswise(head, z, truth) if name in fitted_on(held, head) else scaled(z, scales.get(head, (1.0, 0.0)))
            if head in ("sentiment", "emotion"):
                classes = SENTIMENT if head == "sentiment" else EMOTION
                y = np.array(classes)[truth.astype(int)]
                bins = report(f"{head} on {name}", y, z, classes)
                said = np.array(classes)[z.argmax(1)]
                average = recall_score(y, said, average="macro") if head == "sentiment" else f1_score(y, said, average="macro")
                short[name if head == "sentiment" else "emotion " + name.split()[-1]] = average
            else:
                truth, z = truth >= 0.5, z[:, 0]
                bins = report_binary(f"{head} on {name}", truth, z)
                thresholds(head, truth, expit(z))
                said = z >= 0
                short[f"{head} {name}"] = f1_score(truth, said) if head == "irony" else f1_score(truth, said, average="macro")
            if name in ("late", "sentiment english", "offensive val", "irony val", "emotion val", "needs_answer test"):
                say_bins(bins)
                drawn[f"{head}, {name}" if head not in name else name] = bins
    (run / "calibration.svg").write_text(svg(drawn))
    complaint = [row for row in held.get("needs_answer test", []) if "complaint" in row.target and "needs_answer" in row.target]
    if complaint:
        z = say_what(complaint)["needs_answer"][:, 0].double().numpy()
        p = expit(scaled(z, scales.get("needs_answer", (1.0, 0.0))))
        say("needs_answer, test, posts of the complaint file alone:")
        thresholds("needs_answer", np.array([row.target["needs_answer"] >= 0.5 for row in complaint]), p)
    languages = [short[f"sentiment {language}"] for language in LANGUAGES if f"sentiment {language}" in short]
    short["languages"] = float(np.mean(languages)) if languages else 0.0
    say("short " + json.dumps({name: round(float(figure), 4) for name, figure in short.items()}))
    return short


def main():
    parser = argparse.ArgumentParser(description="judge a run again")
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--late", action="store_true")
    parser.add_argument("--scales", type=Path, help="scales.json of a run with --late, for the heads without a val file")
    chosen = parser.parse_args()
    held = load(chosen.data, chosen.late)[1]
    scales = json.loads(chosen.scales.read_text()) if chosen.scales else None
    judged(chosen.run, held, "cuda" if torch.cuda.is_available() else "cpu", scales=scales)
    (chosen.run / "judge.log").write_text("\n".join(LOG) + "\n")


if __name__ == "__main__":
    main()
