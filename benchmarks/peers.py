"""The trackers that are compared: how each is installed, run, and asked for its beats.

Ours runs in the interpreter that runs the benchmark. All answer alike: a JSON line a file.
"""

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import clips
from benchmarks.environments import ONE_THREAD, Environment, PeerError

RUN = """
import json, sys, time

{track}

failed = 0
for path in sys.argv[1:]:
    start = time.process_time()
    try:
        answer = track(path)
    except Exception as error:
        failed, answer = 1, {{"beats": [], "error": str(error)}}
        print(error, file=sys.stderr)
    answer["beats"] = [round(float(beat), 4) for beat in answer["beats"]]
    answer["path"], answer["cpu_s"] = path, round(time.process_time() - start, 4)
    print(json.dumps(answer), flush=True)
sys.exit(failed)
"""


@dataclass(frozen=True, kw_only=True)
class Peer(Environment):
    """A tracker: where it runs, and its `track(path)`."""

    track: str

    def command(self, paths: Sequence[Path]) -> list[str]:
        """The command that prints a JSON line for each of `paths`."""
        return [self.python(), "-c", RUN.format(track=self.track), *map(str, paths)]

    def answers(self, paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
        """What it says of each file, in order: `beats`, `cpu_s` and what else it knows.

        A file that it failed on has no beats, and an `error`. Raises PeerError when it cannot be
        made, or breaks off.
        """
        command, missing = self.command(paths), len(paths)
        with tempfile.TemporaryFile("w+") as complaints:
            process = subprocess.Popen(
                command,
                cwd=clips.ROOT,
                env=os.environ | ONE_THREAD,
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
            )
            assert process.stdout
            with process:
                for line in process.stdout:
                    if line.startswith("{"):
                        missing -= 1
                        yield json.loads(line)
            complaints.seek(0)
            last = (complaints.read().strip().splitlines() or ["nothing"])[-1]
        if missing:
            raise PeerError(f"{self.name} ended with code {process.returncode} and said: {last}")

    def remembered(self, wavs: Sequence[Path]) -> list[dict[str, Any]]:
        """`answers`, each asked for once: what a pinned peer says of a file does not change."""
        recipe = repr((self.track, self.first, self.package)).encode()
        key = hashlib.sha256(recipe).hexdigest()[:12]
        memory = clips.cache("answers") / f"{self.name}-{key}.jsonl"
        known = {}
        if memory.exists():
            lines = map(json.loads, memory.read_text().splitlines())
            known = {Path(line["path"]).name: line for line in lines}
        missing = [wav for wav in wavs if wav.name not in known]
        if missing:
            with memory.open("a") as file:
                for answer in self.answers(missing):
                    known[Path(answer["path"]).name] = answer
                    if "error" not in answer:
                        print(json.dumps(answer), file=file, flush=True)
        return [known[wav.name] for wav in wavs]


OURS = Peer(
    name="halfgig",
    version="this tree",
    track="""
from dataclasses import asdict
from functions.beats import core

def track(path):
    return asdict(core.analyse(path))
""",
)

PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            name="librosa",
            version="0.11.0",
            track="""
import librosa

def track(path):
    samples, rate = librosa.load(path)
    tempo, beats = librosa.beat.beat_track(y=samples, sr=rate, units="time")
    return {"beats": beats, "tempo_bpm": float(tempo[0])}
""",
            pythons=("3.11", "3.12", "3.13", "3.14"),
            first=("numpy==2.4.6", "scipy==1.17.1", "numba==0.68.1", "soundfile==0.14.0"),
            package="librosa==0.11.0",
        ),
        Peer(
            name="aubio",
            version="0.4.9",
            track="""
import aubio

def track(path):
    source = aubio.source(path, 0, 512)
    tempo = aubio.tempo("default", 1024, 512, source.samplerate)
    beats = []
    while True:
        samples, read = source()
        if tempo(samples):
            beats.append(tempo.get_last_s())
        if read < 512:
            return {"beats": beats}
""",
            pythons=("3.11", "3.10", "3.9"),
            first=("setuptools==59.8.0", "wheel", "numpy==1.26.4"),
            package="aubio==0.4.9",
        ),
        Peer(
            name="madmom",
            version="0.16.1",
            track="""
from madmom.features.beats import DBNBeatTrackingProcessor, RNNBeatProcessor

network, decoder = RNNBeatProcessor(), DBNBeatTrackingProcessor(fps=100)

def track(path):
    return {"beats": decoder(network(path))}
""",
            pythons=("3.9", "3.8"),
            first=(
                "setuptools==59.8.0",
                "wheel",
                "numpy==1.23.5",
                "scipy==1.10.1",
                "Cython==0.29.37",
                "mido==1.3.3",
            ),
            package="madmom==0.16.1",
        ),
        Peer(
            name="essentia",
            version="2.1b6.dev1389",
            track="""
import essentia.standard

rhythm = essentia.standard.RhythmExtractor2013(method="multifeature")

def track(path):
    tempo, beats, *_ = rhythm(essentia.standard.MonoLoader(filename=path)())
    return {"beats": beats, "tempo_bpm": float(tempo)}
""",
            pythons=("3.11", "3.12", "3.13", "3.10", "3.9"),
            first=("numpy<3",),
            package="essentia==2.1b6.dev1389",
        ),
    )
}
