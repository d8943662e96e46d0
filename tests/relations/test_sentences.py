"""Text into sentences."""

import itertools
import textwrap

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relations.sentences import split

MAIL_SENTENCES = [
    "The foreign ministry in Paris said that France had asked for a meeting after Iran fired two missiles.",
    "Tehran denied it.",
    "A spokesman in Berlin said that he had no news.",
]
MAIL = textwrap.fill(" ".join(MAIL_SENTENCES), 72)

PIECES = st.one_of(
    st.sampled_from(
        [
            "France", "the U.S.", "Mr. Smith", "met", "Iran", "in", "No. 10", "said", "3.5", "p.m.", ".", ". ",
            "! ", "? ", "…", "\n", "\n\n", "\r\n", "\r", " \n \t\n", "\v", "\f", "\x1c", "\x85", "\u2028",
            "\u2029", "\t", "\u00a0", "\u200f", "\u200b", "\ufeff", "\u0301", "😀", "👩‍👧", "\ud800", "\0", "“",
            "”", '"', "'s", "-", "(", ")",
        ]
    ),
    st.text(max_size=4),
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.lists(PIECES, max_size=40).map(" ".join)


def check(text, sentences):
    """Hold what the contract says of the sentences of a text."""
    end = 0
    for index, sentence in enumerate(sentences):
        assert sentence.index == index
        assert text[sentence.start : sentence.end] == sentence.text
        assert sentence.text
        assert sentence.text == sentence.text.strip()
        assert sentence.start >= end
        assert not text[end : sentence.start].strip()
        end = sentence.end
    assert not text[end:].strip()


def words(text):
    """Sentences with every white space as one space."""
    return [" ".join(sentence.text.split()) for sentence in split(text)]


@settings(max_examples=400, deadline=None)
@given(TEXTS)
@example("")
@example(" \r\n\t")
@example("a\x1fb.\x1f C d.")
def test_only_white_space_lies_between(text):
    """Offsets slice back, order holds, nothing overlaps, and only white space lies between, before and after."""
    check(text, split(text))


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\r\n \t\r\n", "\u00a0\u2028"])
def test_blank_text(text):
    """A text of white space alone has no sentence."""
    assert split(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "The U.S. State Department said Iran had agreed.",
        "U.S. President Joe Biden met U.N. Secretary-General Antonio Guterres.",
        "Mr. Lavrov met Mrs. Clinton and Dr. Rice in Geneva.",
        "Gen. Mark Milley spoke to Lt. Col. Ivanov and Sen. John Kerry.",
        "The talks on Oct. 28 in St. Petersburg failed at 5 p.m. on Tuesday.",
        "Britain's No. 10 declined to comment.",
        "Shares fell 3.5 percent to 1,204.75 in Tokyo.",
        "George H. W. Bush sent troops to Kuwait.",
        "The firm Gazprom Ltd. sold gas to Poland, i.e. to its rival.",
    ],
)
def test_abbreviations(text):
    """A full stop that belongs to an abbreviation or a number ends no sentence."""
    assert words(text) == [text]


def test_full_stops_end_sentences():
    """Sentences of one paragraph are told apart, those that end in a question or exclamation mark too."""
    text = "France left. Will Iran follow? It must! Japan stayed."
    assert words(text) == ["France left.", "Will Iran follow?", "It must!", "Japan stayed."]


def test_headline_and_body():
    """A headline without a full stop is a sentence of its own where one line break follows it."""
    text = "Paris scolds Tehran\nFrance condemned Iran on Monday. Iran rejected the charge.\nBerlin kept silent."
    assert words(text) == [
        "Paris scolds Tehran",
        "France condemned Iran on Monday.",
        "Iran rejected the charge.",
        "Berlin kept silent.",
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_hard_wrapped_mail(end):
    """A line break that stands only because the line was full ends no sentence, whichever line end it is."""
    text = MAIL.replace("\n", end)
    assert words(text) == MAIL_SENTENCES
    check(text, split(text))


@pytest.mark.parametrize("gap", ["\n\n", "\r\n\r\n", "\n \t\n", "\n\n\n\n", "\r\n\u00a0\r\n"])
def test_blank_line_ends_a_paragraph(gap):
    """A blank line ends a sentence that has no full stop, however long its lines are."""
    first, second = "France and Germany agreed on a plan", "Iran and Iraq agreed on another plan"
    assert words(first + gap + second) == [first, second]


def test_list_without_full_stops():
    """Short lines that somebody broke by hand are sentences of their own."""
    lines = [
        "Talks in Geneva",
        "Sport and culture",
        "Weather",
        "Berlin, Paris and Rome at odds over a plan for Iran",
    ]
    assert words("\n".join(lines)) == lines


@pytest.mark.parametrize(
    "text",
    [
        "😀 France left. 🇫🇷 Iran stayed. 👩‍👧‍👦 Japan too.",
        "Co\u0302te d'Ivoire left. Sa\u0303o Tome\u0301 stayed.",
        "\u200fIran\u200e left. \u202bFrance\u202c stayed.",
        "France\u00a0left. \u00a0Iran\u00a0stayed.\u00a0",
        "\ufeffFrance left. Iran stayed.",
        "Fran\ud83dce left. Iran stayed.",
    ],
    ids=["emoji", "combining", "direction", "no-break", "byte order mark", "half a character"],
)
def test_offsets_beside_odd_characters(text):
    """Offsets count code points, whatever the characters, and the sentences are told apart."""
    found = split(text)
    check(text, found)
    assert len(found) >= 2


def test_neighbours_do_not_matter():
    """A paragraph is split as if it stood alone."""
    paragraphs = ["The U.S. left. Iran stayed.", MAIL, "Paris scolds Tehran"]
    whole = words("\n\n".join(paragraphs))
    assert whole == list(itertools.chain.from_iterable(words(paragraph) for paragraph in paragraphs))
