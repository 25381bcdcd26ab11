"""Render: `python -m deploy.targets.render` writes `render.yaml`, the service on the free plan.

It is made of the manifests, the plan and the settings' defaults; run it at the root of the
repository.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from deploy import plans
from deploy.plans import Plan
from deploy.service import budget, settings
from functions.kit import manifest
from functions.kit.manifest import Manifest, ManifestError

FILE = "render.yaml"
PLAN = "free"
PYTHON = "3.11.14"
"""In full, as Render wants it; the figures in the README are of 3.11."""
SPARE_S = 5
"""What the delay has left for the service to end in, once it has waited for what runs."""

_BLUEPRINT = """\
# Written by `python -m deploy.targets.render`; a test holds it equal.
#
# Functions, each in a process of its own while there is work for it:
{functions}
services:
  - type: web
    name: halfgig
    runtime: python
    plan: {plan}
    buildCommand: >-
      pip install --require-hashes -r requirements-run.lock &&
      pip install --no-deps --no-build-isolation . &&
      python -m compileall -q functions deploy
    startCommand: python -m deploy.service
    healthCheckPath: /health
    maxShutdownDelaySeconds: {delay}
    autoDeployTrigger: checksPass
    buildFilter:
      paths:
        - functions/**
        - deploy/**
        - pyproject.toml
        - requirements-run.lock
        - render.yaml
    envVars:
      - key: PYTHON_VERSION
        value: "{python}"
      - key: PLAN
        value: {plan}
      # Render makes up a key; it is in the dashboard, under Environment.
      - key: API_KEYS
        generateValue: true
      # The address that a request came from is what Render's proxy says.
      - key: FORWARDED_ALLOW_IPS
        value: "*"
"""


class TooMuch(Exception):  # noqa: N818 (said of what a function needs)
    """A function that no plan of that size can run."""


def blueprint(functions: Mapping[str, Manifest], plan: Plan) -> str:
    """`render.yaml` for `functions` on `plan`. Raises `TooMuch` where one does not fit."""
    most_mb = plan.memory_mb * (1 - budget.RESERVE)
    for name, function in functions.items():
        if function.memory.peak_mb > most_mb:
            raise TooMuch(
                f"'{name}' takes {function.memory.peak_mb:g} MB at its peak. On the plan "
                f"'{plan.name}' there are {most_mb:.0f} MB for functions at most."
            )
    its = settings.load({}, functions)
    return _BLUEPRINT.format(
        functions="\n".join(_comment(function, plan) for function in functions.values()),
        plan=plan.name,
        delay=round(its.drain_seconds) + SPARE_S,
        python=PYTHON,
    )


def _comment(function: Manifest, plan: Plan) -> str:
    longest_s = function.limits.seconds * function.cpu_per_s / plan.cpus
    return (
        f"#   {function.name}: {function.memory.idle_mb:g} MB idle, {function.memory.peak_mb:g} MB "
        f"at its peak;\n#     {longest_s:.0f} s for its longest recording, of "
        f"{function.timeout_s:g} that it has"
    )


def main() -> None:
    """The command line."""
    try:
        text = blueprint(manifest.discover(), plans.load()[PLAN])
    except (ManifestError, TooMuch) as error:
        sys.exit(f"render: {error}")
    Path(FILE).write_text(text)


if __name__ == "__main__":
    main()
