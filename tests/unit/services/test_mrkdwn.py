"""The sandbox's page shows a message as Slack would, and nothing a message says becomes markup of
its own.
"""

from html.parser import HTMLParser

import builders
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.local.slack_sandbox import render
from services.notifier import limits


class Seen(HTMLParser):
    """The tags of a page, and its text as a reader sees it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("plain", "plain"),
        ("*bold*", "<strong>bold</strong>"),
        ("_slanted_", "<em>slanted</em>"),
        ("`code`", "<code>code</code>"),
        (
            "*two words* and _three of them_",
            "<strong>two words</strong> and <em>three of them</em>",
        ),
        ("one\ntwo", "one<br>two"),
        ("*n*: 12, `make up`", "<strong>n</strong>: 12, <code>make up</code>"),
    ],
)
def test_what_slack_styles_is_styled(text: str, html: str) -> None:
    assert str(render.mrkdwn(text)) == html


@pytest.mark.parametrize(
    "text",
    [
        "2 * 3 * 4",
        "a*b*c",
        "a*b* c",
        "a_b_ c",
        "intent_mix_kl and live_accuracy",
        "* a list item",
        "**",
        "*over\ntwo lines*",
        "`",
        "``",
        "`over\ntwo lines`",
    ],
)
def test_what_only_looks_like_style_is_text(text: str) -> None:
    seen = Seen(str(render.mrkdwn(text)))

    assert set(seen.tags) <= {"br"}
    assert seen.text == text.replace("\n", "")


def test_what_was_escaped_is_shown_and_is_no_tag() -> None:
    assert str(render.mrkdwn("&lt;b&gt; &amp;amp;")) == "&lt;b&gt; &amp;amp;"


def test_in_code_nothing_is_styled() -> None:
    assert str(render.mrkdwn("`*a* _b_ &amp; <c>`")) == "<code>*a* _b_ &amp; &lt;c&gt;</code>"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<!channel>", '<span class="mention">@channel</span>'),
        ("<!here|here>", '<span class="mention">@here</span>'),
        ("<@U123>", '<span class="mention">@U123</span>'),
        ("<@U123|anna>", '<span class="mention">@anna</span>'),
        ("<#C1|on-call>", '<span class="mention">@on-call</span>'),
        (
            "<https://shop.example/a?b=1&amp;c=2>",
            '<a href="https://shop.example/a?b=1&amp;c=2" rel="noreferrer">'
            "https://shop.example/a?b=1&amp;c=2</a>",
        ),
        (
            "<http://127.0.0.1:8080/|the board>",
            '<a href="http://127.0.0.1:8080/" rel="noreferrer">the board</a>',
        ),
    ],
)
def test_what_stands_in_angle_brackets_is_a_mention_or_a_link(text: str, html: str) -> None:
    assert str(render.mrkdwn(text)) == html


@pytest.mark.parametrize(
    "text",
    [
        "<javascript:alert(1)|click>",
        "<data:text/html,x>",
        "<mailto:a@shop.example>",
        "<HTTPS://shop.example>",
        "<script>",
        "<b onmouseover=alert(1)>",
        "<>",
        "<<",
        "a < b",
    ],
)
def test_no_other_address_becomes_a_link_and_no_tag_a_tag(text: str) -> None:
    seen = Seen(str(render.mrkdwn(text)))

    assert (seen.tags, seen.text) == ([], text)


def test_a_link_cannot_leave_its_quotes() -> None:
    seen = Seen(str(render.mrkdwn('<https://a.example/" onclick="alert(1)|x>')))

    assert seen.tags == ["a"]
    assert seen.links == ['https://a.example/" onclick="alert(1)']


def test_a_time_of_the_notifiers_is_a_time_on_the_page() -> None:
    assert str(render.mrkdwn(f"at {limits.date(builders.AT)}")) == (
        'at <time datetime="2026-04-20T00:00:00+00:00">Apr 20, 2026 at 00:00 UTC</time>'
    )


@pytest.mark.parametrize(
    "date",
    ["", "soon", "1.5", "9" * 30, "-" + "9" * 30, "nan"],
)
def test_a_time_that_is_none_shows_the_text_for_those_who_cannot(date: str) -> None:
    assert str(render.mrkdwn(f"<!date^{date}^{{date}}|in a while>")) == "in a while"


def test_a_date_without_any_number_shows_the_text_too() -> None:
    assert str(render.mrkdwn("<!date^|never>")) == "never"


ALLOWED = {"strong", "em", "code", "a", "span", "time", "br"}


@given(st.text(max_size=300) | st.text(alphabet="<>&;|`*_!@#\n\"'ab", max_size=120))
def test_whatever_a_message_says_the_page_holds_slacks_own_tags_alone(text: str) -> None:
    seen = Seen(str(render.mrkdwn(text)))

    assert set(seen.tags) <= ALLOWED
    assert all(str(link).startswith(("http://", "https://")) for link in seen.links)


@given(st.text(alphabet=st.characters(exclude_categories=("C", "Z")), max_size=200))
def test_what_the_notifier_escapes_is_read_on_the_page_letter_by_letter(text: str) -> None:
    plain = text.replace("*", "").replace("_", "")

    seen = Seen(str(render.mrkdwn(limits.escape(plain))))

    assert seen.tags == []
    assert seen.text == plain.replace("`", "'")


@pytest.mark.parametrize(
    ("ts", "clock"),
    [
        ("0.000000", "1970-01-01 00:00:00 UTC"),
        ("1709251199.999999", "2024-02-29 23:59:59 UTC"),
        ("1776643200.000100", "2026-04-20 00:00:00 UTC"),
    ],
)
def test_a_time_stamp_is_read_in_utc(ts: str, clock: str) -> None:
    assert render.clock(ts) == clock
