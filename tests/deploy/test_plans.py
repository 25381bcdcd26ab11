"""The clouds' plans."""

from deploy import plans


def test_the_plans() -> None:
    free = plans.load()["free"]
    assert (free.memory_mb, free.cpus) == (512, 0.1)
    assert plans.load()["standard"].memory_mb == 2048
