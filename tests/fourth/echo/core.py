"""A function that does as it is told, so that tests can see what becomes of it."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from functions.kit import manifest
from functions.kit.problem import Problem
from functions.kit.steps import Progress, Steps

MANIFEST = manifest.load(Path(__file__).parent)


class Refused(Problem):
    status = 422
    reason = "refused"
    title = "Told to refuse"


@dataclass(frozen=True)
class Model:
    tier: str


@dataclass(frozen=True)
class Echo:
    words: list[str]
    pid: int
    model: Model


def steps(source: BinaryIO) -> Steps[Echo]:
    words = source.read().decode().split()
    for word in words:
        match word:
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "leave":
                os._exit(3)
            case "hang":
                time.sleep(600)
            case "print":
                print("a word from the function")
            case "refuse":
                raise Refused("It was told to refuse.")
            case "crash":
                raise RuntimeError("It was told to crash.")
            case "eat":
                bytearray(b"x" * 100_000_000)
            case "gorge":
                hoard = []
                while True:
                    hoard.append(bytearray(b"x" * 10_000_000))
                    time.sleep(0.02)
            case "burn":
                end = time.process_time() + 0.5
                while time.process_time() < end:
                    pass
            case _ if word.startswith("touch="):  # MB
                bytearray(b"x") * (int(word.removeprefix("touch=")) * 2**20)
            case _ if word.startswith("burn="):  # CPU seconds
                end = time.process_time() + float(word.removeprefix("burn="))
                while time.process_time() < end:
                    pass
            case _ if word.startswith("mark="):  # A file that tells that it has come to this.
                yield Progress("marking", 0.0)
                Path(word.removeprefix("mark=")).touch()
            case _ if word.startswith("wait="):  # For a file to be there.
                while not Path(word.removeprefix("wait=")).exists():
                    yield Progress("waiting", 0.0)
                    time.sleep(0.02)
            case "slow":
                for tenth in range(20):
                    yield Progress("echoing", tenth / 20)
                    time.sleep(0.1)
    yield Progress("done", 1.0)
    return Echo(words, os.getpid(), Model("words"))
