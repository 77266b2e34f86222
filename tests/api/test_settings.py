"""Settings: where they come from, what is refused, and that every one is documented."""

import re
from pathlib import Path

import pytest

from api.errors import BadSettings
from api.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "settings.md"
ROW = r"^\| `KEYART_([A-Z_]+)` \|([^|]*)\|"


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder and an environment without settings of the developer."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"KEYART_{name.upper()}", raising=False)


def test_defaults_are_an_embedded_database_in_the_home_folder(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.home == tmp_path / "keyart-data"
    assert settings.database_url == f"sqlite:///{tmp_path}/keyart-data/keyart.db"
    assert (settings.select_budget_ms, settings.sticky_seconds, settings.offline) == (250, 86_400, False)
    assert list(tmp_path.iterdir()) == []


def test_the_environment_wins_over_the_file_and_options_win_over_both(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("keyart.toml").write_text('draw_salt = "file"\ntorch_threads = 7\nhome = "from-file"\n')
    monkeypatch.setenv("KEYART_TORCH_THREADS", "3")
    monkeypatch.setenv("KEYART_HOME", "from-environment")
    settings = load_settings(home=Path("from-option"))
    assert (settings.draw_salt, settings.torch_threads, settings.home.name) == ("file", 3, "from-option")
    assert settings.database_url.endswith("/from-option/keyart.db")


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYART_ADMIN_KEY", "")
    monkeypatch.setenv("KEYART_OFFLINE", "1")
    settings = load_settings()
    assert settings.admin_key is None
    assert settings.offline is True


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SELECT_BUDGET_MS", "0"),
        ("STICKY_SECONDS", "soon"),
        ("REWARD_WINDOW_SECONDS", "-1"),
        ("REWARD_WINDOW_SECONDS", "99999999999999"),
        ("REWARD_WINDOWS", '{"hero": 99999999999999}'),
        ("RETENTION_DAYS", "1000000000"),
        ("OLD_SIGNATURES_DAYS", "1000000000"),
        ("TORCH_THREADS", "0"),
        ("REFRESH_SECONDS", "0"),
        ("OFFLINE", "perhaps"),
        ("PAGE_DIVERSITY", "1.5"),
        ("MATURITY_LIMIT", "scary"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"KEYART_{name}", value)
    with pytest.raises(BadSettings, match=f"KEYART_{name}"):
        load_settings()


def test_a_secret_that_is_too_short_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYART_SECRET", "hunter2")
    with pytest.raises(BadSettings, match="at least 16") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_unknown_names_in_the_file_are_refused() -> None:
    Path("keyart.toml").write_text('databse_url = "sqlite:///x.db"\n')
    with pytest.raises(BadSettings, match="databse_url"):
        load_settings()


def test_a_file_that_is_no_toml_is_refused() -> None:
    Path("keyart.toml").write_text("home = \n")
    with pytest.raises(BadSettings, match=r"keyart\.toml is not valid TOML"):
        load_settings()


def test_secrets_are_not_in_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYART_ADMIN_KEY", "an-admin-key-1234")
    monkeypatch.setenv("KEYART_SECRET", "a-secret-of-twenty-x")
    monkeypatch.setenv("KEYART_DATABASE_URL", "postgresql://keyart:password1@db/keyart")
    shown = repr(load_settings())
    assert not re.search("an-admin-key|a-secret|password1", shown)


def test_windows_by_kind_of_row_come_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYART_REWARD_WINDOW_SECONDS", "60")
    monkeypatch.setenv("KEYART_REWARD_WINDOWS", '{"hero": 3600}')
    windows = load_settings().windows
    assert (windows.of("hero").total_seconds(), windows.of("list").total_seconds()) == (3600, 60)
    for wrong in ('{"hero": -1}', '{"hero": "soon"}', "3600"):
        monkeypatch.setenv("KEYART_REWARD_WINDOWS", wrong)
        with pytest.raises(BadSettings, match="KEYART_REWARD_WINDOWS"):
            load_settings()
    monkeypatch.setenv("KEYART_REWARD_WINDOWS", "hero: 3600")
    with pytest.raises(BadSettings):
        load_settings()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(Exception, match="frozen"):
        load_settings().draw_salt = "other"  # type: ignore[misc]


def test_every_setting_is_documented_with_its_default() -> None:
    kept, environment = PAGE.read_text().split("## In the environment only")
    rows = dict(re.findall(ROW, kept, flags=re.MULTILINE))
    assert set(rows) == {name.upper() for name in Settings.model_fields}
    assert not set(rows) & set(dict(re.findall(ROW, environment, flags=re.MULTILINE)))
    for name, shown in rows.items():
        field = Settings.model_fields[name.lower()]
        if field.default_factory is None:
            assert shown.strip().strip("`") == _written(field.default), name


def test_what_only_the_environment_says_is_documented() -> None:
    code = "".join(path.read_text() for path in sorted((ROOT / "api").rglob("*.py")))
    read = set(re.findall(r'(?:environment\.get\(|environment\[|envvar=)"KEYART_([A-Z_]+)"', code))
    page = PAGE.read_text().split("## In the environment only")[1]
    assert set(dict(re.findall(ROW, page, flags=re.MULTILINE))) == read - {
        name.upper() for name in Settings.model_fields
    }


def _written(default: object) -> str:
    return "" if default in (None, "") else str(int(default)) if isinstance(default, bool) else str(default)
