"""What holds of eager cells holds of native ones: the same tests, against torch's modules and for the law."""

import pytest

from tests.compiler import needs_native
from tests.training import reference
from tests.training.networks.test_residual import *  # noqa: F403
from tests.training.test_noise import *  # noqa: F403
from tests.training.test_trainer import *  # noqa: F403
from tests.training.test_watch import *  # noqa: F403

pytestmark = needs_native

# Of how eager tensors are fetched; of rules that are looked into, and a loss of another's, which have no native form.
del test_where_the_cache_ends_decides_no_bit  # noqa: F821
del test_whether_it_acted_in_training_is_what_the_number_says  # noqa: F821
del test_gradients_of_any_size_never_pass_for_unclipped_ones_where_they_are_clipped  # noqa: F821


@pytest.fixture(autouse=True, scope="module")
def native():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "COMPILE", "native")
        yield


@pytest.fixture(autouse=True)
def has_native_form(request):
    if "muon" in getattr(request.node, "callspec", request).__dict__.get("params", {}).values():
        pytest.skip("muon asks for a matrix's shape, and has no native form")
