"""Reads what people type into a search box. Nothing of it is ever syntax to a database."""

import re

from logger_svc.records.errors import UnsearchableText
from logger_svc.records.models import Term

MAX_TERMS = 16

_TERM = re.compile(r'"([^"]*)"?|([^\s"]+)')


def parse(text: str) -> tuple[Term, ...]:
    """Give the words and "quoted phrases" that a record must all have; words match by their beginning."""
    found = [Term(phrase or word, bool(phrase)) for phrase, word in _TERM.findall(text)]
    terms = tuple(term for term in found if any(character.isalnum() for character in term.text))
    if len(terms) > MAX_TERMS or (text.strip() and not terms):
        raise UnsearchableText(f"q: write 1 to {MAX_TERMS} words")
    return terms


def fts5(terms: tuple[Term, ...]) -> str:
    """Write `terms` for SQLite's MATCH: each in quotes, where only the quote itself is special."""
    return " AND ".join(_fts5_term(term) for term in terms)


def tsquery(terms: tuple[Term, ...]) -> str:
    """Write `terms` for PostgreSQL's to_tsquery: only letters and digits of them, so that nothing is special."""
    return " & ".join(_tsquery_term(term) for term in terms)


def plain(text: str) -> str:
    """Leave words only. PostgreSQL's parser would see numbers with signs, hosts and paths as one word."""
    return re.sub(r"[\W_]+", " ", text)


def _fts5_term(term: Term) -> str:
    quoted = '"' + term.text.replace("\x00", " ").replace('"', '""') + '"'
    return quoted if term.is_phrase else quoted + "*"


def _tsquery_term(term: Term) -> str:
    return " <-> ".join(plain(term.text).split()) + ("" if term.is_phrase else ":*")
