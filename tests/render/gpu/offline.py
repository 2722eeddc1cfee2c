"""Compiling kernels for GPUs that are not here: what was launched in the interpreter, compiled in another process.

As a program, reads launches as JSON from its input and compiles them for the compute capability in its argument.
"""

import importlib
import json
import sys
from contextlib import contextmanager

import torch

_TYPES = {
    torch.float16: "fp16",
    torch.float32: "fp32",
    torch.float64: "fp64",
    torch.int16: "i16",
    torch.int32: "i32",
    torch.int64: "i64",
    torch.uint8: "u8",
}
#: Arguments of a launch that are not arguments of the kernel.
_OPTIONS = ("num_warps", "enable_fp_fusion")


def _type_of(argument):
    if isinstance(argument, torch.Tensor):
        return "*" + _TYPES[argument.dtype]
    return "i32" if isinstance(argument, int) else "fp32"


@contextmanager
def recording(monkeypatch):
    """Collect what the interpreter launches: module, kernel, signature, constants and options, each once."""
    from triton.runtime.interpreter import InterpretedFunction

    launches, run = {}, InterpretedFunction.run

    def note(self, *arguments, **named):
        options = {name: value for name, value in named.items() if name in _OPTIONS}
        constants = {n: value for n, value in named.items() if n not in (*_OPTIONS, "grid", "warmup")}
        names = [name for name in self.arg_names if name not in constants]
        given = dict(zip(names, arguments, strict=True))
        # As on a GPU: a whole number that is 1 is compiled in.
        constants |= {name: 1 for name, argument in given.items() if isinstance(argument, int) and argument == 1}
        entry = {
            "module": self.fn.__module__,
            "kernel": self.fn.__name__,
            "signature": {name: _type_of(argument) for name, argument in given.items()},
            "constants": constants,
            "options": options,
        }
        launches[json.dumps(entry)] = entry
        return run(self, *arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(InterpretedFunction, "run", note)
        yield launches


def compile_launch(entry, capability):
    """Compile one launch; return what that makes: "ptx", "cubin", and what is before them."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    kernel = getattr(importlib.import_module(entry["module"]), entry["kernel"])
    types = entry["signature"] | dict.fromkeys(entry["constants"], "constexpr")
    signature = {name: types[name] for name in kernel.arg_names}
    places = {name: (i,) for i, name in enumerate(kernel.arg_names)}
    # What torch allocates begins on 16 bytes.
    attributes = {places[name]: [["tt.divisibility", 16]] for name, type_ in signature.items() if type_[0] == "*"}
    constants = {places[name]: value for name, value in entry["constants"].items()}
    source = ASTSource(kernel, signature, constants, attributes)
    compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=entry["options"])
    return compiled.asm


if __name__ == "__main__":
    for launch in json.load(sys.stdin):
        code = compile_launch(launch, int(sys.argv[1]))
        target = next(line for line in code["ptx"].splitlines() if line.startswith(".target"))
        sys.stdout.write(f"{launch['kernel']} {target.split()[1].rstrip(',')} {len(code['cubin'])}\n")
