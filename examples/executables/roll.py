#!/usr/bin/env python3
"""Rolls dice: a responder for Otus, see docs/executables.md."""

import json
import random
import sys

DESCRIPTION = {
    "type": "description",
    "commands": [
        {
            "name": "roll",
            "pattern": r"^roll(?: (?<dice>\d+))?(?: d(?<sides>\d+))?$",
            "usage": "roll [<dice>] [d<sides>]",
            "examples": ["roll", "roll 2", "roll 3 d20"],
            "about": "Rolls dice.\n\nWithout numbers it is one die of six sides.",
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
    rolled = [random.randint(1, sides) for _ in range(dice)]
    say(
        type="card",
        tone="good",
        title=f"{asked['person']['name']} rolled {sum(rolled)}",
        fields=[[f"d{sides}", ", ".join(map(str, rolled))]],
        buttons=[{"label": "Again", "command": asked["line"]}],
    )


main()
