#!/usr/bin/env python3
"""The yardstick of tests/bench/mail_read.c: the same files through Python's email package, one process, one core.

Each mail is parsed from bytes in memory, its usual header fields are taken, its text parts are walked out and decoded.
Prints mails per second of the best of three rounds, twice: as the package does it by default (header fields stay encoded),
and with its policy that decodes header fields and addresses as the program does.
"""
import email
import email.policy
import os
import sys
import time


def read(raw, policy):
    mail = email.message_from_bytes(raw, policy=policy)
    fields = [str(mail.get(name, "")) for name in ("From", "To", "Cc", "Subject", "Message-ID", "In-Reply-To", "References", "Date")]
    texts = []
    for part in mail.walk():
        if part.get_content_maintype() == "text" and part.get_content_disposition() != "attachment":
            body = part.get_payload(decode=True) or b""
            try:
                texts.append(body.decode(part.get_content_charset() or "utf-8", "replace"))
            except LookupError:
                texts.append(body.decode("latin-1"))
    return fields, texts


def main():
    folder, seconds = sys.argv[1], float(sys.argv[2])
    raws = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".eml"):
            with open(os.path.join(folder, name), "rb") as mail:
                raws.append(mail.read())
    rates = []
    for policy in (email.policy.compat32, email.policy.default):
        best = 0.0
        for _ in range(3):
            count, start = 0, time.perf_counter()
            while time.perf_counter() - start < seconds:
                for raw in raws:
                    try:
                        read(raw, policy)
                    except Exception:  # some mails are too broken for it
                        pass
                count += len(raws)
            best = max(best, count / (time.perf_counter() - start))
        rates.append(best)
    print("%.1f %.1f" % tuple(rates))


main()
