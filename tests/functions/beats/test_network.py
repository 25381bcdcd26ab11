import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.beats.core import WEIGHTS
from functions.beats.network import Network, load
from functions.kit.spectrum import Floats


def bands(frames: int) -> Floats:
    values: Floats = np.random.default_rng(frames).uniform(0, 6, (frames, 64)).astype(np.float32)
    return values


def straight(x: Floats) -> Floats:
    """The network once more, a frame at a time, straight from its definition."""
    w = {name: values.astype(float) for name, values in load(WEIGHTS).items()}
    x = np.pad((x - w["mean"]) * w["scale"], ((1, 1), (0, 0)))
    frames = len(x) - 2
    rows = []
    for t in range(frames):
        near = [
            np.maximum(x[t : t + 3, f : f + 3].reshape(-1) @ w["near"] + w["near_bias"], 0)
            for f in range(0, 62, 2)
        ]
        wide = [
            np.maximum(np.concatenate(near[f : f + 5]) @ w["wide"] + w["wide_bias"], 0)
            for f in range(0, 27, 3)
        ]
        rows.append(np.maximum(np.concatenate(wide) @ w["dense"] + w["dense_bias"], 0))
    y = np.array(rows)
    for i, (dilated, mix) in enumerate(zip(w["dilated"], w["mix"], strict=True)):
        padded = np.pad(y, ((2 * 2**i, 2 * 2**i), (0, 0)))
        seen = sum(padded[tap * 2**i :][:frames] @ dilated[tap] for tap in range(5))
        y = y + np.maximum(seen + w["dilated_bias"][i], 0) @ mix + w["mix_bias"][i]
    logits: Floats = np.maximum(y, 0) @ w["heads"] + w["heads_bias"]
    return logits


def test_it_computes_what_it_says() -> None:
    x = bands(300)
    np.testing.assert_allclose(Network(load(WEIGHTS)).push(x, last=True), straight(x), atol=1e-3)


@settings(deadline=None)
@given(st.integers(0, 3000), st.lists(st.integers(0, 3000), max_size=6))
def test_any_cut_into_blocks_gives_the_same_logits(frames: int, cuts: list[int]) -> None:
    x = bands(frames)
    network = Network(load(WEIGHTS))
    parts = [network.push(part) for part in np.split(x, sorted(cuts))]
    logits = np.concatenate([*parts, network.push(x[:0], last=True)])
    np.testing.assert_allclose(logits, Network(load(WEIGHTS)).push(x, last=True), atol=1e-3)
    assert logits.shape == (frames, 2)
