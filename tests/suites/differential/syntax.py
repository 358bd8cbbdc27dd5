"""A second opinion on the syntax of filters: scim2-filter-parser, which knows the grammar and no schema.

What our server answers with results must parse there, and what it refuses for its syntax must not.
"""

import re
from collections import Counter

from filters import valid
from reference import Server
from values import World

# How our server begins to say that the text does not follow the grammar; other refusals are about the schema.
SYNTAX = "The filter is not valid at position"


def mutated(world: World, text: str) -> str:
    """The filter with a slip or two in it."""
    random = world.random
    for _ in range(random.choice([1, 1, 2])):
        place, roll = random.randrange(len(text) + 1), random.random()
        if roll < 0.3:
            text = text[:place] + text[place + 1 :]
        elif roll < 0.6:
            text = text[:place] + random.choice('()[]" .andortp:eq5é') + text[place:]
        elif roll < 0.8:
            words = text.split(" ")
            at = random.randrange(len(words))
            words[at : at + 1] = random.choice(
                [[], [words[at]] * 2, ["and"], ["or"], ["not"], ["pr"], ["null"], ["EQ"]]
            )
            text = " ".join(words)
        else:
            text = text[:place] + text[place : place + 1].swapcase() + text[place + 1 :]
    return text


def explained(text: str, ours: bool) -> str | None:
    """Why the two may differ about a text."""
    if ours and '\\"' in text:
        return "its lexer ends a text at an escaped quote (RFC 8259 §7)"
    if ours and any(mark in text for mark in ('" "', '\\\\"')):
        return "its lexer takes a text of blanks or backslashes apart (RFC 8259 §7)"
    names = re.findall(r"[\w.-]*:[\w.:-]*", re.sub(r'"([^"\\]|\\.)*"', "", text))
    if not ours and any(not name.lower().startswith("urn:") for name in names):
        return "it takes any name with a colon for a URI; attributes have URNs here (RFC 7644 §3.10)"
    if not ours and re.search(r'\\(?!u[0-9a-f]{4}|["\\/bfnrt])', text, re.I):
        return "it takes escapes that JSON does not have (RFC 8259 §7)"
    if not ours and text.count("[") > 1:
        return "it takes a value path inside another one (RFC 7644 errata 4690)"
    return None


def compare(server: Server, world: World, endpoint: str, count: int) -> tuple[int, Counter, list[str]]:
    """Agreements, explained differences and the others, for random filters with and without slips."""
    from scim2_filter_parser.lexer import SCIMLexer
    from scim2_filter_parser.parser import SCIMParser

    same, known, unknown = 0, Counter(), []
    for number in range(count):
        text = valid(world, "User")
        if number % 3:
            text = mutated(world, text)
        answer = server.send("GET", endpoint, {"filter": text, "count": 0}, {}, None)
        refused = answer.status != 200
        if refused and not answer.body["detail"].startswith(SYNTAX):
            continue
        try:
            SCIMParser().parse(SCIMLexer().tokenize(text))
            theirs = True
        except Exception:  # whatever it stumbles over, it does not accept the text
            theirs = False
        if theirs is not refused:
            same += 1
        elif reason := explained(text, not refused):
            known[reason] += 1
        else:
            unknown.append(
                f"{text!r}: ours {answer.status} {answer.body.get('detail') or ''}, theirs {'accepted' if theirs else 'refused'}"
            )
    return same, known, unknown
