"""Random filters over the attributes that a schema publishes."""

import json

from values import NAMES, World, scalar

ORDERS = ["gt", "ge", "lt", "le"]
# What only our server works out from other resources.
DERIVED = {("members", "type"), ("members", "display"), ("manager", "displayName")}
TEXTS = ["eq", "ne", "co", "sw", "ew"]


def comparable(world: World, kind: str) -> list[tuple[str, str, dict, bool]]:
    """Paths of everything simple: path, name of the parent, attribute, whether any value on the way is multiple."""
    found = []
    for place, schema in enumerate(world.types[kind]):
        prefix = f"{schema['id']}:" if place else ""
        for attribute in schema["attributes"]:
            if attribute["returned"] == "never" or attribute["name"] == "groups":
                continue
            if attribute["type"] != "complex":
                found.append((prefix + attribute["name"], "", attribute, attribute["multiValued"]))
                continue
            for sub in attribute["subAttributes"]:
                if sub["name"] != "$ref" and (attribute["name"], sub["name"]) not in DERIVED:
                    found.append(
                        (
                            f"{prefix}{attribute['name']}.{sub['name']}",
                            attribute["name"],
                            sub,
                            attribute["multiValued"],
                        )
                    )
    found.append(("externalId", "", {"name": "externalId", "type": "string"}, False))
    return found


def literal(world: World, attribute: dict, parent: str, operator: str) -> str:
    """A value to compare with, mostly one that some resource has."""
    value = scalar(world, attribute, parent)
    if isinstance(value, str) and attribute["type"] in ("string", "reference"):
        if operator in ("co", "sw", "ew") and not value.startswith("@"):
            start = world.random.randrange(len(value))
            value = value[start : start + world.random.randrange(1, 4)]
        if world.random.random() < 0.3 and not value.startswith("@"):
            value = world.random.choice([value.upper(), value.lower(), value.title()])
    return json.dumps(value, ensure_ascii=world.random.random() < 0.2)


def operator(world: World, attribute: dict, parent: str) -> str:
    """An operator that has a meaning for the attribute's type."""
    if attribute["name"] == "value" and parent in ("members", "manager"):
        return world.random.choice(["eq", "ne", "pr"])  # an id has no meaning but its own
    match attribute["type"]:
        case "boolean" | "binary":
            return world.random.choice(["eq", "ne", "pr"])
        case "integer" | "decimal" | "dateTime":
            return world.random.choice(["eq", "ne", "pr", *ORDERS])
    return world.random.choice(["pr", "eq", "eq", *TEXTS, *ORDERS])


def spelt(world: World, text: str) -> str:
    """Names and operators may be written in any case (RFC 7644 §3.4.2.2)."""
    if world.random.random() < 0.1:
        return world.random.choice([text.upper(), text.lower(), text.title()])
    return text


def comparison(world: World, kind: str) -> str:
    path, parent, attribute, multiple = world.random.choice(comparable(world, kind))
    op = operator(world, attribute, parent)
    if multiple and parent and path.endswith(".value") and world.random.random() < 0.2:
        path = path.removesuffix(".value")
    core = world.types[kind][0]["id"]
    if not path.startswith("urn:") and world.random.random() < 0.1:
        path = f"{core}:{path}"
    if op == "pr":
        return f"{spelt(world, path)} {spelt(world, op)}"
    return f"{spelt(world, path)} {spelt(world, op)} {literal(world, attribute, parent, op)}"


def inner(world: World, attribute: dict, depth: int) -> str:
    """What stands between the brackets of a value path."""
    roll = world.random.random()
    if depth and roll < 0.35:
        return (
            f"{inner(world, attribute, 0)} {world.random.choice(['and', 'or'])} {inner(world, attribute, 0)}"
        )
    if depth and roll < 0.45:
        return f"not ({inner(world, attribute, 0)})"
    sub = world.random.choice(
        [
            s
            for s in attribute["subAttributes"]
            if s["name"] != "$ref" and (attribute["name"], s["name"]) not in DERIVED
        ]
    )
    op = operator(world, sub, attribute["name"])
    value = "" if op == "pr" else " " + literal(world, sub, attribute["name"], op)
    return f"{spelt(world, sub['name'])} {spelt(world, op)}{value}"


def value_path(world: World, kind: str) -> str | None:
    lists = [
        (schema["id"] + ":" if place else "", attribute)
        for place, schema in enumerate(world.types[kind])
        for attribute in schema["attributes"]
        if attribute["multiValued"] and attribute["type"] == "complex" and attribute["name"] != "groups"
    ]
    if not lists:
        return None
    prefix, attribute = world.random.choice(lists)
    return f"{prefix}{attribute['name']}[{inner(world, attribute, 1)}]"


def meta(world: World, kind: str) -> str:
    """Comparisons with what every resource has."""
    stamp = world.random.choice(["2001-01-01T00:00:00Z", "2999-12-31T23:59:59+01:00"])
    return world.random.choice(
        [
            f'meta.created {world.random.choice(ORDERS)} "{stamp}"',
            f'meta.lastModified {world.random.choice(ORDERS)} "{stamp}"',
            f'meta.resourceType eq "{world.random.choice(["User", "Group", "user"])}"',
            f'id eq "{world.some(kind) or "nobody"}"',
            f'schemas eq "{world.random.choice(world.types[kind])["id"]}"',
            "id pr",
            "meta.created pr",
            "externalId eq null",
            "externalId ne null",
        ]
    )


def valid(world: World, kind: str, depth: int = 2) -> str:
    """A filter that follows the grammar and compares what can be compared."""
    roll = world.random.random()
    if depth and roll < 0.3:
        word = spelt(world, world.random.choice(["and", "or"]))
        return f"{valid(world, kind, depth - 1)} {word} {valid(world, kind, depth - 1)}"
    if depth and roll < 0.4:
        return f"{spelt(world, 'not')} ({valid(world, kind, depth - 1)})"
    if depth and roll < 0.5:
        return f"({valid(world, kind, depth - 1)})"
    if roll < 0.6:
        return meta(world, kind)
    if roll < 0.75:
        return value_path(world, kind) or comparison(world, kind)
    return comparison(world, kind)


def invalid(world: World, kind: str) -> str:
    """A filter that has to be refused."""
    good = comparison(world, kind)
    name = world.random.choice(NAMES[:6])
    first = world.types[kind][0]["attributes"]
    flag = next((a["name"] for a in first if a["type"] == "boolean"), None)
    return world.random.choice(
        [
            f"{good} and",
            f"({good}",
            f"{good})",
            f"not {good} or",
            f"nosuchattribute eq {json.dumps(name)}",
            f"userName is {json.dumps(name)}",
            f"displayName eq {name}",
            "displayName eq 'x'",
            f"{flag} gt true" if flag else "displayName",
            'meta.created co "2020" or',
            "displayName eq",
            '[type eq "work"]',
            'displayName eq "open',
        ]
    )
