"""Random requests, as both servers get them."""

import json
from dataclasses import dataclass, field

import bulk
import filters
import odd
import patches
from values import World, resource

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@dataclass
class Request:
    """One request; `kind` is the resource type that it is about, `target` the mark of its resource."""

    what: str
    method: str
    path: str
    kind: str
    target: str | None = None
    query: dict = field(default_factory=dict)
    headers: dict = field(default_factory=dict)
    body: object = None
    ordered: str | None = None  # the attribute by which the answer's resources are sorted
    made: dict = field(default_factory=dict)  # in bulk: bulkId → mark
    touched: list = field(default_factory=list)  # in bulk: the marks of other resources
    first: "Request | None" = None  # the page that a client would have asked for before

    def text(self) -> str:
        lines = [f"{self.method} {self.path} {self.query or ''} {self.headers or ''}".rstrip()]
        if self.body is not None:
            lines.append(
                self.body.decode(errors="replace")
                if isinstance(self.body, bytes)
                else json.dumps(self.body, ensure_ascii=False)
            )
        return "\n      ".join(lines)


class Source:
    """Makes requests that fit what has been made before."""

    def __init__(self, world: World, endpoints: dict[str, str], config: dict) -> None:
        self.world, self.random, self.endpoints = world, world.random, endpoints
        self.sorting, self.bulk = config["sort"]["supported"], config["bulk"]["supported"]

    def next(self) -> Request:
        kind = "User" if self.random.random() < 0.7 else "Group"
        live = self.world.live[kind]
        if len(live) < 4:
            return self.create(kind)
        makers = [
            (12 if len(live) < 25 else 2, self.create),
            (3, self.create_wrong),
            (8, self.read),
            (32, self.search),
            (5, self.search_wrong),
            (8, self.search_odd),
            (8, self.patch_odd),
            (5, self.write_odd),
            (2, self.protocol),
            (4 if self.bulk else 0, self.bulk_request),
            (10, self.replace),
            (22, self.patch),
            (6, self.patch_wrong),
            (3 if len(live) < 25 else 10, self.delete),
            (2, self.missing),
            (3, self.conditional),
        ]
        return self.random.choices([m for _, m in makers], [w for w, _ in makers])[0](kind)

    # -- what is asked back ---------------------------------------------------------------

    def selection(self, kind: str) -> dict:
        """Which attributes the answer shall have."""
        roll = self.random.random()
        if roll < 0.6:
            return {}
        paths = [path for path, _, _, _ in filters.comparable(self.world, kind)]
        heads = sorted({p if p.startswith("urn:") else p.partition(".")[0] for p in paths})
        urns = [schema["id"] for schema in self.world.types[kind]]
        some = self.random.sample(
            [*paths, *heads, *heads, *urns[1:], "meta", "id", "meta.resourceType"],
            self.random.choice([1, 1, 2, 3]),
        )
        name = "attributes" if roll < 0.85 else "excludedAttributes"
        return {name: ",".join(filters.spelt(self.world, path) for path in some)}

    def item(self, kind: str, what: str, method: str) -> Request:
        mark = self.world.some(kind)
        return Request(what, method, f"{self.endpoints[kind]}/{mark}", kind, mark)

    # -- requests ---------------------------------------------------------------------------

    def create(self, kind: str) -> Request:
        self.world.made += 1
        return Request(
            "create",
            "POST",
            self.endpoints[kind],
            kind,
            query=self.selection(kind),
            body=resource(self.world, kind),
        )

    def create_wrong(self, kind: str) -> Request:
        self.world.made += 1
        body = resource(self.world, kind)
        name = "userName" if kind == "User" else "displayName"
        choice = self.random.randrange(9)
        sent: object = body
        if choice == 0:
            del body[name]
        elif choice == 1:
            body[name] = self.random.choice([17, True, {"value": "x"}, ["x"], None])
        elif choice == 2:
            del body["schemas"]
        elif choice == 3:
            body["schemas"] = self.random.choice([[], "x", ["urn:example:unknown"]])
        elif choice == 4:
            sent = self.random.choice([b"", b"{", b"[]", b"null", b'"x"', json.dumps(body).encode()[:-1]])
        elif choice == 5:
            body["active" if kind == "User" else "members"] = self.random.choice(["yes", 1, "x"])
        elif choice == 6:
            body["name" if kind == "User" else "members"] = self.random.choice(["text", 3, [["x"]]])
        elif choice == 7 and kind == "User":
            body["emails"] = self.random.choice(
                [
                    {"value": "x@example.com"},
                    ["x@example.com"],
                    [{"value": 5}],
                    [{"value": "x@example.com", "primary": "x"}],
                ]
            )
        else:
            body[name] = ""
        return Request("create what is wrong", "POST", self.endpoints[kind], kind, body=sent)

    def read(self, kind: str) -> Request:
        request = self.item(kind, "read", "GET")
        request.query = self.selection(kind)
        return request

    def asked(self, kind: str, query: dict, what: str) -> Request:
        """A query by GET, or the same by POST to .search."""
        ordered = query.get("sortBy")
        first = None
        if "startIndex" in query:
            first = Request(
                what,
                "GET",
                self.endpoints[kind],
                kind,
                query={k: v for k, v in query.items() if k != "startIndex"},
            )
        if self.random.random() < 0.7:
            return Request(what, "GET", self.endpoints[kind], kind, query=query, ordered=ordered, first=first)
        body = {"schemas": [SEARCH]} | query
        for name in ("attributes", "excludedAttributes"):
            if name in body:
                body[name] = body[name].split(",")
        return Request(
            what, "POST", f"{self.endpoints[kind]}/.search", kind, body=body, ordered=ordered, first=first
        )

    def search(self, kind: str) -> Request:
        query: dict = {}
        if self.random.random() < 0.9:
            query["filter"] = filters.valid(self.world, kind)
        query |= self.selection(kind)
        if self.sorting and self.random.random() < 0.3:
            # Of equal values either may come first, so only by a unique one can pages be compared.
            unique = "userName" if kind == "User" else "displayName"
            single = [
                p for p, _, _, many in filters.comparable(self.world, kind) if not many and "manager" not in p
            ]
            query["sortBy"] = unique if self.random.random() < 0.5 else self.random.choice(single)
            if self.random.random() < 0.6:
                query["sortOrder"] = self.random.choice(["ascending", "descending"])
            if query["sortBy"] != unique:
                return self.asked(kind, {k: v for k, v in query.items() if "ttributes" not in k}, "search")
        if self.random.random() < 0.25:
            query["count"] = self.random.choice([0, 1, 2, 5, 100])
        if self.random.random() < 0.2:
            # A page in the middle goes on where the one before it stopped, as clients do.
            query["startIndex"] = self.random.choice(
                [0, 1, 500, *([query["count"] + 1] * 3 if query.get("count") else [])]
            )
        return self.asked(kind, query, "search")

    def search_wrong(self, kind: str) -> Request:
        return self.asked(kind, {"filter": filters.invalid(self.world, kind)}, "search for what is wrong")

    def search_odd(self, kind: str) -> Request:
        return self.asked(kind, {"filter": odd.filter_for(self.world, kind)}, "odd search")

    def patch_odd(self, kind: str) -> Request:
        request = self.item(kind, "odd patch", "PATCH")
        request.body = {"schemas": [PATCH_OP], "Operations": odd.operations(self.world, kind)}
        return request

    def write_odd(self, kind: str) -> Request:
        """What is unusual, in a POST or a PUT."""
        request = self.create(kind) if self.random.random() < 0.5 else self.replace(kind)
        request.what, request.query = f"odd {request.what}", {}
        request.body = odd.body(self.world, kind, request.body)
        return request

    def protocol(self, kind: str) -> Request:
        """Methods and media types."""
        endpoint, item = self.endpoints[kind], f"{self.endpoints[kind]}/{self.world.some(kind)}"
        method, path = self.random.choice(
            [
                ("PUT", endpoint),
                ("PATCH", endpoint),
                ("DELETE", endpoint),
                ("POST", item),
                ("GET", f"{endpoint}/.search"),
                ("PUT", f"{endpoint}/.search"),
                ("POST", "/Schemas"),
                ("PUT", "/ServiceProviderConfig"),
                ("GET", "/Bulk"),
                ("GET", "/Me"),
                ("GET", f"{endpoint}/"),
            ]
        )
        return Request(
            "protocol", method, path, kind, body={} if method in ("PUT", "PATCH", "POST") else None
        )

    def bulk_request(self, kind: str) -> Request:
        body, made, touched = bulk.body(self.world, self.endpoints)
        return Request("bulk", "POST", "/Bulk", kind, body=body, made=made, touched=touched)

    def replace(self, kind: str) -> Request:
        request = self.item(kind, "replace", "PUT")
        request.body = resource(self.world, kind)
        request.query = self.selection(kind)
        if self.random.random() < 0.3:
            request.body |= {
                "id": "mine",
                "meta": {"resourceType": "User", "created": "2001-01-01T00:00:00Z"},
            }
        return request

    def patch(self, kind: str) -> Request:
        request = self.item(kind, "patch", "PATCH")
        request.body = {"schemas": [PATCH_OP], "Operations": patches.valid(self.world, kind)}
        request.query = self.selection(kind)
        return request

    def patch_wrong(self, kind: str) -> Request:
        request = self.item(kind, "patch what is wrong", "PATCH")
        request.body = {"schemas": [PATCH_OP], "Operations": patches.invalid(self.world, kind)}
        if self.random.random() < 0.15:
            request.body = self.random.choice(
                [
                    {},
                    {"schemas": [PATCH_OP]},
                    {"schemas": [PATCH_OP], "Operations": []},
                    {"schemas": [PATCH_OP], "Operations": {}},
                    {"Operations": request.body["Operations"]},
                ]
            )
        return request

    def delete(self, kind: str) -> Request:
        return self.item(kind, "delete", "DELETE")

    def missing(self, kind: str) -> Request:
        method = self.random.choice(["GET", "PUT", "PATCH", "DELETE"])
        body = {
            "PUT": resource(self.world, kind),
            "PATCH": {"schemas": [PATCH_OP], "Operations": patches.valid(self.world, kind)},
        }.get(method)
        path = self.random.choice([f"{self.endpoints[kind]}/nobody", "/Nothings/1"])
        if self.random.random() < 0.2:
            path, body = self.random.choice(["/Schemas", "/ResourceTypes", "/ServiceProviderConfig"]), None
            method = self.random.choice(["DELETE", "GET"])
            return Request(
                "discovery", method, path, kind, query={"filter": "id pr"} if method == "GET" else {}
            )
        return Request("what is not there", method, path, kind, body=body)

    def conditional(self, kind: str) -> Request:
        request = self.random.choice([self.read, self.replace, self.patch, self.delete])(kind)
        request.what += " on a condition"
        name = "If-None-Match" if request.method == "GET" else "If-Match"
        request.headers = {
            name: self.random.choice(
                [f"version of {request.target}", f"version of {request.target}", 'W/"stale"', "*"]
            )
        }
        return request
