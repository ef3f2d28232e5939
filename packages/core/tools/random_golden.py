"""Golden vectors of core/src/runtime/random.ts, computed apart from it with Python's integers.

python3 packages/core/tools/random_golden.py > packages/core/src/runtime/random.golden.json
"""

import json

MASK = 0xFFFFFFFF


def mix32(h):
    h &= MASK
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & MASK
    return h ^ (h >> 16)


def utf16(text):
    data = text.encode("utf-16-le", "surrogatepass")
    return [data[i] | data[i + 1] << 8 for i in range(0, len(data), 2)]


def seed_from(parts):
    a, b = 0x9E3779B9, 0x243F6A88
    for part in parts:
        units = utf16(part) if isinstance(part, str) else None
        head = f"n{part};" if units is None else f"s{len(units)}:"
        for code in utf16(head) + ([] if units is None else units + utf16(";")):
            a = ((a ^ code) * 0x01000193) & MASK
            b = (b * 0x85EBCA6B + code + (a >> 7)) & MASK
    return (mix32(a) & 0x1FFFFF) * 2**32 + mix32(b ^ a)


def sfc32(seed, count):
    a = mix32(seed & MASK)
    b = mix32((seed >> 32) ^ 0x9E3779B9)
    c = mix32(a ^ 0x85A308D3)
    counter = 1
    words = []
    for _ in range(12 + count):
        word = (a + b + counter) & MASK
        counter = (counter + 1) & MASK
        a = b ^ (b >> 9)
        b = (c + (c << 3)) & MASK
        c = ((c << 21 | c >> 11) + word) & MASK
        words.append(word)
    return words[12:]


PARTS = [[], [0], [7], ["7"], [1, "rollout", 3, 15], ["ab", "c"], ["a", "bc"], ["größe", "日本", "😀"], [9007199254740991]]
SEEDS = [0, 1, 7, 2**32 - 1, 2**32, 2**53 - 1, seed_from([7, "sample"])]

rows = {
    "seeds": [{"parts": parts, "seed": seed_from(parts)} for parts in PARTS],
    "streams": [{"seed": seed, "words": sfc32(seed, 8)} for seed in SEEDS],
}
print(json.dumps(rows, indent=2, ensure_ascii=False))
