"""The random numbers of glassbox_spec::Random (Philox 4x32-10), so that weights and images need not be stored."""

import numpy as np

INIT, AUGMENT = 1, 3  # the numbers of glassbox_spec::Stream


def uniform(seed, stream, epoch, index, count):
    """The first `count` numbers of Random::new(seed, stream, epoch, index).uniform(), float64 in [0, 1)."""
    blocks = (count + 3) // 4
    word = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    c = [np.arange(blocks, dtype=np.uint64)] + [np.full(blocks, x, np.uint64) for x in (index, epoch, stream)]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        a = c[0] * np.uint64(0xD2511F53)
        b = c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> shift) ^ c[1] ^ np.uint64(key[0]), b & word, (a >> shift) ^ c[3] ^ np.uint64(key[1]), a & word]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, axis=1).reshape(-1)[:count] / 4294967296.0


def between(low, high, *key):
    """Uniform over [low, high), rounded to float32 as the tests do."""
    return (low + (high - low) * uniform(*key)).astype(np.float32)
