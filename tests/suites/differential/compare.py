"""Brings answers into a form that must be the same on both servers.

What the RFCs leave to a server is taken out: ids, instants, versions and host names, the order of values,
absent = null = [] (RFC 7643 §2.5), primary false = absent (§2.4), the sentence of an error. So is what only our
server derives from other resources: `groups`, and the name, type and URI of whatever a reference points at.
"""

import json
import re
from datetime import datetime

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
MARK = re.compile(r"@(User|Group)(\d+)@")


class Names:
    """The ids that one server gave, and the marks that stand for them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ids: dict[str, str] = {}
        self.marks: dict[str, str] = {}
        self.versions: dict[str, str] = {}

    def learn(self, mark: str, body: dict) -> None:
        self.ids[mark] = body["id"]
        self.marks[body["id"]] = mark

    def to_ids(self, value: object) -> object:
        """Marks become this server's ids, everywhere in a request."""
        if isinstance(value, str):
            return MARK.sub(lambda m: self.ids.get(m[0], m[0]), value)
        if isinstance(value, list):
            return [self.to_ids(v) for v in value]
        if isinstance(value, dict):
            return {k: self.to_ids(v) for k, v in value.items()}
        return value

    def to_marks(self, text: str) -> str:
        """This server's ids and base URL become marks, in one text of an answer."""
        if text in self.marks:
            return self.marks[text]
        head, slash, tail = text.removeprefix(self.url).rpartition("/")
        return f"{head}/{self.marks.get(tail, tail)}" if slash else text


def ordered(values: list) -> list:
    return sorted(values, key=lambda v: json.dumps(v, sort_keys=True))


def plain(value: object, names: Names) -> object:
    """A part of a resource, without what says nothing."""
    if isinstance(value, str):
        return names.to_marks(value)
    if isinstance(value, list):
        return ordered([p for p in (plain(v, names) for v in value) if p not in (None, {}, [])])
    if isinstance(value, dict):
        parts = {k: plain(v, names) for k, v in value.items() if not (k == "primary" and v is False)}
        return {k: v for k, v in parts.items() if v not in (None, {}, [])}
    return value


DERIVED = {"groups": None, "members": ("$ref", "display", "type"), "manager": ("$ref", "displayName")}


def without_derived(value: dict) -> dict:
    """A resource without what a server may work out from others (RFC 7643 §4.1.2, §4.2, §4.3)."""
    kept = {}
    for name, part in value.items():
        if name.startswith("urn:") and isinstance(part, dict):
            part = without_derived(part)
        elif name in DERIVED and DERIVED[name] is None:
            continue
        elif name in DERIVED:
            each = part if isinstance(part, list) else [part]
            each = [
                {k: v for k, v in e.items() if k not in DERIVED[name]} if isinstance(e, dict) else e
                for e in each
            ]
            part = each if isinstance(part, list) else each[0]
        kept[name] = part
    return kept


def resource(body: dict, names: Names) -> dict:
    """A resource; of its meta only that there is one, and that it is well-formed."""
    shown = plain(without_derived(body), names)
    emptied = {k for k in body if k.startswith("urn:") and k not in shown}
    if isinstance(shown.get("schemas"), list):
        shown["schemas"] = [urn for urn in shown["schemas"] if urn not in emptied]
    meta = shown.get("meta")
    if isinstance(meta, dict):
        for stamp in ("created", "lastModified"):
            if stamp in meta:
                datetime.fromisoformat(meta[stamp])
                meta[stamp] = "an instant"
        meta.pop("version", None)  # optional, and ours does not always know one without reading everything
    return shown


def body(answer: object, names: Names) -> object:
    """Any answer's body."""
    if not isinstance(answer, dict):
        return answer
    kinds = answer.get("schemas") or []
    if ERROR in kinds:
        return {"status": answer.get("status"), "scimType": answer.get("scimType")}
    if LIST in kinds:
        found = [resource(r, names) for r in answer.get("Resources") or []]
        return {
            "totalResults": answer.get("totalResults"),
            "itemsPerPage": answer.get("itemsPerPage", len(found)),
            "startIndex": answer.get("startIndex", 1),
            "Resources": found,
        }
    return resource(answer, names)


def key(resource: dict, path: str) -> object:
    """The value of a resource by which it is sorted; case does not count here."""
    urn, colon, name = path.rpartition(":")
    value: object = resource.get(urn, {}) if colon else resource
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value.lower() if isinstance(value, str) else value


def bulk(answer: dict, names: Names, made: dict[str, str]) -> object:
    """The answer to a bulk request; what it created gets its marks."""
    if not isinstance(answer, dict) or "Operations" not in answer:
        return body(answer, names)
    for operation in answer["Operations"]:
        if operation.get("status") == "201" and operation.get("bulkId") in made:
            names.learn(made[operation["bulkId"]], {"id": operation["location"].rsplit("/", 1)[1]})
    shown = []
    for operation in answer["Operations"]:
        kept = {k: v for k, v in operation.items() if k in ("method", "bulkId", "status")}
        kept["location"] = names.to_marks(operation["location"]) if operation.get("location") else None
        if int(operation["status"]) >= 400:
            kept["response"] = body(operation.get("response"), names)
        shown.append(kept)
    return {"Operations": shown}


def difference(ours: object, theirs: object, place: str = "") -> list[str]:
    """Where two comparable bodies differ, and how."""
    if ours == theirs:
        return []
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            d
            for k in sorted({*ours, *theirs})
            for d in difference(ours.get(k), theirs.get(k), f"{place}/{k}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list):
        extra, missing = [v for v in ours if v not in theirs], [v for v in theirs if v not in ours]
        if extra or missing:
            return [f"{place}: only ours {extra}, only theirs {missing}"]
        return [f"{place}: ours {ours}, theirs {theirs}"]
    return [f"{place}: ours {ours!r}, theirs {theirs!r}"]
