"""Random values for the attributes that a schema publishes.

Pools are small on purpose, so that filters and removals meet what was written before. A resource's id is
written as a mark, `@User3@`, which each server gets translated into the id that it gave.
"""

import base64
import json
from random import Random

NAMES = [
    "Ann",
    "ann",
    "ANNA",
    "Bob",
    "Bo",
    "Zoë",
    "ZOË",
    "O'Malley",
    "Müller",
    "van Dyke",
    "x, y",
    'say "hi"',
    "50%",
    "a_b",
    "a*b",
    "(c)",
    "back\\slash",
    "Ångström",
    "1",
    "07",
]
MAILS = [
    "ann@example.com",
    "Ann@Example.com",
    "bob@example.org",
    "bo+tag@example.org",
    "zoe@home.example",
    "o'malley@example.net",
]
PHONES = ["+47 55 55 01 23", "tel:+1-201-555-0123", "555-0100", "tel:555;ext=7"]
LINKS = ["https://example.com/ann", "https://example.com/Ann", "https://example.org/p.png"]
FIXED = {
    "timezone": ["Europe/Oslo", "America/New_York"],
    "locale": ["en-US", "nb-NO"],
    "preferredLanguage": ["en", "nb", "de-CH"],
    "country": ["NO", "US", "DE"],
    "employeeNumber": ["701984", "17", "0017"],
}
MULTI_TYPES = {
    "emails": ["work", "home", "other"],
    "phoneNumbers": ["work", "home", "mobile", "fax", "pager", "other"],
    "ims": ["xmpp", "skype"],
    "photos": ["photo", "thumbnail"],
    "addresses": ["work", "home", "other"],
}


class World:
    """The resources that both servers hold, and the schema that both serve."""

    def __init__(self, random: Random, types: dict[str, list[dict]]) -> None:
        self.random = random
        self.types = types  # resource type → its schemas, the core one first
        self.live: dict[str, list[int]] = {name: [] for name in types}
        self.made = 0

    def mark(self, kind: str, number: int) -> str:
        return f"@{kind}{number}@"

    def some(self, kind: str) -> str | None:
        """The mark of a resource that exists."""
        live = self.live[kind]
        return self.mark(kind, self.random.choice(live)) if live else None

    def attributes(self, kind: str) -> list[tuple[str | None, dict]]:
        """All attributes of a type that a client may write, with the URN of their extension."""
        found = []
        for place, schema in enumerate(self.types[kind]):
            urn = schema["id"] if place else None
            found += [(urn, a) for a in schema["attributes"] if a["mutability"] != "readOnly"]
        return found


def scalar(world: World, attribute: dict, parent: str) -> object:
    """A value of a simple attribute, or of a sub-attribute of `parent`."""
    random, name = world.random, attribute["name"]
    match attribute["type"]:
        case "boolean":
            return random.random() < 0.5
        case "binary":
            return base64.b64encode(random.choice([b"one", b"two", b"\x00\xff\xfe"])).decode()
        case "integer":
            return random.randrange(-2, 4)
        case "decimal":
            return random.choice([0.5, 1.25, -3.75])
        case "dateTime":
            return random.choice(["2020-01-02T03:04:05Z", "2021-05-06T07:08:09+02:00"])
        case "reference" if name != "value" or parent == "photos":
            return random.choice(LINKS)
    if name == "value" and parent in ("members", "manager"):
        return world.some("User")
    if name == "userName":
        return f"{random.choice(['user', 'User', 'USER'])}{world.made}.{random.randrange(10_000)}"
    if name == "type" and attribute.get("canonicalValues"):
        return random.choice(attribute["canonicalValues"])
    if name == "type" and parent in MULTI_TYPES:
        return random.choice(MULTI_TYPES[parent])
    if attribute.get("canonicalValues"):
        return random.choice(attribute["canonicalValues"])
    if name == "value" and parent == "emails":
        return random.choice(MAILS)
    if name == "value" and parent == "phoneNumbers":
        return random.choice(PHONES)
    if name in FIXED:
        return random.choice(FIXED[name])
    if name == "displayName" and parent == "":
        return (
            f"{random.choice(NAMES)} {random.randrange(1000)}"
            if random.random() < 0.7
            else random.choice(NAMES)
        )
    return random.choice(NAMES)


def element(world: World, attribute: dict) -> dict:
    """A value of a complex attribute, or one element of a multi-valued one."""
    name = attribute["name"]
    value = {}
    for sub in attribute["subAttributes"]:
        if sub["mutability"] == "readOnly" or sub["name"] in ("$ref", "primary"):
            continue
        if name == "members" and sub["name"] != "value":
            continue
        likely = 1.0 if sub["name"] in ("value", "type") or sub.get("required") else 0.5
        if world.random.random() < likely:
            value[sub["name"]] = scalar(world, sub, name)
    return {k: v for k, v in value.items() if v is not None}


def whole(world: World, attribute: dict) -> object:
    """A value of an attribute as a client would send it."""
    if not attribute["multiValued"]:
        return element(world, attribute) if attribute["type"] == "complex" else scalar(world, attribute, "")
    if attribute["type"] != "complex":
        return [scalar(world, attribute, "") for _ in range(world.random.randrange(3))]
    return elements(world, attribute, world.random.choice([0, 1, 1, 2, 3]))


def elements(world: World, attribute: dict, count: int) -> list[dict]:
    """Some different elements; at most one of them is primary."""
    found: list[dict] = []
    keys = set()
    for _ in range(count):
        one = element(world, attribute)
        # Elements of the same type and value are one element (RFC 7643 §2.4): not what is compared here.
        key = json.dumps([one.get("type"), one.get("value")]).lower()
        if (
            one
            and key not in keys
            and (attribute["name"] != "addresses" or one.get("type") not in [e.get("type") for e in found])
        ):
            keys.add(key)
            found.append(one)
    if (
        found
        and world.random.random() < 0.5
        and any(s["name"] == "primary" for s in attribute["subAttributes"])
    ):
        world.random.choice(found)["primary"] = True
    return found


def resource(world: World, kind: str) -> dict:
    """A whole resource for POST or PUT, with every required attribute."""
    schemas = world.types[kind]
    body: dict = {"schemas": [schemas[0]["id"]]}
    for urn, attribute in world.attributes(kind):
        rare = (
            0.97 if attribute["name"] == "password" else 0.7 if kind == "User" else 0.5
        )  # hashing takes long
        if not attribute["required"] and world.random.random() < rare:
            continue
        value = whole(world, attribute)
        if value in ({}, []) and world.random.random() < 0.8:
            continue
        place = body
        if urn:
            if urn not in body["schemas"]:
                body["schemas"].append(urn)
            place = body.setdefault(urn, {})
        place[attribute["name"]] = value
    if world.random.random() < 0.4:
        body["externalId"] = world.random.choice(NAMES)
    return body
