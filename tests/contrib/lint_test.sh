#!/usr/bin/env bash
# The files of contrib/ as far as they can be checked without the systems they are for: shell scripts
# by bash and shellcheck, YAML by a parser and by what the jobs must have, units by systemd. Also the
# shape of the script that bundles hold. Exit status 77: a tool is missing, and nothing failed.
set -uo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit 1
missing=() bad=0
say() { echo "FAILED: $*" >&2; bad=1; }

mapfile -t scripts < <(grep -lrE '^#!/usr/bin/env bash' contrib tests/contrib tests/qemu \
  tests/reports)
[ "${#scripts[@]}" -ge 7 ] || say "only ${#scripts[@]} scripts were found"
for script in "${scripts[@]}"; do bash -n "$script" || say "$script"; done
if command -v shellcheck >/dev/null; then
  shellcheck --severity=warning "${scripts[@]}" || say "shellcheck"
else
  missing+=(shellcheck)
fi

if python3 -c 'import yaml' 2>/dev/null; then
  python3 - <<'EOF' || say "the CI jobs"
import yaml
with open("contrib/nightly/github-actions.yml") as file:
    actions = yaml.safe_load(file)
job = actions["jobs"]["nightly"]
steps = job["steps"]
assert any("contrib/nightly/nightly" in step.get("run", "") for step in steps)
keep = [step for step in steps if "upload-artifact" in step.get("uses", "")]
assert len(keep) == 1 and keep[0]["if"] == "always()", "a failed night must leave its report"
assert keep[0]["with"]["path"] in job["env"]["MIGFUZZ_OUTPUT"]
shown = [step for step in steps if "upload-sarif" in step.get("uses", "")]
assert len(shown) == 1 and "always()" in shown[0]["if"], "a failed night must show its findings"
assert shown[0]["with"]["sarif_file"] == keep[0]["with"]["path"] + "/report.sarif"
assert actions["permissions"]["security-events"] == "write", "else GitHub refuses the upload"
assert {"schedule", "workflow_dispatch"} == set(actions[True]), "YAML 1.1 reads `on` as true"
with open("contrib/nightly/gitlab-ci.yml") as file:
    job = yaml.safe_load(file)["migfuzz-nightly"]
assert job["artifacts"]["when"] == "always"
assert job["artifacts"]["paths"] == [job["variables"]["MIGFUZZ_OUTPUT"]]
assert job["artifacts"]["reports"] == {"junit": job["variables"]["MIGFUZZ_OUTPUT"] + "/junit.xml"}
assert "contrib/nightly/nightly" in job["script"][-1]
EOF
else
  missing+=(python3-yaml)
fi

if command -v systemd-analyze >/dev/null; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  for unit in contrib/nightly/*.service contrib/nightly/*.timer; do
    sed "s|/opt/migfuzz|$PWD|g" "$unit" >"$folder/${unit##*/}"
  done
  said=$(systemd-analyze verify "$folder"/*.service "$folder"/*.timer 2>&1 | grep -F migfuzz)
  [ -z "$said" ] || say "$said"
else
  missing+=(systemd)
fi

# The template with nothing filled in must at least be Python, and within the margin.
sed -e 's/@CASE@/{}/' -e 's/@PAYLOAD@//' harness/campaign/reproduce.py |
  python3 -c 'import sys; compile(sys.stdin.read(), "reproduce.py", "exec")' || say "reproduce.py"
[ "$(grep -cE '^.{101,}' harness/campaign/reproduce.py)" -eq 0 ] || say "reproduce.py: long lines"

[ "$bad" -eq 0 ] || exit 1
[ ${#missing[@]} -eq 0 ] || { echo "SKIPPED in part: ${missing[*]} not installed"; exit 77; }
echo "${#scripts[@]} scripts, 2 CI jobs, 2 units and a template are well-formed"
