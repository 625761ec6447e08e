#!/usr/bin/env python3
"""strip.py LISTEN SERVER - a DNS forwarder of the old kind: it knows nothing of DNSSEC.

Queries go on without the EDNS record that asks for signatures, so answers come without. UDP only, port 53.
"""
import socket
import sys


def without_edns(query):
    """The question alone: header with no additional records, then name, type and class."""
    at = 12
    while query[at]:
        at += query[at] + 1
    return query[:2] + bytes([query[2], 0]) + query[4:10] + b"\0\0" + query[12 : at + 5]


def main(listen, server):
    here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    here.bind((listen, 53))
    while True:
        query, client = here.recvfrom(4096)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there:
            there.settimeout(1)
            try:
                there.sendto(without_edns(query), (server, 53))
                here.sendto(there.recv(4096), client)
            except (OSError, IndexError):
                pass


main(*sys.argv[1:])
