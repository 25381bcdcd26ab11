"""From request to answer under 512 MB and 0.1 CPU, when nothing is there yet; beside others.

    python -m benchmarks.service_cold

A clip of 3 s to each function of the service: while router and templates run, but no process of the
function; with the templates ended too; and from the service's exec. Then functions-framework's own
command for the function alone, from its exec; and the usual way (`benchmarks.service_usual`), once,
in a group of 4 GB, as 512 MB do not take it.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

from benchmarks import clips, service
from benchmarks.environments import PeerError
from benchmarks.service import FUNCTIONS, MEMORY_MB, EndedError, Start, Web
from benchmarks.service_usual import USUAL
from emulator.cages.cage import CageUnavailable
from emulator.cages.groups import Groups

CPUS = 0.1
SECONDS = 3
USUAL_MB = 4096


def no_process(web: Web) -> None:
    """End the functions' processes."""
    web.end(web.hosts)


def no_templates(web: Web) -> None:
    """End the templates too, by force: those of the service itself end when it wants."""
    no_process(web)
    web.end(web.templates, signal.SIGKILL)


def rounds_of(web: Web, before: Callable[[Web], None], rounds: int) -> dict[str, list[Any]]:
    """What each function answers, so many times, each time after `before`."""
    answers: dict[str, list[Any]] = {name: [] for name in FUNCTIONS}
    for _ in range(rounds):
        for name, its in answers.items():
            before(web)
            web.settle()
            its.append(web.post(name, service.clip(name, SECONDS).read_bytes()))
    return answers


def told(web: Web, answers: dict[str, list[service.Answer]], since: int) -> dict[str, Any]:
    """Seconds of each function's answers, of which how many were start and function."""
    web.settle()  # The last report comes after its answer.
    cpu: dict[str, list[float]] = {name: [] for name in answers}
    for report in web.log("report")[since:]:
        cpu[report["function"]].append(report["cpu_s"])
    return {
        name: service.spread([each.seconds for each in its])
        | {
            "init_s": round(service.quantile([each.timings["init"] for each in its], 0.5), 4),
            "fn_s": round(service.quantile([each.timings["fn"] for each in its], 0.5), 4),
            "cpu_s": round(service.quantile(cpu[name], 0.5), 4),
        }
        for name, its in answers.items()
    }


def in_service(rounds: int) -> dict[str, Any]:
    """The service with its templates, and without."""
    result = {}
    with Groups(MEMORY_MB, CPUS) as cage, service.running(start=cage.start) as web:
        web.wait()
        for name, before in (
            ("no process", no_process),
            ("no templates", no_templates),
            ("warm", lambda _: None),
        ):
            since = len(web.log("report"))
            result[name] = told(web, rounds_of(web, before, rounds), since)
    return result


def from_exec(command: Sequence[str], path: str, audio: bytes, start: Start) -> float:
    """Seconds from a server's exec to its first answer."""
    with service.running(command, start) as web:
        web.wait()
        while True:
            try:
                answer = web.ask("POST", path, audio, Content_Type="application/octet-stream")
                break
            except (OSError, HTTPException):  # It isn't there yet, or any more.
                if web.process.poll() is not None:
                    raise EndedError(f"It ended with {web.process.returncode}.") from None
        if answer.status != 200:
            raise RuntimeError(f"It answered {answer.status}: {answer.body[:300]!r}")
        return time.monotonic() - web.began


def plain(function: str) -> list[str]:
    """functions-framework's own command for one function."""
    framework = Path(sys.executable).with_name("functions-framework")
    source = clips.ROOT / "functions" / function / "main.py"
    return [str(framework), "--target=handle", f"--source={source}", "--host=127.0.0.1"]


def starts(rounds: int) -> dict[str, Any]:
    """The service, and a function alone, from exec to the first answer."""
    took: dict[str, dict[str, list[float]]] = {
        "service from exec": {name: [] for name in FUNCTIONS},
        "functions-framework from exec": {name: [] for name in FUNCTIONS},
    }
    for _ in range(rounds):
        for name in FUNCTIONS:
            audio = service.clip(name, SECONDS).read_bytes()
            for kind, command, path in (
                ("service from exec", service.COMMAND, f"/{name}"),
                ("functions-framework from exec", plain(name), "/"),
            ):
                with Groups(MEMORY_MB, CPUS) as cage:
                    took[kind][name].append(from_exec(command, path, audio, cage.start))
    return {
        kind: {name: service.spread(seconds) for name, seconds in its.items()}
        for kind, its in took.items()
    }


def usual() -> dict[str, Any]:
    """The usual way from exec, once each."""
    USUAL.prepare()
    result = {}
    for name in FUNCTIONS:
        audio = service.clip(name, SECONDS).read_bytes()
        with Groups(USUAL_MB, CPUS) as cage:
            result[name] = service.spread(
                [from_exec(USUAL.command(), f"/{name}", audio, cage.start)]
            )
    return {"FastAPI, torch, transformers, librosa from exec, in 4 GB": result}


def markdown(result: dict[str, Any]) -> str:
    lines = [
        f"Seconds to the answer for a clip of {SECONDS} s, {MEMORY_MB} MB and {CPUS} CPU: median "
        f"(lowest to highest of {result['rounds']}).",
        "",
        f"| | {' | '.join(FUNCTIONS)} |",
        "|---" * (1 + len(FUNCTIONS)) + "|",
    ]
    for kind, its in result["seconds"].items():
        cells = (
            f"{its[name]['median']:.2f} ({its[name]['min']:.2f} to {its[name]['max']:.2f})"
            for name in FUNCTIONS
        )
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    lines += ["", "Of it the start, the function, and the function's CPU, all in seconds:"]
    for kind, its in result["seconds"].items():
        if all("init_s" in its[name] for name in FUNCTIONS):
            cells = (
                f"{name} {its[name]['init_s']:.2f}, {its[name]['fn_s']:.2f}, "
                f"{its[name]['cpu_s']:.3f}"
                for name in FUNCTIONS
            )
            lines.append(f"{kind}: {'; '.join(cells)}.")
    return "\n".join(lines)


def main() -> int:
    parser = service.parser("service_cold", __doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true", help="the service alone")
    options = parser.parse_args()
    result: dict[str, Any] = {"rounds": options.rounds, "seconds": {}}
    try:
        for name in FUNCTIONS:  # Warms the disk, and compiles.
            audio = service.clip(name, SECONDS).read_bytes()
            from_exec(service.COMMAND, f"/{name}", audio, subprocess.Popen)
        result["seconds"] |= in_service(options.rounds)
        if not options.no_peers:
            result["seconds"] |= starts(options.rounds)
            result["seconds"] |= usual()
    except CageUnavailable as reason:
        print(f"Not measured: {reason}")
        return 0
    except (PeerError, EndedError) as missing:
        print(f"Left out: {missing}", file=sys.stderr)
    print(markdown(result))
    service.keep(options.json, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
