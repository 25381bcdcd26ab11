"""From speech, music and noise to `functions/kit/speech.npz`, in one command.

    python -m training.speech --data ../shared/data

Reads `voice`, `emotion` and `beats` in that folder, of them only the splits `train` (of beats,
`dev`); the rest is made up here, some of it by fluidsynth where that is installed.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from functions.kit import speech
from training.cycle import cycle
from training.speech import corpus
from training.speech.excerpts import Sources
from training.speech.model import GateNet, exported

BATCH = 48


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="training.speech", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path(".bench/speech"), help="cache")
    parser.add_argument("--out", type=Path, default=speech.WEIGHTS)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    net = fit(corpus.sources(options.data, options.work), options.steps, options.rate, options.seed)
    arrays: dict[str, Any] = dict(exported(net))
    np.savez_compressed(options.out, **arrays)


def fit(sources: Sources, steps: int, rate: float, seed: int) -> GateNet:
    """A network fitted by AdamW in one cycle of the rate; a running mean of its weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = GateNet()
    mean = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.995), use_buffers=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    schedule = cycle(optimizer, rate, steps)
    total, begun = 0.0, time.monotonic()
    for step in range(1, steps + 1):
        logs, labels = zip(*(sources.draw(rng) for _ in range(BATCH)), strict=True)
        known = torch.from_numpy(np.stack(labels)).float()
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            net(torch.from_numpy(np.stack(logs))), known.clamp(min=0.0), reduction="none"
        )
        loss = each[known >= 0].mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        mean.update_parameters(net)
        total += loss.item()
        if step % 100 == 0:
            seconds = time.monotonic() - begun
            print(f"step {step} of {steps}, loss {total / 100:.4f}, {seconds:.0f} s", flush=True)
            total = 0.0
    fitted: GateNet = mean.module.eval()
    return fitted


if __name__ == "__main__":
    main()
