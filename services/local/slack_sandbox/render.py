"""Pure. Slack's mrkdwn as HTML: bold, italic, strike, code, links and dates; everything else is
text. Nothing a message says becomes markup of its own.
"""

import datetime as dt
import re
from typing import Final

from markupsafe import Markup, escape

_TOKEN: Final = re.compile(r"`(?P<code>[^`\n]+)`|<(?P<control>[^<>\n]+)>|(?P<text>[^`<]+|[`<])")
_STYLES: Final = (
    (re.compile(r"(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])"), "strong"),
    (re.compile(r"(?<![\w_])_(\S(?:[^_\n]*\S)?)_(?![\w_])"), "em"),
)


def mrkdwn(text: str) -> Markup:
    """A mrkdwn text as Slack shows it.

    >>> print(mrkdwn("*n* is `12` &lt;!here&gt; <script>"))
    <strong>n</strong> is <code>12</code> &lt;!here&gt; &lt;script&gt;
    """
    return Markup("").join(map(_token, _TOKEN.finditer(text)))


def _token(token: re.Match[str]) -> Markup:
    code, control, text = token.group("code", "control", "text")
    if code is not None:
        return Markup("<code>{}</code>").format(_plain(code))
    if control is not None:
        return _control(control)
    html = str(escape(_plain(text)))
    for pattern, tag in _STYLES:
        html = pattern.sub(rf"<{tag}>\1</{tag}>", html)
    return Markup(html.replace("\n", "<br>"))  # noqa: S704 - escaped two lines above


def _plain(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _control(inside: str) -> Markup:
    """What stands in angle brackets: a date, a mention, a link. What is none of them is shown as it
    is written.
    """
    target, _, label = inside.partition("|")
    if target.startswith("!date^"):
        return _date(target, label)
    if target.startswith(("!", "@", "#")):
        name = label or target.lstrip("!@#")
        return Markup('<span class="mention">@{}</span>').format(name)
    if target.startswith(("http://", "https://")):
        link = Markup('<a href="{}" rel="noreferrer">{}</a>')
        return link.format(_plain(target), _plain(label or target))
    return escape(f"<{inside}>")


def _date(target: str, fallback: str) -> Markup:
    parts = target.split("^")
    try:
        at = dt.datetime.fromtimestamp(int(parts[1]), dt.UTC)
    except (ValueError, IndexError, OverflowError, OSError):
        return escape(fallback)
    date = f"{at:%b} {at.day}, {at.year}"
    time = f"{at:%H:%M} UTC"
    element = Markup('<time datetime="{}">{} at {}</time>')
    return element.format(at.isoformat(), date, time)


def clock(ts: str) -> str:
    """A message's time stamp for the eye."""
    at = dt.datetime.fromtimestamp(float(ts), dt.UTC)
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
