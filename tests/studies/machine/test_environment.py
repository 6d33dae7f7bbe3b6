"""How a process computes is told by names and by the bits themselves, and is part of every key."""

import json
import os
import subprocess
import sys

import pytest
import torch

from ablation import UserError
from ablation.studies.machine import environment as of_machine
from ablation.studies.machine import fingerprint as of_bits
from ablation.studies.machine.environment import check_arithmetic, differences, environment
from ablation.studies.machine.fingerprint import fingerprint, keeps_the_law, one_thread
from tests.conftest import ROOT
from tests.studies.command_line import study_in

CPU = torch.device("cpu")
SHOW = "import json, torch; from ablation.studies.machine.environment import environment; "
SHOW += "print(json.dumps(environment(torch.device('cpu'))))"


def found(**variables: str) -> dict[str, str]:
    """Return the environment of a new process with these variables."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")} | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_it_is_the_same_whatever_was_computed_before_and_by_how_many_threads():
    before = of_bits._fingerprint.__wrapped__(CPU, torch.float32)
    torch.manual_seed(3)
    torch.randn(100, 100) @ torch.randn(100, 100)
    torch.set_num_threads(2)
    try:
        assert of_bits._fingerprint.__wrapped__(CPU, torch.float32) == fingerprint(CPU) == before
    finally:
        torch.set_num_threads(1)


def test_every_process_of_this_machine_finds_the_same():
    assert found() == environment(CPU)
    assert found(OMP_NUM_THREADS="2") == environment(CPU)


@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() == "DEFAULT", reason="this processor has no vector unit")
def test_a_smaller_vector_unit_is_seen_by_name_and_by_its_bits():
    plain = found(ATEN_CPU_CAPABILITY="default")
    here = environment(CPU)
    assert plain["vectors"] == "DEFAULT" != here["vectors"]
    assert plain["bits"] != here["bits"]


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="torch has no MKL here")
def test_a_mode_of_mkl_is_seen():
    assert found(MKL_CBWR="AVX2,STRICT")["mkl"] == "AVX2,STRICT"
    assert environment(CPU)["mkl"] == os.environ["MKL_CBWR"]


def test_bits_follow_the_default_number_format():
    single = fingerprint(CPU)
    torch.set_default_dtype(torch.float64)
    try:
        assert fingerprint(CPU) != single
    finally:
        torch.set_default_dtype(torch.float32)
    assert fingerprint(CPU) == single


def test_this_process_keeps_the_law_and_its_threads():
    check_arithmetic()
    assert keeps_the_law()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_a_capability_that_the_processor_lacks_is_refused(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    monkeypatch.setitem(of_machine.NEEDS, "AVX512", lambda: False)
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx512")
    with pytest.raises(UserError, match=r"^ATEN_CPU_CAPABILITY=avx512: this processor has no AVX512; unset it$"):
        check_arithmetic()


@pytest.mark.skipif(not torch.backends.mkl.is_available(), reason="torch has no MKL here")
@pytest.mark.slow
def test_a_study_under_a_mode_of_mkl_that_breaks_the_law_is_refused_or_has_keys_of_its_own(tmp_path):
    assert study_in(tmp_path, "engine=serial").returncode == 0
    done = study_in(tmp_path, "engine=serial", MKL_CBWR="COMPATIBLE")
    *_, last = done.stderr.splitlines()
    refused = done.returncode == 2 and last.startswith("error: MKL_CBWR=COMPATIBLE: is not in force")
    assert refused or "1 trained now" in done.stderr, done.stderr


@pytest.mark.slow
def test_what_one_vector_unit_trained_is_not_taken_for_what_another_would(tmp_path):
    def trained(**variables: str) -> int:
        done = study_in(tmp_path, "engine=serial", **variables)
        assert done.returncode == 0, done.stderr
        return int(done.stderr.split(" trained now")[0].split()[-1])

    if torch.backends.cpu.get_cpu_capability() == "DEFAULT":
        pytest.skip("this processor has no vector unit")
    assert trained() == 1
    assert trained(ATEN_CPU_CAPABILITY="default") == 1
    assert trained() == 0
    assert trained(ATEN_CPU_CAPABILITY="default") == 0


def test_differences_are_named_on_both_sides():
    one, other = {"torch": "2", "bits": "a"}, {"torch": "2", "bits": "b", "gpu": "x"}
    assert differences(one, other) == "bits=a gpu=none instead of bits=b gpu=x"
