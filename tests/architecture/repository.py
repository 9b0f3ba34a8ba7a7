"""The repository as the architecture tests read it: files and text, no Django."""

import subprocess
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
SERVICES = sorted(folder.name.removesuffix("_svc") for folder in ROOT.glob("*_svc") if folder.is_dir())
APPS = {
    "registry": "instances",
    "gateway": "routing",
    "auth": "accounts",
    "todo": "todos",
    "events": "deliveries",
    "logger": "records",
    "admin": "dashboard",
}


def project(folder=""):
    """Give the parsed pyproject.toml of a folder."""
    return tomllib.loads((ROOT / folder / "pyproject.toml").read_text())


def contracts():
    """Give import-linter's contracts by id."""
    return {contract["id"]: contract for contract in project()["tool"]["importlinter"]["contracts"]}


def compose():
    """Give docker-compose.yml, anchors and merges resolved."""
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def tracked_files():
    """Give every file that git tracks, or would after `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [file for file in files if file.is_file()]


def text_of(file):
    """Give a file's text, or none where it is not text."""
    try:
        return file.read_text()
    except UnicodeDecodeError:
        return ""
