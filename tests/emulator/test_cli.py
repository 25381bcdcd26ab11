"""The command line, through its own door: real processes, a real host, a function of words."""

import importlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from emulator.cli import COMMANDS
from tests.conftest import Say
from tests.service import PATIENCE_S, until
from tests.tree import Tree, halfgig


def lines(output: str) -> list[Any]:
    return [json.loads(line) for line in output.splitlines()]


def test_list_finds_a_function_that_was_dropped_in(tree: Tree) -> None:
    done = tree.halfgig("list")
    assert done.returncode == 0
    assert "beats: " in done.stdout
    assert "echo: Does what the words in a file say." in done.stdout
    assert "words (60 MB)" in done.stdout


def test_list_json_is_the_manifest(tree: Tree) -> None:
    functions = {line["name"]: line for line in lines(tree.halfgig("list", "--json").stdout)}
    assert functions["echo"]["limits"]["bytes"] == 5000
    assert functions["echo"]["folder"] == str(tree.root / "functions" / "echo")


def test_invoke_prints_what_show_makes_of_it_then_the_report(tree: Tree, say: Say) -> None:
    done = tree.halfgig("invoke", "echo", say("hello there"))
    assert done.returncode == 0
    assert done.stderr == ""
    first, report = done.stdout.splitlines()
    assert first == "It said: hello there"
    assert report.startswith("REPORT fn=echo start=cold queue=0.00s init=")
    assert report.endswith("tier=words status=200")


def test_files_share_one_warm_process(tree: Tree, say: Say) -> None:
    one, two, three = lines(
        tree.halfgig("invoke", "echo", "--json", say("one"), say("burn"), say("eat")).stdout
    )
    assert one["result"]["pid"] == two["result"]["pid"] == three["result"]["pid"]
    assert [each["report"]["start"] for each in (one, two, three)] == ["cold", "warm", "warm"]
    assert one["report"]["init_s"] > 0.05
    assert one["report"]["cpu_s"] > 0.05
    assert two["report"]["init_s"] == 0
    assert 0.5 <= two["report"]["cpu_s"] < 0.7
    assert three["report"]["mem_peak_mb"] > two["report"]["mem_peak_mb"] + 80


def test_the_keys_of_a_service_are_not_asked_of_its_owner(
    tree: Tree, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEYS", "secret")
    assert tree.halfgig("invoke", "echo", say("hello")).returncode == 0


def test_each_peak_is_its_own(tree: Tree, say: Say) -> None:
    _, big, small = lines(
        tree.halfgig("invoke", "echo", "--json", say("one"), say("eat"), say("two")).stdout
    )
    if not small["report"]["mem_peak_exact"]:
        pytest.skip("This system cannot start a process's peak anew.")
    assert small["report"]["mem_peak_mb"] < big["report"]["mem_peak_mb"] - 80


def test_report_has_every_key(tree: Tree, say: Say) -> None:
    (one,) = lines(tree.halfgig("invoke", "echo", "--json", say("one")).stdout)
    assert {"function", "start", "queue_s", "init_s", "duration_s", "cpu_s", "mem_peak_mb"} | {
        "mem_limit_mb",
        "tier",
        "status",
        "request_id",
    } <= set(one["report"])
    assert list(one) == ["file", "result", "report"]


def test_a_file_that_fails_stops_no_other(tree: Tree, say: Say) -> None:
    done = tree.halfgig("invoke", "echo", "--json", say("refuse"), "nowhere.wav", say("fine"))
    refused, missing, fine = lines(done.stdout)
    assert done.returncode == 1
    assert refused["error"]["status"] == refused["report"]["status"] == 422
    assert refused["error"]["reason"] == "refused"
    assert missing == {"file": "nowhere.wav", "error": missing["error"]}
    assert missing["error"]["reason"] == "no_file"
    assert fine["result"]["words"] == ["fine"]
    assert done.stderr.splitlines() == [
        f"halfgig: {refused['file']}: It was told to refuse.",
        "halfgig: nowhere.wav: There is no such file.",
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [("gone.wav", "There is no such file."), (".", "This is a directory"), ("*.wav", "no such")],
)
def test_what_is_no_file_is_one_line(tree: Tree, name: str, says: str) -> None:
    done = tree.halfgig("invoke", "echo", name)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"halfgig: {name}: ")
    assert says in line


@pytest.mark.parametrize("name", ["song.wav", "sonk.mp3"])
def test_a_file_that_is_misspelt_is_guessed(tree: Tree, tmp_path: Path, name: str) -> None:
    song = tmp_path / "song.mp3"
    song.touch()
    done = tree.halfgig("invoke", "echo", tmp_path / name)
    says = f"{tmp_path / name}: There is no such file. Did you mean '{song}'?"
    assert done.stderr == f"halfgig: {says}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    """They are not imported for it."""
    help_text = importlib.import_module(f"emulator.commands.{name}").command.help
    first = " ".join(help_text.partition("\n\n")[0].split())
    assert first.startswith(COMMANDS[name])


@pytest.mark.parametrize("name", COMMANDS)
def test_each_commands_help_has_examples(tree: Tree, name: str) -> None:
    examples = tree.halfgig(name, "--help").stdout.partition("Examples:\n")[2]
    assert f"    halfgig {name}" in examples.partition("\n\n")[0]


def test_a_command_imports_no_other(tree: Tree) -> None:
    code = "import atexit, sys, emulator.cli as cli; atexit.register(lambda: print(*sys.modules)); "
    modules = tree.python("-c", f"{code}cli.main()", "list").stdout.split()
    assert [name for name in modules if name.startswith("emulator.commands.")] == [
        "emulator.commands.list"
    ]
    assert "numpy" not in modules


@pytest.mark.skipif(os.geteuid() == 0, reason="Root may read everything.")
def test_an_unreadable_file_is_one_line(tree: Tree, say: Say) -> None:
    path = say("secret")
    path.chmod(0)
    done = tree.halfgig("invoke", "echo", path)
    assert done.returncode == 1
    assert done.stderr == f"halfgig: {path}: It cannot be read: Permission denied.\n"


def test_text_is_not_music(tree: Tree, say: Say) -> None:
    done = tree.halfgig("invoke", "beats", say("these are words"))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "status=400" in done.stdout


def test_standard_input_is_a_file(tree: Tree) -> None:
    (one,) = lines(tree.halfgig("invoke", "echo", "--json", "-", stdin="from a pipe").stdout)
    assert one["file"] == "-"
    assert one["result"]["words"] == ["from", "a", "pipe"]


def test_so_is_a_named_pipe(tree: Tree, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", 'echo piped > "$0"', pipe]):
        (one,) = lines(tree.halfgig("invoke", "echo", "--json", pipe).stdout)
    assert one["result"]["words"] == ["piped"]


def test_an_endless_input_is_refused_at_the_limit(tree: Tree) -> None:
    done = tree.halfgig("invoke", "echo", "--json", "/dev/zero")
    assert lines(done.stdout)[0]["error"]["reason"] == "too_large"


def test_a_large_file_is_refused_unsent(tree: Tree, tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    path.write_bytes(b"x " * 5_000_000)
    done = tree.halfgig("invoke", "echo", "--json", path)
    assert lines(done.stdout)[0]["error"]["reason"] == "too_large"


def test_a_crash_is_a_500_and_its_log_is_shown(tree: Tree, say: Say) -> None:
    done = tree.halfgig("invoke", "echo", "--json", say("crash"))
    (one,) = lines(done.stdout)
    assert one["error"]["status"] == one["report"]["status"] == 500
    assert "told to crash" not in done.stdout
    assert "RuntimeError: It was told to crash." in done.stderr


def test_what_the_function_prints_goes_to_standard_error(tree: Tree, say: Say) -> None:
    done = tree.halfgig("invoke", "echo", "--json", say("print"))
    assert lines(done.stdout)[0]["result"]["words"] == ["print"]
    assert "a word from the function" in done.stderr


def test_a_killed_process_costs_its_own_file(tree: Tree, say: Say) -> None:
    done = tree.halfgig("invoke", "echo", "--json", say("one"), say("die"), say("two"))
    one, died, two = lines(done.stdout)
    assert done.returncode == 1
    assert died["error"]["status"] == died["report"]["status"] == 502
    assert died["error"]["reason"] == "died"
    assert "SIGKILL" in died["error"]["detail"]
    assert died["report"]["start"] == "warm"
    assert two["report"]["start"] == "cold"
    assert two["result"]["pid"] != one["result"]["pid"]


def test_a_process_that_leaves_says_with_what_code(tree: Tree, say: Say) -> None:
    done = tree.halfgig("invoke", "echo", "--json", say("leave"))
    assert "exit code 3" in lines(done.stdout)[0]["error"]["detail"]


def test_a_hang_ends_at_the_timeout(hasty: Tree, say: Say) -> None:
    done = hasty.halfgig("invoke", "echo", "--json", say("hang"), say("two"))
    hung, two = lines(done.stdout)
    assert hung["error"]["status"] == 504
    assert "after 4 s" in hung["error"]["detail"]
    assert two["report"]["start"] == "cold"


def test_a_function_that_cannot_start_is_a_502(tree: Tree, say: Say, tmp_path: Path) -> None:
    broken = Tree(tmp_path / "tree", tree.root / "functions" / "echo")
    (broken.root / "functions" / "echo" / "main.py").write_text("import no_such_module\n")
    done = broken.halfgig("invoke", "echo", "--json", say("one"))
    assert lines(done.stdout)[0]["error"]["status"] == 502
    assert "No module named 'no_such_module'" in done.stderr


def test_a_broken_manifest_is_one_line_and_no_matter_to_others(
    tree: Tree, say: Say, tmp_path: Path
) -> None:
    broken = Tree(tmp_path / "tree", tree.root / "functions" / "echo")
    path = broken.root / "functions" / "beats" / "function.toml"
    path.write_text(path.read_text().replace("concurrency = 1", "concurrency = 0"))
    says = "'concurrency' is 0. It must be a whole number of at least 1."
    done = broken.halfgig("list")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert re.fullmatch(rf"halfgig: functions/beats/function\.toml, line \d: {says}", line)
    assert "echo: Does what" in done.stdout
    (line,) = broken.halfgig("invoke", "beats", say("hello")).stderr.splitlines()
    assert says in line
    assert broken.halfgig("invoke", "echo", say("hello")).returncode == 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["invoke", "ecko", "x"], "There is no function 'ecko'. Did you mean 'echo'?"),
        (["invoke", "echo", "--jsn", "x"], "Did you mean '--json'?"),
        (["invoke", "echo"], "Missing argument"),
        (["lisst"], "No such command 'lisst'. Did you mean 'list'?"),
        (["--hlp"], "Did you mean '--help'?"),
        ([], "Commands:"),
        (["invoke", "echo", "--copy", "out.txt", "a", "b"], "exactly one FILE"),
        (["invoke", "echo", "--copy", "out.wav", "a"], "'out.wav' does not end so"),
        (["invoke", "echo", "--copy", "/no/where/out.txt", "a"], "there is no folder '/no/where'"),
    ],
)
def test_usage_errors_exit_2(tree: Tree, args: list[str], says: str) -> None:
    done = tree.halfgig(*args)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_without_its_standard_streams_it_works(tree: Tree, say: Say, closed: str) -> None:
    done = tree.shell(f"invoke echo --json '{say('print')}' {closed}")
    assert done.returncode == 0
    if ">&-" not in closed.split():
        assert lines(done.stdout)[0]["result"]["words"] == ["print"]


def test_a_standard_input_that_is_closed_is_one_line(tree: Tree) -> None:
    done = tree.shell("invoke echo - <&-")
    assert done.returncode == 1
    assert done.stderr == "halfgig: standard input: Standard input is closed.\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Needs a device that is full.")
@pytest.mark.parametrize("command", ["list", "invoke echo"])
def test_a_standard_output_that_is_full_is_one_line(tree: Tree, say: Say, command: str) -> None:
    song = f"'{say('one')}'" if command != "list" else ""
    done = tree.shell(f"{command} {song} > /dev/full")
    assert done.returncode == 1
    assert done.stderr == "halfgig: No space left on device.\n"


def test_a_missing_extra_says_how_to_install_it(tree: Tree, say: Say, tmp_path: Path) -> None:
    done = tree.halfgig("invoke", "echo", say("words"), "--draw", tmp_path / "out.png")
    assert done.returncode == 1
    assert done.stdout.startswith("It said: words\nREPORT ")
    assert done.stderr == "halfgig: --draw needs more: pip install 'halfgig[plot]'\n"


def test_without_show_each_key_has_a_line(tree: Tree, say: Say, tmp_path: Path) -> None:
    plain = Tree(tmp_path / "tree", tree.root / "functions" / "echo")
    (plain.root / "functions" / "echo" / "show.py").unlink()
    first, *_ = plain.halfgig("invoke", "echo", say("one two")).stdout.splitlines()
    assert first == 'words  ["one", "two"]'


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Needs Linux's /proc.")
@pytest.mark.parametrize(
    ("sent", "code", "says"),
    [
        (signal.SIGINT, 130, b"halfgig: stopped.\n"),
        (signal.SIGTERM, 143, b""),
        (signal.SIGHUP, 129, b""),
        (signal.SIGKILL, -9, b""),
    ],
)
def test_stopped_it_leaves_nothing_behind(
    tree: Tree, say: Say, tmp_path: Path, sent: signal.Signals, code: int, says: bytes
) -> None:
    scratch = Path(tempfile.mkdtemp(prefix="hg", dir="/tmp"))
    works = tmp_path / "works"
    with subprocess.Popen(
        [sys.executable, halfgig(), "invoke", "echo", str(say(f"mark={works} slow"))],
        env={**tree.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        until(works.exists)
        (host,) = children(process.pid)
        process.send_signal(sent)
        assert process.wait(PATIENCE_S) == code
        assert process.stderr is not None
        assert process.stderr.read() == says
    until(lambda: not Path(f"/proc/{host}").exists())
    left = [path for path in scratch.rglob("*") if not path.is_dir()]
    assert left == []
    if sent != signal.SIGKILL:
        assert list(scratch.iterdir()) == []
    shutil.rmtree(scratch)


def test_a_reader_that_leaves_is_no_error_to_talk_about(tree: Tree) -> None:
    with subprocess.Popen(
        [sys.executable, halfgig(), "list"],
        env=tree.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 1
        assert process.stderr.read() == b""


def on_a_terminal(tree: Tree, *args: str | Path) -> tuple[str, str]:
    """What `halfgig` writes to standard output, and to a standard error that is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, halfgig(), *map(str, args)],
        env=tree.environ,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        seen = b""
        try:
            while block := os.read(ours, 4096):
                seen += block
        except OSError:  # Linux's way to say that the terminal has closed.
            pass
        os.close(ours)
        assert process.stdout is not None
        return process.stdout.read().decode(), seen.decode()


def test_what_takes_long_shows_a_bar_on_a_terminal(tree: Tree, say: Say) -> None:
    output, seen = on_a_terminal(tree, "invoke", "echo", say("slow"))
    assert output.startswith("It said: slow\nREPORT ")
    assert "echoing  [" in seen
    assert seen.endswith("\r\x1b[K")


def test_what_is_quick_shows_none(tree: Tree, say: Say) -> None:
    _, seen = on_a_terminal(tree, "invoke", "echo", say("quick"))
    assert seen == ""


def test_nor_does_a_pipe(tree: Tree, say: Say) -> None:
    assert tree.halfgig("invoke", "echo", say("slow")).stderr == ""


def test_a_long_folder_for_temporary_files_is_no_matter(
    tree: Tree, say: Say, tmp_path: Path
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    done = subprocess.run(
        [sys.executable, halfgig(), "invoke", "echo", str(say("fine"))],
        env={**tree.environ, "TMPDIR": str(long)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("It said: fine")


def test_the_client_costs_little(tree: Tree, say: Say) -> None:
    """Of the CPU seconds that an invocation takes, all but a little are the function's."""
    before = os.times()
    (one,) = lines(tree.halfgig("invoke", "echo", "--json", say("one")).stdout)
    after = os.times()
    spent = after.children_user + after.children_system
    spent -= before.children_user + before.children_system
    assert spent - one["report"]["cpu_s"] < 0.5
