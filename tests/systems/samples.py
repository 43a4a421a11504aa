"""Images to send: small, real, and made anew for every run."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from typing import Any

from PIL import Image

from project.demo import images


@cache
def image(format_name: str = "jpg", size: tuple[int, int] = (160, 120)) -> bytes:
    """Return a noisy picture in one of the formats of `images.SOURCES`."""
    noise = Image.effect_noise(size, 60)
    picture = Image.merge("RGB", (noise, noise.transpose(Image.Transpose.ROTATE_180), noise))
    options: dict[str, Any] = {"quality": 95} if format_name in ("jpg", "webp", "heic") else {}
    return encode(picture, format_name, **options)


def encode(picture: Image.Image, format_name: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, images.SOURCES[format_name].pillow, **options)
    return out.getvalue()


def read(content: bytes) -> tuple[str, tuple[int, int]]:
    """Return format and size of an image that really decodes."""
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
        return str(picture.format), picture.size


def png(width: int, height: int, *, rows: int = 0, extra: bytes = b"") -> bytes:
    """Return a PNG that claims a size and holds that many black rows."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * (3 * width + 1) * rows)
    chunks = chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bad_images() -> dict[str, tuple[str, bytes]]:
    """Return what is no image to work on: case to file name and content."""
    good = image("jpg", (640, 480))
    animated = io.BytesIO()
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(animated, "WEBP", save_all=True, append_images=frames[1:])
    webp = animated.getvalue()
    canvas = webp.index(b"VP8X") + 12
    text_bomb = chunk(b"zTXt", b"k\0\0" + zlib.compress(b"a" * 100_000_000))
    heic = image("heic", (640, 480))
    return {
        "no bytes": ("photo.jpg", b""),
        "zeros": ("photo.jpg", b"\0" * 1_000_000),
        "text": ("photo.jpg", b"This is no photo."),
        "truncated jpg": ("photo.jpg", good[: len(good) // 2]),
        "truncated heic": ("photo.heic", heic[: len(heic) // 2]),
        "truncated png": ("photo.png", image("png", (640, 480))[:-1000]),
        "wrong extension": ("photo.png", good),
        "extension of no image": ("photo.pdf", good),
        "svg": ("photo.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
        "too many pixels": ("photo.png", png(6000, 5000, rows=10)),
        "bomb": ("photo.png", png(50_000, 50_000, rows=100)),
        "long and thin": ("photo.png", png(20_000, 2, rows=2)),
        "bomb of text": ("photo.png", png(10, 10, rows=10, extra=text_bomb)),
        "jpg of 4 gigapixels": (
            "photo.jpg",
            good.replace(struct.pack(">HH", 480, 640), b"\xff\xdc\xff\xdc", 1),
        ),
        "webp of 16 megapixels a side": (
            "photo.webp",
            webp[:canvas] + b"\xff" * 6 + webp[canvas + 6 :],
        ),
        "heic of 3 gigapixels": (
            "photo.heic",
            heic.replace(struct.pack(">II", 640, 480), struct.pack(">II", 60_000, 60_000)),
        ),
        "jpg of a thousand scans": ("photo.jpg", scans(1000)),
        "tiff of 400 tags that share 10 MB": ("photo.tif", tags(400, 10_000_000)),
        "gif of 4 gigapixels": ("photo.gif", image("gif")[:6] + b"\xff" * 4 + image("gif")[10:]),
    }


def scans(number: int) -> bytes:
    """Return a progressive JPEG that refines its picture again and again."""
    whole = encode(Image.new("L", (3000, 4000)), "jpg", progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * number + whole[-2:]


def tags(number: int, size: int) -> bytes:
    """Return a TIFF whose tags all have the same large value, which readers copy for each."""
    entries = [struct.pack("<HHII", 1000 + tag, 1, size, 8) for tag in range(number)]
    header = b"II*\0" + struct.pack("<I", 8)
    return header + struct.pack("<H", number) + b"".join(entries) + b"\0" * (size + 4)
