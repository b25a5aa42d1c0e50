# SPDX-License-Identifier: Apache-2.0
"""The server that both clients are measured against: TLS, threads, no parsing beyond what is needed."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

MEBIBYTE = 1 << 20


def write_key(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def write_certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signed itself as an authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )
    certificate_path, key_path = directory / "server.pem", directory / "server.key"
    certificate_path.write_bytes(certificate.public_bytes(Encoding.PEM))
    write_key(key_path, key)
    return certificate_path, key_path


class Server:
    """`GET /N` answers with N bytes, `PUT` takes a body, `GET /close` closes the connection after its answer."""

    def __init__(self, directory: Path) -> None:
        self.certificate, key = write_certificate(directory)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        #: handshakes so far, by whether they resumed a session
        self.handshakes = {False: 0, True: 0}
        self._answers: dict[bytes, bytes] = {}
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with self._context.wrap_socket(plain, server_side=True) as connection:
                self.handshakes[bool(connection.session_reused)] += 1
                while self._exchange(connection):
                    pass
        except OSError:
            return  # the client left in its own way

    def _exchange(self, connection: ssl.SSLSocket) -> bool:
        """One request and its answer; whether another may follow."""
        request = b""
        while b"\r\n\r\n" not in request:
            part = connection.recv(65536)
            if not part:
                return False
            request += part
        head, _, body = request.partition(b"\r\n\r\n")
        method, target, _ = head.split(b" ", 2)
        if method == b"PUT":
            self._drain(connection, head, len(body))
            target = b"/0"
        if target == b"/close":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return False
        connection.sendall(self._answer(target))
        return True

    @staticmethod
    def _drain(connection: ssl.SSLSocket, head: bytes, received: int) -> None:
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        buffer = bytearray(256 * 1024)
        left = int(fields[b"content-length"]) - received
        while left > 0:
            count = connection.recv_into(buffer)
            if count == 0:
                raise OSError("the client left in the middle of a body")
            left -= count

    def _answer(self, target: bytes) -> bytes:
        if target not in self._answers:
            count = int(target[1:])
            fields = f"content-type: application/octet-stream\r\nopc-request-id: bench\r\ncontent-length: {count}"
            self._answers[target] = f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode() + b"a" * count
        return self._answers[target]
