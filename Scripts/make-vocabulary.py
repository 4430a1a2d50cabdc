#!/usr/bin/env python3
"""Makes the two tables that Sources/CVocabulary compiles into the read-only data of the binary.

    Scripts/make-vocabulary.py o200k_base.tiktoken DerivedGeneralCategory.txt

o200k_base.tiktoken          the vocabulary that OpenAI publishes with tiktoken (MIT), one
                             `base64-bytes rank` a line, unpacked; its SHA-256 is checked
DerivedGeneralCategory.txt   of the Unicode Character Database, version 16.0.0: the version of the
                             tables in the regex engine under tiktoken

The same input gives the same output, byte for byte. Python 3, standard library only.

o200k_base.bin: a perfect hash table. A token's 64-bit hash picks one of 131,072 buckets; the
bucket's pilot byte, mixed into the hash, picks the one slot where the token can stand. Tokens of
two bytes, which every merge begins with, have a plain table besides.
  65,536 ranks, 32 bits each, little-endian, of first byte | second byte << 8; 2^32 - 1: no token
  131,072 pilots, one byte each
  204,800 slots, 64 bits each, little-endian:
      bits 0-17 rank | 18-25 length | 26-46 offset in the pool | 47-63 low 17 bits of the hash
  the pool: the bytes of all tokens in the order of their ranks, then 8 zero bytes, so that a
      64-bit load at any token's last byte stays inside

character_classes.bin: a two-stage table of one-bit character classes.
  8,704 bytes: code point >> 7 -> block
  blocks of 128 bytes: code point & 127 -> class; block 0 is ASCII

The constants below are repeated in Sources/CVocabulary/include/CVocabulary.h and in
Sources/Tokenizer/Vocabulary.swift; the tests look every token up in the finished table.
"""

import base64
import hashlib
import pathlib
import sys

VOCABULARY_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
BUCKETS = 1 << 17
SLOTS = 204_800  # 98 % full

MASK64 = (1 << 64) - 1
LENGTH_FACTOR = 0x9E37_79B9_7F4A_7C15
FOLD_FACTOR = 0xD6E8_FEB8_6659_FD93
PILOT_FACTOR = 0xA076_1D64_78BD_642F

BLOCK_SHIFT = 7
UPPER, LOWER, CASELESS, MARK, NUMBER, SPACE, LINE_BREAK, OTHER = (1 << bit for bit in range(8))
CLASS_OF_CATEGORY = {
    "Lu": UPPER, "Lt": UPPER, "Ll": LOWER, "Lm": CASELESS, "Lo": CASELESS,
    "Mn": MARK, "Mc": MARK, "Me": MARK, "Nd": NUMBER, "Nl": NUMBER, "No": NUMBER,
}  # fmt: skip
# White_Space of PropList.txt without the line breaks that the pattern names; stable since 2014.
SPACES = [0x09, 0x0B, 0x0C, 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029,
          0x202F, 0x205F, 0x3000]  # fmt: skip


def read_tokens(path):
    """The tokens in the order of their ranks."""
    data = pathlib.Path(path).read_bytes()
    if hashlib.sha256(data).hexdigest() != VOCABULARY_SHA256:
        sys.exit(f"{path}: not the o200k_base vocabulary (its SHA-256 differs)")
    tokens = []
    for line in data.splitlines():
        text, rank = line.split()
        assert int(rank) == len(tokens), "ranks have no gaps"
        tokens.append(base64.b64decode(text))
    return tokens


def token_hash(token):
    """Vocabulary.rank in Swift computes the same."""
    state = len(token) * LENGTH_FACTOR & MASK64
    for start in range(0, len(token), 8):
        word = int.from_bytes(token[start : start + 8], "little")
        product = (state ^ word) * FOLD_FACTOR
        state = (product ^ product >> 64) & MASK64
    return state


def slot_index(hash_value, pilot):
    """Vocabulary.slot in Swift computes the same."""
    mixed = (hash_value ^ (pilot * PILOT_FACTOR & MASK64)) * FOLD_FACTOR & MASK64
    return (mixed >> 32) * SLOTS >> 32


def vocabulary_table(tokens):
    hashes = [token_hash(token) for token in tokens]
    assert len(set(hashes)) == len(hashes), "two tokens of one hash: choose other factors"
    buckets = [[] for _ in range(BUCKETS)]
    for rank, value in enumerate(hashes):
        buckets[value >> 47].append(rank)

    # Big buckets first, while there is room: each takes the first pilot that sends all its tokens
    # to free slots.
    pilots = bytearray(BUCKETS)
    rank_in_slot = [None] * SLOTS
    for bucket in sorted(range(BUCKETS), key=lambda bucket: (-len(buckets[bucket]), bucket)):
        for pilot in range(256):
            places = [slot_index(hashes[rank], pilot) for rank in buckets[bucket]]
            if len(set(places)) == len(places) and all(rank_in_slot[p] is None for p in places):
                break
        else:
            sys.exit("no pilot is left for a bucket: choose more slots")
        pilots[bucket] = pilot
        for place, rank in zip(places, buckets[bucket]):
            rank_in_slot[place] = rank

    offsets, pool = [], bytearray()
    for token in tokens:
        offsets.append(len(pool))
        pool += token
    assert len(tokens) < 1 << 18 and len(pool) < 1 << 21
    slots = bytearray()
    for rank in rank_in_slot:
        slot = 0  # empty: no piece has the length 0
        if rank is not None:
            slot = rank | len(tokens[rank]) << 18 | offsets[rank] << 26
            slot |= (hashes[rank] & 0x1FFFF) << 47
        slots += slot.to_bytes(8, "little")
    return bytes(pair_table(tokens) + pilots + slots + pool + bytes(8))


def pair_table(tokens):
    rank_of_token = {token: rank for rank, token in enumerate(tokens)}
    table = bytearray()
    for pair in range(1 << 16):
        rank = rank_of_token.get(pair.to_bytes(2, "little"), (1 << 32) - 1)
        table += rank.to_bytes(4, "little")
    return table


def character_table(path):
    classes = bytearray([OTHER]) * 0x110000
    for line in pathlib.Path(path).read_text("utf-8").splitlines():
        fields = line.split("#")[0].split(";")
        if len(fields) == 2:
            bounds = [int(bound, 16) for bound in fields[0].split("..")]
            kind = CLASS_OF_CATEGORY.get(fields[1].strip(), OTHER)
            for code_point in range(bounds[0], bounds[-1] + 1):
                classes[code_point] = kind
    for code_point in SPACES:
        classes[code_point] = SPACE
    for code_point in (0x0A, 0x0D):
        classes[code_point] = LINE_BREAK

    number_of_block = {}
    index = bytearray()
    for start in range(0, len(classes), 1 << BLOCK_SHIFT):
        block = bytes(classes[start : start + (1 << BLOCK_SHIFT)])
        index.append(number_of_block.setdefault(block, len(number_of_block)))
    return bytes(index) + b"".join(number_of_block)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = pathlib.Path(__file__).resolve().parent.parent / "Sources" / "CVocabulary"
    for name, table in (
        ("o200k_base.bin", vocabulary_table(read_tokens(sys.argv[1]))),
        ("character_classes.bin", character_table(sys.argv[2])),
    ):
        (folder / name).write_bytes(table)
        print(f"{name}: {len(table):,} bytes, SHA-256 {hashlib.sha256(table).hexdigest()}")


main()
