"""Payments as they happen, each once and in order, whatever happens to the connection."""

import asyncio
import os
import random
import urllib.request

from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportError, TransportQueryError
from gql.transport.websockets import WebsocketsTransport

PAYMENTS = """
  subscription Payments($cursor: String) @resume(after: $cursor, onGap: CONTINUE) {
    transaction { id amount }
  }
"""
PASSING = {"UNAVAILABLE", "LIMIT_EXCEEDED", "INTERNAL_SERVER_ERROR"}


class Payments:
    # Keep it with what you store: who dies between the two sees an event again, or misses one.
    cursor: str | None = None

    async def follow(self) -> None:
        failures = 0
        while True:
            before = self.cursor
            try:
                return await self.connection()
            except TransportQueryError as refused:
                if refused.errors[0].get("extensions", {}).get("code") not in PASSING:
                    raise
            except (TransportError, OSError, asyncio.TimeoutError):
                pass
            failures = failures + 1 if self.cursor == before else 0
            await asyncio.sleep(random.uniform(0, min(10, 2**failures)))

    async def connection(self) -> None:
        token = await asyncio.to_thread(fresh_token)
        transport = WebsocketsTransport(
            os.environ["EVENTS_URL"],
            init_payload={"Authorization": f"Bearer {token}"},
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
            keep_alive_timeout=30,
        )
        request = GraphQLRequest(PAYMENTS, variable_values={"cursor": self.cursor})
        try:
            async with Client(transport=transport):
                # Not session.subscribe: it ends at an event with errors, and the stream goes on.
                async for result in transport.subscribe(request):
                    show(result)
                    self.cursor = result.extensions["cursor"]
                    # The last ping came before this event was shown: its cursor may be an older one.
                    transport.payloads.pop("ping", None)
        except TransportError:
            # A ping brings the cursor of a subscription that has had no event yet, or none for long.
            ping = transport.payloads.get("ping") or {}
            self.cursor = next(iter(ping.get("cursors", {}).values()), self.cursor)
            raise


def show(result) -> None:
    if gap := result.extensions.get("gap"):
        print("gap", gap["reason"], gap["missed"], flush=True)
    if result.errors:
        print("fault", result.errors[0]["message"], flush=True)
    else:
        print("payment", result.data["transaction"]["id"], flush=True)


def fresh_token() -> str:
    """As you sign in: here an address that answers with a token."""
    with urllib.request.urlopen(os.environ["TOKEN_URL"], timeout=10) as answer:
        return answer.read().decode()


asyncio.run(Payments().follow())
