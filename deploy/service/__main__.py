"""The one service: `python -m deploy.service` answers for all functions on `$PORT`.

Its settings are environment variables, which the README lists. SIGTERM lets what runs end.
"""

import os
import signal
import sys

import uvloop

from deploy.service import log, settings
from deploy.service.serving import serve
from deploy.service.settings import SettingsError
from functions.kit import manifest
from functions.kit.manifest import ManifestError


def main() -> None:
    """The command line."""
    log.install()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # No traceback, until `serve` has its own.
    try:
        functions = manifest.discover()
        uvloop.run(serve(functions, settings.load(os.environ, functions)))
    except (SettingsError, ManifestError) as error:
        sys.exit(f"halfgig: {error}")


if __name__ == "__main__":
    main()
