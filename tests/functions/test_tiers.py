"""Every function's tiers are what its folder holds."""

import hashlib

import pytest

from functions.kit import manifest
from tests.tree import ROOT

FUNCTIONS = manifest.discover(ROOT / "functions")
FILES = [(name, tier) for name, each in FUNCTIONS.items() for tier in each.tiers if tier.file]


@pytest.mark.parametrize(("name", "tier"), FILES, ids=[f"{n}-{t.name}" for n, t in FILES])
def test_a_tiers_file_is_the_one_that_the_manifest_names(name: str, tier: manifest.Tier) -> None:
    path = FUNCTIONS[name].folder / str(tier.file)
    assert path.exists(), f"functions/{name}/{tier.file} is not there: train it, or fetch it."
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found == tier.sha256, (
        f"functions/{name}/{tier.file} has another sha256 than function.toml says. If it is the "
        f'one that is meant, write there: sha256 = "{found}"'
    )
