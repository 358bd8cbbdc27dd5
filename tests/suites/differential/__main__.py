#!/usr/bin/env python3
"""Sends the same random requests to our server and to scim2-server, and compares the answers.

    python tests/suites/differential --url http://127.0.0.1:8080/scim/v2 --token TOKEN [--count N] [--seed N]

Our server should hold no resources. Prints how many answers were equal, how many differ for a reason that
rules.py gives, and every difference that has none; exits with 1 if there is one.
"""

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

import compare
import reference
import rules
import syntax
from requests import Request, Source
from values import World

# By these an order has no ties.
UNIQUE = {"User": "userName", "Group": "displayName"}
DOCUMENT = Path(__file__).parents[3] / "docs/conformance.md"


@dataclass
class Outcome:
    """What one server made of a request, in comparable form."""

    status: int
    body: object
    version: str | None
    changed: bool | None = None
    after: object = None  # the resource as it reads afterwards


class Run:
    """Both servers, and what they hold."""

    def __init__(self, url: str, token: str, seed: int) -> None:
        ours = reference.Server(url, token)
        theirs = reference.start(ours)
        self.sides = [(server, compare.Names(server.url)) for server in (ours, theirs)]
        schemas = {s["id"]: s for s in ours.send("GET", "/Schemas", {}, {}, None).body["Resources"]}
        types, endpoints = {}, {}
        for kind in ours.send("GET", "/ResourceTypes", {}, {}, None).body["Resources"]:
            if kind["name"] in ("User", "Group"):
                types[kind["name"]] = [
                    schemas[kind["schema"]],
                    *(schemas[e["schema"]] for e in kind.get("schemaExtensions") or []),
                ]
                endpoints[kind["name"]] = kind["endpoint"]
        config = ours.send("GET", "/ServiceProviderConfig", {}, {}, None).body
        self.world = World(Random(seed), types)
        self.source = Source(self.world, endpoints, config)
        self.endpoints = endpoints

    def send(self, side: int, request: Request) -> Outcome:
        server, names = self.sides[side]
        headers = {
            k: names.versions.get(v.removeprefix("version of "), v) for k, v in request.headers.items()
        }
        body = request.body if isinstance(request.body, bytes) else names.to_ids(request.body)
        path, query = names.to_ids(request.path), names.to_ids(request.query)
        answer = server.send(request.method, path, query, headers, body)
        if request.what == "bulk":
            return Outcome(answer.status, compare.bulk(answer.body, names, request.made), None)
        if answer.status == 201:
            names.learn(self.world.mark(request.kind, self.world.made), answer.body)
        shown = compare.body(answer.body, names)
        if isinstance(shown, dict) and "Resources" in shown and request.ordered != UNIQUE[request.kind]:
            found = shown["Resources"]
            if request.ordered:
                shown["in order"] = [compare.key(resource, request.ordered) for resource in found]
            # The order is the server's, so only a page that holds everything can be compared.
            partial = len(found) < (shown["totalResults"] or 0)
            shown["Resources"] = len(found) if partial else compare.ordered(found)
        return Outcome(answer.status, shown, answer.headers.get("etag"))

    def mark(self, request: Request) -> str:
        """The resource that a request is about."""
        return request.target or self.world.mark(request.kind, self.world.made)

    def read(self, side: int, kind: str, mark: str) -> tuple[object, bool | None]:
        """A resource as it is, and whether its version is another than the last time."""
        server, names = self.sides[side]
        answer = server.send("GET", names.to_ids(f"{self.endpoints[kind]}/{mark}"), {}, {}, None)
        version, before = answer.headers.get("etag"), names.versions.get(mark)
        if version:
            names.versions[mark] = version
        changed = version != before if version and before else None
        return (answer.status, compare.body(answer.body, names)), changed

    def read_back(self, side: int, request: Request, outcome: Outcome) -> None:
        """Looks at the resource after a request that was to change it, or was refused."""
        outcome.after, outcome.changed = self.read(side, request.kind, self.mark(request))

    def forget(self, request: Request) -> None:
        """Takes a resource out of both servers."""
        mark = self.mark(request)
        for server, names in self.sides:
            if mark in names.ids:
                server.send("DELETE", names.to_ids(f"{self.endpoints[request.kind]}/{mark}"), {}, {}, None)
        number = int(mark.strip("@").removeprefix(request.kind))
        if number in self.world.live[request.kind]:
            self.world.live[request.kind].remove(number)

    def after_bulk(self, request: Request, ours: Outcome, theirs: Outcome) -> None:
        """Looks at all resources that a bulk request was about; those that exist on one side only go."""
        for mark in sorted({*request.made.values(), *request.touched}):
            kind = mark.strip("@0123456789")
            found = [self.read(side, kind, mark)[0] for side in (0, 1)]
            for outcome, seen in zip((ours, theirs), found, strict=True):
                outcome.after = {**(outcome.after or {}), mark: seen}
            number = int(mark.strip("@").removeprefix(kind))
            if found[0] != found[1] or found[0][0] == 404:
                self.forget(Request("", "", "", kind, mark))
            elif number not in self.world.live[kind]:
                self.world.live[kind].append(number)

    def step(self) -> tuple[Request, Outcome, Outcome]:
        """Sends the next request to both, and looks at what became of its resource."""
        request = self.source.next()
        if request.first is not None:
            for side in (0, 1):
                self.send(side, request.first)
        if request.method in ("PUT", "PATCH") or request.headers:
            for side in (0, 1):
                self.read(side, request.kind, request.target)
        ours, theirs = (self.send(side, request) for side in (0, 1))
        if request.method == "GET" or "/.search" in request.path:
            return request, ours, theirs
        created = [outcome.status == 201 for outcome in (ours, theirs)]
        if request.what == "protocol":
            return request, ours, theirs
        if request.what == "bulk":
            self.after_bulk(request, ours, theirs)
            return request, ours, theirs
        if request.target or any(created):
            for side, outcome in enumerate((ours, theirs)):
                self.read_back(side, request, outcome)
        if all(created):
            self.world.live[request.kind].append(self.world.made)
        elif any(created):
            self.forget(request)
        if (
            request.method == "DELETE"
            and request.target
            and ours.after == theirs.after
            and ours.after[0] == 404
        ):
            self.forget(request)
        return request, ours, theirs


def same(ours: Outcome, theirs: Outcome, request: Request) -> bool:
    """Whether two outcomes say the same."""
    if (ours.after, ours.changed) != (theirs.after, theirs.changed):
        return False
    if request.method == "PATCH" and {ours.status, theirs.status} == {200, 204}:
        return True  # RFC 7644 §3.5.2 leaves the choice; the resource was read afterwards
    return (ours.status, ours.body) == (theirs.status, theirs.body)


def describe(request: Request, ours: Outcome, theirs: Outcome) -> str:
    lines = [f"  {request.what}: {request.text()}", f"    ours {ours.status}, scim2-server {theirs.status}"]
    lines += [f"    body {d}" for d in compare.difference(ours.body, theirs.body)]
    if ours.changed != theirs.changed:
        lines.append(f"    new version: ours {ours.changed}, scim2-server {theirs.changed}")
    if ours.after != theirs.after:
        after = [o.after if isinstance(o.after, dict) else dict(enumerate(o.after)) for o in (ours, theirs)]
        lines += [f"    afterwards {d}" for d in compare.difference(*after)]
    return "\n".join(line[:1500] for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares our server with scim2-server.")
    parser.add_argument("--url", required=True, help="base URL, with /scim/v2")
    parser.add_argument("--token", required=True, help="bearer token")
    parser.add_argument("--count", type=int, default=2000, help="how many requests")
    parser.add_argument("--seed", type=int, default=1, help="where the random requests begin")
    parser.add_argument("--show", type=int, default=20, help="how many differences to print")
    arguments = parser.parse_args()
    if rules.table() not in DOCUMENT.read_text():
        print(f"  docs/conformance.md does not have the rules as they are:\n{rules.table()}")
        return 1
    run = Run(arguments.url, arguments.token, arguments.seed)
    sent, explained, unexplained = Counter(), Counter(), []
    for _ in range(arguments.count):
        request, ours, theirs = run.step()
        sent[request.what] += 1
        if same(ours, theirs, request):
            continue
        rule = rules.explain(request, ours, theirs)
        if rule:
            explained[rule.name] += 1
        else:
            unexplained.append((request, ours, theirs))
        if (ours.after, ours.changed) != (theirs.after, theirs.changed) and request.what != "bulk":
            run.forget(request)
    for request, ours, theirs in unexplained[: arguments.show]:
        print(describe(request, ours, theirs))
    for what, count in sorted(sent.items()):
        print(f"  {count} × {what}")
    for name, count in sorted(explained.items()):
        print(f"  {count} explained by {name}")
    equal = arguments.count - len(unexplained) - sum(explained.values())
    print(f"  {arguments.count} requests from seed {arguments.seed}")
    print(f"scim2-server: {equal} equal, {sum(explained.values())} explained, {len(unexplained)} unexplained")
    agreed, known, unknown = syntax.compare(
        run.sides[0][0], run.world, run.endpoints["User"], arguments.count // 2
    )
    for difference in unknown[: arguments.show]:
        print(f"  {difference}")
    for reason, count in sorted(known.items()):
        print(f"  {count} explained: {reason}")
    print(f"scim2-filter-parser: {agreed} equal, {sum(known.values())} explained, {len(unknown)} unexplained")
    return int(bool(unexplained or unknown))


if __name__ == "__main__":
    sys.exit(main())
