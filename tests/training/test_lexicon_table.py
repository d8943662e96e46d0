"""The lexicon is checked and inflected."""

import pytest

from relations.lexicon import NEGATIONS, Entry
from training import corpus
from training.lexicon_table import CLASSES, POLARITIES, LexiconError, compile_lexicon, read

HEADER = "phrase\tpos\ttype\tpolarity"
GOOD = "condemn\tv\tACCUSE\topposition"


@pytest.fixture
def lexicon(tmp_path):
    """Write a lexicon of rows and give its path."""

    def write(*rows, header=HEADER):
        path = tmp_path / "lexicon.tsv"
        path.write_bytes(
            b"\n".join(row if isinstance(row, bytes) else row.encode() for row in (header, *rows)) + b"\n"
        )
        return path

    return write


@pytest.fixture
def kinds(lexicon):
    """Compile rows and give what finds the classes of a sentence."""

    def compiled(*rows):
        table = compile_lexicon(lexicon(*rows))

        def find(sentence):
            words = sentence.split()
            return [hit.entry.kind for hit in table.find(words, [None] * len(words))]

        return find

    return compiled


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("condemn\tv\tACCUSE", "columns"),
        ("condemn\tv\tACCUSE\topposition\tmore", "columns"),
        ("", "columns"),
        ("\tv\tACCUSE\topposition", "phrase"),
        ("the\tn\tACCUSE\topposition", "phrase"),
        ("of the\tp\tACCUSE\topposition", "phrase"),
        ("blame\tx\tACCUSE\topposition", "pos"),
        ("blame\t\tACCUSE\topposition", "pos"),
        ("blame\tv\tBLAME\topposition", "type"),
        ("blame\tv\taccuse\topposition", "type"),
        ("blame\tv\tACCUSE\tOPP", "polarity"),
        ("blame\tv\tACCUSE\t", "polarity"),
        ("condemn\tv\tREJECT\topposition", "line 2"),
        (b"bl\xe9me\tv\tACCUSE\topposition", "UTF-8"),
    ],
)
def test_bad_row(lexicon, row, reason):
    """A row that cannot be is refused, and the text names file, line and reason."""
    path = lexicon(GOOD, "praise\tv\tSUPPORT\tsupport", row, "help\tv\tAID\tsupport")
    for function in (read, compile_lexicon):
        with pytest.raises(LexiconError, match=reason) as caught:
            function(path)
        assert str(caught.value).startswith(f"{path}:4: ")


@pytest.mark.parametrize("header", ["phrase,pos,type,polarity", "pos\tphrase\ttype\tpolarity", GOOD, ""])
def test_bad_header(lexicon, header):
    """A file with another header is refused at its first line."""
    path = lexicon(GOOD, header=header)
    with pytest.raises(LexiconError, match="header") as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}:1: ")


def test_empty_file(tmp_path):
    """A file without a line is refused as one without a header."""
    (tmp_path / "lexicon.tsv").write_bytes(b"")
    with pytest.raises(LexiconError, match="header"):
        read(tmp_path / "lexicon.tsv")


def test_missing_file(tmp_path):
    """A file that is not there is an OSError that names it."""
    with pytest.raises(OSError, match="lexicon"):
        read(tmp_path / "lexicon.tsv")


def test_rows(lexicon):
    """Rows come in order, as words without articles, with part of speech, class and polarity."""
    path = lexicon(
        GOOD, "pull out of the war\tp\tYIELD\tsupport", "condemn\tn\tNEUTRAL\tneutrality", "No\tp\tNEG\tflip"
    )
    assert read(path) == [
        (("condemn",), "v", Entry("ACCUSE", "OPP")),
        (("pull", "out", "war"), "p", Entry("YIELD", "SUP")),
        (("condemn",), "n", Entry("NEUTRAL", "NEU")),
        (("no",), "p", Entry("NEG", "FLIP")),
    ]


@pytest.mark.parametrize(
    ("row", "forms"),
    [
        ("condemn\tv\tACCUSE\topposition", "condemn condemns condemned condemning"),
        ("fight\tv\tASSAULT\topposition", "fight fights fought fighting"),
        ("give\tv\tAID\tsupport", "give gives gave given giving"),
        ("ally\tn\tFRIENDLY_NOUN\tsupport", "ally allies"),
        ("enemy\tn\tHOSTILE_NOUN\topposition", "enemy enemies"),
        ("friendly\ta\tSTATE\tsupport", "friendly friendlier friendliest"),
    ],
)
def test_inflections(kinds, row, forms):
    """A word is found in every inflected form of its part of speech."""
    find = kinds(row)
    kind = row.split("\t")[2]
    assert {form: find(form) for form in forms.split()} == {form: [kind] for form in forms.split()}


def test_part_of_speech_counts(kinds):
    """A noun is not found in a verb's forms."""
    find = kinds("attack\tn\tASSAULT\topposition")
    assert find("attacks") == ["ASSAULT"]
    assert find("attacking") == []


@pytest.mark.parametrize(
    "sentence", ["pull out", "pulled out", "pulling its troops out", "pulls all of them out", "it has pulled out"]
)
def test_phrases_inflect(kinds, sentence):
    """A phrase is found in every form of its words, with others between them."""
    assert kinds("pull out\tp\tYIELD\tsupport")(sentence) == ["YIELD"]


@pytest.mark.parametrize(
    "sentence", ["imposed sanctions", "imposing a sanction", "imposes the toughest sanctions"]
)
def test_nouns_in_phrases_inflect(kinds, sentence):
    """A noun of a phrase is found in singular and plural, however the lexicon writes it."""
    assert kinds("impose sanctions\tp\tSANCTION\topposition")(sentence) == ["SANCTION"]
    assert kinds("imposed sanction\tp\tSANCTION\topposition")(sentence) == ["SANCTION"]


def test_first_entry_wins(kinds):
    """Where two entries share a form, the one further up in the file wins."""
    assert kinds("leave\tv\tYIELD\tsupport", "leaf\tn\tNEUTRAL\tneutrality")("leaves") == ["YIELD"]
    assert kinds("leaf\tn\tNEUTRAL\tneutrality", "leave\tv\tYIELD\tsupport")("leaves") == ["NEUTRAL"]
    phrases = "impose sanctions\tp\tSANCTION\topposition", "imposed sanction\tp\tNEUTRAL\tneutrality"
    assert kinds(*phrases)("imposed sanctions") == ["SANCTION"]
    assert kinds(*phrases[::-1])("imposed sanctions") == ["NEUTRAL"]


def test_longest_phrase_wins(kinds):
    """Of phrases that begin alike the longest is found, wherever it stands in the file."""
    phrases = "take part\tp\tCOOPERATE\tsupport", "take part in raid\tp\tASSAULT\topposition"
    assert kinds(*phrases)("took part in the raid") == ["ASSAULT"]
    assert kinds(*phrases[::-1])("took part in the raid") == ["ASSAULT"]
    assert kinds(*phrases)("took part in the talks") == ["COOPERATE"]


@pytest.mark.parametrize("word", sorted(NEGATIONS))
def test_negations(kinds, word):
    """Every negation is in the table, whatever the file holds."""
    assert kinds(GOOD)(word) == ["NEG"]


def test_any_case(kinds):
    """A phrase that the file writes with capitals is found in lower-case tokens."""
    assert kinds("Declare War\tp\tASSAULT\topposition")("it declared war") == ["ASSAULT"]


def test_shipped_lexicon():
    """The lexicon that ships has no bad row, and every entry is found where it stands alone."""
    path = corpus.DEFAULT_FOLDER / "lexicon.tsv"
    rows = read(path)
    assert {entry.kind for _, _, entry in rows} <= CLASSES
    assert {entry.polarity for _, _, entry in rows} <= set(POLARITIES.values())
    table = compile_lexicon(path)
    lost = [" ".join(words) for words, _, _ in rows if not table.find(words, [None] * len(words))]
    assert lost == []


def test_compiling_twice(small_labels):
    """The same file gives the same table, in the same order."""
    tables = [compile_lexicon(small_labels / "lexicon.tsv") for _ in range(2)]
    assert tables[0] == tables[1]
    assert list(tables[0].words) == list(tables[1].words)
    assert list(tables[0].lemmas) == list(tables[1].lemmas)
    assert list(tables[0].phrases) == list(tables[1].phrases)
