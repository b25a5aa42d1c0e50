# SPDX-License-Identifier: Apache-2.0
"""Clients with a serializer of their own: it alone reads and writes their objects, in the container too."""

from __future__ import annotations

import subprocess
import sys
import unittest
import zlib

import cloudpickle
from kinds import KindTestCase, kind, travels
from scaler import Serializer
from stage import DEFAULT_SERIALIZER, StageTestCase, square

travels(__name__)


class Squeezing(Serializer):
    """Its bytes are no pickle: nobody who does not know it can read them."""

    MARK = b"Z!"

    @classmethod
    def serialize(cls, obj):
        return cls.MARK + zlib.compress(cloudpickle.dumps(obj))

    @classmethod
    def deserialize(cls, payload):
        assert payload[:2] == cls.MARK, payload[:20]
        return cloudpickle.loads(zlib.decompress(payload[2:]))


class Signing(Squeezing):
    """Of another mark, so that neither reads what the other wrote."""

    MARK = b"S!"


class Broken(Squeezing):
    @classmethod
    def deserialize(cls, payload):
        raise LookupError("it cannot read today")


class Refusal(Exception):
    """The client's own."""

    def __init__(self, reason, code):
        super().__init__(reason, code)
        self.code = code


def refuse(code):
    raise Refusal("no", code)


def pair(left, right):
    return {"left": left, "right": right}


class Serializers(KindTestCase):
    @kind("custom serializers")
    def test_as_class_and_as_instance_for_arguments_and_results(self):
        for serializer in (Squeezing, Squeezing()):
            with self.subTest(serializer=serializer):
                client = self.client(serializer=serializer)
                value = {"text": "naïve", "bytes": bytes(range(256)) * 300}
                self.assertEqual(client.submit(pair, value, None).result(timeout=60), {"left": value, "right": None})

    @kind("custom serializers")
    def test_two_clients_with_one_each_at_a_time(self):
        clients = [self.client(serializer=serializer) for serializer in (Squeezing(), Signing())] + [self.client()]
        futures = [
            client.submit(pair, number, client_number)
            for number in range(3)
            for client_number, client in enumerate(clients)
        ]
        values = [future.result(timeout=60) for future in futures]
        self.assertEqual(values, [{"left": number, "right": client} for number in range(3) for client in range(3)])

    @kind("custom serializers")
    def test_exceptions_keep_their_type(self):
        client = self.client(serializer=Squeezing())
        with self.assertRaises(Refusal) as caught:
            client.submit(refuse, 7).result(timeout=60)
        self.assertEqual(caught.exception.code, 7)

    @kind("custom serializers")
    def test_one_that_fails_is_the_clients_own_error(self):
        client = self.client(serializer=Broken())
        with self.assertRaisesRegex(Exception, "it cannot read today"):
            client.submit(square, 2).result(timeout=60)
        self.assertEqual(self.client().submit(square, 2).result(timeout=60), 4)

    @kind("custom serializers")
    def test_one_of_a_script(self):
        """Defined in `__main__`, where no container could import it from."""
        script = f"""
import cloudpickle
from scaler import Client, Serializer

class Reversing(Serializer):
    @staticmethod
    def serialize(obj):
        return cloudpickle.dumps(obj)[::-1]

    @staticmethod
    def deserialize(payload):
        return cloudpickle.loads(payload[::-1])

def cube(number):
    return number ** 3

client = Client(address={self.cluster.address!r}, serializer=Reversing())
print("cubes", client.map(cube, [1, 2, 3]))
client.disconnect()
"""
        done = subprocess.run(
            [sys.executable, "-"], input=script, check=False, capture_output=True, text=True, timeout=100
        )
        self.assertIn("cubes [1, 8, 27]", done.stdout, done.stderr)


class Cache(StageTestCase):
    """Serializer and function are read once for all tasks of a client, until the scheduler deletes them."""

    def run_one(self, shared):
        task = self.stage.task(square, 3)
        task.function = shared.function
        self.stage.submit(task)
        self.assertEqual(self.stage.result_of(task), 9)

    def reads(self, name):
        return self.stage.storage.gets.count(name)

    @kind("serializers are read once for each client")
    def test_until_the_scheduler_deletes_them(self):
        serializer = self.stage.object_id(b"serializer")
        shared = self.stage.task(square, 3)
        for _ in range(3):
            self.run_one(shared)
        self.assertEqual([self.reads(serializer), self.reads(shared.function)], [1, 1])
        self.stage.delete_objects([serializer])
        self.run_one(shared)
        self.assertEqual([self.reads(serializer), self.reads(shared.function)], [2, 1])
        self.stage.delete_objects([shared.function])
        self.run_one(shared)
        self.assertEqual([self.reads(serializer), self.reads(shared.function)], [2, 2])

    @kind("serializers are read once for each client")
    def test_another_client_has_another(self):
        client = b"Client|another|" + b"1" * 32
        serializer = self.stage.storage.put(self.stage.object_id(b"serializer", client), DEFAULT_SERIALIZER)
        task = self.stage.task(square, 4)
        self.stage.submit(task, client=client)
        self.assertEqual(self.stage.result_of(task), 16)
        self.assertEqual(self.reads(serializer), 1)

    @kind("serializers are read once for each client")
    def test_what_is_stored_anew_under_the_same_name_is_read_anew(self):
        shared = self.stage.task(square, 3)
        self.run_one(shared)
        self.stage.delete_objects([shared.function])
        self.stage.storage.put(shared.function, cloudpickle.dumps(lambda number: -number, protocol=5))
        task = self.stage.task(square, 3)
        task.function = shared.function
        self.stage.submit(task)
        self.assertEqual(self.stage.result_of(task), -3)


if __name__ == "__main__":
    unittest.main()
