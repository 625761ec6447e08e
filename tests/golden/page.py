#!/usr/bin/env python3
"""Puts the lines of the kept files into docs/FORMATS.md: the block behind a comment <!-- NAME --> becomes the first line of
tests/golden/NAME, behind <!-- NAME:N --> its line N, counted as Python does. Run from the top of the tree; make golden does."""
import re

PAGE = "docs/FORMATS.md"


def line_of(match):
    name, _, number = match.group(1).partition(":")
    with open("tests/golden/" + name, encoding="utf-8") as kept:
        lines = kept.read().split("\n")[:-1]
    return "<!-- %s -->\n```\n%s\n```" % (match.group(1), lines[int(number or 0)])


with open(PAGE, encoding="utf-8") as page:
    text = page.read()
with open(PAGE, "w", encoding="utf-8") as page:
    page.write(re.sub(r"<!-- ([\w.:-]+) -->\n```\n[^\n]*\n```", line_of, text))
