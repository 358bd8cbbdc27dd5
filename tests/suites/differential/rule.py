"""What a rule is, and what rules ask of requests and outcomes.

A rule says as narrowly as it can which requests and which two outcomes it is about; everything else stays a
difference. "Here" is our server, "there" scim2-server. docs/conformance.md has the same list.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Rule:
    """One explained difference: its name, the section that allows what ours does, and when it applies."""

    name: str
    section: str
    applies: Callable


RULES: list[Rule] = []

LISTS = "emails|phoneNumbers|ims|photos|addresses|entitlements|roles|x509Certificates|members"


def rule(name: str, section: str) -> Callable:
    def add(applies: Callable) -> Callable:
        RULES.append(Rule(name, section, applies))
        return applies

    return add


def asked(request) -> str:
    """All filters of a request, in one text."""
    texts = [request.query.get("filter", "")]
    if isinstance(request.body, dict):
        texts.append(request.body.get("filter") or "")
        texts += [o.get("path") or "" for o in request.body.get("Operations") or [] if isinstance(o, dict)]
    return " ".join(texts)


def operations(request) -> list[dict]:
    """The operations of a PATCH."""
    return (
        [o for o in request.body.get("Operations") or [] if isinstance(o, dict)]
        if request.method == "PATCH"
        else []
    )


def sent(request) -> str:
    """The body of a request that writes, as text."""
    return json.dumps(request.body) if isinstance(request.body, dict) and request.method != "GET" else ""


def refused(ours, theirs, status: int) -> bool:
    """Whether both refuse with this status, and leave the resource as it was."""
    return ours.status == theirs.status == status and ours.after == theirs.after


def succeeded(ours, theirs) -> bool:
    return ours.status < 300 and theirs.status < 300


def without(resource: dict, names: set) -> dict:
    return {k: v for k, v in resource.items() if k not in names}


def keys(elements: list[dict]) -> set:
    """The types and values of elements; their case does not count."""
    return {(str(e.get("type")).lower(), str(e.get("value")).lower()) for e in elements}


def refused_filter(name: str, section: str, what: str, pattern: str) -> None:
    """A rule for filters with something that is 400 `invalidFilter` here, and finds what it may there."""

    def applies(request, ours, theirs):
        return (
            bool(re.search(pattern, asked(request), re.I))
            and ours.status == 400
            and ours.body["scimType"] == "invalidFilter"
            and theirs.status == 200
        )

    applies.__doc__ = what
    rule(name, section)(applies)


def stricter(name: str, section: str, what: str, pattern: str, scim_type: str = "invalidValue") -> None:
    """A rule for bodies that are refused here and taken there."""

    def applies(request, ours, theirs):
        return (
            bool(re.search(pattern, sent(request)))
            and ours.status == 400
            and ours.body["scimType"] == scim_type
            and theirs.status < 300
        )

    applies.__doc__ = what
    rule(name, section)(applies)


def laxer(name: str, section: str, what: str, pattern: str) -> None:
    """A rule for bodies that are taken here and refused there."""

    def applies(request, ours, theirs):
        return (
            bool(re.search(pattern, sent(request)))
            and (ours.status < 300 or ours.status == 409)
            and theirs.status == 400
        )

    applies.__doc__ = what
    rule(name, section)(applies)
