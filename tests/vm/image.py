#!/usr/bin/env python3
"""image.py - writes an initramfs: what a virtual machine needs to run programs of this one.

    image.py OUT < LIST

LIST has one entry a line, empty lines and those that begin with "#" aside:

    program NAME        the program of that name on the PATH, as /usr/bin/NAME, with its libraries
    file PATH [AS]      a file, with its libraries if it is a program
    tree PATH [AS]      a folder with all below it, programs with their libraries, links as links; or one file
    text AS LINE        a file that has this line, and those of further entries of the name
    python MODULE...    Python's own modules of these names, and all that they import

Libraries are those that ldd finds here, at their own paths. Programs are taken from this machine, not from packages:
what is tested elsewhere in the check is what runs there.

The file is a cpio archive of the "newc" kind, which the kernel unpacks by itself (Documentation/driver-api/early-userspace/
buffer-format.rst): headers of 110 bytes, name and contents padded to 4 bytes. It is not compressed, since unpacking costs
an emulated processor more than reading does. Times are kept, without which Python would compile its library again.
Rejected: a file system image (needs a driver and a program that makes it); cpio(1) (wants a copy of all of it first).
"""

import os
import re
import shutil
import stat
import subprocess
import sys

ASK_PYTHON = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
for module in list(sys.modules.values()):
    for path in getattr(module, "__file__", None), getattr(module, "__cached__", None):
        print(path or "")
"""
FOLDERS = ("bin", "sbin", "lib", "lib64")   # links to those in usr, as Debian has it


def place(path):
    """Where a path of the machine lies in the image: /lib/x is /usr/lib/x."""
    path = os.path.normpath(path)
    top = path.split("/")[1]
    return "/usr" + path if top in FOLDERS else path


class Image:
    """An archive that is being written; each path goes in once."""

    def __init__(self, out):
        self.out = out
        self.there = set()
        self.texts = {}
        self.number = 0

    def put(self, path, mode, data=b"", mtime=0):
        path = path.lstrip("/")
        if path in self.there:
            return
        self.there.add(path)
        self.number += 1
        name = path.encode() + b"\0"
        fields = (self.number, mode, 0, 0, 1, mtime, len(data), 0, 0, 0, 0, len(name), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
        self.out.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))

    def folders(self, path):
        """Those above the path, which have to come first."""
        parts = path.strip("/").split("/")[:-1]
        for n in range(1, len(parts) + 1):
            self.put("/".join(parts[:n]), stat.S_IFDIR | 0o755)

    def link(self, path, to):
        self.folders(path)
        self.put(path, stat.S_IFLNK | 0o777, to.encode())

    def file(self, path, at=None):
        """A regular file, links followed, and its libraries."""
        at = place(at or path)
        if at.lstrip("/") in self.there:
            return
        with open(path, "rb") as file:
            data = file.read()
        what = os.stat(path)
        self.folders(at)
        self.put(at, stat.S_IFREG | stat.S_IMODE(what.st_mode), data, int(what.st_mtime))
        if data[:4] == b"\x7fELF" and not path.endswith((".ko", ".o", ".a")):
            for library in libraries(path):
                self.file(library)

    def tree(self, path, at=None):
        at = at or path
        if not os.path.isdir(path):
            self.file(path, at)
            return
        self.folders(at)
        self.put(place(at), stat.S_IFDIR | 0o755)
        for entry in sorted(os.scandir(path), key=lambda e: e.name):
            inside = at + "/" + entry.name
            if entry.is_symlink():
                self.link(place(inside), os.readlink(entry.path))
            elif entry.is_dir():
                self.tree(entry.path, inside)
            else:
                self.file(entry.path, inside)

    def program(self, name):
        path = shutil.which(name)
        if not path:
            sys.exit("image: there is no program " + name)
        self.file(path, "/usr/bin/" + name)

    def text(self, at, *words):
        self.texts[at] = self.texts.get(at, "") + " ".join(words) + "\n"

    def python(self, *modules):
        """Asks a new interpreter, which has imported nothing else."""
        told = subprocess.run([sys.executable, "-I", "-c", ASK_PYTHON, *modules], capture_output=True, text=True, check=True)
        for path in told.stdout.split():
            if os.path.exists(path):
                self.file(path)

    def end(self):
        for at, text in self.texts.items():
            self.folders(at)
            self.put(at, stat.S_IFREG | 0o644, text.encode())
        self.put("TRAILER!!!", 0)


def libraries(path):
    """Paths of the libraries of a program or library; none for a static one."""
    told = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(/\S+) \(0x", told)


def main():
    with open(sys.argv[1], "wb") as out:
        image = Image(out)
        for folder in FOLDERS:
            image.link("/" + folder, "usr/" + folder)
        image.link("/usr/sbin", "bin")
        for line in sys.stdin:
            words = line.split()
            if words and not words[0].startswith("#"):
                what = {"program": image.program, "file": image.file, "tree": image.tree, "text": image.text,
                        "python": image.python}
                what[words[0]](*words[1:])
        image.end()


if __name__ == "__main__":
    main()
