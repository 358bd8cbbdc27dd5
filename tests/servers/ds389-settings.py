"""Replaces values in the settings of a 389-ds server that does not run.

Usage: ds389-settings.py CHANGES DSE. CHANGES holds entries with the attributes to replace; an entry that DSE does
not have is added. No line of either file may be wrapped within an attribute that changes.
"""

import sys


def entries(path):
    with open(path, encoding="utf-8") as file:
        text = file.read().replace("\n ", "")
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        if lines:
            yield lines


def name(line):
    return line.partition(":")[0].lower()


changes, dse = sys.argv[1:]
settings = {lines[0].lower(): lines for lines in entries(dse)}
for wanted in entries(changes):
    entry = settings.setdefault(wanted[0].lower(), [])
    replaced = {name(line) for line in wanted}
    entry[:] = [wanted[0]] + wanted[1:] + [line for line in entry[1:] if name(line) not in replaced]
with open(dse, "w", encoding="utf-8") as file:
    file.write("".join("\n".join(lines) + "\n\n" for lines in settings.values()))
