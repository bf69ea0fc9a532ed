"""Stands for the package "redis" where it is not installed: the calls of docs/reference/other-languages.md, over a socket."""

import socket
from urllib.parse import urlparse


class _Connection:
    def __init__(self, url):
        address = urlparse(url)
        self._socket = socket.create_connection((address.hostname, address.port))
        self._received = b""

    def send(self, *args):
        parts = [arg.encode() for arg in args]
        bulks = [b"$%d\r\n%s\r\n" % (len(part), part) for part in parts]
        self._socket.sendall(b"*%d\r\n" % len(parts) + b"".join(bulks))

    def read(self, timeout=None):
        self._socket.settimeout(timeout)
        kind, rest = self._line()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return self._take(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read(timeout) for _ in range(int(rest))]
        raise RuntimeError(rest.decode())

    def _line(self):
        while b"\r\n" not in self._received:
            self._receive()
        line, self._received = self._received.split(b"\r\n", 1)
        return line[:1], line[1:]

    def _take(self, size):
        while len(self._received) < size:
            self._receive()
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def _receive(self):
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("Redis closed the connection")
        self._received += data


class _PubSub:
    def __init__(self, url, ignore_subscribe_messages):
        self._connection = _Connection(url)
        self._ignores = ignore_subscribe_messages

    def subscribe(self, channel):
        self._connection.send("SUBSCRIBE", channel)

    def get_message(self, timeout=None):
        """The next message; None at the end of the timeout, and for one that is ignored."""
        try:
            kind, channel, data = self._connection.read(timeout)
        except socket.timeout:
            return None
        if self._ignores and kind != b"message":
            return None
        return {"type": kind.decode(), "channel": channel, "data": data}

    def listen(self):
        while True:
            message = self.get_message()
            if message is not None:
                yield message


class Redis:
    def __init__(self, url):
        self._url = url
        self._connection = _Connection(url)

    @classmethod
    def from_url(cls, url):
        return cls(url)

    def publish(self, channel, data):
        self._connection.send("PUBLISH", channel, data)
        return self._connection.read()

    def pubsub(self, ignore_subscribe_messages=False):
        return _PubSub(self._url, ignore_subscribe_messages)
