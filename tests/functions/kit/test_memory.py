"""A file of three hours decodes in the memory of one of three minutes, each in its own process."""

import io
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="VmHWM is Linux's.")

RATE = 8_000
DECODE = """
import sys
from pathlib import Path
from functions.kit.audio import Audio
from functions.kit.manifest import Limits

limits = Limits(700_000_000, 11_000, 2.0, 32, 4_000, 384_000)
with Audio(sys.argv[1], rate=22_050, limits=limits) as audio:
    frames = sum(len(block) for block in audio.blocks())
heavy = {"scipy", "librosa", "numba", "torch", "flask"} & sys.modules.keys()
assert not heavy, heavy
assert abs(frames / 22_050 / (60 * int(sys.argv[2])) - 1) < 0.01, frames
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
print(int(peak.split()[1]) / 1024)
"""


def wav(path: Path, minutes: int) -> None:
    """8-bit stereo, of holes in the disk: all samples are -1."""
    size = minutes * 60 * RATE * 2
    head = struct.pack("<HHIIHH", 1, 2, RATE, RATE * 2, 2, 8)
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", size + 36) + b"WAVEfmt \x10\0\0\0" + head)
        file.write(b"data" + struct.pack("<I", size))
        file.truncate(44 + size)


def flac(path: Path, minutes: int) -> None:
    minute = np.full(RATE * 60, 0.5, np.float32)
    minute[::RATE] = 0.0
    with soundfile.SoundFile(path, "w", RATE, 1, format="FLAC") as file:
        for _ in range(minutes):
            file.write(minute)


def mp3(path: Path, minutes: int) -> None:
    """The frames of one minute over and over, with no header that gives a length."""
    stream = io.BytesIO()
    noise = np.random.default_rng(0).standard_normal(RATE * 60) / 10
    soundfile.write(
        stream, noise, RATE, format="MP3", bitrate_mode="CONSTANT", compression_level=0.9
    )
    frames = stream.getvalue()  # so low a rate leaves no room for the header
    with path.open("wb") as file:
        for _ in range(minutes):
            file.write(frames)


@pytest.mark.parametrize("make", [wav, flac, mp3])
def test_memory_does_not_grow_with_length(
    make: Callable[[Path, int], None], tmp_path: Path
) -> None:
    peaks = {}
    for minutes in (3, 180):
        path = tmp_path / "audio"
        make(path, minutes)
        done = subprocess.run(
            [sys.executable, "-c", DECODE, str(path), str(minutes)],
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
            cwd=Path(__file__).parents[3],
        )
        assert done.stderr == ""
        peaks[minutes] = float(done.stdout)
    assert peaks[180] - peaks[3] < 3, peaks
    assert peaks[180] < 50, peaks
