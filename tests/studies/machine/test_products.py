import subprocess
import sys

import torch
from torch.utils.flop_counter import FlopCounterMode

from ablation.studies.machine.products import Products


def test_products_are_counted_as_torch_counts_them():
    left, right, bias = torch.ones(2, 3, 4), torch.ones(2, 4, 5), torch.ones(2, 1, 5)

    def work() -> None:
        left @ right
        torch.baddbmm(bias, left, right)
        torch.mm(left[0], right[0], out=torch.empty(3, 5))
        (left + 1).exp().sum()

    with Products() as counted:
        work()
    with FlopCounterMode(display=False) as torchs:
        work()
    assert counted.operations == torchs.get_total_flops() == 2 * (2 * 60 + 2 * 60 + 60)


def test_to_reckon_what_a_cell_costs_does_not_load_torchs_compiler():
    code = (
        "import sys; from ablation.studies.machine.cost import Ends, memory, seconds; from tests.conftest import "
        "make_spec; ends = Ends(*[100] * len(Ends._fields)); spec = make_spec(optimizer='muon'); memory(spec, ends); "
        "seconds(spec, ends, 1); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
