"""What Helm itself makes of a chart: its own SDK, without a program to install.

    render.py lint <chart>
    render.py template <chart> < values.json      prints the manifests, or why not
"""

import json
import sys

import helm_python as helm


def main():
    what, path = sys.argv[1:]
    if what == "lint":
        found = helm.lint(path, strict=True)
        print(json.dumps(found, default=str))
        # 1 is a recommendation, 2 a warning, 3 an error.
        bad = [one for one in found["messages"] if one["severity"] > 1]
        return 1 if bad or found["errors"] else 0
    values = json.load(sys.stdin)
    with helm.Chart.load(path) as chart:
        chart.validate_schema(values)
        made = chart.render(values, name="otus", namespace="otus")
    for name, text in sorted(made.items()):
        if text.strip() and name.endswith(".yaml"):
            print(f"---\n# Source: {name}\n{text}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except helm.HelmError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
