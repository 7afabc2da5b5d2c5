"""A cable between two hosts of a test that behaves badly: it loses, delays, reorders and doubles frames, and somebody on it makes frames up.

What tc netem does, for kernels without it, from a seed, and with forgery on top. Each host's end is a TAP interface in its network
namespace; this program moves the frames between them. It says "ready", "forged" once it has made up what it was to, and, when it is told
to end, one line of JSON: what it did.
"""

import argparse
import fcntl
import heapq
import json
import os
import random
import select
import signal
import struct
import subprocess
import time

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
LONGEST = 65_536
KEPT = 400
PER_TICK = 50
TICK = 0.005


def tap(netns, device, number):
    """The descriptor of an interface `device` in `netns`."""
    fd = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    here = f'w{os.getpid()}x{number}'
    fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH', here.encode(), IFF_TAP | IFF_NO_PI))
    inside = ['ip', '-n', netns]
    subprocess.run(['ip', 'link', 'set', here, 'netns', netns], check=True)
    subprocess.run([*inside, 'link', 'set', here, 'name', device], check=True)
    quiet = f'net.ipv6.conf.{device}.disable_ipv6=1'
    subprocess.run(['ip', 'netns', 'exec', netns, 'sysctl', '-qw', quiet], check=True)
    subprocess.run([*inside, 'link', 'set', device, 'up'], check=True)
    return fd


def checksum(data):
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Forger:
    """Makes frames of those it has seen: changed, cut, grown, mixed, copied, and most of them in the name of somebody else."""

    def __init__(self, dice):
        self.dice = dice
        self.seen = []

    def see(self, frame):
        if self.udp_payload(frame) is None and frame[12:14] in (b'\x08\x00', b'\x08\x06', b'\x86\xdd'):
            return
        if len(self.seen) < KEPT:
            self.seen.append(frame)
        else:
            self.seen[self.dice.randrange(KEPT)] = frame

    def make(self):
        frame = self.dice.choice(self.seen)
        at = self.udp_payload(frame)
        if at is not None:
            return self.datagram(frame, at)
        head, body = bytearray(frame[:12]), self.change(frame[12:])
        if self.dice.random() < 0.9:
            # A stranger. Who has the peer's address can speak in its name.
            head[11] = 0x80 | self.dice.randrange(128)
            head[6] = 0x02
        elif not self.is_management(frame):
            return None
        return bytes(head) + body

    def is_management(self, frame):
        return frame[14:16] == b'\0\0' or (frame[12] < 6 and frame[14:16] == b'\x80\x80')

    def change(self, body):
        """Some change of what a frame carries."""
        dice = self.dice
        body = bytearray(body)
        for _ in range(dice.randrange(4)):
            at = dice.randrange(len(body) or 1)
            what = dice.randrange(6)
            if what == 0:
                body = body[:at]
            elif what == 1:
                body += dice.randbytes(dice.randrange(200))
            elif what == 2:
                other = dice.choice(self.seen)[12:]
                body[at:] = other[at:]
            elif body:
                body[at] = dice.randrange(256)
        return bytes(body[:1486])

    def udp_payload(self, frame):
        """Where the payload of a UDP datagram starts."""
        if frame[12:14] == b'\x08\x00' and frame[14] == 0x45 and frame[23] == 17:
            return 42
        if frame[12:14] == b'\x86\xdd' and frame[20] == 17:
            return 62
        return None

    def datagram(self, frame, at):
        """With right lengths and checksums, or no program would ever see it."""
        v4 = at == 42
        head = bytearray(frame[:at])
        # Always somebody else's: of who has the peer's address nothing can be said.
        head[29 if v4 else 37] = 0x80 | self.dice.randrange(100)
        payload = self.change(frame[at:])
        length = 8 + len(payload)
        head[at - 4 : at - 2] = struct.pack('!H', length)
        head[at - 2 : at] = b'\0\0'
        if v4:
            head[16:18] = struct.pack('!H', 20 + length)
            head[24:26] = b'\0\0'
            head[24:26] = struct.pack('!H', checksum(bytes(head[14:34])))
        else:
            head[18:20] = struct.pack('!H', length)
            pseudo = bytes(head[22:54]) + struct.pack('!IHH', length, 0, 17)
            total = checksum(pseudo + bytes(head[54:at]) + payload)
            head[at - 2 : at] = struct.pack('!H', total or 0xFFFF)
        return bytes(head) + payload


class Wire:
    def __init__(self, options):
        self.options = options
        self.dice = random.Random(options.seed)
        self.forger = Forger(random.Random(options.seed + 1))
        self.ends = [tap(n, options.device, i) for i, n in enumerate(options.netns)]
        self.late = []
        self.serial = 0
        self.counts = dict(frames=0, lost=0, doubled=0, reordered=0, forged=0)
        self.running = True

    def run(self):
        print('ready', flush=True)
        while self.running:
            readable, _, _ = select.select(self.ends, [], [], self.patience())
            for end in readable:
                self.receive(end)
            self.release()
            self.forge()
        print(json.dumps(self.counts), flush=True)

    def patience(self):
        wait = TICK if self.options.forge else 0.2
        return max(0, min(wait, self.late[0][0] - time.monotonic())) if self.late else wait

    def receive(self, end):
        to = self.ends[1 - self.ends.index(end)]
        while True:
            try:
                frame = os.read(end, LONGEST)
            except BlockingIOError:
                return
            self.counts['frames'] += 1
            self.forger.see(frame)
            if self.happens('loss'):
                self.counts['lost'] += 1
                continue
            copies = 1
            if self.happens('duplicate'):
                self.counts['doubled'] += 1
                copies = 2
            for _ in range(copies):
                wait = self.options.delay
                if self.happens('reorder'):
                    self.counts['reordered'] += 1
                    wait += 5 + self.dice.random() * 10
                self.later(wait, to, frame)

    def later(self, wait, to, frame):
        if wait == 0:
            return self.send(to, frame)
        self.serial += 1
        heapq.heappush(self.late, (time.monotonic() + wait / 1000, self.serial, to, frame))

    def release(self):
        while self.late and self.late[0][0] <= time.monotonic():
            _, _, to, frame = heapq.heappop(self.late)
            self.send(to, frame)

    def forge(self):
        left = self.options.forge - self.counts['forged']
        if left <= 0 or len(self.forger.seen) < 20:
            return
        for _ in range(min(left, PER_TICK)):
            frame = self.forger.make()
            if frame is not None:
                # Whom it is for is written in it, unless that was changed, too.
                for end in self.ends:
                    self.send(end, frame)
                self.counts['forged'] += 1
        if self.counts['forged'] == self.options.forge:
            print('forged', flush=True)

    def send(self, to, frame):
        try:
            os.write(to, frame)
        except OSError:
            # Full, down, or too short to be a frame: lost, as on any wire.
            pass

    def happens(self, what):
        return self.dice.random() < getattr(self.options, what)

    def stop(self, *_):
        self.running = False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('netns', nargs=2)
    parser.add_argument('--device', default='veth0')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--delay', type=float, default=0, help='of each frame, ms')
    for what in ('loss', 'duplicate', 'reorder'):
        parser.add_argument(f'--{what}', type=float, default=0, help='probability')
    parser.add_argument('--forge', type=int, default=0, help='frames to make up, after the first 20 were seen')
    wire = Wire(parser.parse_args())
    signal.signal(signal.SIGTERM, wire.stop)
    wire.run()


main()
