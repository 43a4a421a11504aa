"""Convert and compress images: bytes in, bytes out, and an error for everything that is no image.

Knows no request and no model. Looks at length, file name and the picture's size before it decodes
anything, and lets Pillow's readers of image formats at the bytes only, never those of documents.
Metadata such as the place where a photo was taken is left out of every result.
"""

from __future__ import annotations

import io
import struct
from pathlib import PurePath
from typing import Any, Final, NamedTuple

import pillow_heif
from PIL import Image, ImageOps

MAX_BYTES: Final = 25 * 1024 * 1024
MAX_PIXELS: Final = 12_500_000  # a phone's photo
LONGEST_SIDE: Final = 16_383
MOST_SCANS: Final = 100  # of a progressive JPEG; each costs the work of a whole picture

pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
# A second guard beneath `_open`'s own, for readers that would allocate before it is asked.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS


class Format(NamedTuple):
    """One image format.

    Attributes:
        pillow: Pillow's name.
        media_type: for `Content-Type`.
        extensions: of its files, the usual one first.
        alpha: whether it can be transparent.
    """

    pillow: str
    media_type: str
    extensions: tuple[str, ...]
    alpha: bool


SOURCES: Final = {
    "heic": Format("HEIF", "image/heic", ("heic", "heif", "hif"), True),
    "jpg": Format("JPEG", "image/jpeg", ("jpg", "jpeg", "jpe", "jfif"), False),
    "png": Format("PNG", "image/png", ("png",), True),
    "webp": Format("WEBP", "image/webp", ("webp",), True),
    "gif": Format("GIF", "image/gif", ("gif",), True),
    "bmp": Format("BMP", "image/bmp", ("bmp", "dib"), False),
    "tiff": Format("TIFF", "image/tiff", ("tiff", "tif"), True),
}
TARGETS: Final = ("jpg", "png", "webp", "gif", "bmp", "tiff")
COMPRESSIBLE: Final = ("jpg", "png", "webp")

_BY_PILLOW: Final = {source.pillow: name for name, source in SOURCES.items()}
_BY_EXTENSION: Final = {e: name for name, source in SOURCES.items() for e in source.extensions}


class ImageError(ValueError):
    """The bytes are no image that can be worked on; the message says why and what to do."""


class Result(NamedTuple):
    """An image: its bytes, their media type, and the usual extension of such files."""

    content: bytes
    media_type: str
    extension: str


def conversions() -> list[tuple[str, str]]:
    """Return every supported pair of source and target."""
    return [(source, target) for source in SOURCES for target in TARGETS if source != target]


def target_named(text: str) -> str | None:
    """Return the target of that name (`jpeg` is `jpg`, in any case), None when there is none."""
    name = _BY_EXTENSION.get(text.lower())
    return name if name in TARGETS else None


def convert(content: bytes, *, name: str, target: str) -> Result:
    """Return the image in another format, upright.

    Args:
        content: the file.
        name: the file's name, whose extension must fit the content.
        target: one of `TARGETS`.

    Raises:
        ImageError: the file can't be converted to the target.
    """
    source, image = _open(content, name)
    if (source, target) not in conversions():
        raise ImageError(f"{source} to {target} is not supported.")
    image = _decode(image)
    form = SOURCES[target]
    return Result(_encode(_flat(image, form), target, {}), form.media_type, form.extensions[0])


def compress(content: bytes, *, name: str, quality: int) -> Result:
    """Return the image in the same format and size with fewer bytes.

    What would not get smaller comes back as it is.

    Args:
        content: the file.
        name: the file's name, whose extension must fit the content.
        quality: 1 (smallest) to 100 (best).

    Raises:
        ImageError: the file can't be compressed.
    """
    source, image = _open(content, name)
    if source not in COMPRESSIBLE:
        raise ImageError(f"{source} can't be compressed: send {', '.join(COMPRESSIBLE)}.")
    form = SOURCES[source]
    image = _decode(image, upright=False)
    if source == "png":
        smaller = _encode(_with_fewer_colours(image, quality), source, {})
    else:
        options = {"quality": quality, **_turned(image)}
        smaller = _encode(_flat(image, form), source, options)
    if len(smaller) >= len(content):
        smaller = content
    return Result(smaller, form.media_type, form.extensions[0])


def _with_fewer_colours(image: Image.Image, quality: int) -> Image.Image:
    if quality == 100:
        return image
    mode = "RGBA" if _is_transparent(image) else "RGB"
    image = image if image.mode == mode else image.convert(mode)
    colours = max(2, round(256 * quality / 100))
    return image.quantize(colours, method=Image.Quantize.FASTOCTREE)


def _turned(image: Image.Image) -> dict[str, Any]:
    """Return the option that keeps the note that a picture is to be turned; its pixels are not."""
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # as with damaged pictures; this part is not worth a refusal
        orientation = None
    if not isinstance(orientation, int):
        return {}
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return {"exif": exif}


_ORIENTATION: Final = 0x0112
# What is written is RGB: the colour profile of a grey or a printer's image would not fit it.
_PROFILE_FITS: Final = frozenset({"RGB", "RGBA", "P", "PA"})


def _open(content: bytes, name: str) -> tuple[str, Image.Image]:
    if not content:
        raise ImageError("The file is empty.")
    extension = PurePath(name).suffix.removeprefix(".").lower()
    if extension and extension not in _BY_EXTENSION:
        raise ImageError(f"A .{extension[:16]} file is not supported.")
    if content[:2] == b"\xff\xd8" and content.count(b"\xff\xda") > MOST_SCANS:
        raise ImageError("The image is built up in too many steps.")
    _check_size(_webp_canvas(content))
    try:
        image = Image.open(io.BytesIO(content), formats=list(_BY_PILLOW))
        size, source = image.size, _BY_PILLOW[str(image.format)]
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(_TOO_LARGE) from None
    except MemoryError:
        raise
    except Exception:
        raise ImageError("The file is not an image, or is damaged.") from None
    if extension and _BY_EXTENSION[extension] != source:
        raise ImageError(f"The file is named .{extension} and contains {source}.")
    _check_size(size)
    return source, image


_TOO_LARGE: Final = (
    f"The image is too large: {MAX_PIXELS / 1_000_000} million pixels and "
    f"{LONGEST_SIDE:,} on a side are the most."
)


def _check_size(size: tuple[int, int]) -> None:
    if size[0] * size[1] > MAX_PIXELS or max(size) > LONGEST_SIDE:
        raise ImageError(_TOO_LARGE)


def _webp_canvas(content: bytes) -> tuple[int, int]:
    """Return the size an extended WebP claims: its reader makes room for that when it opens."""
    if content[:4] != b"RIFF" or content[8:16] != b"WEBPVP8X" or len(content) < 30:
        return (0, 0)
    width, high, height, top = struct.unpack("<HBHB", content[24:30])
    return (width + (high << 16) + 1, height + (top << 16) + 1)


def _decode(image: Image.Image, *, upright: bool = True) -> Image.Image:
    try:
        image.load()
        if upright:
            ImageOps.exif_transpose(image, in_place=True)
    except MemoryError:
        raise
    except Exception:  # readers of damaged files raise whatever they run into
        raise ImageError("The file is damaged or incomplete.") from None
    if image.mode not in _PROFILE_FITS:
        image.info.pop("icc_profile", None)
    return image


def _is_transparent(image: Image.Image) -> bool:
    return "A" in image.getbands() or "transparency" in image.info


def _flat(image: Image.Image, form: Format) -> Image.Image:
    """Return the image as RGB, or RGBA where it is transparent and the format can say so."""
    if not _is_transparent(image):
        return image if image.mode == "RGB" else image.convert("RGB")  # which would copy it
    image = image.convert("RGBA")
    if form.alpha:
        return image
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image.getchannel("A"))
    return page


def _encode(image: Image.Image, target: str, options: dict[str, Any]) -> bytes:
    # Pillow writes what it finds in `info`: colour profiles are kept, everything else is not.
    profile = image.info.get("icc_profile") if target in COMPRESSIBLE else None
    image.info = {}
    out = io.BytesIO()
    if profile:
        options = {**options, "icc_profile": profile}
    if target == "tiff":
        options = {**options, "compression": "tiff_lzw"}
    try:
        image.save(out, format=SOURCES[target].pillow, **options)
    except (OSError, ValueError):
        raise ImageError(f"The image can't be written as {target}.") from None
    return out.getvalue()
