"""The cage by its earlier name."""

from emulator.cages.cage import MB, CageUnavailable, Reading
from emulator.cages.groups import Groups as Cage

__all__ = ["MB", "Cage", "CageUnavailable", "Reading"]
