"""Three Registries over one database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry_svc.cluster.nodes import Nodes


@pytest.fixture
def nodes(transactional_db: None, tmp_path: Path) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path, 3)
    yield nodes
    nodes.close()
