"""A manifest reads into values, or says in a sentence what is wrong with which key."""

import re
from pathlib import Path

import pytest

from functions.kit import manifest
from functions.kit.manifest import Contract, Export, Limits, ManifestError, Memory, Tier

GOOD = """
name = "echo"
summary = "Says it again."
target = "handle"
media_types = ["audio/*"]
requires = ["numpy"]
timeout_s = 30
concurrency = 1
idle_stop_s = 2.5
demo = ["speech"]
[limits]
bytes = 1_000
seconds = 60
min_seconds = 0.5
channels = 2
sample_rate_min = 4_000
sample_rate_max = 48_000
[memory]
idle_mb = 20
peak_mb = 30.5
[cpu]
per_s = 0.002
[[tiers]]
name = "best"
memory_mb = 30
file = "model/best.onnx"
sha256 = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"
[[tiers]]
name = "least"
memory_mb = 20
[exports.plot]
help = "Draw it."
suffix = ".png"
extra = "plot"
[[contracts]]
route = "/api/echo"
languages = ["Tamil", "auto"]
formats = ["mp3"]
errors = "message"
statuses = [400, 503]
"""

SHA256 = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"


def write(root: Path, text: str, name: str = "echo") -> Path:
    folder = root / name
    folder.mkdir(exist_ok=True)
    (folder / "function.toml").write_text(text)
    return folder


def test_every_key(tmp_path: Path) -> None:
    folder = write(tmp_path, GOOD)
    assert manifest.load(folder) == manifest.Manifest(
        name="echo",
        summary="Says it again.",
        target="handle",
        folder=folder,
        media_types=("audio/*",),
        limits=Limits(1_000, 60.0, 0.5, 2, 4_000, 48_000),
        timeout_s=30.0,
        concurrency=1,
        idle_stop_s=2.5,
        memory=Memory(20.0, 30.5),
        tiers=(Tier("best", 30.0, "model/best.onnx", SHA256), Tier("least", 20.0)),
        requires=("numpy",),
        exports=(Export("plot", "Draw it.", ".png", "plot"),),
        demo=("speech",),
        contracts=(Contract("/api/echo", ("Tamil", "auto"), ("mp3",), "message", (400, 503)),),
        cpu_per_s=0.002,
    )


def test_cpu_that_nobody_measured(tmp_path: Path) -> None:
    text = GOOD.replace("[cpu]\nper_s = 0.002\n", "")
    assert manifest.load(write(tmp_path, text)).cpu_per_s == manifest.UNMEASURED


@pytest.mark.parametrize(
    ("line", "instead", "words"),
    [
        ('summary = "Says it again."', "", "'summary' is missing."),
        ("timeout_s = 30", 'timeout_s = "30"', "'timeout_s' is '30'. It must be a number."),
        ("timeout_s = 30", "timeout_s = nan", "'timeout_s' is nan. It must be zero or more"),
        ("concurrency = 1", "concurrency = true", "'concurrency' is True. It must be a whole"),
        ("bytes = 1_000", "bytes = 0", "'limits.bytes' is 0. It must be a whole number of at"),
        ("channels = 2", "", "'limits.channels' is missing."),
        ('["audio/*"]', '"audio/*"', "'media_types' is 'audio/*'. It must be a list of texts."),
        ("per_s = 0.002", "per_s = -1", "'cpu.per_s' is -1. It must be zero or more"),
        ("[memory]", "[memories]", "'memory' is missing."),
        ("memory_mb = 20", "memory_mb = -1", "'tiers.memory_mb' is -1. It must be zero or more"),
        ("[[tiers]]", "[[tier]]", "'tiers' is missing."),
        (f'sha256 = "{SHA256}"', "", "'tiers.sha256' is missing."),
        ('file = "model/best.onnx"', "", "'tiers.file' is missing."),
        (SHA256, "5FEC", "'tiers.sha256' is '5FEC'. It must be 64 hex digits."),
        ("model/best", "/model/best", "'/model/best.onnx'. It must be in the function's folder"),
        ("model/best", "../best", "'tiers.file' is '../best.onnx'. It must be in the function's"),
        ('demo = ["speech"]', "demo = 1", "'demo' is 1. It must be a list of texts."),
        ('demo = ["speech"]', "demo = []", "'demo' is []. It must be a list of at least one text."),
        ('formats = ["mp3"]', "formats = []", "'contracts.formats' is []. It must be a list of at"),
        ("[exports.plot]", "[exports]", "'exports.help' is 'Draw it.'. It must be a table."),
        ('suffix = ".png"', "", "'exports.plot.suffix' is missing."),
        ('route = "/api/echo"', 'route = "echo/"', "is 'echo/'. It must be a path such as"),
        ('route = "/api/echo"', 'route = "/health"', "where every function answers as itself."),
        ('errors = "message"', 'errors = "html"', "'html'. It must be one of message, problem."),
        ("statuses = [400, 503]", "statuses = [400]", "[400]. It must be a list of HTTP statuses"),
        ("statuses = [400, 503]", "statuses = [[400]]", "It must be a list of HTTP statuses"),
        ('formats = ["mp3"]', "", "'contracts.formats' is missing."),
        ('name = "echo"', 'name = "else"', "A function has its folder's name."),
        ('name = "echo"', "name = ", "is not valid TOML"),
    ],
)
def test_what_is_wrong_is_said(line: str, instead: str, words: str, tmp_path: Path) -> None:
    folder = write(tmp_path, GOOD.replace(line, instead))
    with pytest.raises(ManifestError, match=re.escape(words)) as caught:
        manifest.load(folder)
    assert str(folder / "function.toml") in str(caught.value)


def test_a_route_is_of_one_contract(tmp_path: Path) -> None:
    folder = write(tmp_path, GOOD + GOOD[GOOD.index("[[contracts]]") :])
    with pytest.raises(ManifestError, match=r"2 contracts have the route '/api/echo'\."):
        manifest.load(folder)


@pytest.mark.parametrize("name", ["json", "help", '"my clicks"'])
def test_an_export_needs_a_name_of_its_own(name: str, tmp_path: Path) -> None:
    folder = write(tmp_path, GOOD.replace("exports.plot", f"exports.{name}"))
    with pytest.raises(ManifestError, match=f"export named '{name.strip(chr(34))}'"):
        manifest.load(folder)


def test_a_folder_without_one(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"function.toml cannot be read: No such file"):
        manifest.load(tmp_path)


def test_functions_are_the_folders_that_have_one(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace('"echo"', '"b"'), "b")
    write(tmp_path, GOOD.replace('"echo"', '"a"'), "a")
    (tmp_path / "kit").mkdir()
    assert list(manifest.discover(tmp_path)) == ["a", "b"]


def test_the_installed_functions() -> None:
    assert "kit" not in manifest.discover()
