"""Words, sentences and letters of any script: how many there are, and where a text may be cut.

Pure. Scripts without spaces count two letters as a word.
"""

import re
from bisect import bisect_right
from unicodedata import category, combining

#: No cut is longer than this many characters for each word it may have.
CHARACTERS_A_WORD = 12


#: Letters of Thai, Lao, Burmese, Khmer, Japanese and Chinese: no space stands between their words.
_DENSE = (
    r"\u0e01-\u0e4e\u0e80-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u109a-\u109f\u1780-\u17d3"
    r"\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3041-\u309f\u30a1-\u30fa\u30fc-\u312f\u31a0-\u31bf"
    r"\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9ef\uaa60-\uaa7f\uf900-\ufaff\uff66-\uff9f"
    r"\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
_DENSE_LETTER = re.compile(f"[{_DENSE}]")
_PIECE = re.compile(rf"([{_DENSE}])|[^\s{_DENSE}]+")
_CHUNK = re.compile(r"\S+")
_WORD = re.compile(r"\w")
#: Belong to the character before them, as marks do (UAX 29 GB6-9a; Thai and Lao vowels).
_TRAILING = re.compile(
    "[\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3\u1160-\u11ff\u200c\u200d\u2060\ud7b0-\ud7ff"
    "\uff9e\uff9f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
#: Bind the character after them: joiners, and vowels that Thai and Lao write first.
_LEADING = re.compile("[\u0e40-\u0e44\u0ec0-\u0ec4\u200d\u2060]")
_VIRAMA = 9  # the combining class of signs that stack the next consonant
_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")

_CLOSERS = "'\"’”»›)\\]}」』）】》〉\u200e\u200f\u202c\u2069"
_OPENERS = "([{（「『“‘„«‹'\"\u200e\u200f\u202a\u202b\u2066\u2067\u2068"
_WEAK = " \u00a0,;:،؛、，；：–—-" + _OPENERS  # not left standing before an ellipsis
_SENTENCE, _GREEK_SENTENCE = (
    re.compile(rf"[.!?…‽؟؛۔।॥։።៕។{also}][{_CLOSERS}]*(?=\s|\Z)|[。！？｡．][{_CLOSERS}]*")
    for also in ("", ";\u037e")  # Greek asks with a semicolon
)


def word_set(words: str) -> frozenset[str]:
    """Write a set of words as a sentence."""
    return frozenset(words.split())


_DOTS_ORDINALS = word_set("az bs cs da de et fi fo hr hu is lb lv nb nn no pl sk sl sr tr")
_ABBREVIATIONS = word_set(
    "Adm Bros Capt Co Col Corp Dr Fr Gen Gov Inc Jr Lt Ltd Maj Messrs Mme Mr Mrs Ms No Nr Prof Rep"
    " Rev Sen Sgt Sr St vs Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec"
)


def fitting(text: str, words: int, left: int, room: int, language: str | None) -> int:
    """Say how much to keep of a paragraph longer than the `left` words or `room` characters."""
    # One character is for the ellipsis, and one for each closer, of which a character of text
    # takes away one at most: so this sum never falls.
    longest = -1 + bisect_right(
        range(min(len(text), room) + 1), room - 1, key=lambda n: n + len(closers(text[:n]))
    )
    furthest = _furthest(text, left, longest)
    sentence = _sentence(text, furthest, language)
    if sentence and _is_late(words, left - count_words(text[:sentence]), room - sentence):
        length = sentence
    elif _is_late(words, left, room):
        length = 0
    elif furthest or left < words:
        length = len(text[:furthest].rstrip(_WEAK)) or furthest
    else:
        length = longest
        while length > 0 and (_splits(text, length) or count_words(text[:length]) > words):
            length -= 1
    return length if shows(text[:length]) else 0


def _is_late(words: int, left: int, room: int) -> bool:
    """Say whether no more than a third of the allowance is left."""
    return 3 * min(left, room // CHARACTERS_A_WORD) <= words


def _furthest(text: str, words: int, room: int) -> int:
    """Find the last place between words within `words` words and `room` characters, or 0."""
    place = 0
    while (
        (chunk := _CHUNK.search(text, place))
        and chunk.end() <= room
        and (cost := count_words(chunk[0])) <= words
    ):
        place, words = chunk.end(), words - cost
    return _between_letters(text, place, words, room) or place


def _between_letters(text: str, start: int, words: int, room: int) -> int:
    """Find the last such place in what stands at `start` and has no space, or 0."""
    end, place, dense, others = start, 0, 0, 0
    while (piece := _PIECE.search(text, end)) and (end := piece.end()) <= room:
        dense += bool(piece[1])
        others += not piece[1] and bool(_WORD.search(piece[0]))
        if max(1, (dense + 1) // 2 + others) > words:
            break
        if not _splits(text, end):
            place = end
    return place


def _sentence(text: str, furthest: int, language: str | None) -> int:
    """Find where the last sentence ends that ends by `furthest`, or 0."""
    primary = (language or "").split("-")[0].lower()
    last = 0
    for stop in (_GREEK_SENTENCE if primary == "el" else _SENTENCE).finditer(text):
        if stop.end() > furthest:
            break
        word = text[max(text.rfind(" ", 0, stop.start()), 0) : stop.start()].strip(_OPENERS + " ")
        is_short = stop[0][0] == "." and (
            word in _ABBREVIATIONS
            or "." in word
            or (len(word) == 1 and word.isalpha())
            or (word.isdecimal() and len(word) <= len("31") and primary in _DOTS_ORDINALS)
        )
        # What comes after the cut must not say where it is.
        goes_on = text[stop.end() : min(stop.end() + 2, furthest)].strip().islower()
        if not is_short and not goes_on and not _splits(text, stop.end()):
            last = stop.end()
    return last


def _splits(text: str, place: int) -> bool:
    """Say whether `place` is inside what is read as one character (UAX 29)."""
    before, after = text[place - 1], text[place : place + 1]
    if not after:
        return False
    if after in _FLAG_LETTERS:  # two of them are one flag
        return (place - len(text[:place].rstrip(_FLAG_LETTERS))) % 2 == 1
    return (
        category(after).startswith("M")
        or combining(before) == _VIRAMA
        or bool(_TRAILING.match(after) or _LEADING.match(before))
    )


def closers(text: str) -> str:
    """Close the directions that `text` leaves open, or what follows it would be reordered."""
    embeddings = isolates = 0  # embeddings inside an isolate end with it (UAX 9 X6a)
    for control in _BIDI.findall(text):
        if control in "\u2066\u2067\u2068":
            isolates += 1
        elif control == "\u2069":
            isolates -= isolates > 0
        elif not isolates and control == "\u202c":
            embeddings -= embeddings > 0
        elif not isolates:
            embeddings += 1
    return "\u2069" * isolates + "\u202c" * embeddings


def shows(text: str) -> bool:
    """Say whether there is more than spaces, marks and what only directs or joins."""
    return any(category(character)[0] in "LNPS" for character in text)


def count_words(text: str) -> int:
    """Count words: what stands between spaces, and every two letters of scripts without spaces."""
    if not _DENSE_LETTER.search(text):
        return len(text.split())
    count = 0
    for chunk in text.split():
        dense = len(_DENSE_LETTER.findall(chunk))
        others = sum(bool(_WORD.search(piece)) for piece in _DENSE_LETTER.split(chunk))
        count += max(1, (dense + 1) // 2 + others)
    return count
