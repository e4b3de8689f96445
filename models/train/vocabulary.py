"""The encoder's vocabulary: the WordPieces of all-MiniLM-L6-v2 that social texts use, and new ones that they need.

Kept, in their old order, which is that of how common they are: the special pieces, all single characters, the
COMMON_WORDS first pieces that are words, and every piece found PIECE_MIN times or more in the training texts.
New: `@user`, every emoji with a Unicode name, and words that occur often but fall into several pieces. A new piece
starts as the mean of the pieces of its name or of the word.
"""

import unicodedata
from collections import Counter

from text import EMOJI_RANGES, FLAG, Pieces, fold

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
COMMON_WORDS = 5_000
PIECE_MIN = 10
WORD_MIN = 25
WORD_MIN_FOREIGN = 8
# Emoji of these blocks count as such if they have a name; of others only the ones that training texts use.
EMOJI_BLOCKS = [(0x1F300, 0x1F64F), (0x1F680, 0x1F6FF), (0x1F900, 0x1F9FF), (0x1FA70, 0x1FAFF)]


def emoji_words(char):
    name = unicodedata.name(char, "").lower()
    for dull in (" sign", " symbol", " face", "face with ", "black ", "white "):
        name = name.replace(dull, " ") if name.replace(dull, "").strip() else name
    return name


def all_emoji(seen):
    found = []
    for low, high in EMOJI_RANGES:
        for code in range(low, high + 1):
            char = chr(code)
            known = any(first <= code <= last for first, last in EMOJI_BLOCKS) or code == FLAG
            if unicodedata.name(char, "") and fold(code)[0] == code and (known or seen[char]):
                found.append(char)
    return found


def build(old, texts, foreign, prune=True, emoji=True, words=True):
    """(new vocabulary, for each piece the ids of old ones whose mean it starts as)"""
    plain = Pieces(old)
    counts = [Counter(word for text in part for word in plain.words(text)) for part in (texts, foreign)]
    both = counts[0] + counts[1]
    used = Counter()
    for word, count in both.items():
        for piece in plain.cut(word):
            used[piece] += count
    first = plain.first_word
    common = [piece for piece in old[first:] if not piece.startswith("##")][:COMMON_WORDS]
    keep = set(SPECIAL) | set(common) | {piece for piece in old if len(piece.removeprefix("##")) == 1}
    keep |= {piece for piece, count in used.items() if count >= PIECE_MIN}
    if not prune:
        keep = set(old)
    new = [piece for piece in old if piece in keep]
    start = [[plain.index[piece]] for piece in new]

    def add(piece, name):
        ids = [plain.index[part] for word in plain.words(name) for part in plain.cut(word)]
        new.append(piece)
        start.append(ids or [plain.index["[UNK]"]])

    add("@user", "user person")
    if words:
        kept = set(new)
        often = [word for word, count in both.most_common() if count >= WORD_MIN]
        often += [word for word, count in counts[1].most_common() if count >= WORD_MIN_FOREIGN]
        for word in dict.fromkeys(often):
            if word not in kept and len(word) > 1 and word.isalpha():
                add(word, word)
    if emoji:
        for char in all_emoji(both):
            if char not in keep:
                add(char, emoji_words(char))
    return new, start
