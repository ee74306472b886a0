"""gRPC channels, one per address, kept open. Knows addresses; must not know what is said over them."""

import asyncio
from typing import Final

import grpc
from grpc import aio

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5000),
)


class Channels:
    """Opens a channel at the first use of an address and hands out the same one from then on."""

    def __init__(self) -> None:
        self._channels: dict[str, aio.Channel] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def get(self, address: str) -> aio.Channel:
        """Return the channel to ``address``, written host:port."""
        channel = self._channels.get(address)
        if channel is None:
            channel = self._channels[address] = aio.insecure_channel(address, options=_OPTIONS)
        return channel

    async def drop(self, address: str) -> None:
        """Close the channel to a service that is no more."""
        channel = self._channels.pop(address, None)
        if channel is not None:
            await channel.close()

    def drop_later(self, address: str) -> None:
        """Close the channel to a service that is no more, without making anybody wait."""
        if address in self._channels:
            task = asyncio.get_running_loop().create_task(self.drop(address))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close all channels."""
        for address in list(self._channels):
            await self.drop(address)


def words_of(error: aio.AioRpcError) -> str:
    """Say what a failed call said, for people."""
    return f"{error.details() or 'no details'} ({error.code().name})"


def is_unimplemented(error: aio.AioRpcError) -> bool:
    """Whether the service does not offer the method."""
    return bool(error.code() == grpc.StatusCode.UNIMPLEMENTED)
