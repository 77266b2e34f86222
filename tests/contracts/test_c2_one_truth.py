"""C2: the same idempotency key gives the same answer, byte for byte, also after a restart (see tests/api/routes)."""

from pathlib import Path

from tests.api.installation import running, settings_in


def test_c2_the_answer_of_a_key_outlives_the_server(home: Path) -> None:
    with running(settings_in(home)) as first:
        first.put_title("harbor")
        answered = first.ask(key="k1").content
    with running(settings_in(home)) as second:
        assert second.ask(key="k1").content == answered
