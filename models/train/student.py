"""The fast tier's linear model, and how it learns: from the encoder's probabilities on every text, and from the labels
where there are any, on fragments of texts too. In other languages than English the encoder guesses, so there the labels alone count."""

import numpy as np
from scipy.sparse import csr_matrix
from scipy.special import expit, softmax

from measure import LANGUAGES
from teacher import COLUMNS, HEADS

SLICES, at = {}, 0
for head, size in HEADS.items():
    SLICES[head] = slice(at, at + size)
    at += size

# Settings, chosen on the held-out year; `models/fast-2/levers.md` has what each gave.
LABEL_SHARE = 0.3
# Rows of the heads with few labels count this often for them, or the many other texts would speak for them alone.
SMALL, SMALL_WEIGHT = ("complaint", "irony", "emotion", "needs_answer"), 5.0
FRAGMENT, FRAGMENT_WEIGHT = "fragment", 0.3
EPOCHS, BATCH, WARM_UP_STEPS = 6, 2_048, 20
# Sentiment has the labels to learn too much from; the others have not, and need longer steps to get there.
RATE = np.full(COLUMNS, 0.05, np.float32)
RATE[SLICES["sentiment"]] = 0.012
# So many features of a text are left out at random in each step: a text is more than its best word.
DROP = 0.3
DECAY_FIRST, DECAY_SECOND, TINY = 0.9, 0.99, 1e-8


def probabilities(logits):
    out = np.empty_like(logits)
    for part in SLICES.values():
        z = logits[:, part]
        out[:, part] = softmax(z, axis=1) if z.shape[1] > 1 else expit(z)
    return out


class Targets:
    """What rows should be scored as: `soft`, `hard` and their weights, all `[rows x COLUMNS]`. `prior` is added to the
    logits where they meet the labels: the logarithm of how common each class is (Menon et al., 2021), so that the logits
    themselves speak for equally common classes, as the encoder's do."""

    def __init__(self, rows, logits):
        shape = len(rows), COLUMNS
        foreign = np.array([row.source in LANGUAGES for row in rows])
        self.soft = probabilities(logits).astype(np.float32)
        self.hard, self.hard_weight, self.prior = (np.zeros(shape, np.float32) for _ in range(3))
        for at, row in enumerate(rows):
            for head in HEADS:
                if head not in row.target:
                    continue
                part, target = SLICES[head], row.target[head]
                self.hard[at, part] = np.eye(HEADS[head])[int(target)] if HEADS[head] > 1 else target
                self.hard_weight[at, part] = row.weight[head] * (1.0 if foreign[at] else LABEL_SHARE)
        self.soft_weight = np.where(foreign[:, None], 0.0, 1.0 - self.hard_weight).astype(np.float32)
        self.soft_weight[[row.source == FRAGMENT for row in rows]] = FRAGMENT_WEIGHT
        for part in (SLICES[head] for head in SMALL):
            often = np.where(self.hard_weight[:, part] > 0, SMALL_WEIGHT, 1.0).astype(np.float32)
            self.hard_weight[:, part] *= often
            self.soft_weight[:, part] *= often
        for part in (SLICES["sentiment"], SLICES["emotion"]):
            # The other languages' rows are balanced already.
            counts = self.hard[~foreign, part].sum(0) + 1.0
            self.prior[~foreign, part] = np.log(counts / counts.sum())

    def pull(self, logits, rows):
        """The gradient of the loss by the logits of these rows."""
        soft = self.soft_weight[rows] * (probabilities(logits) - self.soft[rows])
        hard = self.hard_weight[rows] * (probabilities(logits + self.prior[rows]) - self.hard[rows])
        return (soft + hard) / len(rows)


def learn(X, targets, seed):
    """(weights `[buckets x COLUMNS]`, bias) by Adam (Kingma and Ba, 2015)."""
    rng = np.random.default_rng(seed)
    params = [np.zeros((X.shape[1], COLUMNS), np.float32), np.zeros(COLUMNS, np.float32)]
    first, second = ([np.zeros_like(param) for param in params] for _ in range(2))
    starts = range(0, X.shape[0], BATCH)
    step, steps = 0, EPOCHS * len(starts)
    for _ in range(EPOCHS):
        order = rng.permutation(X.shape[0])
        for start in starts:
            rows = order[start : start + BATCH]
            part = X[rows]
            kept = rng.random(len(part.data), dtype=np.float32) >= DROP
            part = csr_matrix((part.data * kept / np.float32(1 - DROP), part.indices, part.indptr), part.shape)
            pull = targets.pull(part @ params[0] + params[1], rows)
            step += 1
            rate = RATE * np.float32(min(1.0, step / WARM_UP_STEPS) * (1 - (step - 1) / steps))
            for param, m, v, gradient in zip(params, first, second, (part.T @ pull, pull.sum(0))):
                m += (1 - DECAY_FIRST) * (gradient - m)
                v += (1 - DECAY_SECOND) * (gradient * gradient - v)
                param -= rate / np.float32(1 - DECAY_FIRST**step) * m / (np.sqrt(v / np.float32(1 - DECAY_SECOND**step)) + TINY)
    return params
