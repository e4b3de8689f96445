"""Calibrates needs_answer: `python models/train/answer.py DATA RUN`. Most posts that wait for an answer begin with the
brand's handle, and many mentions have none, so every post of the test part counts twice, as it is and without the
handles. Writes the calibration into the run's `scales.json`, for texts of which LABELLED wait for an answer, as the fast
tier's is; to be run after `judge.py`. Tells what is found and what is wrongly called by kind of text, crosswise, each half
by the other, at the likelihoods that the program shows: it takes SHOWN of what is said to wait for an answer.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from data import bare, load
from judge import crosswise, logits, opened, scale
from measure import calibration

HEAD = "needs_answer"
KINDS = ("complaint file", "tweets", "invented")
TOLD_AT = (0.3, 0.5, 0.7, 0.8)
LABELLED, SHOWN = 0.73, 0.25


def kind(row):
    if row.source == "invented":
        return "invented"
    return "complaint file" if "complaint" in row.target else "tweets"


def main():
    parser = argparse.ArgumentParser(description="calibrate needs_answer")
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    chosen = parser.parse_args()
    test = [row for row in load(chosen.data, False)[1]["needs_answer test"] if HEAD in row.target]
    # Both ways of a post must fall into one half of every second, or it would judge itself.
    test = test[: len(test) // 2 * 2]
    model, pieces = opened(chosen.run)
    truth, source = np.array([row.target[HEAD] >= 0.5 for row in test]), np.array([kind(row) for row in test])
    ways = {"as it is": str, "without handles": bare}
    z = [logits(model, pieces, [prepare(row.text) for row in test])[HEAD].double().numpy() for prepare in ways.values()]
    z, of = np.concatenate(z), np.tile(truth, 2).astype(float)
    said = crosswise(HEAD, z, of)[:, 0]
    print(f"{truth.mean():.3f} of {len(truth)} are yes, calibration error {calibration(expit(said), of)[0]:.3f}")
    said += logit(SHOWN) - logit(truth.mean())
    for way, part in zip(ways, np.split(expit(said), 2)):
        for name in (*KINDS, "all"):
            inside = (source == name) | (name == "all")
            p, y = part[inside], truth[inside]
            print(f"{name}, {way}: {len(y)}, {y.mean():.3f} are yes, area under the curve {roc_auc_score(y, p):.3f}")
            for at in TOLD_AT:
                found, wrong = (p[y] >= at).mean(), (p[~y] >= at).mean()
                precision = SHOWN * found / max(SHOWN * found + (1 - SHOWN) * wrong, 1e-9)
                print(f"  at {at}: {found:.3f} found, {wrong:.3f} of the others called so: precision {precision:.3f} where "
                      f"{SHOWN} wait")
    factor, shift = scale(HEAD, z, of)
    scales = json.loads((chosen.run / "scales.json").read_text())
    scales[HEAD] = (factor, shift + logit(LABELLED) - logit(truth.mean()))
    (chosen.run / "scales.json").write_text(json.dumps(scales, indent=1) + "\n")
    print("calibration (factor, shift): {:.3f} {:.3f}".format(*scales[HEAD]))


if __name__ == "__main__":
    main()
