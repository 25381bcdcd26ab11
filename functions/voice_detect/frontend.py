"""What the network hears: the log mel bands of `functions.kit.mel`."""

from functions.kit.mel import LogMel


class Frontend(LogMel):
    """16 kHz samples in, a row of bands out for each frame of `LogMel`."""
