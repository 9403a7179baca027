#!/usr/bin/env bash
# What a pull request has to pass, and what its reviewer should see. Run at the top of the
# repository: ci/check.sh [BRANCH], where BRANCH is what it would be merged into.
set -euo pipefail

target=${1:-origin/main}
work=$(mktemp -d)
trap 'git worktree remove --force "$work/before" 2>/dev/null || true; rm -rf "$work"' EXIT
git worktree add --quiet --detach "$work/before" "$(git merge-base "$target" HEAD)"

# A version never changes: the API server would refuse it, but only after the merge.
changed=$(git -C "$work/before" ls-files base | grep '/v[0-9]*\.yaml$' |
  xargs -r git diff --name-only --no-renames --diff-filter=MT "$target...HEAD" --)
if [ -n "$changed" ]; then
  printf '%s: a version can not be changed: give the new content the next number\n' $changed >&2
  exit 1
fi

# What is invalid is told with its file and line; on GitHub, beside that line.
for overlay in overlays/*/; do
  kubectl kustomize "$overlay" > /dev/null
  promptrelease lint base "$overlay" ${GITHUB_ACTIONS:+--output=github}
done

# The files that workloads would get, before and after.
render() {
  for overlay in "$1"/overlays/*/; do
    promptrelease render "$1/base" "$overlay" --since 2000-01-01T00:00:00Z \
      --out "$2/$(basename "$overlay")" > /dev/null
  done
}
render . "$work/after-files"
render "$work/before" "$work/before-files"

python3 - "$work" <<'PYTHON'
import json, pathlib, sys

work, mistakes = pathlib.Path(sys.argv[1]), 0
for new in sorted((work / "after-files").glob("*/*/metadata.json")):
    environment, label = new.parent.parent.name, new.parent.name
    if label.endswith(".latest"):
        continue
    old = work / "before-files" / environment / label / new.name
    is_, was = json.loads(new.read_text()), json.loads(old.read_text()) if old.exists() else {}
    if is_["version"] == was.get("version"):
        continue
    print(f"{environment}: {label} moves from {was.get('version')} to {is_['version']}: {is_['reason']}")
    if is_["reason"] == was.get("reason"):
        mistakes = 1
        print(f"overlays/{environment}: {label}: a move needs a new reason", file=sys.stderr)
sys.exit(mistakes)
PYTHON

cd "$work"
git --no-pager diff --no-index --stat --patch -- before-files after-files || true
