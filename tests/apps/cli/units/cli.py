import argparse
import csv
import io
import json
from importlib import resources


def table():
    text = resources.files("units").joinpath("data", "lengths.csv").read_text(encoding="utf-8")
    return {row["unit"]: row for row in csv.DictReader(io.StringIO(text))}


def main(arguments=None):
    units = table()
    parser = argparse.ArgumentParser(description="Converts lengths.")
    parser.add_argument("--version", action="version", version="units " + resources.read_text("units.data", "VERSION").strip())
    commands = parser.add_subparsers(required=True)
    listing = commands.add_parser("list")
    listing.add_argument("--format", choices=["text", "json"], default="text")
    listing.set_defaults(run=show)
    convert = commands.add_parser("convert")
    convert.add_argument("value", type=float)
    convert.add_argument("from", choices=sorted(units))
    convert.add_argument("to", choices=sorted(units))
    convert.set_defaults(run=calculate)
    options = parser.parse_args(arguments)
    return options.run(units, options)


def show(units, options):
    if options.format == "json":
        print(json.dumps(list(units.values()), indent=1))
        return 0
    for unit, row in sorted(units.items()):
        print(unit, row["name"])
    return 0


def calculate(units, options):
    start, end = getattr(options, "from"), options.to
    result = options.value * float(units[start]["metres"]) / float(units[end]["metres"])
    print(f"{options.value:g} {start} = {result:g} {end}")
    return 0
