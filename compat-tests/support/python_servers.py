"""Servers of Python's standard library, each with clients of its own: what they see must be what TCP and UDP show."""
import asyncio
import multiprocessing
import os
import signal
import socket
import socketserver
import sys


async def asyncio_streams():
    async def echo(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 7001)

    async def client(i):
        reader, writer = await asyncio.open_connection("127.0.0.1", 7001)
        sent = bytes([i]) * 100_000

        async def send():
            writer.write(sent)
            await writer.drain()
            writer.write_eof()

        task = asyncio.create_task(send())
        assert await reader.read(-1) == sent
        await task
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*[client(i) for i in range(100)])
    server.close()
    try:
        await asyncio.open_connection("127.0.0.1", 7009)
    except ConnectionRefusedError:
        print("streams")


async def asyncio_datagrams():
    loop = asyncio.get_running_loop()

    class Reverse(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, addr):
            self.transport.sendto(data[::-1], addr)

    class Ask(asyncio.DatagramProtocol):
        def __init__(self):
            self.answer = loop.create_future()

        def connection_made(self, transport):
            transport.sendto(b"abc")

        def datagram_received(self, data, addr):
            self.answer.set_result((data, addr))

        def error_received(self, error):
            self.answer.set_exception(error)

    await loop.create_datagram_endpoint(Reverse, local_addr=("127.0.0.1", 7002))
    _, ask = await loop.create_datagram_endpoint(Ask, remote_addr=("127.0.0.1", 7002))
    assert await asyncio.wait_for(ask.answer, 5) == (b"cba", ("127.0.0.1", 7002))
    _, ask = await loop.create_datagram_endpoint(Ask, remote_addr=("127.0.0.1", 7008))
    try:
        await asyncio.wait_for(ask.answer, 5)
    except ConnectionRefusedError:
        print("datagrams")


def accept_one(listener):
    peer, _ = listener.accept()
    peer.sendall(b"from a child")


def inherited_listeners():
    for how in ("fork", "spawn", "forkserver"):
        listener = socket.create_server(("127.0.0.1", 0))
        child = multiprocessing.get_context(how).Process(target=accept_one, args=(listener,))
        child.start()
        with socket.create_connection(listener.getsockname(), timeout=10) as client:
            assert client.recv(100) == b"from a child"
        child.join()
    print("children")


class Pid(socketserver.StreamRequestHandler):
    def handle(self):
        for _ in self.rfile:
            self.wfile.write(b"%d\n" % os.getpid())


class Forking(socketserver.ForkingTCPServer):
    allow_reuse_address = True


if __name__ == "__main__":
    if sys.argv[1] == "forking":
        Forking(("127.0.0.1", 7003), Pid).serve_forever()
    if sys.argv[1] == "ask":
        with socket.create_connection(("127.0.0.1", 7003)) as asking:
            asking.sendall(b"who\n")
            print(asking.recv(100).decode(), end="", flush=True)
            signal.pause()
    asyncio.run(asyncio_streams())
    asyncio.run(asyncio_datagrams())
    inherited_listeners()
