"""Whether to multiply matrices in bfloat16."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_CPU_INFO = Path("/proc/cpuinfo")
_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # x86, x86 tiles, arm


def use_bf16(choice: str, device: "torch.device") -> bool:
    """Return whether training autocasts to bfloat16: `yes`, `no`, or `auto` asks the device.

    On a processor without bfloat16 instructions the same sums are right but several times slower,
    so `auto` looks for them.
    """
    import torch

    if choice != "auto":
        return choice == "yes"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and cpu_has_bf16(_CPU_INFO)


def cpu_has_bf16(cpu_info: Path) -> bool:
    """Return whether the flags in a Linux cpuinfo file name bfloat16; False without the file."""
    if not cpu_info.is_file():
        return False
    for line in cpu_info.read_text(encoding="ascii", errors="replace").splitlines():
        name, _, flags = line.partition(":")
        if name.strip() in {"flags", "Features"}:
            return not _BF16_FLAGS.isdisjoint(flags.split())
    return False
