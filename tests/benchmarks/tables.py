"""Plain tables: the first column to the left, figures to the right, each with as many digits as it deserves."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from tests.benchmarks.load import Result

Cell: TypeAlias = str | float | None


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Write rows below their heads."""
    texts = [list(columns), *([written(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return "\n".join(_line(text, widths) for text in texts)


def written(cell: Cell) -> str:
    """Write a cell: whole numbers in full, others with three digits; None is not measured."""
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or abs(cell) >= 100:
        return f"{cell:,.0f}"
    return f"{cell:.{1 if abs(cell) >= 10 else 2 if abs(cell) >= 1 else 3}f}"


def rates(results: Mapping[str, Result]) -> str:
    """Write closed-loop results; the ratio compares with the first row's rate."""
    first = next(iter(results.values())).rate
    columns = ("", "per second", "p50 ms", "p99 ms", "failed", "ratio")
    return table(columns, [(name, *figures(each), each.failures, each.rate / first) for name, each in results.items()])


def figures(result: Result) -> tuple[float, float, float]:
    """Give rate, median and 99th percentile of a result."""
    return result.rate, result.percentile(0.5), result.percentile(0.99)


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        text.rjust(width) if index else text.ljust(width)
        for index, (text, width) in enumerate(zip(texts, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()
