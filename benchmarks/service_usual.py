"""The usual way: one FastAPI process with a wav2vec2-base by torch and transformers, and librosa.

As kind to it as can be: one model for both voices, of weights drawn at random (cost does not depend
on what they are) and mapped from their file; bodies on disk; one inference at a time, one thread.
"""

import os
import subprocess
from dataclasses import dataclass

from benchmarks import clips, songs
from benchmarks.environments import ONE_THREAD, Environment, PeerError
from benchmarks.speech_cost import PEERS, WEIGHTS

WAV2VEC2 = PEERS["wav2vec2"]

MODELS = f"""
import librosa
import soundfile
from transformers import pipeline

classify = pipeline("audio-classification", model={str(WEIGHTS)!r})

def label(path):
    samples, rate = soundfile.read(path, dtype="float32")
    return classify({{"raw": samples, "sampling_rate": rate}})

def beats(path):
    samples, rate = librosa.load(path)
    tempo, times = librosa.beat.beat_track(y=samples, sr=rate, units="time")
    return {{"beats": times.tolist(), "tempo_bpm": float(tempo[0])}}
"""

APP = f"""
import os, tempfile
import uvicorn
from fastapi import FastAPI, Request
{MODELS}
app = FastAPI()

async def answer(request, work):
    with tempfile.NamedTemporaryFile() as file:
        async for chunk in request.stream():
            file.write(chunk)
        file.flush()
        return work(file.name)

@app.post("/emotion")
async def emotion(request: Request):
    return await answer(request, label)

@app.post("/voice_detect")
async def voice_detect(request: Request):
    return await answer(request, label)

@app.post("/beats")
async def songs(request: Request):
    return await answer(request, beats)

@app.get("/health")
async def health():
    return {{"status": "ok"}}

uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
"""


@dataclass(frozen=True, kw_only=True)
class Usual(Environment):
    """Where that process runs."""

    def prepare(self) -> None:
        """Make what it needs: its environment, the weights, numba's cache. Raises PeerError."""
        song, speech = songs.song(0.05), songs.speech(3)
        code = f"{WAV2VEC2.before}\n{MODELS}\nbeats({str(song)!r}), label({str(speech)!r})"
        done = subprocess.run(
            [self.python(), "-c", code],
            cwd=clips.ROOT,
            capture_output=True,
            text=True,
            env=os.environ | ONE_THREAD,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise PeerError(f"{self.name} could not be prepared and said: {last}")

    def command(self) -> list[str]:
        """Starts it at PORT."""
        return [self.python(), "-c", APP]


USUAL = Usual(
    name="fastapi",
    version=f"0.165.0, {WAV2VEC2.version}, librosa 0.11.0",
    pythons=("3.11", "3.12", "3.13", "3.14"),
    first=(
        *WAV2VEC2.first,
        "scipy==1.17.1",
        "numba==0.68.1",
        "librosa==0.11.0",
        "uvicorn==0.54.0",
        "fastapi==0.165.0",
    ),
    package=WAV2VEC2.package,
)
