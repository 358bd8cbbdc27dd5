"""Random PATCH operations over the attributes that a schema publishes."""

from filters import inner, spelt
from values import World, element, elements, scalar, whole


def operation(world: World, kind: str) -> dict:
    """One operation that names what the schema has; whether it finds a target is another matter."""
    urn, attribute = world.random.choice(world.attributes(kind))
    if kind == "Group" and world.random.random() < 0.6:
        attribute = next(a for u, a in world.attributes(kind) if a["name"] == "members")
    path = (f"{urn}:" if urn else "") + attribute["name"]
    if attribute["multiValued"] and attribute["type"] == "complex":
        return of_list(world, path, attribute)
    if attribute["type"] == "complex":
        return of_complex(world, path, attribute)
    return of_simple(world, path, attribute)


def of_simple(world: World, path: str, attribute: dict) -> dict:
    op = world.random.choice(["add", "replace", "replace", "remove"])
    if op == "remove":
        return {"op": op, "path": spelt(world, path)}
    return {"op": op, "path": spelt(world, path), "value": scalar(world, attribute, "")}


def of_complex(world: World, path: str, attribute: dict) -> dict:
    op = world.random.choice(["add", "replace", "remove"])
    subs = [s for s in attribute["subAttributes"] if s["mutability"] != "readOnly" and s["name"] != "$ref"]
    if world.random.random() < 0.6:
        sub = world.random.choice(subs)
        target = f"{path}.{sub['name']}"
        return (
            {"op": op, "path": target}
            if op == "remove"
            else {"op": op, "path": target, "value": scalar(world, sub, attribute["name"])}
        )
    return (
        {"op": op, "path": path}
        if op == "remove"
        else {"op": op, "path": path, "value": element(world, attribute)}
    )


def of_list(world: World, path: str, attribute: dict) -> dict:
    random = world.random
    op = random.choice(["add", "add", "replace", "remove", "remove"])
    subs = [
        s
        for s in attribute["subAttributes"]
        if s["mutability"] == "readWrite" and s["name"] not in ("$ref", "primary")
    ]
    chosen = random.random()
    if chosen < 0.5 or (op == "add" and chosen < 0.85):
        if op == "remove":
            return {"op": op, "path": path}
        count = random.choice([1, 1, 2]) if op == "add" else random.choice([0, 1, 2])
        values = elements(world, attribute, count)
        return {
            "op": op,
            "path": path,
            "value": values[0] if len(values) == 1 and op == "add" and random.random() < 0.5 else values,
        }
    target = f"{path}[{inner(world, attribute, 1)}]"
    if subs and random.random() < 0.6:
        sub = random.choice(subs)
        target += f".{sub['name']}"
        return (
            {"op": op, "path": target}
            if op == "remove"
            else {"op": op, "path": target, "value": scalar(world, sub, attribute["name"])}
        )
    if op == "remove":
        return {"op": op, "path": target}
    return {"op": "replace", "path": target, "value": element(world, attribute)}


def without_path(world: World, kind: str) -> dict:
    """An operation whose value names the attributes."""
    value: dict = {}
    for urn, attribute in world.random.sample(
        world.attributes(kind), world.random.choice([1, 1, 2, 3]) if kind == "User" else 1
    ):
        place = value.setdefault(urn, {}) if urn else value
        place[attribute["name"]] = whole(world, attribute)
    return {"op": world.random.choice(["add", "replace"]), "value": value}


def valid(world: World, kind: str) -> list[dict]:
    count = world.random.choice([1, 1, 1, 2, 3])
    return [
        without_path(world, kind) if world.random.random() < 0.2 else operation(world, kind)
        for _ in range(count)
    ]


def invalid(world: World, kind: str) -> list[dict]:
    """Operations of which the last has to be refused, and with it all of them."""
    wrong = world.random.choice(
        [
            {"op": "remove"},
            {"op": "remove", "path": "id"},
            {"op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z"},
            {"op": "replace", "path": "id", "value": "mine"},
            {"op": "replace", "path": "nosuchattribute", "value": "x"},
            {"op": "add", "path": "displayName[", "value": "x"},
            {"op": "replace", "path": "displayName.nosuch", "value": "x"},
            {"op": "move", "path": "displayName", "value": "x"},
            {"op": "add", "path": "displayName"},
            {"op": "add", "path": "displayName", "value": {"a": 1}},
            {"op": "add", "path": "displayName", "value": ["x"]},
            {"op": "add", "value": "x"},
            {"op": "remove", "path": "userName" if kind == "User" else "displayName"},
            {"op": "replace", "path": "groups" if kind == "User" else "members.display", "value": "x"},
        ]
    )
    return [*(operation(world, kind) for _ in range(world.random.randrange(2))), wrong]
