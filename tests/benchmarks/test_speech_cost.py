import json
import subprocess
from pathlib import Path

import pytest

from benchmarks import clips
from benchmarks.environments import PeerError
from benchmarks.speech_cost import OURS, Tool, markdown


@pytest.mark.parametrize("function", OURS)
def test_ours_answers_and_tells_the_seconds_of_each(function: str) -> None:
    if not (clips.ROOT / "functions" / function / "model" / f"{function}.onnx").exists():
        pytest.skip("There is no model.")
    command = OURS[function].command(clips.ROOT / "demo" / "speech.ogg", 2)
    done = subprocess.run(command, cwd=clips.ROOT, capture_output=True, check=True)
    took = json.loads(done.stdout)
    assert len(took) == 2
    assert 0 < min(took) < 10


def test_what_cannot_be_prepared_says_why() -> None:
    tool = Tool(name="gone", version="1", answer="", before="import nothing_of_that_name")
    with pytest.raises(PeerError, match="gone could not be prepared and said: ModuleNotFoundError"):
        tool.prepare()


def test_a_tool_runs_what_it_is_given(tmp_path: Path) -> None:
    tool = Tool(name="one", version="1", answer="def answer(path): open(path, 'a').write('.')")
    path = tmp_path / "calls"
    subprocess.run(tool.command(path, 3), capture_output=True, check=True)
    assert path.read_text() == "..."


def test_a_person_can_read_it() -> None:
    its = {"cpu_s": 1.0, "peak_mb": 50.0, "cpu_times_ours": 1.0, "peak_times_ours": 1.0}
    peer = {"cpu_s": 4.0, "peak_mb": 500.0, "cpu_times_ours": 4.0, "peak_times_ours": 10.0}
    text = markdown(
        {
            "fresh": {"10": {"halfgig": its, "other": peer}},
            "warm": {"10": {"halfgig": {"cpu_ms": 30.0, "cpu_times_ours": 1.0}}},
            "invoked": {"cpu_s": 2.0, "mem_peak_mb": 60.0},
            "lengths": [{"minutes": 10, "cpu_s": 5.0, "peak_mb": 80.0}],
        }
    )
    assert "| halfgig, 10 s | 1.00 (1.0x) | 50 (1.0x) | 30 (1.0x) |" in text
    assert "| other, 10 s | 4.00 (4.0x) | 500 (10.0x) |  |" in text
    assert "| 10 | 5.0 | 0.500 | 80.0 |" in text
