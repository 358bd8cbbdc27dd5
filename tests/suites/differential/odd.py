"""Requests at the edges: what the grammar allows and the schema does not, and what the RFCs say little about.

One case a line. `@E@` stands for the URN of the enterprise extension, `@core@` for that of the type's schema,
`@some@` for the id of a user; `@name@`, `@mail@` and `@number@` differ from request to request.
"""

import json
import re

from filters import comparison
from values import MAILS, World

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

FILTERS = r"""
displayName eq 5
displayName gt true
displayName eq null
displayName ne null
displayName lt null
meta.created eq "yesterday"
meta.created sw "2020"
meta.created co "20"
meta.created eq "2020-01-01"
meta pr
meta.location pr
meta.location co "/scim/"
meta eq "x"
meta.nosuch pr
schemas co "core"
schemas pr
schemas[value co "core"]
id sw "x"
id gt 5
displayName eq ""
displayName co ""
displayName sw ""
externalId eq "ZOË"
externalId eq "ann"
displayName eq "Zo\u00eb"
displayName  pr
 displayName pr
displayName pr  and   id pr
displayName[value eq "x"]
displayName.value eq "x"
nosuch:displayName eq "x"
urn:nosuch:displayName pr
displayName eq "x" and (nosuch pr)
not (nosuch pr)
not(displayName pr)
((displayName pr))
(displayName pr) and (id pr) or (id pr)
"""

USER_FILTERS = r"""
name eq "x"
name pr
name co "x"
name[givenName eq "Ann"]
name.nosuch pr
emails pr
emails.value pr
active eq "true"
active eq "x"
active co true
active gt true
active sw "t"
active eq null
active ne null
active eq 1
addresses eq "x"
addresses pr
addresses co "x"
emails eq null
emails ne null
emails eq 5
emails.value gt 5
emails[value eq "x"].type eq "work"
emails[type eq "work"].value ew "example.com"
emails[emails[type eq "work"]]
emails[nosuch pr]
emails[]
emails.nosuch pr
emails.value.x pr
@E@:manager pr
@E@:manager eq "@some@"
@E@:manager.value eq "@some@"
@E@:nosuch pr
@E@:department pr
password eq "Ann"
password pr
password sw "A"
x509Certificates co "b25"
x509Certificates.value gt "b25l"
x509Certificates eq "%%%"
x509Certificates.value eq "b25l"
profileUrl eq "HTTPS://example.com/ann"
profileUrl co "Ann"
photos sw "https"
department pr
emails[primary eq true and type eq "work"]
emails.primary eq true
"""

GROUP_FILTERS = r"""
members eq "@some@"
members[value eq "@some@"]
members pr
members.value sw "x"
members[value pr]
members co "x"
members.nosuch pr
not (members.value eq "@some@")
"""

OPERATIONS = r"""
[{"op": "add", "path": "@core@:displayName", "value": "odd @number@"}]
[{"op": "replace", "path": "DISPLAYNAME", "value": "odd @number@"}]
[{"op": "replace", "path": "externalId", "value": "@name@"}]
[{"op": "remove", "path": "externalId"}]
[{"op": "add", "path": "schemas", "value": ["@core@"]}]
[{"op": "replace", "path": "schemas", "value": ["@core@"]}]
[{"op": "remove", "path": "schemas"}]
[{"op": "add", "path": "schemas", "value": ["urn:example:other"]}]
[{"op": "replace", "value": {"id": "mine"}}]
[{"op": "replace", "value": {"meta": {"created": "2020-01-01T00:00:00Z"}}}]
[{"op": "replace", "value": {"schemas": ["@core@"], "externalId": "odd"}}]
[{"op": "add", "value": {"nosuch": 1, "externalId": "odd"}}]
[{"op": "add", "value": {}}]
[{"op": "replace", "value": []}]
[{"op": "add", "value": null}]
[{"op": "add", "path": "externalId", "value": null}]
[{"op": "replace", "path": "externalId", "value": null}]
[{"op": "replace", "path": "", "value": {"externalId": "odd"}}]
[{"op": "replace", "path": "displayName", "value": 5}]
[{"op": "replace", "path": "meta.nosuch", "value": 5}]
[{"op": "remove", "path": "meta"}]
[{"op": "replace", "path": "displayName[value eq \"x\"]", "value": "x"}]
[{"op": "remove", "path": "nosuch.sub"}]
[{"path": "externalId", "value": "x"}]
"""

USER_OPERATIONS = r"""
[{"op": "add", "path": "@E@", "value": {"division": "@name@"}}]
[{"op": "replace", "path": "@E@", "value": {"division": "@name@"}}]
[{"op": "remove", "path": "@E@"}]
[{"op": "add", "value": {"@E@:division": "dotted"}}]
[{"op": "add", "value": {"name.givenName": "dotted"}}]
[{"op": "replace", "path": "emails.value", "value": "all@example.com"}]
[{"op": "remove", "path": "emails.display"}]
[{"op": "add", "path": "emails.type", "value": "home"}]
[{"op": "replace", "path": "name", "value": "text"}]
[{"op": "replace", "path": "name", "value": null}]
[{"op": "replace", "path": "name.givenName", "value": ""}]
[{"op": "replace", "path": "name", "value": {"nosuch": "x"}}]
[{"op": "add", "path": "name", "value": {"GIVENNAME": "Case"}}]
[{"op": "replace", "path": "active", "value": "False"}]
[{"op": "replace", "path": "active", "value": null}]
[{"op": "replace", "value": {"active": 0}}]
[{"op": "add", "path": "emails", "value": "@mail@"}]
[{"op": "add", "path": "emails", "value": [{"value": 5}]}]
[{"op": "replace", "path": "emails", "value": null}]
[{"op": "add", "path": "emails", "value": [{"value": "p1@example.com", "primary": true}, {"value": "p2@example.com", "primary": true}]}]
[{"op": "add", "path": "emails", "value": {"value": "p3@example.com", "type": "work", "primary": true}}]
[{"op": "add", "path": "emails", "value": {}}]
[{"op": "add", "path": "emails", "value": {"value": "p4@example.com", "nosuch": true}}]
[{"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "w@example.com", "type": "work"}}]
[{"op": "add", "path": "emails[type eq \"work\"]", "value": {"display": "added"}}]
[{"op": "replace", "path": "emails[type eq \"work\"].primary", "value": true}]
[{"op": "replace", "path": "emails[type eq \"nosuch\"].value", "value": "x@example.com"}]
[{"op": "remove", "path": "emails[type eq \"work\" and value co \"a\"]"}]
[{"op": "remove", "path": "emails[nosuch pr]"}]
[{"op": "remove", "path": "emails[type eq \"work\"].nosuch"}]
[{"op": "add", "path": "phoneNumbers", "value": [{"value": "+47 1", "type": "work"}, {"value": "+47 1", "type": "work"}]}]
[{"op": "replace", "path": "phoneNumbers", "value": {"value": "+47 1", "type": "work"}}]
[{"op": "remove", "path": "phoneNumbers", "value": [{"value": "+47 1", "type": "work"}]}]
[{"op": "remove", "path": "groups"}]
[{"op": "add", "path": "@E@:manager.displayName", "value": "x"}]
[{"op": "replace", "path": "@E@:manager", "value": "@some@"}]
[{"op": "remove", "path": "@E@:manager"}]
[{"op": "remove", "path": "userName"}]
[{"op": "replace", "path": "userName", "value": ""}]
[{"op": "replace", "path": "userName", "value": null}]
[{"op": "replace", "path": "profileUrl", "value": "not a url"}]
[{"op": "add", "path": "x509Certificates", "value": [{"value": "%%%"}]}]
[{"op": "add", "path": "title", "value": "t"}, {"op": "replace", "path": "title", "value": "u"}, {"op": "remove", "path": "title"}]
[{"op": "add", "path": "roles", "value": [{"value": "r1"}]}, {"op": "add", "path": "roles[value eq \"r1\"].display", "value": "One"}, {"op": "remove", "path": "roles[display eq \"One\"]"}]
"""

GROUP_OPERATIONS = r"""
[{"op": "add", "path": "members", "value": [{"value": "@some@"}, {"value": "@some@"}]}]
[{"op": "add", "path": "members", "value": {"value": "@some@"}}]
[{"op": "add", "value": {"members": [{"value": "@some@"}]}}]
[{"op": "replace", "path": "members", "value": [{"value": "@some@"}]}]
[{"op": "remove", "path": "members"}]
[{"op": "remove", "path": "members[value eq \"@some@\"]"}]
[{"op": "replace", "path": "members[value eq \"@some@\"].value", "value": "@some@"}]
[{"op": "remove", "path": "members[value eq \"@some@\"].value"}]
[{"op": "add", "path": "members", "value": "@some@"}]
[{"op": "add", "path": "members", "value": ["@some@"]}]
[{"op": "remove", "path": "members[value eq \"nobody\"]"}]
[{"op": "add", "path": "members", "value": [{"value": "@some@"}]}, {"op": "remove", "path": "members[value eq \"@some@\"]"}]
[{"op": "remove", "path": "displayName"}]
[{"op": "replace", "path": "displayName", "value": ""}]
[{"op": "replace", "value": {"displayName": null}}]
[{"op": "add", "path": "members", "value": []}]
[{"op": "add", "path": "members", "value": [{}]}]
[{"op": "add", "path": "members", "value": [{"value": ""}]}]
[{"op": "add", "path": "members", "value": [{"value": null}]}]
"""

# Laid over a resource that is right.
BODIES = r"""
{"externalId": null}
{"externalId": ""}
{"displayName": null}
{"nosuch": 1}
{"NICKNAME": "case"}
{"schemas": "more"}
{"schemas": "upper case"}
{"schemas": "twice"}
{"emails": null}
{"emails": [{"value": "a@example.com"}, {"value": "a@example.com"}]}
{"emails": [{"value": "a@example.com", "primary": true}, {"value": "b@example.com", "primary": true}]}
{"emails": [{}]}
{"emails": [null]}
{"emails": [{"VALUE": "case@example.com", "type": "work"}]}
{"name": {}}
{"name": null}
{"name": {"givenName": ""}}
{"title": ""}
{"title": 5}
{"title": ["x"]}
{"active": "true"}
{"active": null}
{"@E@": {}}
{"@E@": null}
{"@E@": "x"}
{"@E@": {"manager": {"value": null}}}
{"@E@": {"nosuch": 1}}
{"urn:example:other": {"x": 1}}
{"groups": [{"value": "x"}]}
{"meta": "x"}
{"id": null}
{"profileUrl": 5}
{"locale": "not a locale"}
{"emails": [{"value": "x@example.com", "nosuch": 1}]}
{"x509Certificates": [{"value": "%%%"}]}
{"photos": [{"value": "no url", "type": "photo"}]}
{"members": [{"value": "@some@", "nosuch": 1}]}
{"members": null}
"""


def one_of(world: World, kind: str, cases: str, users: str, groups: str) -> str:
    """A case for the resource type, with its marks filled in."""
    lines = cases.strip("\n").split("\n") + (users if kind == "User" else groups).strip("\n").split("\n")
    values = {
        "E": ENTERPRISE,
        "core": world.types[kind][0]["id"],
        "some": world.some("User") or "x",
        "name": world.random.choice(["Ann", "Bo", ""]),
        "mail": world.random.choice(MAILS),
        "number": str(world.random.randrange(1000)),
    }
    return re.sub(r"@(\w+)@", lambda m: values.get(m[1], m[0]), world.random.choice(lines))


def filter_for(world: World, kind: str) -> str:
    """A filter that follows the grammar and compares what nobody compares."""
    chosen = one_of(world, kind, FILTERS, USER_FILTERS, GROUP_FILTERS)
    return chosen if world.random.random() < 0.8 else f"{chosen} or {comparison(world, kind)}"


def operations(world: World, kind: str) -> list[dict]:
    """PATCH operations that are unusual, and mostly right."""
    return json.loads(one_of(world, kind, OPERATIONS, USER_OPERATIONS, GROUP_OPERATIONS))


def body(world: World, kind: str, whole: dict) -> dict:
    """A whole resource with one thing that is unusual; what belongs to the other type is left to `nosuch`."""
    names = {a["name"] for a in world.types[kind][0]["attributes"]} | {s["id"] for s in world.types[kind]}
    names |= {"schemas", "id", "meta", "externalId", "nosuch", "urn:example:other"}
    names |= {"NICKNAME"} if "nickName" in names else set()
    filled = BODIES.replace("@E@", ENTERPRISE).replace("@some@", world.some("User") or "x")
    cases = [json.loads(line) for line in filled.strip("\n").split("\n")]
    changed = world.random.choice([case for case in cases if names >= set(case)])
    schemas = whole["schemas"]
    if isinstance(changed.get("schemas"), str):
        other = {
            "more": [*schemas, "urn:example:other"],
            "upper case": [s.upper() for s in schemas],
            "twice": [*schemas, *schemas],
        }
        changed = {"schemas": other[changed["schemas"]]}
    return whole | changed
