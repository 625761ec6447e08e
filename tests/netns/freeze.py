#!/usr/bin/env python3
"""freeze.py PROCESS NAME - stops the thread of that name, and only it, until stdin ends.

A stop signal would stop the whole process; a tracer can hold one thread. Says "frozen" when it is.
"""
import ctypes
import os
import sys

SEIZE, INTERRUPT, DETACH, ALL_THREADS = 0x4206, 0x4207, 17, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def find(process, name):
    for thread in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{thread}/comm", encoding="ascii") as f:
            if f.read().strip() == name:
                return int(thread)
    sys.exit(f"process {process} has no thread {name}")


thread = find(sys.argv[1], sys.argv[2])
ptrace(SEIZE, thread)
ptrace(INTERRUPT, thread)
os.waitpid(thread, ALL_THREADS)
print("frozen", flush=True)
sys.stdin.read()
ptrace(DETACH, thread)
