"""The documents keep their forms, and what they point at exists."""

import re

import pytest

from tests.architecture.repository import ROOT, SERVICES

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
ADRS = sorted((ROOT / "docs/adr").glob("*.md"))
VERB = re.compile(r"(?:^|`)make ([a-z][a-z-]*)", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    broken = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert broken == []


def test_decisions_are_numbered_without_gaps():
    assert [int(page.name[:4]) for page in ADRS] == list(range(1, len(ADRS) + 1))


@pytest.mark.parametrize("page", ADRS, ids=lambda page: page.name)
def test_a_decision_is_a_sentence_with_a_status_and_fits_a_page(page):
    lines = page.read_text().splitlines()
    number, title = int(page.name[:4]), page.stem[5:].replace("-", " ")
    assert lines[0].startswith(f"# {number}. ")
    assert re.sub(r"[^\w ]", "", lines[0].split(". ", 1)[1].lower().replace("-", " ")) == title
    assert re.fullmatch(r"(Accepted|Superseded by \d{4}), \d{4}-\d{2}", lines[2])
    assert len(lines) <= 60


def test_the_changelog_keeps_a_head_for_what_is_not_released():
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text()


def test_every_verb_that_a_document_names_is_in_the_makefile():
    verbs = set(re.findall(r"^([a-z-]+)(?::| )", (ROOT / "Makefile").read_text(), re.MULTILINE))
    verbs |= {f"test-{name}" for name in (*SERVICES, "libs", "architecture")}
    named = {verb for page in PAGES for verb in VERB.findall(page.read_text())}
    assert named <= verbs


def test_the_architecture_page_names_every_package_and_service():
    page = (ROOT / "docs/architecture.md").read_text()
    packages = {folder.name for folder in (ROOT / "libs").iterdir() if (folder / "__init__.py").exists()}
    assert {name for name in (*packages, *SERVICES) if name not in page} == set()
