"""Captions are true, varied, and inside the vocabulary; the tokenizer refuses what it does not know."""

from dataclasses import replace

import numpy as np
import pytest

from artwork.lite.captions import PHRASES, Attribute, captions, prompt, split_words, values_of, words
from artwork.lite.scene import Expression, Light, Palette, Prop, Scene, Setting, Shot, random_scene
from artwork.lite.tokens import CONTEXT_LENGTH, PAD, START, UNKNOWN, Tokenizer, UnknownWords

SCENE = Scene(
    people=2,
    expression=Expression.SAD,
    shot=Shot.CLOSE,
    setting=Setting.SEA,
    palette=Palette.AZURE,
    light=Light.DARK,
    prop=Prop.GUITAR,
    text="Letters to Lisbon",
)


def test_every_spoken_attribute_is_told_in_words_of_its_true_value() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        scene = random_scene(rng)
        values = values_of(scene)
        for caption in captions(scene, rng, 2):
            assert caption.speaks_of <= set(values)
            for attribute in caption.speaks_of:
                assert any(phrase in caption.text for phrase in PHRASES[attribute][values[attribute]])


def test_what_cannot_be_seen_is_not_spoken_of() -> None:
    far = replace(SCENE, shot=Shot.WIDE, expression=None)
    assert Attribute.EXPRESSION not in values_of(far)
    nothing_in_front = replace(far, people=0, prop=None)
    assert Attribute.SHOT not in values_of(nothing_in_front)


def test_captions_of_one_scene_differ_in_length_and_words() -> None:
    told = captions(SCENE, np.random.default_rng(1), 40)
    assert len({caption.text for caption in told}) > 30
    assert {len(caption.speaks_of) for caption in told} == set(range(1, 9))


def test_no_phrase_names_two_values_of_an_attribute() -> None:
    for values in PHRASES.values():
        phrases = [phrase for wordings in values.values() for phrase in wordings]
        assert len(set(phrases)) == len(phrases)


def test_every_prompt_is_its_own_sentence() -> None:
    prompts = [prompt(attribute, value) for attribute, values in PHRASES.items() for value in values]
    assert len(set(prompts)) == len(prompts)
    assert prompt(Attribute.PEOPLE, "2") == "artwork of two people"


def test_every_caption_fits_the_vocabulary_and_the_context() -> None:
    rng = np.random.default_rng(2)
    tokenizer = Tokenizer(words())
    texts = [caption.text for _ in range(300) for caption in captions(random_scene(rng), rng)]
    tokens = tokenizer(texts)
    assert UNKNOWN not in tokens
    assert (tokens.max(axis=1) == tokenizer.end).all()
    assert max(len(split_words(text)) for text in texts) <= CONTEXT_LENGTH - 2


def test_tokens_are_start_words_end_and_padding() -> None:
    tokenizer = Tokenizer(["city", "night"])
    assert tokenizer.size == 6
    np.testing.assert_array_equal(tokenizer(["Night, in the CITY!"])[0, :7], [START, 4, UNKNOWN, UNKNOWN, 3, 5, PAD])


def test_long_texts_are_cut_and_still_end() -> None:
    tokenizer = Tokenizer(["city"])
    assert tokenizer(["city " * 100])[0, -1] == tokenizer.end


def test_a_text_of_unknown_words_is_refused_with_examples() -> None:
    with pytest.raises(UnknownWords, match="such as city"):
        Tokenizer(["city"])(["city", "xyzzy"])
