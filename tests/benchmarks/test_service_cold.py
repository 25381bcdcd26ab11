from typing import Any

from benchmarks.service import FUNCTIONS
from benchmarks.service_cold import markdown, plain


def test_a_function_alone_is_started_by_its_framework() -> None:
    command = plain("beats")
    assert command[0].endswith("functions-framework")
    assert any(word.endswith("functions/beats/main.py") for word in command)


def test_a_person_can_read_it() -> None:
    took = {"median": 1.25, "min": 1.1, "max": 1.5}
    ours: dict[str, Any] = {**took, "init_s": 0.4, "fn_s": 0.8, "cpu_s": 0.09}
    text = markdown(
        {
            "rounds": 3,
            "seconds": {
                "no process": dict.fromkeys(FUNCTIONS, ours),
                "other": dict.fromkeys(FUNCTIONS, took),
            },
        }
    )
    assert "| other | 1.25 (1.10 to 1.50) | 1.25 (1.10 to 1.50) | 1.25 (1.10 to 1.50) |" in text
    assert "no process: beats 0.40, 0.80, 0.090; emotion" in text
