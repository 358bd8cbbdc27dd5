#!/usr/bin/env python3
"""Runs the public SCIM conformance suites against a server and counts.

    conformance.py --url http://127.0.0.1:8080/scim/v2 --token TOKEN [--suite NAME] [--verbose]

scim2-tester reads the published schemas and tries every attribute of every resource type; scim-sanity
(in its strict mode) walks through the life of a user and of a group; scim2-client and scim2-cli lead such
lives themselves and check what they are answered. All create and delete resources.

Prints each failure, then one line per suite: `scim2-tester: 150 passed, 0 failed, 2 skipped`.
Exits with 1 if anything failed.
"""

import argparse
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import lifecycle


@dataclass
class Tally:
    """What a suite found."""

    passed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)

    def line(self, name: str) -> str:
        """One line of counts; a suite that tried nothing has failed."""
        return f"{name}: {self.passed} passed, {len(self.failures)} failed, {self.skipped} skipped"


def teach_scim2_tester_more_data_types() -> None:
    """Decimals and instants: it makes a random text for them, which its own models refuse."""
    from scim2_tester import filling

    known = filling.get_random_example_value

    def example(path):
        binding = path.resolve()
        kind = binding.target_type if binding else None
        if kind is float:
            return random.randint(1, 99999) / 100
        if kind is datetime:
            return datetime.fromtimestamp(random.randint(0, 2**31), UTC)
        return known(path)

    filling.get_random_example_value = example


def run_scim2_tester(url: str, token: str, verbose: bool) -> Tally:
    """All checks of scim2-tester. A deviation from a recommendation counts as a failure."""
    from httpx2 import Client
    from scim2_client.engines.httpx2 import SyncSCIMClient
    from scim2_tester import Status, check_server

    teach_scim2_tester_more_data_types()
    headers = {"Authorization": f"Bearer {token}"}
    with Client(base_url=url, headers=headers, timeout=30, trust_env=False) as http:
        results = check_server(SyncSCIMClient(http))
    tally = Tally()
    for result in results:
        place = f"{result.resource_type or '-'} {result.title}: {result.reason or ''}"
        if result.status in (Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE):
            tally.passed += 1
        elif result.status == Status.SKIPPED:
            tally.skipped += 1
        else:
            detail = f"\n    {result.data!r}"[:600] if result.data is not None else ""
            tally.failures.append(f"[{result.status.name}] {place}{detail}")
            continue
        if verbose:
            print(f"  [{result.status.name}] {place}")
    return tally


def run_scim_sanity(url: str, token: str, verbose: bool) -> Tally:
    """All phases of scim-sanity, strict. A warning counts as a failure."""
    from scim_sanity.http_client import SCIMClient
    from scim_sanity.probe import tests
    from scim_sanity.probe.report import ProbeResult
    from scim_sanity.response_validator import ServerResponseValidator

    client = SCIMClient(url, token=token, timeout=30)
    rules = ServerResponseValidator(strict=True)
    leftovers: list[dict] = []
    results = [
        *tests.test_discovery(client, rules),
        *tests.test_user_lifecycle(client, rules, leftovers),
        *tests.test_group_lifecycle(client, rules, leftovers),
        *tests.test_search(client, rules),
        *tests.test_error_handling(client, rules),
    ]
    for made in reversed(leftovers):
        client.delete(f"{made['endpoint']}/{made['id']}")
    tally = Tally()
    for result in results:
        line = f"[{result.status}] {result.phase}: {result.name}: {result.message or ''}"
        if result.status == ProbeResult.PASS:
            tally.passed += 1
        elif result.status == ProbeResult.SKIP:
            tally.skipped += 1
        else:
            tally.failures.append(line)
            continue
        if verbose:
            print(f"  {line}")
    return tally


def run_life(live: Callable) -> Callable:
    """A suite of ours around a public client."""

    def run(url: str, token: str, verbose: bool) -> Tally:
        steps = live(url, token)
        for name in steps.done if verbose else []:
            print(f"  [DONE] {name}")
        return Tally(len(steps.done), 0, steps.failures)

    return run


SUITES = {
    "scim2-tester": run_scim2_tester,
    "scim-sanity": run_scim_sanity,
    "scim2-client": run_life(lifecycle.with_client),
    "scim2-cli": run_life(lifecycle.with_cli),
}


def main() -> int:
    """Runs the suites that the arguments name."""
    parser = argparse.ArgumentParser(description="Runs the public SCIM conformance suites.")
    parser.add_argument("--url", required=True, help="base URL, with /scim/v2")
    parser.add_argument("--token", required=True, help="bearer token")
    parser.add_argument("--suite", choices=sorted(SUITES), help="only this one")
    parser.add_argument("--verbose", action="store_true", help="print what passed, too")
    arguments = parser.parse_args()

    failed = False
    for name, run in SUITES.items():
        if arguments.suite not in (None, name):
            continue
        tally = run(arguments.url.rstrip("/"), arguments.token, arguments.verbose)
        for failure in tally.failures:
            print(f"  {failure}")
        print(tally.line(name), flush=True)
        failed = failed or bool(tally.failures) or tally.passed == 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
