"""`/functions`: what functions there are, where they answer, and how each of them is."""

from collections.abc import Iterable, Mapping
from typing import Any

from deploy.service.snapshot import Snapshot
from functions.kit.manifest import Manifest


def routes(function: Manifest) -> list[str]:
    """The paths at which the service answers for `function`: its own, then its contracts'."""
    return [f"/{function.name}", *(contract.route for contract in function.contracts)]


def document(
    functions: Mapping[str, Manifest],
    snapshot: Snapshot,
    *,
    disabled: Iterable[str],
    remote: Iterable[str],
) -> dict[str, Any]:
    """What `/functions` answers about all of `functions`, those switched off too."""
    states: dict[str, str] = {name: its.state for name, its in snapshot.functions.items()}
    states |= dict.fromkeys(remote, "remote") | dict.fromkeys(disabled, "disabled")
    return {
        "functions": [
            {
                "name": name,
                "summary": function.summary,
                "state": states.get(name, "stopped"),
                "routes": routes(function),
                "media_types": function.media_types,
                "limits": vars(function.limits) | {"timeout_s": function.timeout_s},
                "tiers": [
                    {"name": tier.name, "memory_mb": tier.memory_mb} for tier in function.tiers
                ],
            }
            for name, function in functions.items()
        ]
    }
