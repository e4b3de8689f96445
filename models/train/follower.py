"""Trains the follower model: `python models/train/follower.py DATA`, with DATA the folder that holds
`follower/train.tsv` (the card says what that is). Writes weights, manifest, golden file, plot and run log to
`models/follower-1`.

All figures are of rows that the model did not see: 10 times 5 folds, stratified. What ships is trained on all rows.
"""

import argparse
import json
import time
from pathlib import Path

import blake3
import numpy as np
from scipy.special import expit
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from follower_model import COUNTS, INPUTS, KNOTS, SETS, TRAITS, Model
from follower_shift import KINDS, NETWORKS, STYLES, styled
from golden_follower import digits, profiles
from measure import LOG, calibration, read, say
from plot import svg

MODEL = "follower-1"
REPEATS, FOLDS = 10, 5
FALSE_POSITIVES = 0.04
# Bins of the measured rates: narrow where most people are.
EDGES = [0.0, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.4, 0.6, 0.8, 1.0]
HIDDEN_AT_RANDOM = 0.3


def load(path):
    """({column: values}, is spam)"""
    names = path.read_text("utf-8").split("\n")[0].split("\t")
    columns = dict(zip(names, zip(*read(path))))
    y = np.array([label == "spam" for label in columns.pop("label")])
    rows = {name: np.array(values, float) for name, values in columns.items()}
    rows["handle_digit_share"] = rows.pop("handle_digits") / rows.pop("handle_length")
    return rows, y


def some(rows, which):
    return {name: values[which] for name, values in rows.items()}


def sensitivity(y, p):
    """Of spam, at the threshold that one in 25 genuine profiles passes."""
    threshold = np.quantile(p[~y], 1 - FALSE_POSITIVES)
    return np.mean(p[y] > threshold), threshold


def figures(name, y, p):
    error, _ = calibration(p, y.astype(float))
    say(f"  {name}: AUC {roc_auc_score(y, p):.3f} AP {average_precision_score(y, p):.3f} sensitivity at 4 % "
        f"{sensitivity(y, p)[0]:.3f} Brier {brier_score_loss(y, p):.4f} ECE {error:.4f} mean {p.mean():.3f}")


def crosswise(rows, y):
    """{what was hidden or changed: likelihoods [repeats x rows]}, by models that did not see the row."""
    hidings = {"nothing": ()} | {name: (name,) for name in INPUTS}
    hidings |= {"counts": tuple(COUNTS), "all but counts": ("has_avatar", "handle"), "all but handle": (*COUNTS, "has_avatar"),
                "all but posts": tuple(set(INPUTS) - {"posts"}), "everything": tuple(INPUTS)}
    found = {name: np.zeros((REPEATS, len(y))) for name in [*hidings, *NETWORKS, "at random"]}
    masks = np.random.default_rng(1).random((len(y), len(INPUTS))) < HIDDEN_AT_RANDOM
    for repeat in range(REPEATS):
        for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=repeat).split(y, y):
            model, seen = Model().fit(some(rows, train), y[train], seed=repeat), some(rows, test)
            for name, hidden in hidings.items():
                found[name][repeat, test] = expit(model.log_odds(seen, hidden))
            for name, change in NETWORKS.items():
                found[name][repeat, test] = expit(model.log_odds(change(seen, y[test])))
            for at in test:
                hidden = [name for name, mask in zip(INPUTS, masks[at]) if mask]
                found["at random"][repeat, at] = expit(model.log_odds(some(rows, [at]), hidden))[0]
    return found


def judged(rows, y):
    """All figures; the mean likelihood of each row by models that did not see it."""
    found = crosswise(rows, y)
    runs = found["nothing"]
    for name, of in (("AUC", roc_auc_score), ("AP", average_precision_score), ("Brier", brier_score_loss),
                     ("sensitivity at 4 %", lambda y, p: sensitivity(y, p)[0]),
                     ("ECE", lambda y, p: calibration(p, y.astype(float))[0])):
        values = [of(y, p) for p in runs]
        say(f"{name}: mean {np.mean(values):.4f}, from {min(values):.4f} to {max(values):.4f} over {REPEATS} repeats")
    p = runs.mean(0)
    caught, threshold = sensitivity(y, p)
    say(f"mean of the repeats: AUC {roc_auc_score(y, p):.4f}, sensitivity at 4 % {caught:.4f} (threshold {threshold:.3f})")
    _, bins = calibration(p, y.astype(float))
    for low, high, share, said, true in bins:
        say(f"  {low:.1f}-{high:.1f}: {share:6.1%} of profiles, said {said:.3f}, true {true:.3f}")
    say("hidden (first repeat):")
    for name, values in found.items():
        if name not in NETWORKS:
            figures(name, y, values[0])
    say("as if on another network (first repeat):")
    for name in NETWORKS:
        figures(name, y, found[name][0])
    say("genuine profiles of each kind, and how many were called spam (mean of the repeats):")
    for name, which in KINDS.items():
        mine = p[which(rows) & ~y]
        say(f"  {name}: {len(mine)}, over {threshold:.2f}: {np.mean(mine > threshold):.3f}, over 0.5: {np.mean(mine > 0.5):.3f}, "
            f"mean said {mine.mean():.3f}; spam of the kind {np.sum(which(rows) & y)}, of all such {np.mean(y[which(rows)]):.3f}")
    return p, bins


def left_out_styles(rows, y):
    say("a style of spam left out of training, told from genuine profiles left out with it:")
    areas = []
    for name in STYLES:
        style = STYLES[name](rows) & y
        halves = []
        for half in (0, 1):
            train, test = styled(style, y, half)
            z = Model().fit(some(rows, train), y[train]).log_odds(some(rows, test))
            halves.append(roc_auc_score(y[test], z))
        areas.append(np.mean(halves))
        say(f"  {name} ({style.sum()}): AUC {areas[-1]:.3f}")
    say(f"  mean {np.mean(areas):.3f}")


def rates(y, p):
    genuine, spam = (np.histogram(p[which], EDGES)[0].tolist() for which in (~y, y))
    assert min(np.add(genuine, spam)) > 0 and sum(genuine) == sum(~y) and sum(spam) == sum(y)
    return {"edges": EDGES, "genuine": genuine, "spam": spam}


def write(model, measured, out):
    whole = {
        "format": 1,
        "model": MODEL,
        "about": "log-odds of spam; counts are read at log(1 + count) and straight between knots; see card.md",
        "knots": KNOTS,
        "tables": [{"of": [name for name in COUNTS if name in known], "log_odds": model.tables[known].ravel().tolist()} for known in SETS],
        "traits": {
            name: {"at": TRAITS[name][1], "log_odds": model.traits[name].tolist(), "missing": model.missing[name]} for name in TRAITS
        },
        "rates": measured,
    }
    # A line a table or trait, so that a difference can be read.
    lines = [f"{json.dumps(key)}: {lined(value)}" for key, value in whole.items()]
    data = ("{\n" + ",\n".join(lines) + "\n}\n").encode()
    assert json.loads(data) == whole
    (out / "weights.json").write_bytes(data)
    digest = blake3.blake3(data).hexdigest()
    (out / "manifest.toml").write_text(
        f"# Written by models/train/follower.py; the loader refuses weights that differ.\n"
        f'model = "{MODEL}"\nblake3 = "{digest}"\nbytes = {len(data)}\n'
    )
    say(f"{len(data)} bytes, blake3 {digest}")


def lined(value):
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(json.dumps(part) for part in value) + "\n]"
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(part)}" for key, part in value.items()) + "\n}"
    return json.dumps(value)


def write_golden(model, out):
    with (out / "golden.jsonl").open("w", encoding="utf-8") as file:
        for profile in profiles():
            row = dict(profile)
            if "handle" in row:
                row["handle_digit_share"], row["handle_trailing_digits"] = digits(row["handle"])
            terms = model.terms(row, set(profile))
            p = expit(sum(terms.values()))
            rounded = {name: round(value, 9) for name, value in terms.items()}
            file.write(json.dumps({"profile": profile, "spam": round(p, 9), "terms": rounded}, ensure_ascii=False) + "\n")


def check(model):
    """Whatever the data said: no step of a table goes the wrong way."""
    for known, table in model.tables.items():
        for axis, name in enumerate(name for name in COUNTS if name in known):
            steps = np.diff(table, axis=axis)
            assert (steps >= 0).all() if name == "following" else (steps <= 0).all(), (known, name)
    for name, (_, _, sign) in TRAITS.items():
        assert (np.diff(model.traits[name]) * sign >= 0).all(), name


def main():
    parser = argparse.ArgumentParser(description="train the follower model")
    parser.add_argument("data", type=Path, help="folder with follower/train.tsv")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / MODEL)
    chosen = parser.parse_args()
    start = time.monotonic()
    rows, y = load(chosen.data / "follower" / "train.tsv")
    say(f"{len(y)} profiles, {y.sum()} spam; {REPEATS} times {FOLDS} folds")
    p, bins = judged(rows, y)
    left_out_styles(rows, y)
    model = Model().fit(rows, y)
    check(model)
    for name, heights in model.traits.items():
        say(f"{name}: {dict(zip(TRAITS[name][1], heights.tolist()))}, unknown {model.missing[name]}")
    measured = rates(y, p)
    say(f"rates: {json.dumps(measured)}")
    chosen.out.mkdir(exist_ok=True)
    write(model, measured, chosen.out)
    write_golden(model, chosen.out)
    (chosen.out / "calibration.svg").write_text(svg({"spam": bins}))
    (chosen.out / "train.log").write_text("\n".join(LOG) + "\n")
    print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
