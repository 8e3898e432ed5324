#!/usr/bin/env python3
"""Checks what machines read of a run's folder, with the eyes of those machines.

  check_run.py [--hostile] FOLDER...

junit.xml by xmllint against junit.xsd and GitLab's limits; report.sarif against
sarif.schema.json; metrics.prom by the rules of Prometheus's text format, and by promtool where
there is one; summary.md by cmark-gfm as GitHub renders it; summary.json, results.jsonl and the
plans against the schemas that are installed. --hostile: the texts of the run are not migfuzz's, so
the schemas of the JSON files are left out, and everything else must hold all the same. Exit status
77: a tool is missing.
"""
import gzip
import html.parser
import json
import pathlib
import re
import shutil
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ElementTree

try:
    warnings.simplefilter("ignore", DeprecationWarning)
    import jsonschema
except ImportError:
    print("SKIPPED: no python3-jsonschema on this machine")
    sys.exit(77)
for tool in ("xmllint", "cmark-gfm"):
    if not shutil.which(tool):
        print(f"SKIPPED: no {tool} on this machine")
        sys.exit(77)

HERE = pathlib.Path(__file__).resolve().parent
SCHEMAS = HERE.parent.parent / "reports" / "schemas"
# GitLab: "Unit test reports", and the limits of its XML parser. GitHub: "SARIF support for code
# scanning"; a step summary has 1 MiB.
JUNIT_BYTES, JUNIT_ELEMENTS, JUNIT_CASES = 30_000_000, 250_000, 500_000
SARIF_GZIP_BYTES, SUMMARY_BYTES = 10_000_000, 1 << 20


class Wrong(Exception):
    pass


def demand(holds, what):
    if not holds:
        raise Wrong(what)


def validator(path):
    schema = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    resolver = jsonschema.RefResolver(base_uri=path.as_uri(), referrer=schema)
    return jsonschema.Draft202012Validator(schema, resolver=resolver)


def validate(value, schema, name):
    error = jsonschema.exceptions.best_match(schema.iter_errors(value))
    if error:
        place = "/".join(str(step) for step in error.absolute_path)
        raise Wrong(f"{name}: at `{place}`: {error.message[:300]}")


def check_junit(path, hostile):
    said = subprocess.run(["xmllint", "--noout", "--schema", HERE / "junit.xsd", path],
                          capture_output=True, text=True)
    demand(said.returncode == 0, f"{path}: {said.stderr[:500]}")
    demand(path.stat().st_size < JUNIT_BYTES, f"{path}: GitLab refuses a file of this size")
    root = ElementTree.parse(path).getroot()
    demand(sum(1 for _ in root.iter()) <= JUNIT_ELEMENTS, f"{path}: too many elements for GitLab")
    cases = list(root.iter("testcase"))
    demand(len(cases) <= JUNIT_CASES, f"{path}: too many test cases for GitLab")
    for owner in [root, *root.findall("testsuite")]:
        for attribute, tag in (("tests", "testcase"), ("failures", "failure"),
                               ("errors", "error"), ("skipped", "skipped")):
            if attribute in owner.attrib:
                demand(int(owner.get(attribute)) == sum(1 for _ in owner.iter(tag)),
                       f"{path}: {owner.get('name')!r} miscounts its {attribute}")
    names = {(case.get("classname"), case.get("name")) for case in cases}
    demand(hostile or len(names) == len(cases), f"{path}: GitLab ignores the second of one name")
    return root


def check_sarif(path, schema):
    text = path.read_bytes()
    demand(len(gzip.compress(text, 6)) < SARIF_GZIP_BYTES, f"{path}: GitHub refuses this size")
    log = json.loads(text)
    validate(log, schema, path)
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    demand(len({rule["id"] for rule in rules}) == len(rules), f"{path}: a rule is there twice")
    for result in run["results"]:
        demand(rules[result["ruleIndex"]]["id"] == result["ruleId"], f"{path}: wrong ruleIndex")
        words = result["message"]["text"]
        demand("](" not in words and not re.search(r"\{\d", words), f"{path}: a link in a message")
        for place in result["locations"] + result.get("relatedLocations", []):
            uri = place["physicalLocation"]["artifactLocation"]["uri"]
            demand(".." not in uri.split("/"), f"{path}: {uri} leaves the folder")
    return run


NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(\{{{LABEL}(?:,{LABEL})*\}})? (\S+)$")


def check_metrics(path):
    text = path.read_bytes().decode("utf-8")
    demand(text.endswith("\n") and "\r" not in text, f"{path}: lines must end in a line feed")
    kinds, helped, series, last = {}, set(), set(), ""
    for line in text[:-1].split("\n"):
        found = re.match(rf"# (HELP|TYPE) ({NAME}) (.+)$", line)
        if found and found[1] == "HELP":
            demand(found[2] not in helped, f"{path}: {found[2]} has two HELP lines")
            helped.add(found[2])
            continue
        if found:
            demand(found[3] in ("gauge", "summary"), f"{path}: {line[:100]}")
            demand(found[2] in helped and found[2] not in kinds, f"{path}: {line[:100]}")
            kinds[found[2]] = found[3]
            last = found[2]
            continue
        found = SAMPLE.match(line)
        demand(found, f"{path}: not a sample: {line[:100]!r}")
        own = found[1] == last or (kinds.get(last) == "summary" and
                                   found[1] in (last + "_sum", last + "_count"))
        demand(own and found[1].startswith("migfuzz_"), f"{path}: {line[:100]} is out of its group")
        demand((found[1], found[2]) not in series, f"{path}: {line[:100]} is there twice")
        series.add((found[1], found[2]))
        float(found[3])
    demand(len(series) < 1000, f"{path}: {len(series)} series would flood a database")
    if shutil.which("promtool"):
        said = subprocess.run(["promtool", "check", "metrics"], input=text.encode(),
                              capture_output=True)
        demand(said.returncode == 0, f"{path}: promtool: {said.stderr.decode()[:500]}")


class Page(html.parser.HTMLParser):
    """The tags of rendered Markdown, and its headings."""

    def __init__(self):
        super().__init__()
        self.tags, self.tables, self.headings = set(), 0, []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.tables += tag == "table"
        if tag in ("h1", "h2"):
            self.headings.append((tag, ""))

    def handle_data(self, data):
        if self.headings and self.headings[-1][1] is not None:
            tag, words = self.headings[-1]
            self.headings[-1] = (tag, words + data)

    def handle_endtag(self, tag):
        if tag in ("h1", "h2"):
            self.headings.append((None, None))


ALLOWED = {"h1", "h2", "h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "td", "th", "code",
           "strong"}
HEADINGS = {"Findings", "Gone since the last night", "Coverage", "Reached inside QEMU",
            "What was run", "Notes"}


def check_markdown(path):
    text = path.read_bytes()
    demand(len(text) < SUMMARY_BYTES, f"{path}: GitHub refuses {len(text)} bytes")
    rendered = subprocess.run(["cmark-gfm", "--unsafe", "-e", "table", "-e", "autolink", "-e",
                               "strikethrough"], input=text, capture_output=True, check=True)
    page = Page()
    page.feed(rendered.stdout.decode("utf-8"))
    demand(page.tags <= ALLOWED, f"{path}: {sorted(page.tags - ALLOWED)} came out of a text")
    headings = [entry for entry in page.headings if entry[0]]
    demand([tag for tag, _ in headings].count("h1") == 1, f"{path}: not one title")
    odd = {words for tag, words in headings if tag == "h2"} - HEADINGS
    demand(not odd, f"{path}: headings {odd} came out of a text")
    # Rendered rows are filled up and cut to the length of the first one, so look at the source.
    tables = 0
    for block in re.split(r"\n(?!\|)", text.decode("utf-8")):
        rows = [line for line in block.split("\n") if line.startswith("|")]
        tables += bool(rows)
        cells = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
        demand(len(cells) <= 1, f"{path}: a table has rows of {sorted(cells)} cells")
    demand(tables and page.tables == tables, f"{path}: {page.tables} of {tables} tables")


def described(node, name, place=""):
    """Every field of a schema says what it is, one sentence."""
    for key, value in node.get("properties", {}).items():
        inner = f"{place}/{key}"
        if "$ref" not in value:
            words = value.get("description", "")
            demand(words[:1].isupper() or words[:1] == "`" or words.startswith("QEMU"),
                   f"{name}: {inner} is not described")
            demand(words.endswith("."), f"{name}: {inner}: no full sentence")
        described(value, name, inner)
        described(value.get("items", {}), name, inner + "[]")


def check_json(folder, schemas):
    validate(json.loads((folder / "summary.json").read_text()), schemas["summary"], "summary.json")
    count = 0
    with open(folder / "results.jsonl", encoding="utf-8") as lines:
        for line in lines:
            count += 1
            if count <= 300 or count % 500 == 0:  # they are alike, and validation is slow
                validate(json.loads(line), schemas["results"], f"results.jsonl:{count}")
    for name, schema in (("plan.json", "plan"), ("minimal.json", "stored-plan")):
        for path in sorted(folder.glob(f"cases/*/{name}")):
            validate(json.loads(path.read_text()), schemas[schema], path)
            count += 1
    for path in sorted(folder.glob("cases/*/history.jsonl"))[:3]:
        for line in path.read_text().splitlines()[:500]:
            validate(json.loads(line), schemas["event"], path)
    return count


def main():
    hostile = sys.argv[1:2] == ["--hostile"]
    schemas = {}
    for path in SCHEMAS.glob("*.schema.json"):
        schemas[path.name.split(".")[0]] = validator(path)
        described(json.loads(path.read_text()), path.name)
    for path in (HERE.parent.parent / "corpus").glob("*.json"):
        validate(json.loads(path.read_text()), schemas["stored-plan"], path)
    sarif = validator(HERE / "sarif.schema.json")
    for name in sys.argv[2 if hostile else 1:]:
        folder = pathlib.Path(name)
        try:
            check_junit(folder / "junit.xml", hostile)
            check_sarif(folder / "report.sarif", sarif)
            check_metrics(folder / "metrics.prom")
            check_markdown(folder / "summary.md")
            count = 0 if hostile else check_json(folder, schemas)
        except Wrong as wrong:
            print(f"FAILED: {folder.name}: {wrong}")
            return 1
        print(f"{folder.name}: fit for machines" + (f", {count} JSON values" if count else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
