"""Work on images in a process of its own, with little memory and little time.

Readers of image formats have surprises: a few bytes that ask for gigabytes, or for hours. Here they
end a process that has nothing else to do. Run as a module, this is that process: a line of JSON and
the file on standard input, a line of JSON and the result on standard output.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from project.demo import images

ROOT: Final = Path(__file__).resolve().parents[2]
MEMORY_BYTES: Final = 256 * 1024 * 1024
CPU_SECONDS: Final = 8
WALL_SECONDS: Final = 40
# More at once would not be faster; the others wait for their turn.
_turn: Final = threading.BoundedSemaphore(2)


def convert(content: bytes, *, name: str, target: str) -> images.Result:
    """Do what `images.convert` does, and raise what it raises."""
    return _apart("convert", content, name=name, target=target)


def compress(content: bytes, *, name: str, quality: int) -> images.Result:
    """Do what `images.compress` does, and raise what it raises."""
    return _apart("compress", content, name=name, quality=quality)


def _apart(work: str, content: bytes, **arguments: Any) -> images.Result:
    asked = json.dumps({"work": work, **arguments}).encode() + b"\n"
    command = [sys.executable, "-m", __name__]
    with _turn:
        try:
            done = subprocess.run(  # noqa: S603 - the command is fixed
                command,
                input=asked + content,
                capture_output=True,
                cwd=ROOT,
                timeout=WALL_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise images.ImageError(_TOO_MUCH) from None
    if done.returncode < 0:  # a limit, or a reader that gave up on one
        raise images.ImageError(_TOO_MUCH)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace")[-2000:])
    said, _, result = done.stdout.partition(b"\n")
    answer = json.loads(said)
    if "error" in answer:
        raise images.ImageError(answer["error"])
    return images.Result(result, answer["media_type"], answer["extension"])


_TOO_MUCH: Final = "The image takes too much memory or time to work on."


def main() -> None:
    """Be the process: read, work within the limits, write."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    asked = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    works: dict[str, Callable[..., images.Result]] = {
        "convert": images.convert,
        "compress": images.compress,
    }
    work = works[asked.pop("work")]
    try:
        result = work(content, **asked)
    except images.ImageError as error:
        answer, body = {"error": str(error)}, b""
    except MemoryError:
        answer, body = {"error": _TOO_MUCH}, b""
    else:
        answer = {"media_type": result.media_type, "extension": result.extension}
        body = result.content
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + body)


if __name__ == "__main__":
    main()
