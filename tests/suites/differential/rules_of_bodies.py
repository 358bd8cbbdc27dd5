"""What the two servers make differently of bodies, methods and conditions."""

from rule import laxer, operations, rule, sent, stricter, succeeded


@rule("selection-on-create", "RFC 7644 §3.9")
def selection_on_create(request, ours, theirs):
    """scim2-server answers POST with everything; the parameters go for every operation that returns resources."""
    return (
        request.method == "POST"
        and bool(request.query)
        and ours.status == theirs.status == 201
        and ours.after == theirs.after
    )


@rule("structure-of-body", "RFC 7643 §3, RFC 7644 §3.12 table 9")
def structure_of_body(request, ours, theirs):
    """A body without the schema of its type: invalidSyntax here; created, or refused with another word, there."""
    body = request.body
    wrong = not isinstance(body, dict) or not isinstance(body.get("schemas"), list) or not body["schemas"]
    return (
        request.method in ("POST", "PUT")
        and wrong
        and ours.status == 400
        and ours.body["scimType"] == "invalidSyntax"
        and theirs.status in (201, 400, 409)
    )


@rule("boolean-from-number", "RFC 7643 §2.3.2")
def boolean_from_number(request, ours, theirs):
    """1 and "yes" are no booleans: refused here, converted there."""
    return (
        request.method == "POST"
        and request.what == "create what is wrong"
        and request.body.get("active") in (1, "yes")
        and ours.status == 400
        and ours.body["scimType"] == "invalidValue"
        and theirs.status == 201
    )


@rule("empty-name", "RFC 7643 §2.5, §4.1.1, §4.2")
def empty_name(request, ours, theirs):
    """A required name that is the empty text: refused here, stored there."""
    return (
        request.method in ("POST", "PUT")
        and isinstance(request.body, dict)
        and "" in (request.body.get("userName"), request.body.get("displayName"))
        and ours.status == 400
        and theirs.status < 300
    )


stricter(
    "boolean-from-text",
    "RFC 7643 §2.3.2",
    "Text is no boolean; tolerant clients may send it all the same.",
    r'"(active|value)": ("true"|"False"|0)|"active": 0',
)


stricter(
    "binary-from-text",
    "RFC 7643 §2.3.6",
    "What is no base64 is no binary value; there it becomes an empty one.",
    r'"%%%"',
)


stricter(
    "empty-user-name", "RFC 7643 §4.1.1", "A user name is never empty.", r'"(userName|displayName)"[^}]*: ""'
)


stricter("empty-reference", "RFC 7643 §2.3.7", "An empty text names no member.", r'"members".*"value": ""')


stricter(
    "one-name-twice",
    "RFC 7643 §2.1, RFC 7493 §2.3",
    "Names differ in more than case, or one is there twice.",
    r'"nickName".*"NICKNAME"',
    "invalidSyntax",
)


laxer(
    "reference-of-any-kind",
    "RFC 7643 §2.3.7",
    "What a URI looks like is the client's business: providers send all kinds of text.",
    r'"not a url"|"no url"',
)


laxer("case-of-urns", "RFC 8141 §3.1, RFC 7643 §2.1", "URNs are compared without regard to case.", r'"URN:')


laxer("null-in-a-list", "RFC 7643 §2.5", "null is no value, in a list as elsewhere.", r"\[null\]")


laxer(
    "read-only-ignored",
    "RFC 7644 §3.3, §3.5.1",
    "What is read-only in a body is ignored, whatever it is.",
    r'"meta": "x"',
)


laxer(
    "unknown-attribute",
    "RFC 7643 §2.1",
    "What the schema does not have is ignored in a body; a path that names it is refused by both.",
    r'"nosuch"|"urn:example:other": ',
)


@rule("empty-text", "RFC 7643 §2.5")
def empty_text(request, ours, theirs):
    """An empty text is stored as no value here, and as a text there."""
    return request.method != "GET" and '""' in sent(request) and succeeded(ours, theirs)


@rule("method-of-search", "RFC 7644 §3.4.3, RFC 9110 §15.5.6")
def method_of_search(request, ours, theirs):
    """.search is there, but only for POST: 405 here, 404 there."""
    return (
        request.path.endswith("/.search")
        and request.method != "POST"
        and (ours.status, theirs.status) == (405, 404)
    )


@rule("condition-first", "RFC 9110 §13.2.2")
def condition_first(request, ours, theirs):
    """A wrong request on a stale version: the version is told first here, what is wrong there."""
    return bool(request.headers) and (ours.status, theirs.status) == (412, 400) and ours.after == theirs.after


@rule("boolean-that-is-always-there", "RFC 7644 §3.5.1, §3.5.2.2")
def boolean_that_is_always_there(request, ours, theirs):
    """Taking `active` away (null, or `remove`) leaves it as it is, since it always has a value; refused there."""
    taken = '"active": null' in sent(request) or any(
        str(o.get("path")).lower() == "active" and o.get("value") is None for o in operations(request)
    )
    return request.method != "GET" and taken and ours.status < 300 and theirs.status == 400


stricter(
    "schema-of-another-type",
    "RFC 7643 §3",
    "A PATCH cannot add the URN of a schema that the type does not have.",
    r'"path": "schemas".*"urn:example:other"',
)


@rule("bulk-endpoint", "RFC 7644 §3.7, §3.12 table 9")
def bulk_endpoint(request, ours, theirs):
    """A path of an operation that is no endpoint of a resource type is a wrong path here, whatever it is there."""
    return explained_operations(
        ours, theirs, lambda o, t: o.get("response") == WRONG and t["status"] in ("404", "405")
    )


@rule("bulk-reference", "RFC 7644 §3.7.2, §3.12 table 9")
def bulk_reference(request, ours, theirs):
    """A bulkId that stands for nothing is a wrong value here, a conflict (409) there."""
    return explained_operations(ours, theirs, lambda o, t: (o["status"], t["status"]) == ("400", "409"))


@rule("bulk-both", "RFC 7644 §3.7")
def bulk_both(request, ours, theirs):
    """Both of these in one request."""
    return explained_operations(
        ours, theirs, lambda o, t: o["status"] == "400" and t["status"] in ("404", "405", "409")
    )


WRONG = {"status": "400", "scimType": "invalidSyntax"}


def explained_operations(ours, theirs, allowed) -> bool:
    """Whether all operations of two bulk answers are equal or differ as allowed."""
    if not (ours.status == theirs.status == 200 and ours.after == theirs.after):
        return False
    pairs = list(zip(ours.body["Operations"], theirs.body["Operations"], strict=False))
    same = len(ours.body["Operations"]) == len(theirs.body["Operations"])
    return same and all(o == t or allowed(o, t) for o, t in pairs)


stricter(
    "schema-twice",
    "RFC 7643 §3",
    "`schemas` has no value twice.",
    r'"schemas": \["([^"]+)", (?:"[^"]+", )*"\1"',
    "invalidSyntax",
)
