"""Fits the last layer of needs_answer anew on a trained encoder: `python models/train/answer.py DATA RUN`. Most posts that
are labelled yes begin with the brand's handle, and training takes the handle for the reason. So every labelled post counts
twice here, as it is and without the handles, and the rest of the encoder stays as it is. Writes the layer into the run's
weights and its calibration into its `scales.json`; to be run after `judge.py`. Calibrated on the test part, as is and
without handles, since the encoder knows all other posts; figures are told crosswise, each half by the other.
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np
import torch
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold

from data import load
from judge import batched, crosswise, opened, scale, thresholds
from measure import calibration

HEAD = "needs_answer"
STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
FOLDS = 5
HANDLE = re.compile(r"@\w+\s*")


def means(model, pieces, texts):
    """`[texts x width]`"""
    return batched(model, pieces, texts, lambda ids: {"mean": model.pooled(ids)})["mean"].double().numpy()


def bare(text):
    """Without handles; as it is where nothing else is left."""
    return HANDLE.sub("", text).strip() or text


def fitted(x, y, weight, strength):
    return LogisticRegression(C=strength, max_iter=2_000).fit(x, y, sample_weight=weight)


def main():
    parser = argparse.ArgumentParser(description="fit the last layer of needs_answer anew")
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    chosen = parser.parse_args()
    rows, held = load(chosen.data, False)
    rows = [row for row in rows if HEAD in row.target]
    share = np.array([row.target[HEAD] for row in rows])
    weight = np.array([row.weight[HEAD] for row in rows])
    model, pieces = opened(chosen.run)
    texts = [row.text for row in rows]
    x = np.vstack([means(model, pieces, texts), means(model, pieces, [bare(text) for text in texts])])
    group = np.tile(np.arange(len(rows)), 2)
    share, weight = np.tile(share, 2), np.tile(weight, 2)
    middle, spread = x.mean(0), x.std(0)
    x = (x - middle) / spread
    # A row that is yes to a tenth is one of each kind, by weight.
    both = lambda part: np.concatenate([part, part])
    y, by = np.repeat([1, 0], len(share)), np.concatenate([weight * share, weight * (1 - share)])
    real = np.tile([row.weight[HEAD] == 1.0 for row in rows], 2)
    told = {}
    for strength in STRENGTHS:
        z = np.zeros(len(share))
        for train, test in GroupKFold(FOLDS).split(x, groups=group):
            inside = both(np.isin(np.arange(len(share)), train))
            layer = fitted(np.vstack([x, x])[inside], y[inside], by[inside], strength)
            z[test] = layer.decision_function(x[test])
        told[strength] = z
        print(f"strength {strength}: log loss {log_loss(share[real] >= 0.5, expit(z[real])):.4f}", flush=True)
    strength = min(told, key=lambda s: log_loss(share[real] >= 0.5, expit(told[s][real])))
    layer = fitted(np.vstack([x, x]), y, by, strength)
    weights = layer.coef_[0] / spread
    bias = layer.intercept_[0] - (layer.coef_[0] * middle / spread).sum()
    test = [row for row in held["needs_answer test"] if HEAD in row.target]
    truth = np.array([row.target[HEAD] >= 0.5 for row in test])
    ways = {"as it is": str, "without handles": bare}
    z = [means(model, pieces, [prepare(row.text) for row in test]) @ weights + bias for prepare in ways.values()]
    # Both ways of a post must fall into one half, or it would judge itself.
    assert len(test) % 2 == 0, "an even number of posts for test"
    z, of = np.concatenate(z)[:, None], np.tile(truth, 2).astype(float)
    scaled = crosswise(HEAD, z, of)[:, 0]
    factor, shift = scale(HEAD, z, of)
    complaint = np.array(["complaint" in row.target for row in test])
    for way, part in zip(ways, np.split(expit(scaled), 2)):
        for name, inside in (("test part", np.full(len(test), True)), ("complaint file alone", complaint)):
            print(f"{name}, {way}: calibration error {calibration(part[inside], truth[inside].astype(float))[0]:.4f}")
            thresholds(HEAD, truth[inside], part[inside])
    kept = torch.load(chosen.run / "model.pt", map_location="cpu")
    kept["model"][f"heads.{HEAD}.weight"] = torch.tensor(weights[None], dtype=torch.float32)
    kept["model"][f"heads.{HEAD}.bias"] = torch.tensor([bias], dtype=torch.float32)
    torch.save(kept, chosen.run / "model.pt")
    scales = json.loads((chosen.run / "scales.json").read_text())
    scales[HEAD] = [factor, shift]
    (chosen.run / "scales.json").write_text(json.dumps(scales, indent=1) + "\n")
    print(f"strength {strength}, calibration (factor, shift): {factor:.3f} {shift:.3f}")


if __name__ == "__main__":
    main()
