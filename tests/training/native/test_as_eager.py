"""What holds of eager cells holds of native ones: the same tests, against torch's modules and for the law."""

import pytest

from tests.compiler import needs_native
from tests.training import reference
from tests.training.networks.test_residual import *  # noqa: F403
from tests.training.test_noise import *  # noqa: F403
from tests.training.test_trainer import *  # noqa: F403
from tests.training.test_watch import *  # noqa: F403

pytestmark = needs_native


@pytest.fixture(autouse=True, scope="module")
def native():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "COMPILE", "native")
        yield
