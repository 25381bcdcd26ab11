"""A process that has imported what functions need, and forks to become them.

`python -m deploy.service.template` has its control socket (Unix, SOCK_SEQPACKET) as its standard
input. When the other end is closed it ends what it has forked, and then itself. A message is a
JSON object. It is told:

    {"id": …, "packages": […], "without": […]}, with a control socket:
        fork a template that imports these packages too
    {"id": …, "folder": …, "socket": …, "bodies": …}, with the three standard streams:
        fork a host of the function in this folder

and tells:

    {"resident_mb": …}                      it has imported its packages
    {"id": …, "pid": …}                     forked
    {"id": …, "code": …, "peak_mb": …}      what was forked has ended; code as in `subprocess`

A fork copies the one thread that calls it, so nothing that is imported here may have started
another; and a function's own code and model are never imported here, only what it stands on.
"""

import argparse
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from deploy.service import host, memory
from deploy.service.rehearsal import rehearse
from functions import kit
from functions.kit import manifest
from functions.kit.manifest import ManifestError

MESSAGE = 65_536
SERVER = ("waitress", "waitress.server", "flask", "traceback")
"""What every host imports, whatever its function."""
LAZILY = ("encodings.cp437", "encodings.idna", "numpy.fft", "numpy.ma")
"""What a first request imports of packages that are there; `test_template` says if it is all."""
FIRST_TO_GO = "500"
"""A host's `oom_score_adj`: where memory runs out, the kernel ends it before the service."""
NICE = 10
"""How far a host's work stands back, so that the service answers for its health at once.

At 0.1 CPU with three hosts busy, 99 of 100 answers came within 0.26 s, and 1.65 s without.
"""

Life = Callable[[], "Life | None"]
"""What a process is, until it ends (None), or becomes another by forking."""


def templating(packages: Sequence[str], without: Sequence[str]) -> Life | None:
    """Import `packages`, and then fork as the control socket says.

    without : packages that other templates have. What of the kit needs them isn't imported here.
    """
    preload(packages, without)
    gc.collect()
    gc.freeze()  # Its pages stay shared: a collection in what was forked doesn't write to them.
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    control = socket.socket(fileno=os.dup(0))
    try:
        _send(control, resident_mb=memory.resident_mb(os.getpid()))
        return _forks(control, wake)
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        os.close(wake)
        os.close(woken)


def hosting(told: dict[str, Any]) -> None:
    """Be the host of a function; see `deploy.service.host`."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    os.nice(NICE)
    function = manifest.load(Path(told["folder"]))
    host.serve(function, told["socket"], bodies=Path(told["bodies"]), until_eof=True)


def preload(packages: Iterable[str], without: Iterable[str]) -> None:
    """Import `packages`, the server and the kit; what can't be, its function is to tell of.

    A package's name is taken for that of its module; one whose isn't, is imported when it is used.
    """
    os.environ.update(host.ONE_THREAD)
    for name in (*(name.replace("-", "_") for name in packages), *SERVER):
        with suppress(ImportError):
            importlib.import_module(name)
    hidden = {name.replace("-", "_") for name in without} - sys.modules.keys()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: no such module.
    for module in pkgutil.iter_modules(kit.__path__):
        if module.name != "show":  # That is for the command line.
            with suppress(ImportError):
                importlib.import_module(f"{kit.__name__}.{module.name}")
    for name in hidden:
        del sys.modules[name]
    for name in LAZILY:
        if name.partition(".")[0] in sys.modules:
            importlib.import_module(name)
    with suppress(ManifestError):  # That one's is for its own process to tell of.
        manifest.discover()  # They are kept, once read.
    rehearse()


def _forks(control: socket.socket, wake: int) -> Life | None:
    """Fork as told until the control socket ends; in what was forked, return what it is to be."""
    forked: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([control.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, MESSAGE)
            _reap(control, forked)
        if control.fileno() not in ready:
            continue
        message, descriptors, _, _ = socket.recv_fds(control, MESSAGE, 3)
        if not message:
            _end(forked)
            return None
        told = json.loads(message)
        try:
            _check_threads()
            pid = os.fork()
        except (OSError, RuntimeError) as error:
            # Said as the last words of what would have been, or in the log.
            heard = descriptors[2] if "folder" in told else 2
            os.write(heard, f"No process could be forked: {error}\n".encode())
            _send(control, id=told["id"], code=1, peak_mb=0.0)
            pid = None
        if pid == 0:
            os.setpgid(0, 0)
            for number, descriptor in enumerate(descriptors):
                os.dup2(descriptor, number)
                os.close(descriptor)
            if "packages" in told:
                return partial(templating, told["packages"], told["without"])
            return partial(hosting, told)
        for descriptor in descriptors:
            os.close(descriptor)
        if pid is not None:
            with suppress(OSError):
                os.setpgid(pid, pid)  # Whichever of us comes first.
            forked[pid] = told["id"]
            _send(control, id=told["id"], pid=pid)


def _reap(control: socket.socket, forked: dict[int, int]) -> None:
    """Tell of each forked process that has ended; what it had started goes with it."""
    while forked:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return
        # Not collected yet, it keeps the number of its group from any other.
        with suppress(OSError):
            os.killpg(found.si_pid, signal.SIGKILL)
        pid, status, usage = os.wait4(found.si_pid, 0)
        code = os.waitstatus_to_exitcode(status)
        _send(control, id=forked.pop(pid), code=code, peak_mb=usage.ru_maxrss * 1024 / memory.MB)


def _end(forked: Iterable[int]) -> None:
    """End what was forked, and return when it has ended."""
    for pid in forked:
        os.kill(pid, signal.SIGKILL)  # Not collected yet, it is there, if only as a zombie.
        os.waitpid(pid, 0)


def _check_threads() -> None:
    """Raise RuntimeError where there is more than this thread: only this one would be copied."""
    try:
        threads = len(list(Path("/proc/self/task").iterdir()))
    except OSError:
        return
    if threads > 1:
        raise RuntimeError(
            f"the template has {threads} threads. One of the packages that function.toml requires "
            "starts them when it is imported."
        )


def _send(control: socket.socket, **message: Any) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # Then the next to read is the end.
        control.send(json.dumps(message).encode())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m deploy.service.template", description=__doc__)
    parser.add_argument("packages", nargs="*", help="what to import")
    parser.add_argument("--without", nargs="*", default=[], help="what not to import")
    options = parser.parse_args()
    life: Life | None = partial(templating, options.packages, options.without)
    # Not by the interpreter's own end, which would write to most of what is shared.
    code = 1
    try:
        while life is not None:
            life = life()
        code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        else:
            code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
