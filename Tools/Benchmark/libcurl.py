# SPDX-License-Identifier: Apache-2.0
"""The same measurement as main.swift makes, by libcurl: one easy handle, one kept connection, C callbacks only.

libcurl is called directly, not through its command line, which sets up every transfer anew; and what it reads and
writes goes through the C library's own fread and fwrite, so that no Python runs while a request is under way.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
import time

# Numbers of curl.h: an option's type is in its thousands (0 a number, 10000 a pointer, 30000 an off_t).
URL, CAINFO, HTTPHEADER, CUSTOMREQUEST, READDATA, WRITEDATA = 10002, 10065, 10023, 10036, 10009, 10001
UPLOAD, INFILESIZE_LARGE, HTTP_VERSION, TCP_NODELAY, NOSIGNAL, FAILONERROR = 46, 30115, 84, 121, 99, 45
NUM_CONNECTS = 0x200000 + 26
HTTP_1_1 = 2


def load() -> ctypes.CDLL:
    """The library; raises OSError where there is none."""
    name = ctypes.util.find_library("curl")
    library = ctypes.CDLL(name or "libcurl.so.4")
    library.curl_version.restype = ctypes.c_char_p
    library.curl_easy_init.restype = ctypes.c_void_p
    library.curl_easy_strerror.restype = ctypes.c_char_p
    library.curl_slist_append.restype = ctypes.c_void_p
    library.curl_slist_append.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.curl_easy_perform.argtypes = [ctypes.c_void_p]
    return library


def version() -> str | None:
    """Such as "libcurl/7.88.1 OpenSSL/3.0.17"; None where there is no libcurl."""
    try:
        return " ".join(load().curl_version().decode().split()[:2])
    except OSError:
        return None


class Transfer:
    """One easy handle, set up once."""

    def __init__(self, url: str, certificates: str, method: str, body_bytes: int) -> None:
        self._curl = load()
        self._c = ctypes.CDLL(None)
        self._c.fopen.restype = self._c.fmemopen.restype = ctypes.c_void_p
        self._c.rewind.argtypes = [ctypes.c_void_p]
        self._handle = ctypes.c_void_p(self._curl.curl_easy_init())
        self._set(URL, url.encode())
        self._set(CAINFO, certificates.encode())
        self._set(WRITEDATA, ctypes.c_void_p(self._c.fopen(b"/dev/null", b"wb")))
        for option, value in ((HTTP_VERSION, HTTP_1_1), (TCP_NODELAY, 1), (NOSIGNAL, 1), (FAILONERROR, 1)):
            self._set(option, ctypes.c_long(value))
        fields = ctypes.c_void_p(None)
        # "Expect:" keeps curl from asking first, which we do not do for a body of this size either.
        for field in (b"accept: application/json", b"user-agent: bench", b"Expect:"):
            fields = ctypes.c_void_p(self._curl.curl_slist_append(fields, field))
        self._set(HTTPHEADER, fields)
        self._body: ctypes.c_void_p | None = None
        if method == "PUT":
            self._buffer = ctypes.create_string_buffer(b"a" * body_bytes, body_bytes)
            self._body = ctypes.c_void_p(self._c.fmemopen(self._buffer, ctypes.c_size_t(body_bytes), b"rb"))
            self._set(UPLOAD, ctypes.c_long(1))
            self._set(READDATA, self._body)
            self._set(INFILESIZE_LARGE, ctypes.c_int64(body_bytes))

    def _set(self, option: int, value: object) -> None:
        if self._curl.curl_easy_setopt(self._handle, ctypes.c_int(option), value) != 0:
            raise RuntimeError(f"curl_easy_setopt({option}) failed")

    def perform(self) -> None:
        if self._body is not None:
            self._c.rewind(self._body)
        code = self._curl.curl_easy_perform(self._handle)
        if code != 0:
            raise RuntimeError(self._curl.curl_easy_strerror(code).decode())


def main(arguments: list[str]) -> None:
    url, certificates, _, method, body_bytes, count = arguments
    transfer = Transfer(url, certificates, method, int(body_bytes))
    transfer.perform()
    start, cpu_start = time.monotonic(), time.process_time()
    for _ in range(int(count)):
        transfer.perform()
    print("seconds", time.monotonic() - start)
    print("cpu_seconds", time.process_time() - cpu_start)


if __name__ == "__main__":
    main(sys.argv[1:])
