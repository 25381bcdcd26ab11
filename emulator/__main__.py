"""`python -m emulator` is `halfgig`."""

from emulator.cli import main

main()
