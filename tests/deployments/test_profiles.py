import pytest

from deployments.arguments import PROFILES, flow_arguments
from flows.nightly import nightly


@pytest.mark.parametrize("name", sorted(path.stem for path in PROFILES.glob("*.yaml")))
def test_every_profile_fills_the_parameters_of_nightly(name):
    """The risk data stand on no hub, so their profile needs a path."""
    settings = ["ingest.path=a.json"] if name == "risk" else []
    given = flow_arguments(nightly.fn, profile=name, settings=settings)
    assert given["model"]
