"""Other networks and other spam than the training data holds, made from it: what a model learnt on one network does on
the next. Nothing here trains anything; it chooses between models and tells figures."""

import numpy as np

SEED = 5
# Networks differ in how many one follows, is followed by and posts, by about a factor of e^1.3 either way.
SPREAD = 1.3


def scaled(followers=1.0, following=1.0, posts=1.0, only=None):
    """Counts multiplied, of all rows or of spam (`True`) or of genuine profiles (`False`) only."""

    def change(rows, y):
        which = np.ones(len(y), bool) if only is None else y == only
        factors = {"followers": followers, "following": following, "posts": posts}
        return rows | {name: np.where(which, np.floor(rows[name] * factor), rows[name]) for name, factor in factors.items()}

    return change


def more_posts(count):
    def change(rows, y):
        return rows | {"posts": rows["posts"] + count * y}

    return change


NETWORKS = {f"scale {n}": scaled(*np.exp(np.random.default_rng(SEED + n).normal(0, SPREAD, 3))) for n in range(8)} | {
    "spam follows and is followed by a tenth": scaled(0.1, 0.1, only=True),
    "spam follows a fifth": scaled(following=0.2, only=True),
    "people post ten times as much, follow a third": scaled(0.3, 0.3, 10, only=False),
    "people are small and quiet": scaled(0.15, 0.15, 0.3, only=False),
    "spam buys 15 posts": more_posts(15),
}

STYLES = {
    "no post": lambda rows: rows["posts"] < 1,
    "1 to 9 posts": lambda rows: (rows["posts"] >= 1) & (rows["posts"] < 10),
    "10 posts or more": lambda rows: rows["posts"] >= 10,
    "fewer than 40 followers": lambda rows: rows["followers"] < 40,
    "more than 500 followers": lambda rows: rows["followers"] > 500,
    "follows fewer than 700": lambda rows: rows["following"] < 700,
    "private": lambda rows: rows["is_private"] > 0,
    "digits at the end": lambda rows: rows["handle_trailing_digits"] >= 3,
}

# Who looks like spam and may not be.
KINDS = {
    "all": lambda rows: rows["posts"] >= 0,
    "newcomer (fewer than 100 followers, 1 to 9 posts)": lambda rows: (rows["followers"] < 100) & (rows["posts"] >= 1) & (rows["posts"] < 10),
    "never posts": lambda rows: rows["posts"] < 1,
    "private": lambda rows: rows["is_private"] > 0,
    "private, never posts": lambda rows: (rows["is_private"] > 0) & (rows["posts"] < 1),
    "no picture": lambda rows: rows["has_avatar"] < 1,
    "follows five times as many as follow": lambda rows: rows["following"] >= 5 * rows["followers"],
    "3 digits or more at the end": lambda rows: rows["handle_trailing_digits"] >= 3,
    "follows more than 3,000": lambda rows: rows["following"] > 3_000,
    "more than 10,000 followers": lambda rows: rows["followers"] > 10_000,
}


def styled(style, y, half):
    """(train, test): the spam of a style and every other genuine profile are kept for the test."""
    mine = ~y & (np.arange(len(y)) % 2 == half)
    test = style | mine
    return ~test, test
