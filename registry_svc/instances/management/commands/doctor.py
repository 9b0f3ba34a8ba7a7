"""`manage.py doctor`: find what hurts on the running platform, and say what to do."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from libs.service.terminal import table
from registry_svc.instances.doctor import Finding, examine
from registry_svc.instances.management.asking import AskingCommand, add_json
from registry_svc.instances.management.gathering import gather
from registry_svc.instances.picture import Picture

COLUMNS = ("LEVEL", "CODE", "WHERE", "WHAT")


class Command(AskingCommand):
    help = "Find what hurts: registries, addresses, instances, clocks, versions, settings. Ends with 1 on an error."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_json(parser)

    def handle(self, *args: Any, registry: str, **options: Any) -> None:
        picture = gather(registry)
        found = examine(picture)
        if options["json"]:
            report = {"findings": [asdict(each) for each in found], "looked_at": looked_at(picture)}
            self.stdout.write(json.dumps(report, indent=2))
        else:
            self.stdout.write("\n".join(lines(found, looked_at(picture))))
        if any(each.level == "error" for each in found):
            raise CommandError(counted(found))


def looked_at(picture: Picture) -> dict[str, int]:
    """Count what was looked at."""
    return {
        "registry_addresses": len(picture.readings),
        "types": len(picture.types),
        "instances": len(picture.instances),
        "instance_addresses": len(picture.connections),
        "clocks": len(picture.skews),
    }


def lines(found: Sequence[Finding], looked: dict[str, int]) -> Iterable[str]:
    """Show the findings as a table with the remedy below each, and what was looked at."""
    if found:
        rows = [COLUMNS, *((each.level, each.code, each.where, each.what) for each in found)]
        header, *shown = table(rows).splitlines()
        yield header
        for line, finding in zip(shown, found, strict=True):
            yield line
            yield f"  → {finding.remedy}"
    counts = ", ".join(f"{what.replace('_', ' ')} {count}" for what, count in looked.items())
    yield f"{counted(found) if found else 'all is well'} (looked at: {counts})"


def counted(found: Sequence[Finding]) -> str:
    """Count errors and warnings."""
    levels = Counter(each.level for each in found)
    return ", ".join(f"{count} {level}{'' if count == 1 else 's'}" for level, count in sorted(levels.items()))
