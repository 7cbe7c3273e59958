"""Reads lines of {"schema": NAME, "value": ...} and validates each value against docs/schema/NAME.v1.json.

Members that a schema does not list are refused: it is to describe all that the program prints. Prints each schema's name and
how many values it was used for.
"""

import collections
import json
import pathlib
import sys

import jsonschema

FOLDER = pathlib.Path(__file__).parents[2] / "docs" / "schema"


def closed(schema):
    """Returns the schema with no members but those that it lists."""
    if isinstance(schema, dict):
        schema = {name: closed(part) for name, part in schema.items()}
        if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
            schema["additionalProperties"] = False
        return schema
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    return schema


def main():
    schemas = {}
    for path in FOLDER.glob("*.v1.json"):
        schema = closed(json.loads(path.read_text(encoding="utf-8")))
        jsonschema.Draft202012Validator.check_schema(schema)
        schemas[path.name.removesuffix(".v1.json")] = jsonschema.Draft202012Validator(schema)
    used = collections.Counter()
    failed = False
    for line in sys.stdin:
        shown = json.loads(line)
        for error in schemas[shown["schema"]].iter_errors(shown["value"]):
            print(f"{shown['schema']}: {error.json_path}: {error.message}", file=sys.stderr)
            failed = True
        used[shown["schema"]] += 1
    for name in sorted(schemas):
        print(name, used[name])
    sys.exit(failed)


main()
