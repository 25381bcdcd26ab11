"""Where a process stands in the control groups, read from made-up systems."""

from pathlib import Path

import pytest

from deploy import cgroups
from deploy.service import memory


class System:
    """A made-up /proc/self, and the control groups it tells of."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.proc = root / "proc"
        self.proc.mkdir()

    def says(self, cgroup: str, mountinfo: str) -> Path:
        (self.proc / "cgroup").write_text(cgroup)
        (self.proc / "mountinfo").write_text(mountinfo.replace("ROOT", str(self.root)))
        return self.proc

    def group(self, path: str, **files: str) -> Path:
        folder = self.root / path
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text)
        return folder


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


V1 = "35 31 0:32 / ROOT/memory rw,relatime - cgroup cgroup rw,memory\n"
V2 = "35 31 0:32 / ROOT/unified rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


def test_version_1(system: System) -> None:
    own = system.group("memory/a/b")
    proc = system.says("4:memory:/a/b\n1:cpu:/\n", V1)
    group = cgroups.own("memory", proc)
    assert group == cgroups.Group(1, system.root / "memory", own)
    assert list(group.upwards()) == [own, own.parent, system.root / "memory"]


def test_version_2(system: System) -> None:
    own = system.group("unified/a", cgroup__controllers="cpu memory\n")
    proc = system.says("0::/a\n", V2)
    assert cgroups.own("memory", proc) == cgroups.Group(2, system.root / "unified", own)
    assert cgroups.own("pids", proc) is None


def test_version_1_is_found_beside_a_version_2_without_it(system: System) -> None:
    system.group("unified", cgroup__controllers="hugetlb\n")
    own = system.group("memory")
    group = cgroups.own("memory", system.says("4:memory:/\n0::/\n", V2 + V1))
    assert group == cgroups.Group(1, own, own)


def test_a_container_sees_its_own_group_as_the_top(system: System) -> None:
    own = system.group("memory/inner")
    mount = "35 31 0:32 /docker/42 ROOT/memory rw - cgroup cgroup rw,memory\n"
    group = cgroups.own("memory", system.says("4:memory:/docker/42/inner\n", mount))
    assert group is not None
    assert group.folder == own


@pytest.mark.parametrize("place", ["/elsewhere", "/../../up"])
def test_a_group_that_is_not_to_be_seen_is_the_top(system: System, place: str) -> None:
    top = system.group("memory")
    group = cgroups.own("memory", system.says(f"4:memory:{place}\n", V1))
    assert group is not None
    assert group.folder == top


def test_a_mount_with_a_space_in_its_name(system: System) -> None:
    own = system.group("my groups")
    mount = "35 31 0:32 / ROOT/my\\040groups rw - cgroup cgroup rw,memory\n"
    group = cgroups.own("memory", system.says("4:memory:/\n", mount))
    assert group is not None
    assert group.folder == own


def test_no_proc_at_all(tmp_path: Path) -> None:
    assert cgroups.own("memory", tmp_path / "nowhere") is None


def test_the_limit_is_the_tightest_of_the_groups_around(system: System) -> None:
    system.group("unified", cgroup__controllers="memory")
    system.group("unified/a", memory__max=str(512 * 2**20))
    system.group("unified/a/b", memory__max="max\n", cgroup__controllers="memory")
    assert memory.limit_mb(system.says("0::/a/b\n", V2)) == 512


def test_the_limit_in_version_1(system: System) -> None:
    system.group("memory", memory__limit_in_bytes=str(2**63 - 4096))
    system.group("memory/a", memory__limit_in_bytes=str(100 * 2**20))
    assert memory.limit_mb(system.says("4:memory:/a\n", V1)) == 100


def test_a_limit_above_the_machines_memory_limits_nothing(system: System) -> None:
    system.group("memory", memory__limit_in_bytes=str(2**63 - 4096))
    everything = memory.limit_mb(system.root / "nowhere")
    assert memory.limit_mb(system.says("4:memory:/\n", V1)) == everything
    assert 64 < everything < 2**30


def test_processes_that_were_ended_for_want_of_memory(system: System) -> None:
    system.group("memory", memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    assert memory.oom_kills(system.says("4:memory:/\n", V1)) == 3
    system.group("unified", cgroup__controllers="memory", memory__events="low 0\noom_kill 2\n")
    assert memory.oom_kills(system.says("0::/\n", V2)) == 2
    assert memory.oom_kills(system.root / "nowhere") == 0
