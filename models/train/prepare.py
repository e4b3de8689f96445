"""Text preparation and feature hashing of the fast tier. `src/classify/prepare.rs` does exactly the same: change both
or neither, then train again. No Unicode table is consulted, so that no version of one can part the two.

Over the first CHARS_MAX code points of a text:
1. A code point is folded, then belongs to one class (`fold`): dropped, space, word, punctuation or emoji.
2. `@` before a word code point is a handle: all up to the first code point that is neither a word nor one of `_@.-`
   followed by a word. It gives the token `@`.
3. A run of word code points is a token, as is a run of punctuation; every emoji is one by itself. A code point that
   equals the two before it in its token is left out (`soooo` is `soo`, `2000` is `00`), and so is an emoji that equals
   the two tokens before it.
4. The word `http`, `https` or `www` swallows all up to the next space and gives the token `http`.

Features, each a 32-bit hash over code points: every token, every pair of neighbours, every pair with one token between,
and 3 to 5 neighbouring code points of each word with a space put before and after it.
"""

import numpy as np
from scipy.sparse import csr_matrix

CHARS_MAX = 2_000
NGRAM_MIN, NGRAM_MAX = 3, 5
SEED_TOKEN, SEED_PAIR, SEED_SKIP, SEED_GRAM = 0x811C9DC5, 0x9E3779B9, 0x85EBCA6B, 0xC2B2AE35
PRIME = 0x01000193
MASK = 0xFFFFFFFF

DROPPED, SPACE, WORD, PUNCTUATION, EMOJI = range(5)

# U+00C0 to U+017F without their accents; `*` is no letter.
LATIN = (
    "aaaaaaaceeeeiiiidnooooo*ouuuuytsaaaaaaaceeeeiiiidnooooo*ouuuuyty"
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
    "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"
)
assert len(LATIN) == 0x180 - 0xC0

DROPPED_RANGES = [
    (0x27, 0x27), (0x60, 0x60), (0xAD, 0xAD), (0xB4, 0xB4), (0x2BC, 0x2BC), (0x300, 0x36F), (0x640, 0x640),
    (0x64B, 0x65F), (0x670, 0x670), (0x200B, 0x200F), (0x2018, 0x2019), (0x202A, 0x202E), (0x2060, 0x206F),
    (0x20D0, 0x20FF), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0x1F3FB, 0x1F3FF), (0xE0000, 0xE0FFF),
]
SPACE_RANGES = [
    (0x00, 0x20), (0x23, 0x23), (0x5F, 0x5F), (0x7F, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
    (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
]
EMOJI_RANGES = [(0x2190, 0x2BFF), (0x1F000, 0x1FAFF)]
PUNCTUATION_RANGES = [
    (0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E), (0xA1, 0xA9), (0xAB, 0xB4), (0xB6, 0xB9), (0xBB, 0xBF),
    (0xD7, 0xD7), (0xF7, 0xF7), (0x60C, 0x60C), (0x61B, 0x61B), (0x66A, 0x66D), (0x6D4, 0x6D4), (0x964, 0x965),
    (0x2010, 0x205E), (0x2E00, 0x2E7F), (0x3001, 0x303F), (0xFF5F, 0xFF65),
]


def within(code, ranges):
    return any(low <= code <= high for low, high in ranges)


def fold(code):
    """(folded code point, class)"""
    if 0xFF01 <= code <= 0xFF5E:
        code -= 0xFEE0
    if code == 0x61F:
        code = ord("?")
    if within(code, DROPPED_RANGES):
        return code, DROPPED
    if within(code, SPACE_RANGES):
        return code, SPACE
    if within(code, EMOJI_RANGES):
        return code, EMOJI
    if within(code, PUNCTUATION_RANGES):
        return code, PUNCTUATION
    if 0x30 <= code <= 0x39:
        return 0x30, WORD
    if 0x41 <= code <= 0x5A or 0x391 <= code <= 0x3A9 or 0x410 <= code <= 0x42F:
        code += 32
    elif 0x400 <= code <= 0x40F:
        code += 80
    if code == 0x451:
        code = 0x435
    elif code == 0x3C2:
        code = 0x3C3
    elif 0xC0 <= code < 0x180:
        code = ord(LATIN[code - 0xC0])
    return code, WORD


FOLDED = {}


def folded(text):
    out = []
    for char in text[:CHARS_MAX]:
        pair = FOLDED.get(char)
        if pair is None:
            pair = FOLDED[char] = fold(ord(char))
        if pair[1] != DROPPED:
            out.append(pair)
    return out


LINKS = ([ord(c) for c in "http"], [ord(c) for c in "https"], [ord(c) for c in "www"])
JOINERS = {ord(c) for c in "@.-"}


def tokens(text):
    """[(class, [code points])]"""
    codes, out, at = folded(text), [], 0
    while at < len(codes):
        code, kind = codes[at]
        if kind == SPACE:
            at += 1
        elif code == 0x40 and at + 1 < len(codes) and codes[at + 1][1] == WORD:
            at = handle_end(codes, at + 1)
            push(out, EMOJI, [0x40])
        elif kind == EMOJI:
            at += 1
            push(out, EMOJI, [code])
        else:
            token = []
            while at < len(codes) and codes[at][1] == kind:
                code = codes[at][0]
                if kind == PUNCTUATION and code == 0x40 and at + 1 < len(codes) and codes[at + 1][1] == WORD:
                    break
                if len(token) < 2 or token[-1] != code or token[-2] != code:
                    token.append(code)
                at += 1
            if kind == WORD and token in LINKS:
                token = LINKS[0]
                while at < len(codes) and codes[at][1] != SPACE:
                    at += 1
            push(out, kind, token)
    return out


def handle_end(codes, at):
    while at < len(codes):
        code, kind = codes[at]
        joins = (code in JOINERS or code == 0x5F) and at + 1 < len(codes) and codes[at + 1][1] == WORD
        if kind != WORD and not joins:
            break
        at += 1
    return at


def push(out, kind, token):
    if kind == EMOJI and len(out) >= 2 and out[-1][1] == token and out[-2][1] == token:
        return
    out.append((kind, token))


def finish(hashed):
    """Spreads a hash over all its bits (the last steps of a 32-bit murmur)."""
    hashed = hashed ^ (hashed >> 16)
    hashed = (hashed * 0x85EBCA6B) & MASK
    return hashed ^ (hashed >> 13)


def hash_codes(seed, codes):
    hashed = seed
    for code in codes:
        hashed = ((hashed ^ code) * PRIME) & MASK
    return hashed


CACHE = {}


def hash_token(token):
    key = tuple(token)
    hashed = CACHE.get(key)
    if hashed is None:
        hashed = CACHE[key] = hash_codes(SEED_TOKEN, token)
    return hashed


def pair(seed, first, second):
    return ((first ^ seed) * PRIME ^ second) & MASK


def features(texts, buckets_log2):
    """Sparse `[texts x buckets]`, each row divided by the root of its number of features."""
    rows, hashes, flat, flat_row, left = [], [], [], [], []
    for row, text in enumerate(texts):
        found = tokens(text)
        hashed = [hash_token(token) for _, token in found]
        mine = [pair(SEED_PAIR, a, b) for a, b in zip(hashed, hashed[1:])]
        mine += [pair(SEED_SKIP, a, b) for a, b in zip(hashed, hashed[2:])]
        mine += hashed
        hashes.extend(mine)
        rows.extend([row] * len(mine))
        for kind, token in found:
            if kind == WORD:
                size = len(token) + 2
                flat.append(0x20)
                flat.extend(token)
                flat.append(0x20)
                flat_row.extend([row] * size)
                left.extend(range(size, 0, -1))
    rows, hashes = [np.array(rows, np.int64)], [np.array(hashes, np.uint64)]
    flat, flat_row, left = np.array(flat, np.uint64), np.array(flat_row, np.int64), np.array(left, np.int64)
    running = np.full(len(flat), SEED_GRAM, np.uint64)
    for size in range(1, NGRAM_MAX + 1):
        inside = len(flat) - size + 1
        if inside <= 0:
            break
        running = ((running[:inside] ^ flat[size - 1 :]) * np.uint64(PRIME)) & np.uint64(MASK)
        if size >= NGRAM_MIN:
            whole = left[:inside] >= size
            rows.append(flat_row[:inside][whole])
            hashes.append(running[whole])
    rows = np.concatenate(rows)
    columns = (finish(np.concatenate(hashes)) & np.uint64((1 << buckets_log2) - 1)).astype(np.int64)
    counts = np.maximum(np.bincount(rows, minlength=len(texts)), 1)
    values = (1.0 / np.sqrt(counts))[rows]
    return csr_matrix((values, (rows, columns)), shape=(len(texts), 1 << buckets_log2), dtype=np.float64)
