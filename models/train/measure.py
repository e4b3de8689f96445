"""Reading, metrics and calibration that the trainers share, and the run log they write."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax
from sklearn.metrics import f1_score, recall_score

SENTIMENT = ["negative", "neutral", "positive"]
EMOTION = ["anger", "joy", "optimism", "sadness"]
LANGUAGES = ["arabic", "french", "german", "hindi", "italian", "portuguese", "spanish"]

SHIFT_USUAL = 0.1

LOG = []


def say(line):
    print(line, flush=True)
    LOG.append(line)


def read(path):
    """Rows of a tab-separated file without quoting, the header left out."""
    return [line.split("\t") for line in path.read_text("utf-8").split("\n")[1:] if line]


def balanced(y):
    names, at, counts = np.unique(y, return_inverse=True, return_counts=True)
    return (len(y) / len(names) / counts)[at]


def scaling(logits, y, classes, weight):
    """(factor, a shift for each class): vector scaling with one temperature (Guo et al., 2017), the shifts drawn to zero as
    if each were told to lie within some SHIFT_USUAL of it: a few hundred texts tell little more."""
    index = np.array([classes.index(name) for name in y])
    decay = 1 / (2 * SHIFT_USUAL**2 * len(y))

    def loss(x):
        z = log_softmax(logits * np.exp(x[0]) + x[1:], axis=1)
        return decay * (x[1:] ** 2).sum() - np.average(z[np.arange(len(y)), index], weights=weight)

    x = minimize(loss, np.zeros(1 + len(classes)), method="BFGS").x
    return float(np.exp(x[0])), [float(shift) for shift in x[1:]]


def platt(logits, truth):
    def loss(ab):
        z = ab[0] * logits + ab[1]
        return np.mean(np.logaddexp(0, z) - truth * z)

    return minimize(loss, [1.0, 0.0], method="BFGS").x


def calibration(p, truth, weight=None):
    """(expected error, [(low, high, share, said, true)]) over ten equal bins of confidence."""
    weight = np.ones(len(p)) if weight is None else weight
    weight = weight / weight.sum()
    bins, error = [], 0.0
    for low in np.arange(0, 1, 0.1):
        inside = (p >= low) & (p < low + 0.1 if low < 0.85 else p <= 1)
        share = weight[inside].sum()
        if share > 0:
            said, true = np.average(p[inside], weights=weight[inside]), np.average(truth[inside], weights=weight[inside])
            error += share * abs(said - true)
            bins.append((low, low + 0.1, share, said, true))
    return error, bins


def report(name, y, logits, classes):
    names = np.array(classes)
    p = softmax(logits, axis=1)
    said = names[p.argmax(1)]
    recall = recall_score(y, said, average="macro")
    f1 = f1_score(y, said, average="macro")
    error, bins = calibration(p.max(1), (said == y).astype(float), balanced(y))
    say(f"{name}: macro-recall {recall:.4f} macro-F1 {f1:.4f} accuracy {np.mean(said == y):.4f} "
        f"calibration error (balanced) {error:.4f} n {len(y)}")
    return bins


def report_binary(name, truth, logits):
    p = expit(logits)
    said = p >= 0.5
    error, bins = calibration(p, truth.astype(float))
    say(f"{name}: macro-recall {recall_score(truth, said, average='macro'):.4f} "
        f"macro-F1 {f1_score(truth, said, average='macro'):.4f} F1 {f1_score(truth, said):.4f} "
        f"calibration error {error:.4f} n {len(truth)}")
    return bins


def say_bins(bins):
    for low, high, share, said, true in bins:
        say(f"  {low:.1f}-{high:.1f}: {share:6.1%} of texts, said {said:.3f}, true {true:.3f}")
