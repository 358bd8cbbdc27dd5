"""What the two servers find differently."""

import re

from rule import LISTS, asked, refused_filter, rule


@rule("primary-is-false", "RFC 7643 §2.4")
def primary_is_false(request, ours, theirs):
    """An element without `primary` is compared as one with false, its default, here; as one without value there."""
    return (
        bool(re.search(r"primary\W+(eq|ne|pr)", asked(request), re.I))
        and ours.status < 300
        and theirs.status in (200, 204, 400)
    )


@rule("ne-of-many", "RFC 7644 §3.4.2.2")
def ne_of_many(request, ours, theirs):
    """`ne` on a list: one value that differs is enough here ("any"), none may be equal there."""
    return (
        bool(re.search(rf"\b({LISTS})(\.\w+)? ne ", asked(request), re.I))
        and ours.status == theirs.status == 200
        and request.method in ("GET", "POST")
    )


@rule("emptied-extension", "RFC 7643 §3")
def emptied_extension(request, ours, theirs):
    """An extension whose last value went is no longer among the `schemas`; a filter finds it there all the same."""
    text = asked(request)
    if not (
        re.search(r"schemas eq \"urn:ietf:params:scim:schemas:extension", text)
        and ours.status == theirs.status == 200
    ):
        return False
    mine, other = ours.body["Resources"], theirs.body["Resources"]
    if isinstance(mine, int) or isinstance(other, int):
        return ours.body["totalResults"] != theirs.body["totalResults"]
    return all(len(r["schemas"]) == 1 for r in [*mine, *other] if r not in mine or r not in other)


refused_filter(
    "complex-compared",
    "RFC 7644 §3.4.2.2",
    "A complex attribute has no value of its own: only its sub-attributes can be compared.",
    r"\b(name|meta|addresses) (eq|co|ne|sw|ew) ",
)


refused_filter(
    "part-of-a-date",
    "RFC 7644 §3.4.2.2",
    "co, sw and ew are for text, not for instants.",
    r"meta\.created (co|sw|ew) ",
)


refused_filter(
    "instant-without-time",
    "RFC 7643 §2.3.5",
    "A date without a time is no instant.",
    r'meta\.created eq "2020-01-01"',
)


refused_filter(
    "order-of-null", "RFC 7644 §3.4.2.2", "Nothing is smaller or larger than null.", r"displayName lt null"
)


refused_filter("boolean-compared-with-number", "RFC 7643 §2.3.2", "1 is no boolean.", r"active eq 1\b")


refused_filter(
    "value-of-simple",
    "RFC 7644 §3.4.2.2, figure 1",
    "Brackets select elements by their sub-attributes; values of `schemas` have none.",
    r"schemas\[",
)


refused_filter(
    "password-compared",
    "RFC 7643 §7, RFC 7644 §7.8",
    "A password is never returned, so a filter must not find it out.",
    r"\bpassword (eq|pr)",
)


refused_filter(
    "no-base64", "RFC 7643 §2.3.6", "What is no base64 is no binary value.", r'x509Certificates eq "%%%"'
)


@rule("text-compared-with-number", "RFC 7644 §3.4.2.2")
def text_compared_with_number(request, ours, theirs):
    """A number or boolean that a text is compared with counts as text (`employeeNumber eq 701984`)."""
    return (
        bool(re.search(r"(displayName|emails|emails\.value|id) (eq|gt) (5|true)", asked(request)))
        and ours.status == 200
        and theirs.status == 400
    )


@rule("location-compared", "RFC 7643 §3.1")
def location_compared(request, ours, theirs):
    """Every resource has a `meta.location`; a filter there runs before it is made."""
    return "meta.location" in asked(request) and ours.status == theirs.status == 200


@rule("reference-compared", "RFC 7644 §3.4.2.2, RFC 7643 §4.3")
def reference_compared(request, ours, theirs):
    """`manager eq` compares the manager's `value`, as `members eq` does; there it finds nobody."""
    return (
        bool(re.search(r":manager eq ", asked(request)))
        and ours.status == theirs.status == 200
        and ours.body["totalResults"] > theirs.body["totalResults"]
    )


@rule("brackets-on-one-value", "RFC 7644 §3.4.2.2, figure 1")
def brackets_on_one_value(request, ours, theirs):
    """`name[givenName eq "Ann"]`: the grammar allows brackets behind every attribute with sub-attributes; there only behind lists."""
    return bool(re.search(r"\bname\[", asked(request))) and ours.status == 200 and theirs.status == 400
