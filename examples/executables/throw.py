#!/usr/bin/env python3
"""Throws dice: a responder for Otus, see docs/executables.md."""

import json
import random
import sys

DESCRIPTION = {
    "type": "description",
    "commands": [
        {
            "name": "throw",
            "pattern": r"^throw(?: (?<dice>\d+))?(?: d(?<sides>\d+))?$",
            "usage": "throw [<dice>] [d<sides>]",
            "examples": ["throw", "throw 2", "throw 3 d20"],
            "about": "Throws dice.\n\nWithout numbers it is one die of six sides.",
            "arguments": {
                "dice": {"type": "integer", "min": 1, "max": 20},
                "sides": {"type": "integer", "min": 2, "max": 100},
            },
        }
    ],
}


def say(**line):
    print(json.dumps(line), flush=True)


def main():
    asked = json.loads(sys.stdin.readline())
    if asked["type"] == "describe":
        say(**DESCRIPTION)
        return
    arguments = asked["arguments"]
    dice, sides = arguments["dice"] or 1, arguments["sides"] or 6
    thrown = [random.randint(1, sides) for _ in range(dice)]
    say(
        type="card",
        tone="good",
        title=f"{asked['person']['name']} threw {sum(thrown)}",
        fields=[[f"d{sides}", ", ".join(map(str, thrown))]],
        buttons=[{"label": "Again", "command": asked["line"]}],
    )


main()
