import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.conditions import CONDITIONS, heard

RATE, SECONDS = 16_000, 4


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tones of 100 Hz, 1 kHz and 5 kHz with a pause; exact in 16 bits."""
    time = np.arange(RATE * SECONDS) / RATE
    tones = sum(np.sin(2 * np.pi * hertz * time) for hertz in (100, 1000, 5000))
    path = tmp_path_factory.mktemp("clip") / "tones.wav"
    soundfile.write(path, 0.2 * tones * (time % 2 < 1.5), RATE, subtype="PCM_16")
    return path


def levels(file: io.BytesIO) -> dict[int, float]:
    """dB of each tone."""
    samples, rate = soundfile.read(file)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) / len(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / rate)
    return {
        tone: 20 * np.log10(spectrum[np.abs(hertz - tone) < 20].max(initial=1e-9))
        for tone in (100, 1000, 5000)
    }


@pytest.mark.parametrize("condition", CONDITIONS)
def test_it_is_as_long_and_the_same_at_each_call(clip: Path, condition: str) -> None:
    info = soundfile.info(heard(clip, condition))
    assert info.duration == pytest.approx(SECONDS, abs=0.1)
    assert info.channels == 1
    assert heard(clip, condition).getvalue() == heard(clip, condition).getvalue()


def test_flac_loses_nothing(clip: Path) -> None:
    before, _ = soundfile.read(clip)
    after, _ = soundfile.read(heard(clip, "FLAC"))
    assert np.array_equal(before, after)


def test_the_mp3_has_its_bit_rate(clip: Path) -> None:
    file = heard(clip, "MP3, 64 kbit/s")
    assert 8 * len(file.getvalue()) / SECONDS == pytest.approx(64_000, rel=0.05)
    assert soundfile.info(file).samplerate == 44_100


def test_a_telephone_lets_the_middle_through(clip: Path) -> None:
    before, after = levels(heard(clip, "FLAC")), levels(heard(clip, "telephone"))
    assert after[1000] == pytest.approx(before[1000], abs=0.5)
    assert after[100] < before[100] - 40
    assert soundfile.info(heard(clip, "telephone")).samplerate == 8_000


def test_by_way_of_8_khz_only_the_lower_half_is_left(clip: Path) -> None:
    before, after = levels(heard(clip, "FLAC")), levels(heard(clip, "8 kHz and back"))
    assert [after[100], after[1000]] == pytest.approx([before[100], before[1000]], abs=0.1)
    assert after[5000] < before[5000] - 60
    assert soundfile.info(heard(clip, "8 kHz and back")).samplerate == RATE


def test_soft_is_20_db_softer(clip: Path) -> None:
    before, after = levels(heard(clip, "FLAC")), levels(heard(clip, "-20 dB"))
    assert [before[tone] - after[tone] for tone in before] == pytest.approx([20, 20, 20], abs=0.1)


@pytest.mark.parametrize(("kind", "slope"), [("white", 0), ("pink", -3)])
def test_noise_is_15_db_below_and_falls_as_it_should(clip: Path, kind: str, slope: int) -> None:
    before, _ = soundfile.read(clip)
    after, _ = soundfile.read(heard(clip, f"{kind} noise, 15 dB"))
    before *= (after @ before) / (before @ before)
    noise = after - before
    assert 10 * np.log10((before @ before) / (noise @ noise)) == pytest.approx(15, abs=0.2)
    power = np.abs(np.fft.rfft(noise)) ** 2
    octaves = [power[SECONDS * low : 2 * SECONDS * low].mean() for low in (250, 500, 1000, 2000)]
    assert np.diff(10 * np.log10(octaves)) == pytest.approx(np.full(3, slope), abs=1)
