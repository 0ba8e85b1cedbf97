#!/usr/bin/env python3
"""Tosses coins: an executable behind an address, see docs/executables.md. Needs nothing but Python.

    OTUS_SECRET=… ./coin.py 9000
"""

import hashlib
import hmac
import json
import os
import random
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ["OTUS_SECRET"].encode()

DESCRIPTION = {
    "type": "description",
    "commands": [
        {
            "name": "toss",
            "pattern": r"^toss(?: (?<coins>\d+))?$",
            "usage": "toss [<coins>]",
            "examples": ["toss", "toss 3"],
            "about": "Tosses coins.",
            "arguments": {"coins": {"type": "integer", "min": 1, "max": 10}},
        }
    ],
}


class Coin(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.is_otus(body):
            self.send_error(401, "not signed with the secret")
            return
        asked = json.loads(body)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.end_headers()
        if asked["type"] == "describe":
            self.say(DESCRIPTION)
            return
        coins = asked["arguments"]["coins"] or 1
        shown = []
        for nth in range(coins):
            shown.append(random.choice(["heads", "tails"]))
            over = nth + 1 == coins
            self.say(
                {
                    "type": "progress",
                    "tone": "good" if over else "running",
                    "title": f"{asked['person']['name']} tosses {coins}",
                    "text": ", ".join(shown),
                }
            )

    def is_otus(self, body):
        """Whether it was signed with the secret, a moment ago."""
        stamp = self.headers.get("Otus-Timestamp", "")
        if not stamp.isdigit() or abs(time.time() - int(stamp)) > 300:
            return False
        signed = b"v1:" + stamp.encode() + b":" + body
        wanted = "v1=" + hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, self.headers.get("Otus-Signature", ""))

    def say(self, line):
        """One line, at once."""
        self.wfile.write(json.dumps(line).encode() + b"\n")
        self.wfile.flush()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Coin).serve_forever()
