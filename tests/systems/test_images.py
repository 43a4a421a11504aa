"""What is no image to work on: a 4xx within 2 seconds and 300 MB, and the credits back."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from apikeys.models import Organization
from project.demo import images, sandbox
from tests.systems import samples
from tests.systems.server import ROOT, Server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.project]

SECONDS = 2
MEGABYTES = 300


def workers(server: Server) -> list[int]:
    master = server.process.pid
    return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def forget_peaks(server: Server) -> None:
    for pid in workers(server):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_megabytes(server: Server) -> int:
    lines = [
        line
        for pid in workers(server)
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    return max(int(line.split()[1]) for line in lines) // 1024


@pytest.fixture
def fast(account, issue_for):
    return issue_for(account("tools-fast"))


@pytest.fixture
def fft(account, issue_for):
    return issue_for(account("freefiletools"))


@pytest.fixture
def send(http, fast, fft):
    """Send a file to one of the two; return the answer and the seconds it took."""

    def post(system, name, content):
        started = time.monotonic()
        if system == "tools-fast":
            target = "jpg" if name.endswith("png") else "png"
            response = http.post(
                "/convert",
                headers={"X-Fast-Api-Key": fast.api_key},
                files={"file": (name, content)},
                data={"targetFormat": target},
            )
        else:
            response = http.post(
                "/api/image-compress",
                headers={"x-api-key": fft.api_key},
                files={"file": (name, content)},
            )
        return response, time.monotonic() - started

    return post


@pytest.mark.parametrize("system", ["tools-fast", "freefiletools"])
def test_what_is_no_image_is_a_400_in_no_time_and_little_memory(server, send, system):
    forget_peaks(server)
    for case, (name, content) in samples.bad_images().items():
        response, seconds = send(system, name, content)
        assert response.status_code == 400, (case, response.text)
        assert "file: " in response.text, case
        assert seconds < SECONDS, case
    assert peak_megabytes(server) < MEGABYTES
    assert Organization.objects.get(slug="tools-fast").credits == 500


@pytest.mark.parametrize("system", ["tools-fast", "freefiletools"])
def test_the_largest_image_that_is_damaged_fits_in_as_well(server, send, system):
    whole = samples.encode(Image.effect_noise((4000, 3100), 40).convert("RGB"), "jpg", quality=80)
    forget_peaks(server)
    response, seconds = send(system, "photo.jpg", whole[: len(whole) * 9 // 10])
    assert response.status_code == 400
    assert seconds < SECONDS
    assert peak_megabytes(server) < MEGABYTES


@pytest.mark.parametrize("system", ["tools-fast", "freefiletools"])
@pytest.mark.parametrize("extra", [1, 40 * 1024 * 1024])
def test_too_many_bytes_are_a_413_that_the_client_gets_to_see(server, send, system, extra):
    forget_peaks(server)
    content = b"\0" * (images.MAX_BYTES + extra)
    response, seconds = send(system, "photo.jpg", content)
    assert response.status_code == 413
    assert "send at most 25 MB" in response.text
    assert seconds < SECONDS
    assert peak_megabytes(server) < MEGABYTES
    assert Organization.objects.get(slug="tools-fast").credits == 500


def test_a_refused_client_gets_its_answer_although_it_is_still_sending(http, fast):
    files = {"file": ("photo.jpg", b"\0" * (20 * 1024 * 1024))}
    wrong = fast.api_key[:-1] + ("a" if fast.api_key[-1] != "a" else "b")
    for path, header in (("/convert", "X-Fast-Api-Key"), ("/api/image-compress", "x-api-key")):
        for headers in ({header: wrong}, {}):
            assert http.post(path, headers=headers, files=files).status_code == 401


def test_the_most_bytes_there_may_be_are_looked_at(send):
    response, _ = send("freefiletools", "photo.jpg", b"\0" * images.MAX_BYTES)
    assert response.status_code == 400


MEASURE = """
import resource, sys
from project.demo import images, sandbox
try:
    sandbox.convert(sys.stdin.buffer.read(), name=sys.argv[1], target="png")
except images.ImageError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def measured(name, content):
    """Convert a file to PNG; return what went wrong and the memory it took, in MB."""
    command = [sys.executable, "-c", MEASURE, name]
    done = subprocess.run(command, input=content, capture_output=True, cwd=ROOT, check=True)
    *said, peak = done.stdout.decode().splitlines()
    return " ".join(said), int(peak)


def test_the_process_that_works_on_images_stays_within_its_memory():
    for name, content in samples.bad_images().values():
        said, peak = measured(name, content)
        assert said or name.endswith(".png")  # a PNG needs no conversion to one
        assert peak < MEGABYTES


def test_a_photo_of_a_phone_fits_in():
    noise = Image.effect_noise((4032, 3024), 60).filter(ImageFilter.GaussianBlur(2))
    for name in ("heic", "jpg"):
        said, peak = measured(f"photo.{name}", samples.encode(noise.convert("RGB"), name))
        assert said == ""
        assert peak < MEGABYTES


def test_a_fault_in_the_process_that_works_on_images_is_ours(monkeypatch):
    monkeypatch.setattr(sandbox, "__name__", "project.demo.nothing_there")
    with pytest.raises(RuntimeError, match="nothing_there"):
        sandbox.convert(b"", name="a.jpg", target="png")


def test_what_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(sandbox, "WALL_SECONDS", 0.001)
    with pytest.raises(images.ImageError, match="too much memory or time"):
        sandbox.convert(samples.image("jpg"), name="a.jpg", target="png")


def test_metadata_is_left_out_and_the_picture_upright(send):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it a quarter
    exif[0x010E] = "taken at home"
    photo = samples.encode(Image.new("RGB", (40, 20), "red"), "jpg", exif=exif)
    converted = send("tools-fast", "photo.jpg", photo)[0].content
    assert samples.read(converted) == ("PNG", (20, 40))
    assert b"taken at home" not in converted


def test_compression_keeps_the_note_that_a_picture_is_to_be_turned(send):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "taken at home"
    noise = Image.effect_noise((200, 100), 60).convert("RGB")
    photo = samples.encode(noise, "jpg", exif=exif, quality=95)
    compressed = send("freefiletools", "photo.jpg", photo)[0].content
    assert samples.read(compressed) == ("JPEG", (200, 100))
    assert len(compressed) < len(photo)
    assert b"taken at home" not in compressed
    with Image.open(io.BytesIO(compressed)) as picture:
        assert dict(picture.getexif()) == {0x0112: 6}


def test_transparent_pictures_get_a_white_ground_where_the_format_has_none(send):
    clear = samples.encode(Image.new("RGBA", (10, 10), (255, 0, 0, 0)), "png")
    converted = send("tools-fast", "logo.png", clear)[0].content
    with Image.open(io.BytesIO(converted)) as picture:
        assert picture.getpixel((5, 5)) == (255, 255, 255)
