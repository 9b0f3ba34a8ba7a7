"""What is made from sources equals what the sources make today."""

import os
import subprocess
import sys

from tests.architecture.repository import ROOT

PROTOS = ("libs/rpc/http_bridge.proto", "libs/rpc/registry.proto")


def test_the_grpc_stubs_are_those_of_the_protos(tmp_path):
    out = [f"--{kind}={tmp_path}" for kind in ("python_out", "pyi_out", "grpc_python_out")]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I", ".", *out, *PROTOS], cwd=ROOT, check=True)
    made = [file for file in tmp_path.rglob("*.py*") if file.is_file()]
    assert len(made) == 3 * len(PROTOS)
    stale = [file.name for file in made if file.read_text() != (ROOT / file.relative_to(tmp_path)).read_text()]
    assert stale == [], "`make protos` writes them"


def test_the_page_of_variables_is_current():
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MT_")}
    made = subprocess.run(
        [sys.executable, "-m", "libs.devstack", "configuration"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ROOT / "docs/configuration.md").read_text() == made.stdout, "`make docs` writes it"
