"""What of the machine decides a cell's numbers: the environment, which enters every key and the manifest."""

import hashlib
import os
import platform
import re
from collections.abc import Collection, Mapping
from functools import cache

import torch

from ablation import UserError
from ablation.studies.machine.fingerprint import fingerprint, keeps_the_law
from ablation.training.native.building import identity
from ablation.training.spec import Compile

Environment = Mapping[str, str]
"""What was found, by name, in words that a report can show."""

NEEDS = {"AVX2": torch.cpu._is_avx2_supported, "AVX512": torch.cpu._is_avx512_supported}
"""How torch tells whether the processor has the vector unit that a capability of its own is made for."""


def environment(device: torch.device, compiles: Collection[Compile] = ()) -> dict[str, str]:
    """Return what decides a cell's numbers beside its specification, its data and our code.

    Names and, since names are only proxies, a digest of the bits of a fixed set of operations. Of a GPU that is not in
    this machine only the type can be told; see ``engines.ray.environment_of``.

    Args:
        device: where the cells are trained.
        compiles: how their steps are computed.
    """
    found = {"torch": torch.__version__.split("+")[0], "device": device.type}
    if device.type == "cuda":
        if not torch.cuda.is_available():
            return found
        found |= {"gpu": torch.cuda.get_device_name(device), "cuda": str(torch.version.cuda)}
    found["vectors"] = torch.backends.cpu.get_cpu_capability()
    if _has_mkl():
        found["mkl"] = os.environ.get("MKL_CBWR", "")
    found["bits"] = fingerprint(device)
    if "layers" in compiles:
        found["compiler"] = _compiler(device.type)
    if "native" in compiles:
        found["native"] = f"{identity()}, {' '.join(platform.libc_ver())}"
    return found


OF_ONE: dict[str, Compile] = {"compiler": "layers", "native": "native"}
"""What of an environment is only of cells whose steps are computed in a certain way."""


def compiled_in(found: Environment) -> list[Compile]:
    """Return the ways to compute steps that an environment tells of."""
    return [how for name, how in OF_ONE.items() if name in found]


def environment_for(found: Environment, compile: Compile) -> dict[str, str]:
    """Return what of an environment decides the numbers of cells whose steps are computed in this way."""
    return {name: told for name, told in found.items() if OF_ONE.get(name, compile) == compile}


def check_arithmetic() -> None:
    """Refuse settings of the processor that no cell may be trained with.

    Raises:
        UserError: naming the environment variable.
    """
    vectors = torch.backends.cpu.get_cpu_capability()
    if vectors in NEEDS and not NEEDS[vectors]():
        raise UserError(
            f"ATEN_CPU_CAPABILITY={os.environ.get('ATEN_CPU_CAPABILITY')}: this processor has no {vectors}; unset it"
        )
    if _has_mkl() and not keeps_the_law():
        raise UserError(
            f"MKL_CBWR={os.environ.get('MKL_CBWR')}: is not in force, for a matrix product changes with its place in "
            "memory; allowed: AUTO,STRICT, set before Python starts, or ablation imported before torch multiplies"
        )


def differences(one: Environment, other: Environment) -> str:
    """Return where two environments differ, as ``mkl=COMPATIBLE instead of mkl=AUTO,STRICT``."""
    keys = [key for key in {**one, **other} if one.get(key) != other.get(key)]
    first, second = (" ".join(f"{key}={side.get(key, 'none')}" for key in keys) for side in (one, other))
    return f"{first} instead of {second}"


def _has_mkl() -> bool:
    return bool(torch.backends.mkl.is_available())  # type: ignore[no-untyped-call]  # torch's own


@cache
def _compiler(device: str) -> str:
    """Return what compiles, and a digest of the settings that could change what it makes."""
    # Late, for it takes seconds.
    from torch._inductor import config
    from torch._inductor.cpp_builder import get_compiler_version_info, get_cpp_compiler
    from torch._inductor.cpu_vec_isa import pick_vec_isa

    if device == "cuda":
        import triton

        name, section = f"triton {triton.__version__}", "triton."
    else:
        told = get_compiler_version_info(get_cpp_compiler())
        version = re.search(r"(gcc|clang) version [\w.]+", told)
        name, section = f"{version[0] if version else told[:60]}, {pick_vec_isa()}", "cpp."
    settings = {
        key: value
        for key, value in config.save_config_portable().items()
        if key.startswith((section, "emulate_", "use_fast_math")) and key != "cpp.cxx"
    }
    return f"{name}, {hashlib.sha256(repr(sorted(settings.items())).encode()).hexdigest()[:8]}"
