"""A zoo of as many models as wanted, for all figures and pages."""

import pytest
from synthetic_zoo import make_zoo


@pytest.fixture
def zoo():
    return make_zoo
