"""How exactly networks compute while they are fitted."""

import torch


def autocast(device: torch.device) -> torch.autocast:
    """In bfloat16 where that is fast, and in floats elsewhere.

    A processor without instructions for it emulates it, which takes ten times as long as floats.
    """
    its = torch.cpu.get_capabilities()
    fast = device.type != "cpu" or any(its.get(name) for name in ("avx512_bf16", "amx_bf16"))
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)
