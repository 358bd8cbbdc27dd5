"""The lives of a user and a group, as two public clients lead them.

scim2-client and scim2-cli check every answer against the schemas that the server publishes and against what
each request allows; whatever they complain about counts as a failure, and so does a wrong answer.
"""

import json
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

NAME = "suite.ann"


class Steps:
    """What worked and what did not. A step that fails ends the life: the others build on it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failures: list[str] = []

    @contextmanager
    def step(self, name: str) -> Any:
        try:
            yield
        except Exception as error:
            self.failures.append(f"{name}: {type(error).__name__}: {error}")
            raise Stopped from error
        self.done.append(name)


class Stopped(Exception):
    """A step failed."""


def expect(condition: object, message: object) -> None:
    if not condition:
        raise AssertionError(str(message)[:600])


def fields(model: Any) -> dict[str, Any]:
    """The attributes of a model by their SCIM names, and what they are."""
    return {f.serialization_alias or f.alias or n: f for n, f in model.model_fields.items()}


def user_body(model: Any, login: str) -> dict:
    """A user with what the server has a place for."""
    wanted = {
        "userName": login,
        "name": {"givenName": "Ann", "familyName": "Lee"},
        "displayName": "Ann Lee",
        "title": "Engineer",
        "emails": [{"value": f"{login}@example.com", "type": "work"}],
        "active": True,
        "preferredLanguage": "en",
    }
    return {"schemas": [str(model.__schema__)]} | {k: v for k, v in wanted.items() if k in fields(model)}


def with_client(url: str, token: str) -> Steps:
    """Everything that scim2-client can do: discovery, create, query, .search, replace, modify, delete, bulk."""
    from httpx2 import Client
    from scim2_client.engines.httpx2 import SyncSCIMClient
    from scim2_models import BulkRequest, PatchOp, PatchOperation, SCIMException, SearchRequest

    steps = Steps()
    step = steps.step

    def refused(status: int, call: Callable) -> None:
        try:
            answer = call()
        except SCIMException as error:
            expect(error.status == status, f"{error.status} instead of {status}: {error}")
        else:
            raise AssertionError(f"{status} expected, but it was answered {answer!r}")

    with Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
    ) as http:
        scim = SyncSCIMClient(http)
        try:
            with step("discover"):
                scim.discover()
                User, Group = scim.get_resource_model("User"), scim.get_resource_model("Group")
                expect(User and Group, "no User or Group")
                config = scim.service_provider_config
            with step("create a user"):
                sent = User.model_validate(user_body(User, NAME))
                user = scim.create(sent)
                expect(user.id and user.user_name == NAME, user)
                expect(user.meta.location == f"{url}/Users/{user.id}", user.meta)
            with step("create the same user"):
                refused(409, lambda: scim.create(User.model_validate(user_body(User, NAME.upper()))))
            with step("read a user"):
                read = scim.query(User, user.id)
                expect(read.model_dump() == user.model_dump(), f"{read} is not {user}")
            with step("read some attributes"):
                part = scim.query(User, user.id, SearchRequest(attributes=["userName"]))
                expect(part.user_name == NAME and part.name is None, part)
                part = scim.query(User, user.id, SearchRequest(excluded_attributes=["name"]))
                expect(part.user_name == NAME and part.name is None and part.meta, part)
            with step("find a user"):
                for text in (
                    f'userName eq "{NAME.upper()}"',
                    'userName sw "suite." and emails[type eq "work" and value ew "@example.com"]',
                    f'not (userName ne "{NAME}")',
                ):
                    found = scim.query(User, query_parameters=SearchRequest(filter=text))
                    expect([r.id for r in found.resources] == [user.id], f"{text}: {found}")
                found = scim.query(User, query_parameters=SearchRequest(filter='userName eq "nobody"'))
                expect(found.total_results == 0 and not found.resources, found)
            with step("refuse a wrong filter"):
                refused(
                    400,
                    lambda: scim.query(
                        User, query_parameters={"filter": "userName is 1"}, check_request_payload=False
                    ),
                )
            if root(scim):
                with step("find by .search"):
                    found = scim.search(SearchRequest(filter=f'userName eq "{NAME}"', count=1))
                    expect([r.id for r in found.resources] == [user.id], found)
            with step("page through the users"):
                seen, start = [], 1
                while True:
                    page = scim.query(User, query_parameters=SearchRequest(start_index=start, count=100))
                    seen += [r.id for r in page.resources or []]
                    start += page.items_per_page
                    if start > page.total_results or not page.resources:
                        break
                expect(
                    len(seen) == len(set(seen)) == page.total_results and user.id in seen,
                    f"{len(seen)} of {page.total_results}",
                )
            if config.sort and config.sort.supported:
                with step("sort the users"):
                    for order, turned in (("ascending", False), ("descending", True)):
                        page = scim.query(
                            User,
                            query_parameters=SearchRequest(
                                sort_by="userName", sort_order=order, attributes=["userName"], count=50
                            ),
                        )
                        names = [r.user_name.lower() for r in page.resources]
                        expect(names == sorted(names, reverse=turned), names)
            with step("replace a user"):
                read.title = "Director" if "title" in fields(User) else None
                read.name.given_name = "Anna"
                replaced = scim.replace(read)
                expect(replaced.name.given_name == "Anna" and replaced.id == user.id, replaced)
                if "title" in fields(User):
                    expect(replaced.title == "Director", replaced)
            with step("modify a user"):
                patch = PatchOp[User](
                    operations=[
                        PatchOperation[User](op="replace", path="name.familyName", value="Lea"),
                        PatchOperation[User](op="add", path="displayName", value="Anna Lea"),
                    ]
                )
                scim.modify(User, user.id, patch)
                read = scim.query(User, user.id)
                expect((read.name.family_name, read.display_name) == ("Lea", "Anna Lea"), read)
            if "active" in fields(User):
                with step("deactivate a user"):
                    scim.modify(
                        User,
                        user.id,
                        PatchOp[User](
                            operations=[PatchOperation[User](op="replace", path="active", value=False)]
                        ),
                    )
                    expect(scim.query(User, user.id).active is False, "still active")
            with step("create a group with a member"):
                group = scim.create(
                    Group.model_validate(
                        {
                            "schemas": [str(Group.__schema__)],
                            "displayName": "suite group",
                            "members": [{"value": user.id}],
                        }
                    )
                )
                expect([m.value for m in group.members] == [user.id], group)
            with step("find a group by its member"):
                found = scim.query(
                    Group,
                    query_parameters=SearchRequest(
                        filter=f'members.value eq "{user.id}"', excluded_attributes=["members"]
                    ),
                )
                expect(
                    [r.id for r in found.resources] == [group.id] and not found.resources[0].members, found
                )
            if "groups" in fields(User):
                with step("see the group at its member"):
                    expect(
                        [g.value for g in scim.query(User, user.id).groups or []] == [group.id], "not there"
                    )
            with step("take the member out"):
                patch = PatchOp[Group](
                    operations=[PatchOperation[Group](op="remove", path=f'members[value eq "{user.id}"]')]
                )
                scim.modify(Group, group.id, patch)
                expect(not scim.query(Group, group.id).members, "still there")
            if config.bulk and config.bulk.supported:
                with step("bulk"):
                    made = BulkRequest[User | Group].model_validate(
                        {
                            "failOnErrors": 1,
                            "Operations": [
                                {
                                    "method": "POST",
                                    "path": "/Users",
                                    "bulkId": "u",
                                    "data": user_body(User, "suite.bulk"),
                                },
                                {
                                    "method": "PATCH",
                                    "path": f"/Groups/{group.id}",
                                    "data": {
                                        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                                        "Operations": [
                                            {"op": "add", "path": "members", "value": [{"value": "bulkId:u"}]}
                                        ],
                                    },
                                },
                            ],
                        }
                    )
                    answer = scim.bulk(made)
                    expect([str(int(o.status)) for o in answer.operations] == ["201", "200"], answer)
                    other = answer.operations[0].location.rsplit("/", 1)[1]
                    expect(
                        [m.value for m in scim.query(Group, group.id).members] == [other],
                        "the member is missing",
                    )
                    scim.delete(User, other)
            with step("delete"):
                for kind, resource in ((Group, group), (User, user)):
                    scim.delete(kind, resource.id)
                    refused(404, lambda kind=kind, resource=resource: scim.query(kind, resource.id))
                    refused(404, lambda kind=kind, resource=resource: scim.delete(kind, resource.id))
        except Stopped:
            pass
    return steps


def root(scim: Any) -> bool:
    """Whether the server answers queries over all types: those are optional (RFC 7644 §3.4.2.1)."""
    from scim2_models import SCIMException, SearchRequest

    try:
        scim.search(SearchRequest(count=0))
    except SCIMException as error:
        return error.status not in (403, 404, 501)
    return True


def with_cli(url: str, token: str) -> Steps:
    """The commands of scim2-cli, one after the other."""
    from click.testing import CliRunner
    from scim2_cli import cli

    steps = Steps()
    runner = CliRunner(env={"SCIM_CLI_URL": url, "SCIM_CLI_HEADERS": f"Authorization: Bearer {token}"})

    def call(*words: str, sent: object = None, fails: bool = False) -> Any:
        result = runner.invoke(cli, list(words), input=json.dumps(sent) if sent else None)
        expect(
            (result.exit_code != 0) == fails,
            f"scim2 {' '.join(words)}: {result.exit_code} {result.output} {result.exception!r}",
        )
        return json.loads(result.stdout) if result.stdout.strip().startswith("{") else result.output

    step = steps.step
    try:
        with step("create"):
            names = {a["name"] for a in schema(call("query", "schema", sent={"count": 100}))}
            more = [
                ("displayName", ["--display-name", "Cli Ann"]),
                ("active", ["--active", "true"]),
                ("emails", ["--emails", '[{"value": "cli.ann@example.com", "type": "work"}]']),
            ]
            options = [w for name, words in more if name in names for w in words]
            user = call(
                "create",
                "user",
                "--user-name",
                "cli.ann",
                "--name",
                '{"givenName": "Ann", "familyName": "Lee"}',
                *options,
            )
            expect(user["userName"] == "cli.ann", user)
        with step("query"):
            expect(call("query", "user", user["id"])["id"] == user["id"], "another user")
            found = call(
                "query",
                "user",
                "--filter",
                'userName eq "cli.ann"',
                "--count",
                "5",
                "--attribute",
                "userName",
            )
            expect([r["id"] for r in found["Resources"]] == [user["id"]], found)
            page = call("query", "user", "--start-index", "1", "--count", "1")
            expect(len(page["Resources"]) == page["itemsPerPage"] == 1, page)
        with step("search"):
            found = call("search", "user", "--filter", 'userName sw "CLI."')
            expect([r["id"] for r in found["Resources"]] == [user["id"]], found)
        with step("replace"):
            body = {k: v for k, v in user.items() if k not in ("meta", "groups")} | {
                "name": {"givenName": "Bea", "familyName": "Lee"}
            }
            expect(call("replace", "user", sent=body)["name"]["givenName"] == "Bea", "not replaced")
        with step("modify"):
            call(
                "modify",
                "user",
                user["id"],
                "replace",
                "name.familyName",
                "Lea",
                "replace",
                "displayName",
                "Bea Lea",
            )
            expect(call("query", "user", user["id"])["displayName"] == "Bea Lea", "not modified")
        with step("a group and its members"):
            group = call(
                "create",
                "group",
                "--display-name",
                "cli group",
                "--members",
                json.dumps([{"value": user["id"]}]),
            )
            call("modify", "group", group["id"], "remove", f'members[value eq "{user["id"]}"]')
            expect(not call("query", "group", group["id"]).get("members"), "still a member")
            call("modify", "group", group["id"], "add", "members", json.dumps([{"value": user["id"]}]))
            expect(
                [m["value"] for m in call("query", "group", group["id"])["members"]] == [user["id"]],
                "no member",
            )
        if call("query", "serviceproviderconfig")["bulk"]["supported"]:
            with step("bulk"):
                operations = [{"method": "DELETE", "path": f"/Groups/{group['id']}"}]
                answer = call(
                    "bulk",
                    sent={
                        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
                        "Operations": operations,
                    },
                )
                expect([o["status"] for o in answer["Operations"]] == ["204"], answer)
        else:
            call("delete", "group", group["id"])
        with step("delete"):
            call("delete", "user", user["id"])
            call("query", "user", user["id"], fails=True)
    except Stopped:
        pass
    return steps


def schema(listed: Any) -> list[dict]:
    """The attributes of the user schema in a list of schemas."""
    return next(
        s["attributes"] for s in listed["Resources"] if s["id"].endswith(":User") and ":core:" in s["id"]
    )
