"""Fragments of texts: common words, common pairs of words, and windows of a few. The teacher is asked about them, too,
so that the student learns what a word says by itself and not only what the texts say that it stood in."""

import random
from collections import Counter

# A word of so many texts, a pair of so many: rarer ones would cost the teacher more time than they tell.
WORD_TEXTS_MIN, PAIR_TEXTS_MIN = 4, 15
WORD_CHARS_MAX = 29
# So many texts give a window, of so many words.
WINDOW_SHARE = 0.25
WINDOW_MIN, WINDOW_MAX = 3, 8


def fragments(texts):
    """Each fragment once; a text's window is always the same one."""
    words, pairs, windows = Counter(), Counter(), {}
    for text in texts:
        small = text.lower().split()
        words.update({word for word in small if len(word) <= WORD_CHARS_MAX})
        pairs.update({" ".join(pair) for pair in zip(small, small[1:])})
        rng, whole = random.Random(text), text.split()
        if len(whole) >= 2 * WINDOW_MIN and rng.random() < WINDOW_SHARE:
            size = rng.randint(WINDOW_MIN, min(WINDOW_MAX, len(whole) - 1))
            start = rng.randint(0, len(whole) - size)
            windows[" ".join(whole[start : start + size])] = None
    common = [word for word, count in words.items() if count >= WORD_TEXTS_MIN]
    common += [pair for pair, count in pairs.items() if count >= PAIR_TEXTS_MIN]
    return list(dict.fromkeys(sorted(common) + sorted(windows)))
