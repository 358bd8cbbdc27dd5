"""What the two servers make differently of a PATCH."""

import re

from rule import LISTS, keys, laxer, operations, refused, rule, sent, stricter, succeeded, without


@rule("structure-of-patch", "RFC 7644 §3.12, table 9")
def structure_of_patch(request, ours, theirs):
    """A PATCH without its schema or operations: invalidSyntax here; invalidValue, or what is wrong further in, there."""
    if request.method != "PATCH" or (request.body.get("schemas") and request.body.get("Operations")):
        return False
    return refused(ours, theirs, 400) and ours.body["scimType"] == "invalidSyntax"


@rule("one-of-two-errors", "RFC 7644 §3.12")
def one_of_two_errors(request, ours, theirs):
    """Several operations are wrong, each in its way: here the first one is named, there those that no resource allows."""
    return (
        request.method == "PATCH"
        and len(request.body.get("Operations") or []) > 1
        and refused(ours, theirs, 400)
    )


@rule("replace-members", "RFC 7644 §3.5.2.3, RFC 7643 §4.2")
def replace_members(request, ours, theirs):
    """`replace` of members by a filter is a removal and an addition here, a change of the immutable `value` there."""
    found = [
        o
        for o in operations(request)
        if o.get("op") == "replace" and re.match(r"members\[.*\]$", o.get("path") or "", re.I)
    ]
    return (
        bool(found)
        and ours.status == 200
        and theirs.status == 400
        and theirs.body["scimType"] == "mutability"
    )


@rule("replace-element", "RFC 7644 §3.5.2.3")
def replace_element(request, ours, theirs):
    """`replace` of elements by a filter: each becomes the value here; the value is laid over each there."""
    found = [
        o for o in operations(request) if o.get("op") == "replace" and re.search(r"\]$", o.get("path") or "")
    ]
    return bool(found) and succeeded(ours, theirs) and ours.after != theirs.after


@rule("element-without-data", "RFC 7643 §2.4")
def element_without_data(request, ours, theirs):
    """An element of which only its type or primary is left says nothing: it goes here, and stays there."""
    if not (succeeded(ours, theirs) and ours.after and ours.after[0] == theirs.after[0] == 200):
        return False
    mine, other = ours.after[1], theirs.after[1]
    for name in LISTS.split("|"):
        left = [e for e in other.get(name, []) if e not in mine.get(name, [])]
        if left and (
            any("value" in e for e in left) or any(not set(e) <= {"type", "primary", "display"} for e in left)
        ):
            return False
        other = {k: [e for e in v if e not in left] or None if k == name else v for k, v in other.items()}
    return mine == {k: v for k, v in other.items() if v is not None}


@rule("unknown-operation", "RFC 7644 §3.12, table 9")
def unknown_operation(request, ours, theirs):
    """An `op` that does not exist: invalidSyntax here, invalidValue there."""
    return (
        request.method == "PATCH"
        and any(o.get("op") == "move" for o in request.body["Operations"])
        and refused(ours, theirs, 400)
        and ours.body["scimType"] == "invalidSyntax"
        and theirs.body["scimType"] == "invalidValue"
    )


@rule("version-of-password", "RFC 7644 §3.14, RFC 7643 §4.1.1")
def version_of_password(request, ours, theirs):
    """Without a marker of the store, a version is that of the representation, which has no password."""
    return (
        request.method in ("PATCH", "PUT")
        and "password" in str(request.body).lower()
        and ours.after == theirs.after
        and (ours.changed, theirs.changed) == (False, True)
    )


@rule("no-net-change", "RFC 7644 §3.5.2")
def no_net_change(request, ours, theirs):
    """Operations that undo each other, or clear what has no value: no new version here, a new one there."""
    return (
        request.method == "PATCH"
        and succeeded(ours, theirs)
        and ours.after == theirs.after
        and (ours.changed, theirs.changed) == (False, True)
    )


@rule("same-element", "RFC 7643 §2.4")
def same_element(request, ours, theirs):
    """An element with the type and value of another one is laid over it here, and stands beside it there."""
    if request.method == "GET" or not succeeded(ours, theirs) or not ours.after or ours.after[0] != 200:
        return False
    mine, other = ours.after[1], theirs.after[1]
    names = {n for n in LISTS.split("|") if mine.get(n) != other.get(n)}
    return (
        bool(names)
        and without(mine, names) == without(other, names)
        and all(
            len(other.get(n, [])) > len(mine.get(n, [])) and keys(mine.get(n, [])) == keys(other.get(n, []))
            for n in names
        )
    )


stricter(
    "empty-path",
    "RFC 7644 §3.5.2, figure 7",
    "An empty path is no path; leaving it out is another thing.",
    r'"path": ""',
    "invalidPath",
)


stricter(
    "part-of-no-element",
    "RFC 7644 §3.5.2, §3.12 table 9",
    "A sub-attribute of a list that is empty: there is no target here, and nothing to do there.",
    r'"path": "emails\.',
    "noTarget",
)


laxer("add-of-null", "RFC 7643 §2.5", "Adding null adds nothing.", r'"op": "add".*"value": null')


@rule("required-set-to-null", "RFC 7644 §3.12, table 9")
def required_set_to_null(request, ours, theirs):
    """null for an attribute that is required: the value is missing (invalidValue) here, its mutability is at fault there."""
    return (
        request.method == "PATCH"
        and refused(ours, theirs, 400)
        and bool(re.search(r"null", sent(request)))
        and (ours.body["scimType"], theirs.body["scimType"]) == ("invalidValue", "mutability")
    )


@rule("filter-in-a-simple-path", "RFC 7644 §3.12, table 9")
def filter_in_a_simple_path(request, ours, theirs):
    """A filter on what has no elements: the path is wrong here, the filter there."""
    return (
        request.method == "PATCH"
        and refused(ours, theirs, 400)
        and "displayName[" in sent(request)
        and (ours.body["scimType"], theirs.body["scimType"]) == ("invalidPath", "invalidFilter")
    )


@rule("operation-without-op", "RFC 7644 §3.12, table 9")
def operation_without_op(request, ours, theirs):
    """An operation without `op` has the wrong structure here, a wrong value there."""
    return (
        any("op" not in o for o in operations(request))
        and refused(ours, theirs, 400)
        and (ours.body["scimType"], theirs.body["scimType"]) == ("invalidSyntax", "invalidValue")
    )


laxer(
    "remove-with-value",
    "RFC 7644 §3.5.2.2",
    "A `remove` whose value lists elements removes those, as providers mean it; a value is refused there.",
    r'"op": "remove", "path": "phoneNumbers", "value"',
)


@rule("dotted-name-ignored", "RFC 7643 §2.1")
def dotted_name_ignored(request, ours, theirs):
    """A path as the name of an attribute is a name that the schema does not have, so it is ignored; understood there."""
    return (
        request.method == "PATCH"
        and '"dotted"' in sent(request)
        and succeeded(ours, theirs)
        and not ours.changed
    )


@rule("add-creates-an-element", "RFC 7644 §3.5.2.1")
def add_creates_an_element(request, ours, theirs):
    """An `add` behind a filter that finds nothing makes the element that it describes; noTarget there."""
    adds = any(o.get("op") == "add" and "[" in (o.get("path") or "") for o in operations(request))
    return adds and theirs.status == 400 and theirs.body["scimType"] == "noTarget"


@rule("not-there-first", "RFC 7644 §3.12, table 8")
def not_there_first(request, ours, theirs):
    """A wrong request about a resource that does not exist: 404 here, what is wrong with it there."""
    return request.path.endswith("/nobody") and (ours.status, theirs.status) == (404, 400)
