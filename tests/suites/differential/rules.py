"""The differences that are explained: what each server does, and why."""

import rules_of_bodies  # noqa: F401 each of these adds its rules
import rules_of_filters  # noqa: F401
import rules_of_patches  # noqa: F401
from rule import RULES, Rule


def explain(request, ours, theirs) -> Rule | None:
    """The first rule that explains a difference."""
    found = (r for r in RULES if r.name.startswith("bulk-") == (request.what == "bulk"))
    return next((r for r in found if r.applies(request, ours, theirs)), None)


def table() -> str:
    """The rules as the table of docs/conformance.md."""
    lines = ["| rule | section | what differs |", "|---|---|---|"]
    lines += [
        f"| `{r.name}` | {r.section} | {' '.join((r.applies.__doc__ or '').split()).replace('|', chr(92) + '|')} |"
        for r in RULES
    ]
    return "\n".join(lines) + "\n"
