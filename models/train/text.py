"""Text preparation and WordPieces of the encoder. Whoever loads `text-1` must do exactly the same; `golden.jsonl` beside
the weights holds both sides to it. No Unicode table is consulted, so that no version of one can part the two.

Over the first CHARS_MAX code points of a text:
1. The five entities of ENTITIES become the code point they stand for, once: `&amp;lt;` is `&lt;`.
2. Each code point is folded, then belongs to one class (`fold`): dropped, space, letter, digit, punctuation, ideograph
   or emoji. Dropped ones vanish before anything else is looked at. A word is a run of letters and digits.
3. `@` before a letter or digit is a handle: all up to the first code point that is neither letter nor digit nor one of
   `_@.-` followed by one. It gives the token `@user`.
4. The word `http`, `https` or `www` swallows all up to the next space and gives the token `http`.
5. `#` before a letter or digit is a hashtag: the run of letters, digits and `_` that follows. It gives the token `#` and
   the words of the run: parted at `_`, between letter and digit, before a capital that follows a small letter, and
   before the last of several capitals that a small letter follows (only A-Z count as capitals). Step 6 is done to each
   part; then one of letters a-z that is not in the vocabulary is parted further if it is a row of known words (`rows`).
6. In a word a letter that equals the two before it is left out. If something was left out, the word is not in the
   vocabulary, and the word with one letter in place of each such run is, that one is taken (`soooo` is `so`).
7. A punctuation code point is a token by itself, left out if it equals the two before it in its run; so is an ideograph,
   never left out; so is an emoji, left out if it equals the two tokens before it.
8. Each token is cut into pieces: the longest piece that begins it, then the longest `##` piece that goes on, and so
   forth. A token that cannot be cut so, or is longer than WORD_MAX, is `[UNK]`.
The first PIECES_MAX - 2 pieces stand between `[CLS]` and `[SEP]`.
"""

import re

CHARS_MAX = 2_000
WORD_MAX = 40
PIECES_MAX = 128

DROPPED, SPACE, LETTER, DIGIT, PUNCTUATION, IDEOGRAPH, EMOJI = range(7)
ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'"}
ENTITY = re.compile("|".join(ENTITIES))

# U+00C0 to U+017F as small letters without their accents; `*` is no letter, `.` stays as it is.
LATIN = (
    "aaaaaaæceeeeiiiiðnooooo*øuuuuyþßaaaaaaæceeeeiiiiðnooooo*øuuuuyþy"
    "aaaaaaccccccccddđđeeeeeeeeeegggggggghhħħiiiiiiiiiıĳĳjjkkĸllllllŀ"
    "ŀłłnnnnnnŉŋŋooooooœœrrrrrrssssssssttttŧŧuuuuuuuuuuuuwwyyyzzzzzzs"
)
assert len(LATIN) == 0x180 - 0xC0

DROPPED_RANGES = [
    (0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x84), (0x86, 0x9F), (0xAD, 0xAD), (0x2BC, 0x2BC), (0x300, 0x36F), (0x640, 0x640),
    (0x64B, 0x65F), (0x670, 0x670), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFD), (0x1F3FB, 0x1F3FF), (0xE0000, 0xE0FFF),
]
SPACE_RANGES = [
    (0x09, 0x0D), (0x20, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
    (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000),
]
PUNCTUATION_RANGES = [
    (0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E), (0xA1, 0xA9), (0xAB, 0xB4), (0xB6, 0xB9), (0xBB, 0xBF),
    (0xD7, 0xD7), (0xF7, 0xF7), (0x60C, 0x60C), (0x61B, 0x61B), (0x66A, 0x66D), (0x6D4, 0x6D4), (0x964, 0x965),
    (0x2010, 0x205E), (0x20A0, 0x20CF), (0x2E00, 0x2E7F), (0x3001, 0x303F), (0xFF5F, 0xFF65),
]
IDEOGRAPH_RANGES = [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FA1F)]
EMOJI_RANGES = [(0x2190, 0x2BFF), (0x1F000, 0x1FAFF)]
# Look-alikes: quotes, dashes, Arabic letters with a hamza or madda, the Arabic question mark, Cyrillic io, last sigma.
SAME = {
    0x60: 0x27, 0xB4: 0x27, 0x2018: 0x27, 0x2019: 0x27, 0x201B: 0x27, 0x2032: 0x27,
    0xAB: 0x22, 0xBB: 0x22, 0x201C: 0x22, 0x201D: 0x22, 0x201E: 0x22, 0x201F: 0x22, 0x2033: 0x22,
    0x2010: 0x2D, 0x2011: 0x2D, 0x2012: 0x2D, 0x2013: 0x2D, 0x2014: 0x2D, 0x2015: 0x2D, 0x2212: 0x2D,
    0x622: 0x627, 0x623: 0x627, 0x625: 0x627, 0x624: 0x648, 0x626: 0x64A, 0x61F: 0x3F, 0x3C2: 0x3C3, 0x451: 0x435,
    0x203C: 0x21, 0x2049: 0x3F,
}
FLAG = 0x1F3F3


def within(code, ranges):
    return any(low <= code <= high for low, high in ranges)


def plain(code):
    """Full-width, mathematical letters and digits, Arabic digits as the plain ones; each letter of a flag as a white flag."""
    if 0xFF01 <= code <= 0xFF5E:
        return code - 0xFEE0
    if 0x1D400 <= code <= 0x1D6A3:
        at = (code - 0x1D400) % 52
        return 0x41 + at if at < 26 else 0x61 + at - 26
    if 0x1D7CE <= code <= 0x1D7FF:
        return 0x30 + (code - 0x1D7CE) % 10
    if 0x660 <= code <= 0x669 or 0x6F0 <= code <= 0x6F9:
        return 0x30 + code % 16
    return FLAG if 0x1F1E6 <= code <= 0x1F1FF else code


def small(code):
    if 0x41 <= code <= 0x5A or 0x391 <= code <= 0x3A9 or 0x410 <= code <= 0x42F:
        return code + 32
    return code + 80 if 0x400 <= code <= 0x40F else code


def fold(code):
    """(folded code point, class, whether it was a capital of A-Z)"""
    code = plain(code)
    capital = 0x41 <= code <= 0x5A
    code = small(code)
    code = SAME.get(code, code)
    if 0xC0 <= code < 0x180 and LATIN[code - 0xC0] != "*":
        return ord(LATIN[code - 0xC0]), LETTER, False
    for kind, ranges in (
        (DROPPED, DROPPED_RANGES), (SPACE, SPACE_RANGES), (EMOJI, EMOJI_RANGES), (PUNCTUATION, PUNCTUATION_RANGES),
        (IDEOGRAPH, IDEOGRAPH_RANGES), (DIGIT, [(0x30, 0x39)]),
    ):
        if within(code, ranges):
            return code, kind, False
    return code, LETTER, capital


FOLDED = {}


def folded(text):
    out = []
    for char in ENTITY.sub(lambda found: ENTITIES[found[0]], text[:CHARS_MAX]):
        triple = FOLDED.get(char)
        if triple is None:
            code, kind, capital = fold(ord(char))
            triple = FOLDED[char] = (chr(code), kind, capital)
        if triple[1] != DROPPED:
            out.append(triple)
    return out


def is_word(codes, at):
    return at < len(codes) and codes[at][1] in (LETTER, DIGIT)


def handle_end(codes, at):
    while is_word(codes, at) or (at < len(codes) and codes[at][0] in "_@.-" and is_word(codes, at + 1)):
        at += 1
    return at


def tag_parts(run):
    """Parts of a hashtag's run of (char, class, capital), as strings."""
    parts, part = [], ""
    for at, (char, kind, capital) in enumerate(run):
        before = run[at - 1] if at else None
        after = run[at + 1] if at + 1 < len(run) else None
        if part and char != "_" and (
            kind != before[1]
            or (capital and not before[2])
            or (capital and before[2] and after and after[1] == LETTER and not after[2])
        ):
            parts.append(part)
            part = ""
        if char == "_":
            if part:
                parts.append(part)
            part = ""
        else:
            part += char
    return parts + [part] if part else parts


class Pieces:
    """A vocabulary and what it makes of a text. The options exist to measure what each step gives."""

    def __init__(self, vocabulary, split_tags=True, shorten=True):
        self.list = list(vocabulary)
        self.index = {piece: at for at, piece in enumerate(self.list)}
        self.split_tags, self.shorten = split_tags, shorten
        self.first_word = self.index["the"]
        self.last_word = self.index.get("@user", len(self.list))

    def cost(self, word):
        """16 log2 of a known word's rank in steps of a sixteenth, plus 96 a word; None for what is none. Ranks are those
        of the vocabulary, `the` being 1, which is sorted by how common a word is up to `@user`, the first of the new pieces.
        Of the single letters only `a` and `i` are words, without a rank."""
        if len(word) == 1:
            return 96 if word in "ai" else None
        at = self.index.get(word)
        if at is None or not self.first_word <= at < self.last_word:
            return None
        rank = at - self.first_word + 1
        whole = rank.bit_length() - 1
        return 96 + 16 * whole + ((rank << 4) >> whole) - 16

    def rows(self, part):
        """The cheapest row of known words that makes up `part`, the longest last word first among equals; or `[part]`."""
        if part in self.index or len(part) > WORD_MAX or not (part.isascii() and part.isalpha()):
            return [part]
        best = [(0, 0)] + [None] * len(part)
        for end in range(1, len(part) + 1):
            for start in range(end):
                cost = self.cost(part[start:end]) if best[start] else None
                if cost is not None and (best[end] is None or best[start][0] + cost < best[end][0]):
                    best[end] = (best[start][0] + cost, start)
        if best[-1] is None:
            return [part]
        words, end = [], len(part)
        while end:
            words.append(part[best[end][1] : end])
            end = best[end][1]
        return words[::-1]

    def short(self, word):
        twice, once, at = "", "", 0
        while at < len(word):
            end = at
            while end < len(word) and word[end] == word[at]:
                end += 1
            long = end - at > 2 and not "0" <= word[at] <= "9"
            twice += word[at] * (2 if long else end - at)
            once += word[at] * (1 if long else end - at)
            at = end
        return once if once != twice and twice not in self.index and once in self.index else twice

    def words(self, text):
        codes, out, at = folded(text), [], 0
        while at < len(codes):
            char, kind, _ = codes[at]
            start = at
            at += 1
            if kind == SPACE:
                continue
            if kind in (LETTER, DIGIT):
                while is_word(codes, at):
                    at += 1
                word = "".join(char for char, _, _ in codes[start:at])
                if word in ("http", "https", "www"):
                    while at < len(codes) and codes[at][1] != SPACE:
                        at += 1
                    word = "http"
                out.append(self.short(word) if self.shorten else word)
            elif char == "@" and is_word(codes, at):
                at = handle_end(codes, at)
                out.append("@user")
            elif char == "#" and is_word(codes, at) and self.split_tags:
                while is_word(codes, at) or (at < len(codes) and codes[at][0] == "_"):
                    at += 1
                out.append("#")
                for part in tag_parts(codes[start + 1 : at]):
                    out.extend(self.rows(self.short(part)))
            elif kind == PUNCTUATION:
                if start < 2 or codes[start - 1][0] != char or codes[start - 2][0] != char or not self.shorten:
                    out.append(char)
            elif kind == IDEOGRAPH or out[-2:] != [char, char]:
                out.append(char)
        return out

    def cut(self, word):
        if len(word) > WORD_MAX:
            return ["[UNK]"]
        out, start = [], 0
        while start < len(word):
            end = len(word)
            while end > start and ("##" if start else "") + word[start:end] not in self.index:
                end -= 1
            if end == start:
                return ["[UNK]"]
            out.append(("##" if start else "") + word[start:end])
            start = end
        return out

    def pieces(self, text):
        out = ["[CLS]"]
        for word in self.words(text):
            out.extend(self.cut(word))
            if len(out) >= PIECES_MAX - 1:
                break
        return out[: PIECES_MAX - 1] + ["[SEP]"]

    def ids(self, text):
        return [self.index[piece] for piece in self.pieces(text)]
