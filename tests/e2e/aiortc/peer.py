"""One user of the server in Python: signalling over aiohttp, media over aiortc, an implementation of WebRTC
that shares no code with any browser.

    peer.py URL ROOM UID publish      sends a moving picture and a tone until stdin ends
    peer.py URL ROOM UID subscribe    receives the first stream that it hears of until stdin ends

Prints one JSON object per line: {"event": ...} when something happens, {"counts": {...}} twice a second.
"""

import array
import asyncio
import fractions
import itertools
import json
import math
import sys

import aiohttp
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from av import AudioFrame, VideoFrame

COUNT_EVERY_S = 0.5
ANSWER_WITHIN_S = 10
SAMPLE_RATE = 48_000
SAMPLES = 960  # 20 ms
WIDTH, HEIGHT, BAR = 320, 240, 40
GREY, GREEN = bytes((96, 96, 96)), bytes((40, 200, 160))


def say(**what):
    print(json.dumps(what), flush=True)


class Signalling:
    """Requests with their answers, and notifications in the order they come."""

    def __init__(self, socket):
        self._socket = socket
        self._ids = itertools.count(1)
        self._pending = {}
        self.notifications = asyncio.Queue()

    async def read(self):
        async for message in self._socket:
            frame = json.loads(message.data)
            if frame.get("response"):
                self._pending.pop(frame["id"]).set_result(frame)
            elif frame.get("notification"):
                await self.notifications.put((frame["method"], frame["data"]))

    async def request(self, method, **data):
        number = next(self._ids)
        self._pending[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"request": True, "id": number, "method": method, "data": data})
        answer = await asyncio.wait_for(self._pending[number], ANSWER_WITHIN_S)
        if not answer["ok"]:
            raise RuntimeError(f"{method}: {answer['errorReason']} ({answer['errorCode']})")
        return answer["data"]


class MovingPicture(VideoStreamTrack):
    """A bar that wanders over a grey ground: every frame differs from the last."""

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        left = (pts // 1500) % (WIDTH - BAR)
        line = GREY * left + GREEN * BAR + GREY * (WIDTH - BAR - left)
        frame = VideoFrame(WIDTH, HEIGHT, "rgb24")
        frame.planes[0].update(line * HEIGHT)
        frame.pts, frame.time_base = pts, time_base
        return frame


class Tone(AudioStreamTrack):
    """A tone of 440 Hz: silence would prove nothing."""

    def __init__(self):
        super().__init__()
        self._began = None
        self._at = 0

    async def recv(self):
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        await asyncio.sleep(max(0, self._began + self._at / SAMPLE_RATE - loop.time()))
        times = (at / SAMPLE_RATE for at in range(self._at, self._at + SAMPLES))
        wave = array.array("h", (int(12_000 * math.sin(2 * math.pi * 440 * time)) for time in times))
        frame = AudioFrame(format="s16", layout="mono", samples=SAMPLES)
        frame.planes[0].update(wave.tobytes())
        frame.pts, frame.sample_rate = self._at, SAMPLE_RATE
        frame.time_base = fractions.Fraction(1, SAMPLE_RATE)
        self._at += SAMPLES
        return frame


class Counter:
    """What really arrived: decoded frames and their content, and the RTP behind them."""

    def __init__(self):
        self.counts = {"pictures": 0, "sounds": 0, "loudest": 0, "width": 0}

    async def consume(self, track):
        try:
            while True:
                self._note(await track.recv())
        except MediaStreamError:
            say(event="ended", kind=track.kind)

    def _note(self, frame):
        if isinstance(frame, VideoFrame):
            self.counts["pictures"] += 1
            self.counts["width"] = frame.width
        else:
            self.counts["sounds"] += 1
            samples = array.array("h", bytes(frame.planes[0]))
            self.counts["loudest"] = max(self.counts["loudest"], max(map(abs, samples)))


def jsep(description):
    return {"type": description.type, "sdp": description.sdp}


async def agree(connection, signalling, method, **data):
    await connection.setLocalDescription(await connection.createOffer())
    answer = await signalling.request(method, jsep=jsep(connection.localDescription), **data)
    await connection.setRemoteDescription(RTCSessionDescription(**answer["jsep"]))
    return answer


async def publish(connection, signalling, rid, _joined):
    connection.addTrack(Tone())
    connection.addTrack(MovingPicture())
    minfo = {"audio": True, "video": True, "audiotype": 0, "videotype": 0}
    answer = await agree(connection, signalling, "publish", rid=rid, minfo=minfo)
    say(event="published", mid=answer["mid"])
    return {}


async def subscribe(connection, signalling, rid, joined):
    streams = [stream["mid"] for stream in joined["pubs"]]
    while not streams:
        method, data = await signalling.notifications.get()
        if method == "stream-add":
            streams.append(data["mid"])
    counter = Counter()
    connection.on("track", lambda track: asyncio.ensure_future(counter.consume(track)))
    connection.addTransceiver("audio", direction="recvonly")
    connection.addTransceiver("video", direction="recvonly")
    answer = await agree(connection, signalling, "subscribe", rid=rid, mid=streams[0])
    say(event="subscribed", sid=answer["sid"], mid=streams[0])
    return counter.counts


async def count(connection, counts):
    while True:
        await asyncio.sleep(COUNT_EVERY_S)
        report = (await connection.getStats()).values()
        packets = {"sent": 0, "received": 0}
        for row in report:
            packets["sent"] += getattr(row, "packetsSent", 0) if row.type == "outbound-rtp" else 0
            packets["received"] += getattr(row, "packetsReceived", 0) if row.type == "inbound-rtp" else 0
        say(counts={**counts, **packets}, state=connection.connectionState)


async def stdin_ends():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


async def main(url, rid, uid, task):
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(f"{url}/ws", params={"peer": uid}, protocols=["protoo"])
        signalling = Signalling(socket)
        reading = asyncio.ensure_future(signalling.read())
        joined = await signalling.request("join", rid=rid)
        say(event="joined", users=[user["uid"] for user in joined["users"]])
        connection = RTCPeerConnection()
        counts = await {"publish": publish, "subscribe": subscribe}[task](connection, signalling, rid, joined)
        counting = asyncio.ensure_future(count(connection, counts))
        await stdin_ends()
        counting.cancel()
        await connection.close()
        await signalling.request("leave", rid=rid)
        reading.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
