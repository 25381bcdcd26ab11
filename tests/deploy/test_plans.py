"""The clouds' plans."""

from pathlib import Path

from deploy import plans


def test_the_plans() -> None:
    free = plans.load()["free"]
    assert (free.memory_mb, free.cpus) == (512, 0.1)
    assert plans.load()["standard"].memory_mb == 2048
    assert plans.load()["cloudrun-512"].cpus == 1


def test_lambda_gives_a_cpu_at_1769_mb() -> None:
    for plan in plans.load().values():
        if plan.name.startswith("lambda-"):
            assert plan.name == f"lambda-{plan.memory_mb}"
            assert plan.cpus == round(plan.memory_mb / 1769, 2)


def test_a_plan_is_a_table_more(tmp_path: Path) -> None:
    path = tmp_path / "plans.toml"
    path.write_text("[tiny]\nmemory_mb = 128\ncpus = 0.05\n")
    assert plans.load(path) == {"tiny": plans.Plan("tiny", 128, 0.05)}
