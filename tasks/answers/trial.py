"""A process that compiles grammars to see whether they can be: nothing else can end a compilation that does not.

llguidance's own limits do not hold everywhere: for one ``multipleOf`` it computes for a minute, and takes 700 MB. So
the worker asks this process first. It is sent the vocabulary, then one end of a socket for each grammar. It forks for
each: the copy compiles, and computes the first mask, within `SECONDS` and `MEMORY_BYTES`; it says how it went, and
takes what it used with it. What ends without a word was over a limit.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys
from typing import BinaryIO, Final

from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper

from tasks.answers.process_limits import limit

SECONDS: Final = 1.0
"""Of one processor."""
WALL_SECONDS: Final = 10.0
MEMORY_BYTES: Final = 256 << 20
NICENESS: Final = 10
"""The models' threads come first."""

_LENGTH_BYTES: Final = 4


def limits() -> LLParserLimits:
    """llguidance's own limits: its defaults, but for the states of a lexer, each of which takes 1 to 2 kB."""
    return LLParserLimits(max_lexer_states=50_000, step_max_items=200_000, verbose_errors=False)


def send(data: bytes, stream: socket.socket) -> None:
    """Write a message with its length."""
    stream.sendall(len(data).to_bytes(_LENGTH_BYTES, "little") + data)


def receive(stream: BinaryIO) -> bytes:
    """Read a message; empty if the other side is gone."""
    return stream.read(int.from_bytes(stream.read(_LENGTH_BYTES), "little"))


def first_error(matcher: LLMatcher) -> str:
    """What llguidance says of a grammar, without the state that it appends; empty if it compiled."""
    return matcher.get_error().partition("\n")[0] if matcher.is_error() else ""


class _Vocabulary:
    """As llguidance asks for one. A text is cut into the longest tokens, from its beginning."""

    bos_token_id = None

    def __init__(self, tokens: list[bytes], end_tokens: list[int]) -> None:
        self.tokens, self.eos_token_id = tokens, end_tokens[0]
        self.special_token_ids = [at for at, token in enumerate(tokens) if token.startswith(b"\xff")]
        self._ids = {token: at for at, token in enumerate(tokens)}
        self._longest = max(map(len, tokens))

    def __call__(self, text: str | bytes) -> list[int]:
        rest = text.encode() if isinstance(text, str) else text
        found = []
        while rest:
            lengths = range(min(self._longest, len(rest)), 0, -1)
            length = next((length for length in lengths if rest[:length] in self._ids), 0)
            if length:
                found.append(self._ids[rest[:length]])
            rest = rest[length or 1 :]
        return found


def main() -> None:
    """Serve the other end of the socket that is the standard input, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that nobody needs to wait for them
    control = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    vocabulary = json.loads(_exactly(int.from_bytes(_exactly(_LENGTH_BYTES, control), "little"), control))
    tokens = [bytes.fromhex(token) for token in vocabulary["tokens"]]
    tokenizer = LLTokenizer(
        TokenizerWrapper(_Vocabulary(tokens, vocabulary["end_tokens"])), eos_token=vocabulary["end_tokens"]
    )
    while True:
        message, handles, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            control.close()  # whoever asks must see it when only a copy is left
            _try(tokenizer, socket.socket(fileno=handles[0]))
            os._exit(0)
        for handle in handles:
            os.close(handle)


def _exactly(count: int, stream: socket.socket) -> bytes:
    """So many bytes, and none of what comes after them."""
    data = bytearray()
    while len(data) < count and (more := stream.recv(count - len(data))):
        data += more
    return bytes(data)


def _try(tokenizer: LLTokenizer, asker: socket.socket) -> None:
    with asker.makefile("rb") as stream:
        grammar = receive(stream).decode()
    os.nice(NICENESS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    limit(seconds=SECONDS, wall_seconds=WALL_SECONDS, memory_bytes=MEMORY_BYTES)
    matcher = LLMatcher(tokenizer, grammar, log_level=0, limits=limits())
    if not matcher.is_error():
        matcher.compute_bitmask()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    send(json.dumps({"error": first_error(matcher), "bytes": grown}).encode(), asker)


if __name__ == "__main__":
    main()
