#!/usr/bin/env python3
"""tarpit.py - clients that a tar pit is for.

usage: tarpit.py crowd ADDRESS SOURCE COUNT    COUNT at once, each from an address of its own, from SOURCE on; each tries one
                                               foreign recipient after the other until the end of stdin, two at least
       tarpit.py hasty ADDRESS LINE...         one that says EHLO, MAIL and a foreign RCPT, then, at a word on stdin
                                               ("waiting" is told), each LINE without waiting for any reply

Prints how the conversations went and how many did so: the codes of a client, equal ones in a row once, with "reset" or
"closed" where it was ended too early. Exit 0 unless one had to wait for longer than 120 seconds.
"""
import asyncio
import collections
import ipaddress
import itertools
import sys

PORT = 25
LIMIT_S = 120


async def code_of(reader):
    while True:
        line = await reader.readline()
        if not line:
            return "closed"
        if line[3:4] != b"-":
            return line[:3].decode("ascii", "replace")


async def rest_of(reader, codes):
    """All replies up to the end of the connection."""
    try:
        while codes[-1] != "closed":
            codes.append(await code_of(reader))
    except ConnectionResetError:
        codes.append("reset")
    return codes


def told(codes):
    return " ".join(code for code, _ in itertools.groupby(codes))


def lines_until(over):
    yield from (b"EHLO crowd.example", b"MAIL FROM:<a@crowd.example>", b"RCPT TO:<x@foreign.test>")
    yield b"RCPT TO:<y@foreign.test>"
    while not over.done():
        yield b"RCPT TO:<z@foreign.test>"
    yield b"QUIT"


async def one(address, source, over):
    codes = []
    try:
        reader, writer = await asyncio.open_connection(address, PORT, local_addr=(source, 0))
        codes.append(await code_of(reader))
        for line in lines_until(over):
            writer.write(line + b"\r\n")
            codes.append(await code_of(reader))
        writer.close()
    except ConnectionResetError:
        codes.append("reset")
    return told(codes)


async def crowd(address, first, count):
    over = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    sources = [str(ipaddress.ip_address(first) + i) for i in range(count)]
    return await asyncio.gather(*(one(address, source, over) for source in sources))


async def hasty(address, lines):
    reader, writer = await asyncio.open_connection(address, PORT)
    codes = [await code_of(reader)]
    for line in (b"EHLO hasty.example", b"MAIL FROM:<a@hasty.example>"):
        writer.write(line + b"\r\n")
        codes.append(await code_of(reader))
    writer.write(b"RCPT TO:<x@foreign.test>\r\n")
    print("waiting", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    for line in lines:
        writer.write(line.encode() + b"\r\n")
    return [told(await rest_of(reader, codes))]


def main():
    what, address, *arguments = sys.argv[1:]
    if what == "crowd":
        talk = crowd(address, arguments[0], int(arguments[1]))
    else:
        talk = hasty(address, arguments)
    try:
        ways = asyncio.run(asyncio.wait_for(talk, LIMIT_S))
    except asyncio.TimeoutError:
        sys.exit("somebody waits for ever")
    for way, count in sorted(collections.Counter(ways).items()):
        print(count, way)


if __name__ == "__main__":
    main()
