"""The differences that are explained: what each server does, and why.

A rule says as narrowly as it can which requests and which two outcomes it is about; everything else stays a
difference. docs/conformance.md has the same list.
"""

import re
from dataclasses import dataclass
from typing import Callable

import compare


@dataclass
class Rule:
    """One explained difference: its name, the section that allows what ours does, and when it applies."""

    name: str
    section: str
    applies: Callable


RULES: list[Rule] = []


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


LISTS = "emails|phoneNumbers|ims|photos|addresses|entitlements|roles|x509Certificates|members"


def operations(request) -> list[dict]:
    """The operations of a PATCH."""
    return [o for o in request.body.get("Operations") or [] if isinstance(o, dict)] if request.method == "PATCH" else []


def refused(ours, theirs, status: int) -> bool:
    """Whether both refuse with this status, and leave the resource as it was."""
    return ours.status == theirs.status == status and ours.after == theirs.after


def succeeded(ours, theirs) -> bool:
    return ours.status < 300 and theirs.status < 300


@rule("selection-on-create", "RFC 7644 §3.9")
def selection_on_create(request, ours, theirs):
    """scim2-server answers POST with everything; the parameters go for every operation that returns resources."""
    return request.method == "POST" and bool(request.query) and ours.status == theirs.status == 201 and ours.after == theirs.after


@rule("structure-of-patch", "RFC 7644 §3.12, table 9")
def structure_of_patch(request, ours, theirs):
    """A PATCH without its schema or operations: invalidSyntax here; invalidValue, or what is wrong further in, there."""
    if request.method != "PATCH" or (request.body.get("schemas") and request.body.get("Operations")):
        return False
    return refused(ours, theirs, 400) and ours.body["scimType"] == "invalidSyntax"


@rule("one-of-two-errors", "RFC 7644 §3.12")
def one_of_two_errors(request, ours, theirs):
    """Several operations are wrong, each in its way: here the first one is named, there those that no resource allows."""
    return request.method == "PATCH" and len(request.body.get("Operations") or []) > 1 and refused(ours, theirs, 400)


@rule("replace-members", "RFC 7644 §3.5.2.3, RFC 7643 §4.2")
def replace_members(request, ours, theirs):
    """`replace` of members by a filter is a removal and an addition here, a change of the immutable `value` there."""
    found = [o for o in operations(request) if o["op"] == "replace" and re.match(r"members\[.*\]$", o.get("path") or "", re.I)]
    return bool(found) and ours.status == 200 and theirs.status == 400 and theirs.body["scimType"] == "mutability"


@rule("replace-element", "RFC 7644 §3.5.2.3")
def replace_element(request, ours, theirs):
    """`replace` of elements by a filter: each becomes the value here; the value is laid over each there."""
    found = [o for o in operations(request) if o["op"] == "replace" and re.search(r"\]$", o.get("path") or "")]
    return bool(found) and succeeded(ours, theirs) and ours.after != theirs.after


@rule("element-without-data", "RFC 7643 §2.4")
def element_without_data(request, ours, theirs):
    """An element of which only its type or primary is left says nothing: it goes here, and stays there."""
    if not (succeeded(ours, theirs) and ours.after and ours.after[0] == theirs.after[0] == 200):
        return False
    mine, other = ours.after[1], theirs.after[1]
    for name in LISTS.split("|"):
        left = [e for e in other.get(name, []) if e not in mine.get(name, [])]
        if left and (any("value" in e for e in left) or any(not set(e) <= {"type", "primary", "display"} for e in left)):
            return False
        other = {k: [e for e in v if e not in left] or None if k == name else v for k, v in other.items()}
    return mine == {k: v for k, v in other.items() if v is not None}


@rule("structure-of-body", "RFC 7643 §3, RFC 7644 §3.12 table 9")
def structure_of_body(request, ours, theirs):
    """A body without the schema of its type: invalidSyntax here; created, or refused with another word, there."""
    body = request.body
    wrong = not isinstance(body, dict) or not isinstance(body.get("schemas"), list) or not body["schemas"]
    return request.method in ("POST", "PUT") and wrong and ours.status == 400 and ours.body["scimType"] == "invalidSyntax" and theirs.status in (201, 400, 409)


@rule("unknown-operation", "RFC 7644 §3.12, table 9")
def unknown_operation(request, ours, theirs):
    """An `op` that does not exist: invalidSyntax here, invalidValue there."""
    return request.method == "PATCH" and any(o.get("op") == "move" for o in request.body["Operations"]) and refused(ours, theirs, 400) and ours.body["scimType"] == "invalidSyntax" and theirs.body["scimType"] == "invalidValue"


@rule("boolean-from-number", "RFC 7643 §2.3.2")
def boolean_from_number(request, ours, theirs):
    """1 and "yes" are no booleans: refused here, converted there."""
    return request.method == "POST" and request.what == "create what is wrong" and request.body.get("active") in (1, "yes") and ours.status == 400 and ours.body["scimType"] == "invalidValue" and theirs.status == 201


@rule("version-of-password", "RFC 7644 §3.14, RFC 7643 §4.1.1")
def version_of_password(request, ours, theirs):
    """Without a marker of the store, a version is that of the representation, which has no password."""
    return request.method in ("PATCH", "PUT") and "password" in str(request.body).lower() and ours.after == theirs.after and (ours.changed, theirs.changed) == (False, True)


@rule("no-net-change", "RFC 7644 §3.5.2")
def no_net_change(request, ours, theirs):
    """Operations that undo each other, or clear what has no value: no new version here, a new one there."""
    return request.method == "PATCH" and succeeded(ours, theirs) and ours.after == theirs.after and (ours.changed, theirs.changed) == (False, True)


@rule("primary-is-false", "RFC 7643 §2.4")
def primary_is_false(request, ours, theirs):
    """An element without `primary` is compared as one with false, its default, here; as one without value there."""
    return bool(re.search(r"primary\W+(eq|ne|pr)", asked(request), re.I)) and ours.status < 300 and theirs.status in (200, 204, 400)


@rule("ne-of-many", "RFC 7644 §3.4.2.2")
def ne_of_many(request, ours, theirs):
    """`ne` on a list: one value that differs is enough here ("any"), none may be equal there."""
    return bool(re.search(rf"\b({LISTS})(\.\w+)? ne ", asked(request), re.I)) and ours.status == theirs.status == 200 and request.method in ("GET", "POST")


@rule("empty-name", "RFC 7643 §2.5, §4.1.1, §4.2")
def empty_name(request, ours, theirs):
    """A required name that is the empty text: refused here, stored there."""
    return request.method in ("POST", "PUT") and isinstance(request.body, dict) and "" in (request.body.get("userName"), request.body.get("displayName")) and ours.status == 400 and theirs.status < 300


@rule("emptied-extension", "RFC 7643 §3")
def emptied_extension(request, ours, theirs):
    """An extension whose last value went is no longer among the `schemas`; a filter finds it there all the same."""
    text = asked(request)
    if not (re.search(r"schemas eq \"urn:ietf:params:scim:schemas:extension", text) and ours.status == theirs.status == 200):
        return False
    mine, other = ours.body["Resources"], theirs.body["Resources"]
    if isinstance(mine, int) or isinstance(other, int):
        return ours.body["totalResults"] < theirs.body["totalResults"]
    return all(r in other for r in mine) and all(len(r["schemas"]) == 1 for r in other if r not in mine)


@rule("same-element", "RFC 7643 §2.4")
def same_element(request, ours, theirs):
    """An added element with the type and value of one that is there is laid over it here, and stands beside it there."""
    if request.method != "PATCH" or not succeeded(ours, theirs) or not ours.after or ours.after[0] != 200:
        return False
    mine, other = ours.after[1], theirs.after[1]
    names = {n for n in LISTS.split("|") if mine.get(n) != other.get(n)}
    return bool(names) and without(mine, names) == without(other, names) and all(
        len(other.get(n, [])) > len(mine.get(n, [])) and keys(mine.get(n, [])) == keys(other.get(n, [])) for n in names
    )


def without(resource: dict, names: set) -> dict:
    return {k: v for k, v in resource.items() if k not in names}


def keys(elements: list[dict]) -> set:
    """The types and values of elements; their case does not count."""
    return {(str(e.get("type")).lower(), str(e.get("value")).lower()) for e in elements}


def explain(request, ours, theirs):
    """The first rule that explains a difference."""
    return next((r for r in RULES if r.applies(request, ours, theirs)), None)
