"""Where this process stands in the kernel's control groups, of version 1 or 2."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc/self")


@dataclass(frozen=True)
class Group:
    """The control group of a process: its `folder`, somewhere under its hierarchy's `mount`."""

    version: int
    mount: Path
    folder: Path

    def upwards(self) -> Iterator[Path]:
        """The group's folder and those of the groups around it, the widest last."""
        yield self.folder
        for parent in self.folder.parents:
            if not parent.is_relative_to(self.mount):
                return
            yield parent


def own(controller: str, proc: Path = PROC, mounted: Path | None = None) -> Group | None:
    """The group that governs `controller` ("memory", "cpu") for this process, if there is one.

    mounted : the process, by its folder in /proc, whose file system it is to be found in, where
        that is not the same
    """
    try:
        memberships = (proc / "cgroup").read_text().splitlines()
        mounts = ((mounted or proc) / "mountinfo").read_text().splitlines()
    except OSError:
        return None
    places = {}
    for line in memberships:
        _, controllers, place = line.split(":", 2)
        places.update(dict.fromkeys(controllers.split(","), place))
    for version, kind in ((1, "cgroup"), (2, "cgroup2")):
        for line in mounts:
            before, after = line.split(" - ", 1)
            root, mount = (unescape(field) for field in before.split()[3:5])
            fstype, _, options = after.split(" ", 2)
            if fstype != kind or (version == 1 and controller not in options.split(",")):
                continue
            place = places.get(controller if version == 1 else "", "/")
            group = Group(version, Path(mount), _folder(Path(mount), root, place))
            if version == 1 or controller in _words(group.folder / "cgroup.controllers"):
                return group
    return None


def _folder(mount: Path, root: str, place: str) -> Path:
    """The folder of `place` where `root` of the hierarchy is what is mounted (in a container)."""
    if root != "/":
        place = place.removeprefix(root) if place.startswith(root) else ""
    folder = mount / place.strip("/")
    return folder if ".." not in folder.parts and folder.is_dir() else mount


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def unescape(field: str) -> str:
    """A field of /proc/self/mountinfo as it is meant."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)
