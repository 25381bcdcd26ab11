"""What this machine has of what functions and emulator need, tried and not only looked up."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy import cgroups, lock, plans
from deploy.service import memory
from emulator import cages, child, faults, locator, ports
from functions.kit import tiers
from functions.kit.manifest import Manifest, Tier

PYTHON = (3, 11)
FORMATS = ("WAV", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF")
"""Those that the functions say they take."""
SPARE_MB = 100.0
"""The least room for temporary files with which anything can be tried."""
_MB = 2**20

State = Literal["ok", "note", "missing"]
Functions = Mapping[str, Manifest]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `state` is "missing" where something does not work so."""

    what: str
    state: State
    says: str


def findings() -> Iterator[Finding]:
    """All there is to say, as it is found; one that can't be looked at is missing."""
    functions, broken = faults.manifests()
    for name, fault in broken.items():
        yield Finding(f"function {name}", "missing", f"{fault.place}: {fault.detail}")
    for check in CHECKS:
        try:
            yield from check(functions)
        except Exception as error:
            what = check.__name__.strip("_")
            yield Finding(what, "missing", f"It can't be told: {type(error).__name__}: {error}")


def _python(_: Functions) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON:
        least = ".".join(map(str, PYTHON))
        yield Finding("Python", "missing", f"{version}. It must be {least} or later.")
    else:
        yield Finding("Python", "ok", version)


def _packages(functions: Functions) -> Iterator[Finding]:
    """Each that is imported by name, beside the version that was tested."""
    names = {*lock.OWN, *(name for each in functions.values() for name in each.requires)}
    pins: dict[str, str] = {}
    for function in functions.values():
        with_pins = function.folder / "requirements.txt"
        pins |= lock.pins(with_pins.read_text()) if with_pins.exists() else {}
    same = []
    for name in sorted(names):
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wanted = f"{name}=={pins[name]}" if name in pins else name
            yield Finding("packages", "missing", f"{name} is not installed: pip install {wanted}")
            continue
        if version == pins.get(name, version):
            same.append(f"{name} {version}")
        else:
            yield Finding("packages", "note", f"{name} is {version}; {pins[name]} was tested.")
    if same:
        yield Finding("packages", "ok", ", ".join(same))


def _extras(functions: Functions) -> Iterator[Finding]:
    wanted = {each.extra for function in functions.values() for each in function.exports} - {None}
    if "plot" in wanted:
        try:
            version = importlib.metadata.version("matplotlib")
            yield Finding("--plot", "ok", f"matplotlib {version}")
        except importlib.metadata.PackageNotFoundError:
            need = "It needs matplotlib: pip install 'halfgig[plot]'"
            yield Finding("--plot", "note", need)


def _memory(_: Functions) -> Iterator[Finding]:
    limit = memory.limit_mb()
    small = [plan.name for plan in plans.load().values() if plan.memory_mb > limit]
    says = f"{limit:.0f} MB, and {os.cpu_count() or 1} CPU"
    if small:
        yield Finding("machine", "note", f"{says}: less than the plans {', '.join(small)} have.")
    else:
        yield Finding("machine", "ok", says)
    if (cgroups.PROC / "clear_refs").exists() and memory.reset_peak():
        yield Finding("reports", "ok", "The peak of each invocation is its own.")
    else:
        says = "A warm invocation's peak is shown with <=, as it is that of the process so far."
        yield Finding("reports", "note", says)


def _cage(_: Functions) -> Iterator[Finding]:
    plan = plans.load()["free"]
    reasons = cages.why_not(plan)
    with cages.choose(plan) as cage:
        says = f"{cage.kind}: {cage.enforces}."
        if cage.not_enforced:
            says += f" Not enforced: {' and '.join(cage.not_enforced)}."
    for kind, reason in reasons.items():
        says += f"\nNot {kind}: {reason}"
    yield Finding("cage", "note" if cage.not_enforced else "ok", says)


def _port(_: Functions) -> Iterator[Finding]:
    host_name, port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "10000")
    if not port.isdigit() or int(port) > ports.MOST:
        yield Finding("port", "missing", f"PORT is '{port}'. It must be a port, from 0 to 65535.")
    elif why := ports.why_not(host_name, int(port)):
        free = ports.next_free(host_name, int(port))
        yield Finding("port", "note", f"{why} {free} is free: halfgig start --port {free}")
    else:
        yield Finding("port", "ok", f"{port} is free.")
    for its in locator.running():
        names = ", ".join(its.functions)
        yield Finding("emulator", "ok", f"{names} on plan {its.plan} at {its.url} ({its.pid})")


def _decoders(_: Functions) -> Iterator[Finding]:
    try:
        import soundfile
    except (ImportError, OSError) as error:
        yield Finding("decoders", "missing", f"soundfile can't be imported: {error}")
        return
    there = {*soundfile.available_formats(), *soundfile.available_subtypes("OGG")}
    library = f"libsndfile {soundfile.__libsndfile_version__}"
    wanted = (*FORMATS, "VORBIS", "OPUS")
    if absent := [name for name in wanted if name not in there]:
        yield Finding("decoders", "missing", f"{library} can't read {', '.join(absent)}.")
    else:
        yield Finding("decoders", "ok", f"{library}: {', '.join(wanted)}")


def _models(functions: Functions) -> Iterator[Finding]:
    """Each file is what `function.toml` names, loads, and leaves nothing of telemetry behind."""
    for function in functions.values():
        reasons = [_unusable(function, tier) for tier in function.tiers]
        whole = f"{function.name}'s"
        for tier, reason in zip(function.tiers, reasons, strict=True):
            name = f"{whole} tier '{tier.name}'"
            if reason:
                state: State = "note" if "" in reasons else "missing"
                yield Finding("models", state, f"{name} can't be used: {reason}")
            elif tier.file:
                yield Finding("models", "ok", f"{name}: {tier.file} is there, whole, and loads.")
    for function in functions.values():
        for tier in function.tiers:
            if tier.file and tier.file.endswith(".onnx"):
                yield _telemetry(function.folder / tier.file)
                return


def _unusable(function: Manifest, tier: Tier) -> str:
    """Why the tier can't be used, or ""."""
    if not tier.file:
        return ""
    path = function.folder / tier.file
    if reason := tiers.unfit(tier, path):
        return reason
    return _loaded(path)[0] if path.suffix == ".onnx" else ""


def _telemetry(model: Path) -> Finding:
    why, left = _loaded(model)
    if left or why:
        said = f"onnxruntime left {', '.join(left)} under the home folder." if left else why
        return Finding("telemetry", "missing", said)
    return Finding("telemetry", "ok", "off: onnxruntime started no thread and left no file.")


def _loaded(model: Path) -> tuple[str, list[str]]:
    """Load it as functions do, in a new process and home folder: why not, and what that left."""
    code = (
        "import os, sys; from functions.kit import onnx; onnx.session(sys.argv[1]); "
        "tasks = '/proc/self/task'; print(len(os.listdir(tasks)) if os.path.isdir(tasks) else 1)"
    )
    # Little else: it is the kit that is to keep it quiet, which it is by itself where a build says
    # that it is one.
    kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
    environ = {name: value for name, value in child.environment().items() if name in kept}
    with tempfile.TemporaryDirectory(prefix="halfgig-") as home:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, str(model)],
            env={**environ, "HOME": home, "XDG_CACHE_HOME": f"{home}/.cache"},
            capture_output=True,
            text=True,
        )
        left = [str(path.relative_to(home)) for path in Path(home).rglob("*") if path.is_file()]
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["It ended without a word."])[-1], left
    threads = int(done.stdout)
    return ("" if threads == 1 else f"onnxruntime started {threads - 1} threads."), left


def _room(functions: Functions) -> Iterator[Finding]:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free / _MB
    largest = max((each.limits.bytes / _MB for each in functions.values()), default=0.0)
    says = f"{free:.0f} MB in {folder}"
    if free < SPARE_MB:
        yield Finding("room", "missing", f"{says}. Free some, or set TMPDIR.")
    elif free < largest:
        yield Finding("room", "note", f"{says}, and a function takes files of {largest:.0f} MB.")
    else:
        yield Finding("room", "ok", says)


CHECKS: tuple[Callable[[Functions], Iterator[Finding]], ...] = (
    _python,
    _packages,
    _extras,
    _memory,
    _cage,
    _port,
    _decoders,
    _models,
    _room,
)
