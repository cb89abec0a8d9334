"""GET /api/v1/notes, and the search."""

import html
import json
import re
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.kit.databases import Database
from tests.kit.documents import Person, wrong_fields

NOTE = {"title": "Plan", "content": "text"}
MARKUP = re.compile(r"</?mark>")


def titles(person: Person, **query: object) -> list[str]:
    return [note["title"] for page in person.pages(**query) for note in page]


def write(person: Person, *several: str, content: str = "") -> None:
    for title in several:
        assert person.create({"title": title, "content": content}).status == 201


def test_lists_ones_own_notes_newest_first(owner: Person, stranger: Person, visitor: Person) -> None:
    """A list has where each note is, not its text, and nothing of anybody else's."""
    write(owner, "one", content="long text")
    write(stranger, "other")
    two = owner.create({"title": "two"}).body
    found = owner.list().body
    assert [note["title"] for note in found] == ["two", "one"]
    assert found[0] == {name: two[name] for name in ("id", "parentId", "title", "createdAt", "updatedAt")}
    assert visitor.list().status == 401


def test_lists_the_pages_below_a_page(owner: Person, stranger: Person) -> None:
    """`?parentId=` gives the pages directly below; below another's page there is nothing."""
    top = owner.create(NOTE).body["id"]
    page = owner.create({"title": "page", "parentId": top}).body["id"]
    owner.create({"title": "leaf of the page", "parentId": page})
    assert titles(owner, parentId=top) == ["page"]
    assert titles(owner, parentId=top, q="page") == ["page"]
    assert titles(stranger, parentId=top) == titles(owner, parentId=uuid4()) == []


@pytest.mark.parametrize("limit", [1, 7, 10, 100])
@pytest.mark.parametrize("query", [{}, {"q": "same"}, {"q": "same or 7"}])
def test_following_the_links_shows_every_note_once(
    notes: Database, owner: Person, stranger: Person, limit: int, query: dict[str, str]
) -> None:
    """Whatever the pages' size, in the list and in a search where many are equally good, none is left out or shown
    twice, and the order is one."""
    with notes.connect() as connection:
        connection.execute(
            """
            INSERT INTO notes (id, owner_id, title, content)
            SELECT gen_random_uuid(), %s, 'same', repeat('same ', n / 10) || n FROM generate_series(1, 30) AS n
            """,
            (owner.id,),
        )
    write(stranger, "same")
    pages = list(owner.pages(limit=limit, **query))
    assert all(len(page) == limit for page in pages[:-1])
    found = [(note.get("rank", 0), note["id"]) for page in pages for note in page]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == len(found) == 30


def test_notes_that_are_written_meanwhile_disturb_no_page(owner: Person) -> None:
    """New, changed and deleted notes between two pages neither repeat nor hide any other."""
    ids = [owner.create(NOTE).body["id"] for _ in range(6)]
    pages = iter(owner.pages(limit=2))
    seen = [note["id"] for note in next(pages)]
    owner.create(NOTE)
    owner.delete(ids[3])
    owner.update(ids[1], {"title": "changed", "content": ""})
    seen += [note["id"] for page in pages for note in page]
    assert seen == [ids[index] for index in (5, 4, 2, 1, 0)]


def test_finds_words_their_beginnings_and_whatever_case(owner: Person) -> None:
    """What is being typed is found before the word is complete, in any script."""
    write(owner, "Meeting", "Привет", "ÉCOLE", "日本語")
    for text in ("meeting", "MEET", "m"):
        assert titles(owner, q=text) == ["Meeting"]
    assert titles(owner, q="прив") == ["Привет"]
    assert titles(owner, q="école") == titles(owner, q="Éc") == ["ÉCOLE"]
    assert titles(owner, q="日本") == ["日本語"]
    assert titles(owner, q="eeting") == []


def test_understands_what_a_web_search_does(owner: Person) -> None:
    """All words must be there; `or`, "phrases" and -exclusions work, and an excluded word hides no longer one."""
    write(owner, "red apple", "green apple", "apple red wine", "category of apple")
    assert set(titles(owner, q="apple red")) == {"red apple", "apple red wine"}
    assert set(titles(owner, q="green or wine")) == {"green apple", "apple red wine"}
    assert titles(owner, q='"red apple"') == ["red apple"]
    assert set(titles(owner, q="apple -red")) == {"green apple", "category of apple"}
    assert len(titles(owner, q="apple -cat")) == 4


def test_a_title_weighs_more_than_the_text(owner: Person) -> None:
    """The note that is about it comes before those that mention it, however new and however often."""
    write(owner, "Berlin")
    write(owner, "Journey", content="Berlin Berlin Berlin and Berlin")
    write(owner, "Cities", content="Paris, Rome, Berlin")
    found = owner.list(q="berlin").body
    assert [note["title"] for note in found] == ["Berlin", "Journey", "Cities"]
    assert found[0]["rank"] > found[1]["rank"] > found[2]["rank"] > 0


def test_finds_nothing_of_others(owner: Person, stranger: Person) -> None:
    """The same word in another's note is not there."""
    write(stranger, "secret")
    assert titles(owner, q="secret") == []


def test_what_was_changed_is_found_by_its_new_words(owner: Person) -> None:
    """The index is never behind."""
    note = owner.create({"title": "old"}).body["id"]
    owner.update(note, {"title": "new", "content": ""})
    assert (titles(owner, q="old"), titles(owner, q="new")) == ([], ["new"])
    owner.delete(note)
    assert titles(owner, q="new") == []


def test_shows_where_the_words_were_found(owner: Person) -> None:
    """The snippet marks every hit in its surroundings; where only the title has it, it is the text's beginning."""
    write(owner, "Week", content="start " + "word " * 100 + "then the Meeting of the meeters ends" + " word" * 100)
    write(owner, "Meeting", content="nothing of it here")
    by_title = {note["title"]: note["snippet"] for note in owner.list(q="meet").body}
    assert "the <mark>Meeting</mark> of the <mark>meeters</mark> ends" in by_title["Week"]
    assert len(by_title["Week"]) < 300
    assert by_title["Meeting"] == "nothing of it here"


def test_a_snippet_is_safe_html(owner: Person) -> None:
    """What the note has of markup, also of our own marks, is shown as text; only hits are marked."""
    content = "a < b & c hit <script>alert('x')</script> \x02\x03 <mark>mine</mark> \"quoted\" &lt;hit onclick=x&gt;"
    write(owner, "Markup", content=content)
    [found] = owner.list(q="hit").body
    bare = MARKUP.sub("", found["snippet"])
    assert found["snippet"].count("<mark>hit</mark>") == 2
    assert "<" not in bare
    assert ">" not in bare
    assert "&quot;quoted&quot; &amp;lt;<mark>hit</mark>" in found["snippet"]
    assert owner.get(found["id"]).body["content"] == content


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    content=st.text(st.sampled_from("hit <>&;\"'\x02\x03mark/!-lt#é."), max_size=60),
    text=st.text(st.sampled_from("hit mark lt é'\"-!&|<>:*()\\."), min_size=1, max_size=20).map("hit or ".__add__),
)
@example(content="x example.com/it's?a=b y", text="example.com/it's")
@example(content="foo-bar", text="!!foo-b")
@example(content="\x02 hit \x03\x03", text="hit")
@example(content="hit a&lt;hit&gt;<hit>", text="hit or lt")
def test_no_search_is_malformed_and_no_snippet_unsafe(notes: Database, owner: Person, content: str, text: str) -> None:
    """Whatever is typed is answered, and whatever a note contains: without the marks its snippet has no markup."""
    note = owner.create({"title": "hit", "content": content}).body["id"]
    answer = owner.list(q=text)
    assert answer.status == 200, answer.body
    for each in answer.body if text.strip() else []:
        bare = MARKUP.sub("", each["snippet"])
        assert html.escape(html.unescape(bare)) == bare
        assert each["snippet"].count("<mark>") == each["snippet"].count("</mark>")
    owner.delete(note)


@pytest.mark.parametrize("text", ["!!!", "-", '"', "'", "\\", "()", "& | !", "   "])
def test_where_there_are_no_words_nothing_is_found(owner: Person, text: str) -> None:
    """Punctuation alone is no search for everything."""
    write(owner, "note")
    assert titles(owner, q=text) == []


def test_an_empty_search_is_the_list(owner: Person) -> None:
    """`?q=` is what a cleared search field sends."""
    write(owner, "one", "two")
    assert titles(owner, q="") == ["two", "one"]


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"limit": 0}, "query.limit"),
        ({"limit": 101}, "query.limit"),
        ({"cursor": "nonsense"}, "query.cursor"),
        ({"q": "x" * 201}, "query.q"),
        ({"q": "\0"}, "query.q"),
        ({"parentId": "top"}, "query.parentId"),
    ],
)
def test_a_wrong_query_is_named(owner: Person, query: dict[str, object], wrong: str) -> None:
    """Each is answered with 400 and the parameter's name."""
    answer = owner.list(**query)
    assert (answer.status, wrong_fields(answer)) == (400, {wrong})


def test_a_list_s_cursor_is_no_search_s(owner: Person) -> None:
    """A position in the one order says nothing in the other: 400 instead of a wrong page."""
    write(owner, "one", "two")
    pages = owner.list(limit=1).headers["Link"]
    cursor = re.search(r"cursor=([\w-]+)", pages)
    assert cursor is not None
    assert owner.list(q="one", cursor=cursor[1]).status == 400


@pytest.mark.parametrize(
    ("content", "q"),
    [
        ("Use <article> for it", "article"),
        ('<img alt="seaside picture">', "seaside"),
        ("<!-- hidden remark -->", "remark"),
        ("a &copy; b", "copy"),
        ("see docs/manual/intro.md", "manual"),
        ("if (a<limit && b>3) run", "limit"),
        ("write to ada@example.com", "example.com"),
        ("Use <article> for it", "<article>"),
        ("Use <article> for it", '"use article for"'),
    ],
)
def test_finds_words_inside_signs(owner: Person, content: str, q: str) -> None:
    """Markup, entities, paths: for somebody who writes them they are words. The snippet shows them as they are."""
    write(owner, "Signs", content=content)

    [found] = owner.list(q=q).body

    assert "<mark>" in found["snippet"]
    assert html.unescape(MARKUP.sub("", found["snippet"])) in content


def test_an_excluded_word_in_signs_stays_excluded(owner: Person) -> None:
    """The hyphen is the word's, whatever is between."""
    write(owner, "First", content="apple <pear>")
    write(owner, "Second", content="apple")

    assert titles(owner, q="apple -<pear>") == ["Second"]


def test_a_page_of_long_words_ends(owner: Person) -> None:
    """A word may be as long as a note, and a snippet has an end."""
    write(owner, *"abc", content='"' * 10 + "x" * 40_000 + " needle " + "'" * 50_000)

    found = owner.list(q="needle").body

    assert len(found) == 3
    assert all("<mark>needle</mark>" in each["snippet"] for each in found)
    assert max(len(each["snippet"]) for each in found) < 10_000


@pytest.mark.parametrize("character", ["\u6f22", "\U0001f600", "x", "\u00e9"])
def test_the_longest_content_can_be_sent_in_any_script(owner: Person, character: str) -> None:
    """100,000 characters, once and under an Idempotency-Key, and they come back."""
    content = character * 100_000
    body = json.dumps({"title": "Long", "content": content}, ensure_ascii=False)

    answers = [owner.create(body, idempotency_key="k" * 20) for _ in range(2)]

    assert [each.status for each in answers] == [201, 201]
    assert answers[0].body == answers[1].body
    assert owner.get(answers[0].body["id"]).body["content"] == content
