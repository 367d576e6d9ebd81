"""Template families from prompt text: what they find, and what they must not depend on."""

from __future__ import annotations

import time
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from analyzer.core.ingest.template_chains import WIDTH, Chains, FamilyTable
from analyzer.replay.families import families

TEMPLATES = (
    "Translate the following sentence to French: {long}",
    "Summarize this article in two sentences.\n\n{long} {long}\n\nSummary:",
    "{long}\n\nQuestion: {short}\nAnswer:",
    "Question: {short}\nGive only the letter of the right answer.\n\nContext: {long}",
    'Is the review "{long}" positive or negative?',
    "Read the passage below and then write a title for it.\n{long}",
    "{long}\nBased on the text above, which of these is true:\n- {short}\n- {short}\n- {short}",
    "Given the list of words: {short}\nWrite a sentence that has all of them.",
    "You are a careful grader of essays in a school.\n\nEssay: {long}\n\nGrade from 1 to 5:",
    "Rewrite the text so that a child of ten understands it.\n\nText: {long}",
    "{long}\n\nHow would you rephrase that in a few words?",
    "Explain step by step how to solve this problem: {short}",
    "Extract every date and every name from this letter.\n\n{long}\n\nReturn JSON.",
    "Sentence 1: {long}\nSentence 2: {long}\nDo both sentences mean the same?",
    "请把下面的句子翻译成英文：{wide}",
    "根据上面的文章回答下面的问题。\n\n{wide}\n\n回答：",
)
OPENINGS = (
    "can you help me with",
    "write a",
    "what is the",
    "how do i",
    "please explain",
    "i need to",
    "tell me about",
    "hi, could you please",
    "why does my",
    "give me a list of",
)
Labelled = list[tuple[int, str]]


class Writer:
    """Text of made-up words, frequent ones first, of any length."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        letters = list("etaoinshrdlucmfwygpb")
        self.words = ["".join(self.random.choice(letters, n)) for n in [3, 4, 5, 6, 7, 8] * 500]

    def words_of(self, least: int, most: int) -> str:
        """Between so many words."""
        ranks = self.random.zipf(1.3, int(self.random.integers(least, most))) % len(self.words)
        return " ".join(self.words[rank] for rank in ranks)

    def fill(self, template: str) -> str:
        """The template with new text in each slot."""
        while "{" in template:
            for slot, text in (
                ("{long}", self.words_of(8, 60)),
                ("{short}", self.words_of(3, 9)),
                ("{wide}", "".join(map(chr, self.random.integers(0x4E00, 0x5E00, 40)))),
            ):
                template = template.replace(slot, text, 1)
        return template

    def chat(self) -> str:
        """A free prompt; openings are as unequal as in chat."""
        opening = OPENINGS[int(self.random.zipf(1.5)) % len(OPENINGS)]
        return f"{opening} {self.words_of(2, 30)}"


def filled(count: int, seed: int = 1) -> Labelled:
    """Each template so many times, in random order."""
    writer = Writer(seed)
    prompts = [(at, writer.fill(t)) for at, t in enumerate(TEMPLATES) for _ in range(count)]
    return [prompts[at] for at in writer.random.permutation(len(prompts))]


def assign(texts: list[str]) -> list[int]:
    """Families in one pass."""
    return list(map(int, FamilyTable().assign(Chains("key").of(texts))))


def pairs(things: list[object]) -> int:
    """How many pairs of equal things there are."""
    return sum(n * (n - 1) // 2 for n in Counter(things).values())


def test_pairs_of_one_template_are_in_one_family() -> None:
    """Pairwise F1 of templates filled in random order, in one pass, is at least 0.9."""
    prompts = filled(150)
    found = assign([text for _, text in prompts])
    told = [(family, label) for family, (label, _) in zip(found, prompts, strict=True) if family]
    both, ours = pairs(list(told)), pairs([family for family, _ in told])
    theirs = pairs([label for label, _ in prompts])
    assert 2 * both / (ours + theirs) >= 0.9


def test_a_family_begins_within_a_dozen_prompts() -> None:
    """The first prompts of a template have no family yet; after twelve nearly all have one."""
    seen: Counter[int] = Counter()
    late = []
    for family, (label, _) in zip(
        assign([text for _, text in filled(60)]), filled(60), strict=True
    ):
        seen[label] += 1
        if seen[label] > 12:
            late.append(family == 0)
    assert sum(late) <= 0.02 * len(late)


def test_chat_does_not_clump() -> None:
    """No family holds more than 2 % of free prompts, though few openings are most of them."""
    writer = Writer(2)
    found = assign([writer.chat() for _ in range(5_000)])
    largest = max(Counter(family for family in found if family).values(), default=0)
    assert largest <= 100


def test_rewordings_are_families_of_their_own() -> None:
    """A reworded template is pure: none of its prompts is in the family of another wording."""
    writer = Writer(3)
    wordings = ("Name the topic of this text: {long}", "State what this text is about: {long}")
    texts = [(at % 2, writer.fill(wordings[at % 2])) for at in range(120)]
    found = assign([text for _, text in texts])
    homes = [
        {family for family, (wording, _) in zip(found, texts, strict=True) if wording == w} - {0}
        for w in (0, 1)
    ]
    assert all(homes)
    assert not homes[0] & homes[1]


def test_families_do_not_depend_on_batches() -> None:
    """One call, many calls and a table restored in between give the same families."""
    texts = [text for _, text in filled(20)]
    chains = Chains("key").of(texts)
    table, parts = FamilyTable(), []
    for start in range(0, len(texts), 17):
        parts.extend(table.assign(chains[start : start + 17]).tolist())
        restored = FamilyTable()
        restored.restore(table.state())
        table = restored
    assert assign(texts) == parts


def test_old_templates_fade() -> None:
    """A template of which nothing is heard for many prompts has to be learned anew."""
    writer = Writer(4)
    table, chains = FamilyTable(), Chains("key")
    mine = [writer.fill(TEMPLATES[0]) for _ in range(41)]
    assert table.assign(chains.of(mine[:40]))[-1] != 0
    table.assign(np.zeros((60_000, WIDTH), np.uint64))
    assert table.assign(chains.of(mine[40:]))[0] == 0


def test_another_key_gives_other_families() -> None:
    """Families are keyed: without the key nobody can tell which template one stands for."""
    texts = [text for _, text in filled(10)]
    ours, theirs = (
        set(FamilyTable().assign(Chains(key).of(texts)).tolist()) - {0} for key in ("a", "b")
    )
    assert ours
    assert not ours & theirs


@pytest.mark.parametrize("text", [None, "", " \n\t", "\n", ":", '"', "a", "\n:\n", "é", "字" * 5])
def test_odd_text_is_taken(text: str | None) -> None:
    """Hardly any text, or none, is no template and no error."""
    chains = Chains("key").of([text])
    assert chains.shape == (1, WIDTH)
    assert FamilyTable().assign(chains).tolist() == [0]


def test_no_text_at_all() -> None:
    """No prompts give no rows."""
    assert Chains("key").of([]).shape == (0, WIDTH)


def test_only_the_ends_of_long_text_count() -> None:
    """What lies in the middle of a very long prompt neither counts nor costs."""
    ends = "Judge this text: {}\nIs it well written?"
    chains = Chains("key")
    a, b = (chains.of([ends.format("x " * 2_000 + fill + " y" * 2_000)]) for fill in ("a", "b"))
    assert (a == b).all()
    text, times = ends.format("word " * 1_000_000), []
    for _ in range(3):
        begin = time.process_time()
        chains.of([text] * 10)
        times.append(time.process_time() - begin)
    assert min(times) < 0.1


def test_the_command_gives_a_line_for_each_line() -> None:
    """Lines that are no prompts have no family, and the others are not shifted."""
    lines = [b'{"prompt_text":"Translate the next word to German: w%d"}' % n for n in range(9)]
    found = list(families([*lines, b"{", b"\xff", b"{}", lines[0]], "key"))
    assert len(found) == 13
    assert found[9:12] == [b'{"family":null}'] * 3
    assert len({found[8], found[12]}) == 1
    assert b"null" not in found[8]


def test_wide_scripts_have_words() -> None:
    """Chinese prompts of one template share the prefix, whatever fills the slot."""
    writer = Writer(5)
    rows = Chains("key").of([writer.fill(TEMPLATES[14]) for _ in range(5)])
    for a, b in combinations(rows, 2):
        assert (a[:6] == b[:6]).all()
        assert a[8] != b[8]
