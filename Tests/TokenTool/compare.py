#!/usr/bin/env python3
"""Compares our tokens with tiktoken's, on a few megabytes of generated and given text.

    compare.py TOKEN_TOOL [FILE…]

No network: tiktoken gets the vocabulary that our binary holds, after its SHA-256 has shown that it
is the one OpenAI publishes. The pattern is that of tiktoken's openai_public.py.
"""

import base64
import hashlib
import random
import subprocess
import sys
import tempfile
import unicodedata

import tiktoken

VOCABULARY_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
PATTERN = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + CONTRACTION,
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + CONTRACTION,
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+",
])  # fmt: skip
SEED = 20_250_101
TEXTS = 12_000


def texts(files):
    """Text of every kind, none with a zero byte, which separates them."""
    generator = random.Random(SEED)
    for name in files:
        with open(name, encoding="utf-8", errors="ignore") as file:
            content = file.read().replace("\0", "")
        # In parts that begin anywhere, so that every kind of border is met.
        position = 0
        while position < len(content):
            length = generator.randrange(1, 4000)
            yield content[position : position + length]
            position += length
    every = [chr(point) for point in range(1, 0x110000) if not 0xD800 <= point < 0xE000]
    assigned = [c for c in every if unicodedata.category(c) not in ("Cn", "Co")]
    kinds = {}
    for character in assigned:
        kinds.setdefault(unicodedata.category(character), []).append(character)
    pieces = ["'s", "'S", "'ſ", "'ll", "'RE", "'t", " ", "  ", "\n", "\r\n", "\t", "/", "//", "123",
              "\u200d", "\u0301", "é", "ß", "ǅ", "ª", "\ufeff", "\xa0", "<|endoftext|>", "==="]  # fmt: skip
    for _ in range(TEXTS):
        parts = []
        for _ in range(generator.randrange(1, 60)):
            choice = generator.randrange(5)
            if choice == 0:
                parts.append(generator.choice(pieces))
            elif choice == 1:
                parts.append(generator.choice(kinds[generator.choice(list(kinds))]))
            elif choice == 2:
                parts.append(generator.choice(assigned[:700]) * generator.randrange(1, 9))
            elif choice == 3:
                parts.append(generator.choice(every))
            else:
                parts.append("".join(generator.choices("abcdeXYZ ", k=generator.randrange(1, 12))))
        yield "".join(parts)
    for character in assigned:
        yield character + "a" + character


def main():
    tool, files = sys.argv[1], sys.argv[2:]
    lines = subprocess.run([tool, "vocabulary"], capture_output=True, check=True).stdout
    assert hashlib.sha256(lines).hexdigest() == VOCABULARY_SHA256, "another vocabulary"
    ranks = {}
    for line in lines.splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    theirs = tiktoken.Encoding(
        "o200k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})

    samples = list(texts(files))
    with tempfile.NamedTemporaryFile() as file:
        file.write("\0".join(samples).encode())
        file.flush()
        output = subprocess.run([tool, "tokens", file.name], capture_output=True, check=True).stdout
    ours = [[int(rank) for rank in line.split()] for line in output.decode().split("\n")[:-1]]
    assert len(ours) == len(samples), "a line for every text"
    wrong = 0
    for text, tokens in zip(samples, ours):
        if theirs.encode_ordinary(text) != tokens:
            wrong += 1
            if wrong <= 5:
                print(f"differs: {text!r}", file=sys.stderr)
    size = sum(len(text.encode()) for text in samples)
    print(f"{len(samples)} texts, {size} bytes, {sum(map(len, ours))} tokens: {wrong} differ")
    sys.exit(1 if wrong else 0)


main()
