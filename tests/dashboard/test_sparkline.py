"""The small chart in a list of tokens."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from django.template import Context, Template

SVG = "{http://www.w3.org/2000/svg}"
SPARKLINE = Template("{% load apikeys_charts %}{% sparkline counts %}")


def draw(counts):
    html = SPARKLINE.render(Context({"counts": counts}))
    return ET.fromstring(html.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" '))


def test_it_is_80_by_20_with_a_bar_for_each_day():
    image = draw((0, 5, 10))
    assert (image.get("width"), image.get("height")) == ("80", "20")
    assert [bar.get("height") for bar in image.iter(f"{SVG}rect")] == ["1", "10", "20"]
    assert [bar.get("y") for bar in image.iter(f"{SVG}rect")] == ["19", "10", "0"]


def test_it_says_in_words_what_it_shows():
    assert draw((200, 0, 1004)).get("aria-label") == "1,204 requests in 3 days, at most 1,004 a day"
    assert draw((0, 1)).get("aria-label") == "1 request in 2 days, at most 1 a day"
    assert draw((0,) * 7).get("aria-label") == "No requests in 7 days"
    assert draw((1,)).get("role") == "img"


def test_it_has_no_style_of_its_own_so_the_policy_lets_it_through():
    assert not {"style", "class"} & {
        k for bar in draw((1, 2)).iter(f"{SVG}rect") for k in bar.attrib
    }
    assert draw((1, 2)).get("style") is None


def test_nothing_to_show_is_nothing():
    html = SPARKLINE.render(Context({"counts": ()}))
    assert html == ""
