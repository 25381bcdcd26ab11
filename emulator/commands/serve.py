"""`halfgig serve`: the one service, as it runs in the cloud."""

import os
import sys

import click

from emulator import child


@click.command("serve")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Where to listen; else $PORT or 10000."
)
def command(port: int | None) -> None:
    """Serve all functions over HTTP, in the memory that there is.

    It is `python -m deploy.service`, as a cloud runs it: its settings are environment variables,
    and nothing holds it to a plan. `halfgig start` does.

    \b
    Examples:
      halfgig serve
      API_KEYS=secret halfgig serve --port 8080
    """
    if port is not None:
        os.environ["PORT"] = str(port)
    arguments = [sys.executable, "-P", "-m", "deploy.service"]
    os.execve(sys.executable, arguments, child.environment())
