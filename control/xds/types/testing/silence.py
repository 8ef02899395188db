"""Two listeners of which one port each is printed, as JSON: `deaf` answers the first request of each connection, and from then on drops whatever comes, as a machine that is gone: not even its
kernel acknowledges it. `full` takes no connection: nobody answers who asks for one. Ends when its standard input does."""

import ctypes
import fcntl
import json
import socket
import struct
import sys
import termios
import threading
import time

# asm-generic/socket.h; linux/filter.h: one instruction, BPF_RET | BPF_K of 0 bytes.
SO_ATTACH_FILTER = 26
DROP = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
PROGRAM = struct.pack("HL", 1, ctypes.addressof(DROP))


def listen(backlog):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(backlog)
    return listener


def answer(connection):
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if part == b"":
            return
        received += part
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndeaf")
    # What is not acknowledged would be sent again, and show that somebody is there.
    while struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))[0] > 0:
        time.sleep(0.001)
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, PROGRAM)


def serve(listener, kept):
    while True:
        connection, _ = listener.accept()
        kept.append(connection)
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


deaf, full = listen(128), listen(0)
kept = []
# Connections that wait to be taken, until there is no room for more.
for _ in range(4):
    waiting = socket.socket()
    waiting.setblocking(False)
    waiting.connect_ex(full.getsockname())
    kept.append(waiting)
threading.Thread(target=serve, args=(deaf, kept), daemon=True).start()
print(json.dumps({"deaf": deaf.getsockname()[1], "full": full.getsockname()[1]}), flush=True)
sys.stdin.read()
