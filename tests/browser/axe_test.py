#!/usr/bin/env python3
"""An accessibility audit of report.html with axe-core: no violation of WCAG 2.2 A and AA and of axe's
best practices, light and dark, on a phone and on a laptop, of the run, of a filter and of a case.

Use: axe_test.py RENDER_SAMPLE. axe-core comes from npm at test time (package-lock.json) and is no part
of the program; without npm or the registry the audit is skipped, and says so.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

from page import Page, needs, read_json, skip

HERE = pathlib.Path(__file__).parent
AUDIT = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ['violations']}).then((found) => done(found.violations.map((one) =>
  ({id: one.id, help: one.help, nodes: one.nodes.slice(0, 5).map((node) => node.html.slice(0, 160) +
    ' | ' + (node.any[0] ? node.any[0].message : '')), count: one.nodes.length}))));
"""


def axe_source(folder):
    needs("npm", "chromium", "chromedriver")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    made = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder,
                          capture_output=True, text=True, timeout=240, check=False)
    if made.returncode != 0:
        skip("axe-core cannot be had: npm ci failed: " + made.stderr.strip().splitlines()[-1])
    return (folder / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


def pages(folder):
    first = read_json(folder / "broken.json")["findings"][0]["case_id"]
    return [("broken", ""), ("broken", "#verdict=fail&phase=commit"), ("broken", "#case=" + first),
            ("safe", ""), ("inconclusive", ""), ("empty", ""), ("hostile", "")]


def audit(page, source, folder, width, dark):
    page.size(width, 900)
    page.colours(dark)
    bad = 0
    for name, fragment in pages(folder):
        page.open(folder / f"{name}.html", fragment)
        page.js("for (const one of document.querySelectorAll('details')) one.open = true")
        page.cdp("Runtime.evaluate", expression=source)
        for one in page.driver.execute_async_script(AUDIT):
            bad += one["count"]
            print(f"FAILED: {name}{fragment} at {width} px, {'dark' if dark else 'light'}: {one['id']}: "
                  f"{one['help']} ({one['count']})")
            for node in one["nodes"]:
                print("    " + node.replace("\n", " "))
    return bad


def main():
    if len(sys.argv) != 2:
        sys.exit("use: axe_test.py RENDER_SAMPLE")
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        source = axe_source(folder)
        subprocess.run([sys.argv[1], str(folder)], check=True)
        page = Page()
        try:
            bad = sum(audit(page, source, folder, width, dark)
                      for width in (400, 1280) for dark in (False, True))
        finally:
            page.close()
    if bad > 0:
        sys.exit(f"FAILED: {bad} violations")
    print("passed: 7 views, light and dark, 400 and 1280 px: 0 violations")


if __name__ == "__main__":
    main()
