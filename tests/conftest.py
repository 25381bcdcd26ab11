"""What every test shares: slow tests wait for CI."""

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("CI"):
        return
    skip = pytest.mark.skip(reason="Slow: set CI=1 to run it.")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(skip)
