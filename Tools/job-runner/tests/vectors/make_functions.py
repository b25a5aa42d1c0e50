# SPDX-License-Identifier: Apache-2.0
"""Pickles functions by value, as a client of this Python does: `functions.json` holds what each minor version printed.

Usage: python3.12 - <make_functions.py, so that no path gets into the code, in an environment with cloudpickle.
Prints one line of JSON: names, and pickles in hex.
"""

import functools
import json
from typing import Any

import cloudpickle


def outer(count: int) -> int:
    total = 0
    items = [number * number for number in range(count) if number % 2]

    def inner(value: int) -> int:
        nonlocal total
        try:
            total += len(items) + value
        except ValueError as error:
            raise KeyError("x") from error
        return total

    with open("/dev/null") as file:
        file.read()
    return sum(map(inner, items))


class Named:
    def name(self, number: int = 1) -> str:
        return type(self).__name__ + str(number)


async def later(values: Any) -> Any:
    async for value in values:
        yield value


def constant() -> int:
    return 1


def generator(value: int) -> Any:
    yield value


def countdown(number: int) -> int:
    while number:
        number = number - 1
    return number


FUNCTIONS = {
    "constant": constant,
    "generator": generator,
    "countdown": countdown,
    "outer": outer,
    "class": Named,
    "async": later,
    "partial": functools.partial(outer, 3),
    "upper": lambda text: text.upper(),
    "double": lambda number: number * 2,
}

if __name__ == "__main__":
    print(json.dumps({name: cloudpickle.dumps(one, protocol=5).hex() for name, one in FUNCTIONS.items()}))
