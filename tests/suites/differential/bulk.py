"""Random bulk requests (RFC 7644 §3.7), whose operations may name what others of them create."""

from values import NAMES, World, scalar

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def body(world: World, endpoints: dict[str, str]) -> tuple[dict, dict[str, str], list[str]]:
    """A bulk request, the marks of what its bulkIds will stand for, and all marks that it touches."""
    random = world.random
    made: dict[str, str] = {}
    touched: list[str] = []

    def plain(kind: str) -> dict:
        """A resource about which the two servers agree."""
        body = {"schemas": [world.types[kind][0]["id"]], "externalId": random.choice(NAMES)}
        if kind == "User":
            return body | {
                "userName": scalar(world, {"name": "userName", "type": "string"}, ""),
                "active": True,
            }
        return body | {"displayName": f"bulk {world.made} {random.randrange(10_000)}"}

    def new(kind: str) -> tuple[str, dict]:
        world.made += 1
        bulk_id = f"bulk{world.made}"
        made[bulk_id] = world.mark(kind, world.made)
        return bulk_id, plain(kind)

    operations: list[dict] = []
    for _ in range(random.choice([1, 2, 2, 3, 4])):
        kind = "User" if random.random() < 0.6 else "Group"
        item = f"{endpoints[kind]}/{(mark := world.some(kind))}"
        match random.choice(["create", "create", "replace", "patch", "delete", "wrong"]):
            case "create":
                bulk_id, data = new(kind)
                operations.append(
                    {"method": "POST", "path": endpoints[kind], "bulkId": bulk_id, "data": data}
                )
            case "replace":
                touched.append(mark)
                operations.append({"method": "PUT", "path": item, "data": plain(kind)})
            case "patch":
                touched.append(mark)
                value = random.choice(NAMES)
                data = {
                    "schemas": [PATCH_OP],
                    "Operations": [{"op": "replace", "path": "externalId", "value": value}],
                }
                operations.append({"method": "PATCH", "path": item, "data": data})
            case "delete":
                touched.append(mark)
                operations.append({"method": "DELETE", "path": item})
            case "wrong":
                operations.append(wrong(world, endpoints))
    users = [b for b, mark in made.items() if mark.startswith("@User")]
    for operation in operations:
        data = operation.get("data")
        if (
            operation.get("bulkId") in made
            and operation["path"] == endpoints["Group"]
            and random.random() < 0.7
        ):
            data["members"] = [{"value": f"bulkId:{b}"} for b in users] or data.get("members", [])
    request = {"schemas": [BULK], "Operations": operations}
    if random.random() < 0.4:
        request["failOnErrors"] = random.choice([1, 2])
    return request, made, touched


def wrong(world: World, endpoints: dict[str, str]) -> dict:
    """An operation that fails."""
    users = endpoints["User"]
    name = {
        "schemas": [world.types["Group"][0]["id"]],
        "displayName": f"lost {world.random.randrange(10**6)}",
    }
    return world.random.choice(
        [
            {"method": "DELETE", "path": f"{users}/nobody"},
            {"method": "PATCH", "path": f"{users}/nobody", "data": {"schemas": [PATCH_OP], "Operations": [{"op": "remove", "path": "title"}]}},
            {"method": "POST", "path": users, "bulkId": "empty", "data": {"schemas": [world.types["User"][0]["id"]]}},
            {"method": "POST", "path": endpoints["Group"], "bulkId": "dangling", "data": name | {"members": [{"value": "bulkId:nobody"}]}},
            {"method": "DELETE", "path": "/Nothings/1"},
            {"method": "POST", "path": "/Schemas", "bulkId": "schema", "data": {}},
        ]
    )  # fmt: skip
