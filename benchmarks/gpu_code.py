"""Machine code of the GPU's kernels, without a GPU: registers, instructions, and the length of every loop.

    python benchmarks/gpu_code.py [--capability 90]

What the interpreter launches for a small picture is compiled as in tests/render/gpu/test_offline.py and taken apart
with the tools that Triton brings. Instructions are those of one warp; spilled registers would show as stack.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECORD = """
import json
import pytest
from tests.render.gpu.offline import recording
from tests.render.gpu.test_offline import draw_everything
with pytest.MonkeyPatch.context() as monkeypatch, recording(monkeypatch) as launches:
    draw_everything()
print(json.dumps(list(launches.values())))
"""


def launches() -> list[dict[str, object]]:
    """What the kernels are launched with."""
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join([str(HERE.parent), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", RECORD], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def disassemble(cubin: bytes) -> tuple[str, list[tuple[int, str]]]:
    """Use of registers, and address and text of each instruction."""
    import triton

    tools = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
    environment = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kernel.cubin"
        file.write_bytes(cubin)
        usage, code = (
            subprocess.run(
                [tools / "cuobjdump", option, file], env=environment, capture_output=True, text=True, check=True
            ).stdout
            for option in ("-res-usage", "-sass")
        )
    lines = re.findall(r"^\s+/\*([0-9a-f]{4,5})\*/\s+(.*?);", code, re.MULTILINE)
    instructions = [(int(address, 16), text) for address, text in lines if "NOP" not in text]
    return re.findall(r"REG:\d+ STACK:\d+", usage)[0], instructions


def loops(instructions: list[tuple[int, str]]) -> list[int]:
    """Number of instructions of each loop: of what a branch goes back over, but not onto itself."""
    found = []
    for address, text in instructions:
        target = re.search(r"BRA\s+(?:\S+,\s+)?(0x[0-9a-f]+)", text)
        if target and int(target[1], 16) < address:
            found.append((address - int(target[1], 16)) // 16 + 1)
    return found


def main() -> None:
    """Print one line for each kernel."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capability", type=int, default=90)
    arguments = parser.parse_args()
    sys.path.insert(0, str(HERE.parent))
    from tests.render.gpu.offline import compile_launch

    print(f"| kernel | for | warps | sm_{arguments.capability} | instructions | loops |\n|---|---|---|---|---|---|")
    for launch in launches():
        usage, instructions = disassemble(compile_launch(launch, arguments.capability)["cubin"])
        switches = ", ".join(name for name, value in launch["constants"].items() if value is True)
        warps = launch["options"].get("num_warps", 4)
        lengths = ", ".join(map(str, loops(instructions)))
        print(f"| {launch['kernel']} | {switches} | {warps} | {usage} | {len(instructions)} | {lengths} |")


if __name__ == "__main__":
    main()
