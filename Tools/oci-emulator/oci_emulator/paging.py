# SPDX-License-Identifier: Apache-2.0
"""Pages of a list, as the control-plane services have them: `limit`, `page`, `opc-next-page`.

A page token names the last item that was given, not a count: items that come and go between two pages
make neither a gap nor a repetition among those that stay.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from oci_emulator.calls import Call, invalid

T = TypeVar("T")


def page_of(
    call: Call,
    items: Sequence[T],
    key: Callable[[T], Any],
    is_descending: bool,
    default: int,
    highest: int,
    most: int | None = None,
) -> tuple[list[T], dict[str, str]]:
    """Sort, cut, and say where the next page begins.

    `key` gives a JSON-able list that is unique for each item; `most` cuts pages although more was asked for. Returns
    the page and its headers.
    """
    ordered = sorted(items, key=key, reverse=is_descending)
    limit = min(call.number("limit", default, 1, highest), most or highest)
    token = call.query.get("page")
    if token:
        try:
            last = json.loads(base64.urlsafe_b64decode(token))
            ordered = [item for item in ordered if (key(item) < last if is_descending else key(item) > last)]
        except (binascii.Error, ValueError, TypeError):
            raise invalid("The page token is not valid.") from None
    page = ordered[:limit]
    headers = {}
    if len(ordered) > limit:
        headers["opc-next-page"] = base64.urlsafe_b64encode(json.dumps(key(page[-1])).encode()).decode()
    return page, headers


def is_sort_descending(call: Call, default: bool) -> bool:
    order = call.query.get("sortOrder")
    if order is None:
        return default
    if order.upper() not in ("ASC", "DESC"):
        raise invalid("sortOrder must be ASC or DESC.")
    return order.upper() == "DESC"
