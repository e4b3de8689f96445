"""Invented profiles, nobody's, on which trainer and daemon must agree: every input unknown once, counts at, between and
beyond the knots, and handles of many kinds."""

from random import Random
from unicodedata import category

SEED = 5
HANDLES = [
    "fernwald", "@ann.b", "ann@social.example", "ann99@social.example", "mia_1987.bsky.example", "lena.example", "x",
    "user48291047", "a1b2c3d4", "1234567", "ann.b99", "j0hn", "mr_brown_", "kestrel.bank.example", "zoë１２３", "маша2001",
    "9lives", "a.b.c.d4", "n0_1", "oldschool_94", "ab000", "lumora-shop", "q" * 60 + "9" * 4,
]
COUNTS = [0, 1, 2, 3, 5, 8, 17, 40, 99, 128, 300, 777, 1_500, 4_096, 7_500, 20_000, 65_536, 3_000_000]


def local(handle):
    """The part that a person chose: no server, no domain. The last label of a domain holds letters only; a name with a
    point that ends in digits is no domain."""
    handle = handle.removeprefix("@").split("@")[0]
    first, _, rest = handle.partition(".")
    return first if rest and rest.rsplit(".", 1)[-1].isalpha() else handle


def digits(handle):
    """(share of digits, digits at the end)"""
    name = local(handle)
    numeric = {letter for letter in name if category(letter).startswith("N")}
    return sum(letter in numeric for letter in name) / len(name), len(name) - len(name.rstrip("".join(numeric) or " "))


def profiles():
    chance = Random(SEED)
    found = [{}, {"handle": "fernwald"}]
    for n in range(200):
        whole = {
            "followers": chance.choice(COUNTS), "following": chance.choice(COUNTS), "posts": chance.choice(COUNTS),
            "has_avatar": chance.random() < 0.7, "handle": HANDLES[n % len(HANDLES)],
        }
        hidden = list(whole)[n % 10 : n % 10 + 1] + [name for name in whole if n % 4 == 0 and chance.random() < 0.5]
        found.append({name: value for name, value in whole.items() if name not in hidden})
    return found
