#!/usr/bin/env python3
"""Every relative link of the Markdown files names a file that is there and a heading that it has.

Looked at: *.md of the top folder, docs/, contrib/ and corpus/. Links to the web are not followed.
Also: each document of docs/ can be reached from README.md, by links alone.
"""
import os
import re
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def documents():
    for folder in ("", "docs", "contrib", "corpus"):
        top = os.path.join(ROOT, folder)
        for path, _, names in os.walk(top):
            for name in sorted(names):
                if name.endswith(".md"):
                    yield os.path.join(path, name)
            if folder == "":
                break


def without_code(text):
    text = re.sub(r"^( {4}|\t).*$", "", text, flags=re.M)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(path):
    """As GitHub makes them: lower case, no punctuation, blanks are dashes."""
    found = set()
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#"):
                title = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
                found.add(title.replace(" ", "-"))
    return found


def main():
    bad, links, reached = [], 0, {}
    for document in documents():
        with open(document, encoding="utf-8") as file:
            text = without_code(file.read())
        name = os.path.relpath(document, ROOT)
        reached[document] = set()
        for link in LINK.findall(text):
            if re.match(r"[a-z]+:", link):
                continue
            links += 1
            path, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(document), path)) if path \
                else document
            reached[document].add(target)
            if not os.path.exists(target):
                bad.append(f"{name}: {link} is not there")
            elif anchor and target.endswith(".md") and anchor not in anchors(target):
                bad.append(f"{name}: {link} names no heading of that file")
    seen, ahead = set(), [os.path.join(ROOT, "README.md")]
    while ahead:
        document = ahead.pop()
        if document not in seen:
            seen.add(document)
            ahead += reached.get(document, ())
    for document in reached:
        if document.startswith(os.path.join(ROOT, "docs")) and document not in seen:
            bad.append(f"{os.path.relpath(document, ROOT)} cannot be reached from README.md")
    for line in bad:
        print("FAILED:", line)
    if len(reached) < 10 or links < 40:
        print(f"FAILED: only {links} links in {len(reached)} documents: is this the source tree?")
        return 1
    print(f"{links} links in {len(reached)} documents")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
