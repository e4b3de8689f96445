"""The follower model: how likely a profile is spam, as one table of what its three counts say together and a short curve
for each trait. Everything here can be written down as numbers at knots; between them the model goes straight.

For each set of counts that may be known there is a table of its own (`posts` alone, `followers` and `following`, ...),
so a count that a network hides costs what it is worth and no more. A table is read off a forest of half samples whose
trees may only rise with more following and fall with more followers and posts, and off an additive model under the same
constraint, on a grid of octaves. A trait is fitted on top, half of the time with all counts hidden: what a handle says
must hold where the counts lie otherwise. Each table is then calibrated on rows that its trees did not see.
"""

from itertools import combinations
from math import comb

import numpy as np
from scipy.interpolate import RegularGridInterpolator
from scipy.optimize import brentq, minimize
from scipy.special import expit, logit
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold

COUNTS = ["followers", "following", "posts"]
KNOTS = {
    "followers": [0] + [2**n for n in range(15)] + [65_536],
    "following": [0] + [2**n for n in range(15)],
    "posts": [0] + [2**n for n in range(11)] + [4_096],
}
# Every set of counts that may be known, the empty one first.
SETS = [frozenset(some) for size in range(4) for some in combinations(COUNTS, size)]
# Which input each trait is read from, its knots, and the direction that is more like spam.
TRAITS = {
    "has_avatar": ("has_avatar", [0, 1], -1),
    "handle_digit_share": ("handle", [0, 0.1, 0.2, 0.3, 0.5], 1),
    "handle_trailing_digits": ("handle", [0, 1, 2, 3, 4, 6], 1),
}
INPUTS = COUNTS + ["has_avatar", "handle"]

TREES = 100
LEAF = 4
HALF = 0.5
COLUMNS_A_SPLIT = 0.6
# A leaf without spam says 1 in 250, not never.
SHARE_LEAST = 0.004
# How much of a table is the additive model's word: it goes on where the forest stands still.
SMOOTH_SHARE = 0.25
# Of the traits' fit: rows with all counts known, the rest with none.
COUNTS_KNOWN = 0.5


def log_counts(rows):
    return {name: np.log1p(rows[name]) for name in COUNTS}


def indices(rows, known, following):
    """{name: (values, direction)}: logarithms and ratios. How many are followed stands alone only where `following` asks
    for it, or where there is nothing to compare it with: networks differ in it most."""
    of = log_counts(rows)
    found = {}
    for name, sign in (("followers", -1), ("posts", -1)):
        if name in known:
            found[name] = (of[name], sign)
            if "following" in known:
                found[f"following a {name}"] = (of["following"] - of[name], 1)
    if len(known) == 3:
        found["following a follower and a post"] = (2 * of["following"] - of["followers"] - of["posts"], 1)
    if "following" in known and (following or len(known) == 1):
        found["following"] = (of["following"], 1)
    return found


def matrix(rows, known, following=False):
    found = indices(rows, known, following)
    return np.column_stack([values for values, _ in found.values()]), [sign for _, sign in found.values()]


def bounded(share):
    return logit(np.clip(share, SHARE_LEAST, 1 - SHARE_LEAST))


class Curves:
    """Logistic regression over straight pieces between knots, each rising or falling one way only, smoothed."""

    def __init__(self, knots, signs, strength, smoothness):
        self.knots, self.signs, self.strength, self.smoothness = knots, signs, strength, smoothness

    def pieces(self, X):
        parts = []
        for values, knots in zip(X.T, self.knots):
            parts += [np.clip((values - low) / (high - low), 0, 1) for low, high in zip(knots[:-1], knots[1:])]
        return np.column_stack(parts)

    def penalty(self, X):
        rows, at, whole = [], 0, sum(len(knots) - 1 for knots in self.knots)
        for values, knots in zip(X.T, self.knots):
            width = np.diff(knots)
            slope, part = max(values.std(), 1e-3) / width, width / (knots[-1] - knots[0])
            for n in range(len(width)):
                row = np.zeros(whole)
                row[at + n] = np.sqrt(self.strength * part[n]) * slope[n]
                rows.append(row)
            for n in range(len(width) - 1):
                row = np.zeros(whole)
                amount = np.sqrt(self.smoothness * (part[n] + part[n + 1]) / 2)
                row[at + n], row[at + n + 1] = -amount * slope[n], amount * slope[n + 1]
                rows.append(row)
            at += len(width)
        rows = np.array(rows)
        return rows.T @ rows

    def fit(self, X, y, offset=None, weight=None):
        B = np.column_stack([np.ones(len(y)), self.pieces(X)])
        offset = np.zeros(len(y)) if offset is None else offset
        weight = np.ones(len(y)) if weight is None else weight
        P = np.pad(self.penalty(X), ((1, 0), (1, 0)))

        def loss(x):
            z = B @ x + offset
            value = (weight * (np.logaddexp(0, z) - y * z)).sum() + x @ P @ x / 2
            return value, B.T @ (weight * (expit(z) - y)) + P @ x

        bounds = [(None, None)]
        for knots, sign in zip(self.knots, self.signs):
            bounds += [(0, None) if sign > 0 else (None, 0)] * (len(knots) - 1)
        start = np.zeros(B.shape[1])
        self.x = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500}).x
        return self

    def log_odds(self, X):
        return self.x[0] + self.pieces(X) @ self.x[1:]

    def at_knots(self):
        """The curves' heights at their knots, the first at zero."""
        parts = np.split(self.x[1:], np.cumsum([len(knots) - 1 for knots in self.knots])[:-1])
        return [np.concatenate([[0], np.cumsum(part)]) for part in parts]


def smooth_knots(X):
    return [np.unique(np.quantile(values, np.linspace(0.01, 0.99, 8)).round(3)) for values in X.T]


class Grid:
    """What some counts say, before calibration: `.table` at the knots, `.unseen` of the training rows by trees and
    curves that did not see them."""

    def __init__(self, rows, y, known, seed):
        self.names = [name for name in COUNTS if name in known]
        X, signs = matrix(rows, known)
        forest = RandomForestClassifier(
            TREES, min_samples_leaf=LEAF, max_samples=HALF, max_features=COLUMNS_A_SPLIT,
            monotonic_cst=signs, oob_score=True, random_state=seed,
        ).fit(X, y)

        S, directions = matrix(rows, known, following=True)

        def curves(some):
            return Curves(smooth_knots(S), directions, 3, 10).fit(S[some], y[some])

        mesh = np.meshgrid(*[KNOTS[name] for name in self.names], indexing="ij")
        at = dict(zip(self.names, (part.ravel().astype(float) for part in mesh)))
        at |= {name: np.zeros(mesh[0].size) for name in COUNTS if name not in at}
        said = bounded(forest.predict_proba(matrix(at, known)[0])[:, 1])
        table = mixed(said, curves(np.ones(len(y), bool)).log_odds(matrix(at, known, following=True)[0]))
        self.table = table.reshape(mesh[0].shape)
        smooth = np.zeros(len(y))
        for train, test in StratifiedKFold(4, shuffle=True, random_state=seed).split(X, y):
            smooth[test] = curves(train).log_odds(S[test])
        self.unseen = mixed(bounded(np.nan_to_num(forest.oob_decision_function_[:, 1], nan=y.mean())), smooth)


def mixed(forest, smooth):
    return (1 - SMOOTH_SHARE) * forest + SMOOTH_SHARE * smooth


def calibrated(z, offset, y):
    """(factor, shift), the factor kept positive and drawn to one."""

    def loss(x):
        whole = np.exp(x[0]) * z + x[1] + offset
        return (np.logaddexp(0, whole) - y * whole).sum() + x[0] ** 2

    factor, shift = minimize(loss, [0.0, 0.0], method="BFGS").x
    return np.exp(factor), shift


class Model:
    """`.tables`: {set: array at the knots}, `.traits`: {name: heights}, `.missing`: {name: height when unknown}, all in
    log-odds and rounded as they are shipped."""

    def fit(self, rows, y, seed=1):
        self.tables = {}
        grids = {known: Grid(rows, y, known, seed) for known in SETS if known}
        whole = grids[frozenset(COUNTS)]
        self.fit_traits(rows, y, whole.unseen)
        traits = sum(self.trait(name, rows[name]) for name in TRAITS)
        for known in SETS:
            z = grids[known].unseen if known else np.zeros(len(y))
            factor, shift = calibrated(z, traits, y)
            self.tables[known] = np.round(factor * grids[known].table + shift if known else np.array(shift), 4)
            if known == frozenset(COUNTS):
                self.fit_missing(rows, y, factor * z + shift + traits)
        return self

    def fit_traits(self, rows, y, counts):
        X = np.column_stack([rows[name] for name in TRAITS])
        twice, weight = np.vstack([X, X]), np.repeat([COUNTS_KNOWN, 1 - COUNTS_KNOWN], len(y))
        base = logit(y.mean())
        curves = Curves([np.array(knots, float) for _, knots, _ in TRAITS.values()], [sign for _, _, sign in TRAITS.values()], 1, 3)
        curves.fit(twice, np.concatenate([y, y]), np.concatenate([counts, np.full(len(y), base)]), weight)
        heights = dict(zip(TRAITS, curves.at_knots()))
        heights["has_avatar"] = heights["has_avatar"] - heights["has_avatar"][-1]
        self.traits = {name: np.round(part, 4) for name, part in heights.items()}

    def fit_missing(self, rows, y, z):
        """What an unknown trait adds, so that the mean likelihood stays what it is."""
        self.missing = {}
        for source in ("has_avatar", "handle"):
            mine = [name for name, (of, _, _) in TRAITS.items() if of == source]
            without = z - sum(self.trait(name, rows[name]) for name in mine)
            amount = brentq(lambda c: expit(without + c).mean() - expit(z).mean(), -5, 5)
            self.missing |= {name: round(amount / len(mine), 4) for name in mine}

    def trait(self, name, values):
        return np.interp(values, TRAITS[name][1], self.traits[name])

    def counts(self, rows, known):
        names = [name for name in COUNTS if name in known]
        if not names:
            return np.full(len(rows["followers"]), float(self.tables[known]))
        knots = [np.log1p(KNOTS[name]) for name in names]
        points = np.column_stack([np.minimum(np.log1p(rows[name]), part[-1]) for name, part in zip(names, knots)])
        return RegularGridInterpolator(knots, self.tables[known])(points)

    def log_odds(self, rows, hidden=()):
        """Of every row, with the inputs named in `hidden` unknown."""
        z = self.counts(rows, frozenset(COUNTS) - set(hidden))
        for name, (source, _, _) in TRAITS.items():
            z = z + (self.missing[name] if source in hidden else self.trait(name, rows[name]))
        return z

    def terms(self, row, known):
        """{"base": ..., input or trait: ...} of one profile, which add up to its log-odds: a count's term is its mean
        part over all orders in which the counts may become known (Shapley), a trait's what it adds to being unknown."""
        rows = {name: np.array([float(row.get(name, 0))]) for name in COUNTS}
        counts = frozenset(name for name in COUNTS if name in known)
        said = {some: float(self.counts(rows, some)[0]) for some in SETS if some <= counts}
        terms = {"base": said[frozenset()] + sum(self.missing.values())}
        for name in (name for name in COUNTS if name in counts):
            others = counts - {name}
            before = [some for some in SETS if some <= others]
            # Of all orders, the share in which exactly these came before.
            share = {some: 1 / (len(counts) * comb(len(others), len(some))) for some in before}
            terms[name] = sum(share[some] * (said[some | {name}] - said[some]) for some in before)
        for name, (source, _, _) in TRAITS.items():
            if source in known:
                terms[name] = float(self.trait(name, row[name])) - self.missing[name]
        return terms
