#!/usr/bin/env python3
"""What only a browser can show of report.html: its first screen, filters, links, keyboard, inertness.

Use: report_test.py RENDER_SAMPLE [unittest arguments]. RENDER_SAMPLE writes the pages of made-up runs and
the summary.json of each. Every test ends with an empty console.
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from page import By, Keys, Page, needs, read_json

WORK = tempfile.TemporaryDirectory()
FOLDER = pathlib.Path(WORK.name)
PHONE, LAPTOP, WALL = 400, 1280, 2560


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.page = Page(LAPTOP)

    @classmethod
    def tearDownClass(cls):
        cls.page.close()

    def setUp(self):
        self.page.size(LAPTOP)
        self.page.scripts(True)

    def tearDown(self):
        self.assertEqual(self.page.console(), [], "the console must stay empty")

    def open(self, name, fragment="", drawn=True):
        self.page.open(FOLDER / f"{name}.html", fragment, drawn)
        return read_json(FOLDER / f"{name}.json")

    def shown(self, selector):
        return [node for node in self.page.all(selector) if node.is_displayed()]

    def listed(self):
        """How many cases the list says it has let through."""
        return int(re.match(r"(\d+) of", self.page.text("#total")).group(1))


class FirstScreen(Report):
    def test_its_numbers_are_those_of_summary_json(self):
        for name in ("broken", "safe", "inconclusive"):
            summary = self.open(name)
            for verdict, count in summary["verdicts"].items():
                chips = [" ".join(chip.text.split()) for chip in self.page.all(".chips .chip")]
                self.assertIn(f"{count} {verdict}", chips)
            tiles = " ".join(self.page.one(".tiles").text.split())
            cells = summary["cells"]
            self.assertIn(f"{cells['delivered']} / {cells['required']}", tiles)
            self.assertIn(f"{summary['cases']} cases", tiles)
            self.assertIn(f"{summary['cases_per_hour']:.0f} cases per hour", tiles)
            self.assertIn(f"{summary['seed']} seed", tiles)
            facts = self.page.text("#facts")
            for key in ("source_qemu", "destination_qemu", "host", "command", "accel_why", "memory"):
                self.assertIn(summary[key], facts)
            trust = self.page.text("#trust")
            for control in summary["controls"]:
                self.assertIn(f"{control['name']} {control['good']} of {control['cases']}", trust)

    def test_the_verdict_is_that_of_the_exit_status(self):
        for name, word in (("broken", "BROKEN"), ("safe", "SAFE"), ("inconclusive", "INCONCLUSIVE")):
            self.open(name)
            self.assertTrue(self.page.text("#verdict").startswith(word))

    def test_what_is_new_back_and_gone_is_told_from_summary_json(self):
        summary = self.open("broken")
        news = self.page.text("#news")
        states = [finding["before"]["state"] for finding in summary["findings"]]
        self.assertIn("new", states)
        self.assertEqual(len(self.page.all("#news .state.new")), states.count("new"))
        self.assertEqual(len(self.page.all("#news .state.back")), states.count("back"))
        self.assertEqual(len(self.page.all("#news .state.gone")), len(summary["gone"]))
        for finding in summary["findings"]:
            if finding["before"]["state"] == "new":
                self.assertIn(finding["what"], news)
        for gone in summary["gone"]:
            self.assertIn(gone["signature"], news)
            self.assertIn(f"{gone['tried']} of its {len(gone['cells'])} places", news)

    def test_it_fits_a_laptop(self):
        self.open("broken")
        for selector in ("#verdict", "#trust", ".tiles", "#news", "#facts .command"):
            bottom = self.page.js("return document.querySelector(arguments[0]).getBoundingClientRect().bottom",
                                  selector)
            self.assertLess(bottom, 900, f"{selector} is below the first screen")
        top = self.page.js("return document.querySelector('#grid').getBoundingClientRect().top")
        self.assertLess(top, 900, "the heat map begins below the first screen")

    def test_the_heat_map_adds_up_to_the_cells_of_summary_json(self):
        summary = self.open("broken")
        delivered = required = 0
        for spot in self.page.all("#grid .spot .of"):
            got = re.match(r"(\d+)/(\d+)", spot.get_attribute("textContent"))
            if got:
                delivered += int(got.group(1))
                required += int(got.group(2))
        self.assertEqual(required, sum(row["required"] for row in summary["coverage"]))
        self.assertEqual(delivered, sum(row["delivered"] for row in summary["coverage"]))
        self.assertIn("impossible here", self.page.text("#grid"))


class Layout(Report):
    def test_nothing_is_wider_than_the_window(self):
        for width in (PHONE, LAPTOP, WALL):
            for name in ("broken", "empty", "hostile", "long"):
                self.page.size(width)
                self.open(name)
                wide = self.page.js("return document.documentElement.scrollWidth - window.innerWidth")
                self.assertLessEqual(wide, 0, f"{name} at {width} px")

    def test_an_empty_run_says_so(self):
        self.open("empty")
        self.assertIn("no case was run", self.page.text("#verdict"))

    def test_without_a_script_everything_that_matters_can_be_read(self):
        self.page.scripts(False)
        self.open("broken", drawn=False)
        # The driver's own scripts do not run either, so the page is asked for as text.
        self.page.scripts(True)
        body = self.page.one("body").text
        summary = read_json(FOLDER / "broken.json")
        self.assertIn("BROKEN", body)
        self.assertIn("NEW", body)
        self.assertIn(summary["command"], body)
        self.assertIn("impossible here", body)
        for finding in summary["findings"]:
            self.assertIn(finding["signature"], body)
            self.assertIn(finding["replay"], body)
        self.assertGreaterEqual(len(self.shown("#grid table")), 1)
        self.assertEqual(self.shown(".only-script"), [])


class Filters(Report):
    def test_a_deep_link_shows_what_it_says(self):
        summary = self.open("broken", "#verdict=fail&phase=commit")
        fails = [finding for finding in summary["findings"]
                 if finding["verdict"] == "fail" and finding["phase"] == "commit"]
        self.assertEqual(len(self.shown("#findings tbody tr")), len(fails))
        self.assertEqual(self.listed(), sum(finding["count"] for finding in fails))
        self.assertEqual(self.page.one("[data-key=verdict]").get_attribute("value"), "fail")
        self.assertEqual(self.page.one("[data-key=phase]").get_attribute("value"), "commit")

    def test_each_verdict_lists_as_many_cases_as_summary_json_counts(self):
        summary = self.open("broken")
        for verdict, count in summary["verdicts"].items():
            self.page.go(f"#verdict={verdict}")
            self.page.until(f"return document.querySelector('#total').textContent.startsWith('{count} of')",
                            f"{count} cases of verdict {verdict}")

    def test_choosing_changes_the_hash_and_back_goes_back(self):
        self.open("broken")
        everything = self.listed()
        self.page.js("const s = document.querySelector('[data-key=fault]'); s.value = 'crash';"
                     "s.dispatchEvent(new Event('change'))")
        self.page.until("return location.hash === '#fault=crash'", "the hash")
        self.page.until(f"return !document.querySelector('#total').textContent.startsWith('{everything} ')",
                        "fewer cases")
        self.page.driver.back()
        self.page.until(f"return document.querySelector('#total').textContent.startsWith('{everything} ')",
                        "all cases again")

    def test_typing_searches_and_leaves_one_step_of_history(self):
        self.open("broken")
        before = self.page.js("return history.length")
        self.page.one("[data-key=q]").send_keys("commit/ack-end")
        self.page.until("return location.hash === '#q=commit%2Fack-end'", "the hash")
        self.assertEqual(self.page.js("return history.length"), before)
        rows = self.page.all("#rows tbody tr")
        self.assertGreater(len(rows), 0)
        self.assertTrue(all("commit/ack-end" in row.text for row in rows))
        self.page.one("#reset").click()
        self.page.until("return !document.querySelector('#reset')", "the filter to be gone")

    def test_a_switch_narrows_the_heat_map(self):
        summary = self.open("broken")
        self.page.one("[data-switch=side][data-value=destination]").click()
        self.page.until("return location.hash === '#side=destination'", "the hash")
        required = 0
        for spot in self.page.all("#grid .spot .of"):
            got = re.match(r"(\d+)/(\d+)", spot.get_attribute("textContent"))
            required += int(got.group(2)) if got else 0
        self.assertEqual(required, sum(row["required"] for row in summary["coverage"]
                                       if row["side"] == "destination"))

    def test_a_cell_of_the_heat_map_leads_to_its_points(self):
        self.open("broken")
        self.page.one("#grid a.spot[href='#phase=commit&fault=crash']").click()
        self.page.until("return location.hash === '#phase=commit&fault=crash'", "the hash")
        points = [node.get_attribute("aria-label") for node in self.page.all("#map-scroller td a")]
        self.assertGreater(len(points), 0)
        self.assertTrue(all("crash on" in point and " at commit/" in point for point in points))

    def test_a_signature_leads_to_its_cases(self):
        summary = self.open("broken")
        first = summary["findings"][0]
        self.page.one("#findings tbody a.only-script").click()
        self.page.until("return location.hash.startsWith('#signature=')", "the hash")
        self.assertEqual(self.listed(), first["count"])

    def test_hashes_that_nobody_wrote_do_no_harm(self):
        for fragment in ("#case=%E0%A4%A", "#case=nobody", "#verdict=__proto__", "#q=%3Cimg%20src%3Dx%3E",
                         "#constructor=1&phase=toString", "#findings", "#=&=&&&", "#verdict=fail&verdict=pass"):
            self.open("broken", fragment)
            self.assertTrue(self.page.one("#run").is_displayed(), fragment)

    def test_what_was_foreseen_stands_apart_with_its_rule(self):
        self.open("broken")
        verdicts = {row.get_attribute("data-verdict") for row in self.page.all("#foreseen tbody tr")}
        self.assertEqual(verdicts, {"hazard", "expected-loss"})


class Case(Report):
    def first_case(self):
        return self.open("broken")["findings"][0]["case_id"]

    def test_a_link_opens_the_case_and_escape_leaves_it(self):
        identity = self.first_case()
        self.open("broken", "#case=" + identity)
        self.assertTrue(self.page.one("#case").is_displayed())
        self.assertFalse(self.page.one("#run").is_displayed())
        self.assertIn(identity, self.page.text("#case"))
        self.assertEqual(self.page.driver.title, f"fail: {identity}")
        self.assertGreater(len(self.page.all("#case svg")), 0, "the case has no timeline")
        self.page.press(Keys.ESCAPE)
        self.page.until("return document.querySelector('#case').hidden", "the run")
        self.assertTrue(self.page.one("#run").is_displayed())

    def test_back_returns_to_the_filter_and_the_place(self):
        self.open("broken", "#verdict=fail")
        link = self.page.one("#rows tbody a")
        link.send_keys(Keys.ENTER)
        self.page.until("return !document.querySelector('#case').hidden", "the case")
        self.page.driver.back()
        self.page.until("return document.querySelector('#case').hidden", "the run")
        self.assertEqual(self.page.hash(), "#verdict=fail")
        self.assertGreater(self.page.js("return window.scrollY"), 0)

    def test_a_pass_whose_whole_was_not_kept_has_a_page_too(self):
        self.open("broken", "#verdict=pass")
        self.page.one("#rows tbody a").click()
        self.page.until("return !document.querySelector('#case').hidden", "the case")
        self.assertIn("migfuzz ", self.page.text("#case .command"))


class Keyboard(Report):
    def test_the_first_tab_stop_skips_to_the_content(self):
        self.open("broken")
        self.page.one("body").send_keys(Keys.TAB)
        self.assertEqual(self.page.driver.switch_to.active_element.text, "Skip to the content")

    def test_arrows_move_in_the_heat_map_and_enter_opens(self):
        self.open("broken")
        stops = self.page.js("return [...document.querySelectorAll('#grid a')].filter((a) => a.tabIndex === 0).length")
        tables = len(self.page.all("#grid table"))
        self.assertEqual(stops, tables, "a table is one tab stop")
        self.page.js("document.querySelector('#grid a[tabindex=\"0\"]').focus()")
        before = self.page.driver.switch_to.active_element.get_attribute("href")
        self.page.press(Keys.ARROW_DOWN)
        after = self.page.driver.switch_to.active_element.get_attribute("href")
        self.assertNotEqual(before, after)
        self.page.press(Keys.ENTER)
        self.page.until("return location.hash.startsWith('#phase=')", "the hash")

    def test_copying_says_so(self):
        self.open("broken")
        self.page.one("#facts .command button").click()
        self.page.until("return document.querySelector('#said').textContent !== ''", "the status")


class Hostile(Report):
    def test_text_from_outside_stays_text(self):
        for name in ("hostile", "long"):
            for fragment in ("", "#verdict=fail"):
                self.open(name, fragment)
                self.assertNotEqual(self.page.driver.title, "owned")
                self.assertEqual(self.page.all("img"), [])
                self.assertEqual(len(self.page.all("script")), 2)
                self.assertIn("</script>", self.page.text("#findings"))
                self.assertNotRegex(self.page.text("#run"), "[\x00-\x08\x0b-\x1f\x7f]")

    def test_a_megabyte_in_every_field_is_cut(self):
        size = (FOLDER / "long.html").stat().st_size
        self.assertLess(size, 5_000_000)
        self.open("long")
        self.assertLess(self.page.js("return document.body.textContent.length"), 2_000_000)

    def test_its_case_opens_inert(self):
        self.open("hostile")
        self.page.one("#rows tbody a").click()
        self.page.until("return !document.querySelector('#case').hidden", "the case")
        self.assertEqual(self.page.all("img"), [])
        self.assertNotEqual(self.page.driver.title, "owned")


def main():
    if len(sys.argv) < 2:
        sys.exit("use: report_test.py RENDER_SAMPLE [unittest arguments]")
    needs("chromium", "chromedriver")
    subprocess.run([sys.argv.pop(1), str(FOLDER)], check=True)
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
