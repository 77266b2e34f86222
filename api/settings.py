"""The settings of an installation: `KEYART_*` in the environment, then keyart.toml, then the defaults. Opens nothing.

Each field is documented in docs/settings.md; a test compares the two.
"""

from datetime import timedelta
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from api.errors import BadSettings
from artwork.maturity import suitable_from
from bandit.caps import Caps
from bandit.rewards import RewardWindows

SETTINGS_FILE = "keyart.toml"
SHORTEST_SECRET = 16
MOST_DAYS = 20_000
MOST_SECONDS = MOST_DAYS * 86_400
"""Some fifty years: longer times lead to dates that there are not."""


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _embedded_database(data: dict[str, Any]) -> str:
    return f"sqlite:///{data['home'] / 'keyart.db'}" if "home" in data else ""


def _long_enough(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and len(secret.get_secret_value()) < SHORTEST_SECRET:
        raise ValueError(f"must have at least {SHORTEST_SECRET} characters")
    return secret


def _known_rating(word: str | None) -> str | None:
    if word is not None and suitable_from(word) is None:
        raise ValueError("is no rating that is known; use an age such as 12, or PG-13, R, TV-14, all, adult")
    return word


class Settings(BaseSettings):
    """Frozen; made once at start by `load_settings` and handed down."""

    model_config = SettingsConfigDict(
        env_prefix="KEYART_", env_ignore_empty=True, toml_file=SETTINGS_FILE, extra="forbid", frozen=True
    )

    home: Annotated[Path, AfterValidator(_absolute)] = Path("keyart-data")
    database_url: str = Field(default_factory=_embedded_database, repr=False)
    blob_url: str | None = None
    clip_model: str = "keyart-lite"
    clip_pretrained: str | None = None
    offline: bool = False
    admin_key: SecretStr | None = None
    secret: Annotated[SecretStr | None, AfterValidator(_long_enough)] = None
    requests_per_minute: Annotated[int, Field(ge=1)] = 12_000
    serving_requests_per_minute: Annotated[int, Field(ge=1)] = 600_000
    failed_keys_per_minute: Annotated[int, Field(ge=1)] = 100
    session_idle_seconds: Annotated[int, Field(ge=60)] = 7_200
    session_seconds: Annotated[int, Field(ge=60)] = 43_200
    select_budget_ms: Annotated[int, Field(ge=1)] = 250
    batch_budget_ms: Annotated[int, Field(ge=1)] = 10_000
    hold_back: Annotated[float, Field(ge=0, le=1)] = 0.01
    sticky_seconds: Annotated[int, Field(ge=1)] = 86_400
    page_diversity: Annotated[float, Field(ge=0, le=1)] = 0.0
    maturity_limit: Annotated[str | None, AfterValidator(_known_rating)] = None
    draw_salt: Annotated[str, Field(min_length=1)] = "keyart"
    reward: Literal["quality_play/1", "take/1", "watch_share/1"] = "quality_play/1"
    reward_window_seconds: Annotated[int, Field(ge=0, le=MOST_SECONDS)] = 0
    old_signatures_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] = 30
    retention_days: Annotated[int | None, Field(ge=1, le=MOST_DAYS)] = None
    viewer_rows_a_day: Annotated[int, Field(ge=1)] = Caps().rows
    viewer_title_rows_a_day: Annotated[int, Field(ge=1, le=65_535)] = Caps().title_rows
    robot_pages_a_day: Annotated[int, Field(ge=1)] = 1000
    robot_plays_a_day: Annotated[int, Field(ge=1)] = 150
    robot_hours_a_day: Annotated[float | None, Field(gt=0)] = None
    jump_alarms_a_year: Annotated[float, Field(gt=0)] = 1.0
    reward_windows: dict[str, Annotated[int, Field(ge=0, le=MOST_SECONDS)]] = {}
    exploration_budget: Annotated[int, Field(ge=1)] = 5000
    verdict_margin: Annotated[float, Field(gt=0, lt=1)] = 0.1
    torch_threads: Annotated[int, Field(ge=1)] = 2
    refresh_seconds: Annotated[float, Field(gt=0)] = 0.5
    shadow_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    image_base_url: str = ""
    loop: Literal["off", "candidate", "shadow", "canary", "live"] = "live"
    learn_every_seconds: Annotated[float, Field(gt=0)] = 3600.0
    learn_after: Annotated[int, Field(ge=1)] = 1000
    shadow_seconds: Annotated[float, Field(ge=0)] = 600.0
    shadow_pages: Annotated[int, Field(ge=0)] = 100
    canary_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    canary_decisions: Annotated[int, Field(ge=100)] = 1000
    export_every_seconds: Annotated[float, Field(ge=0)] = 3600.0
    watch: Literal["off", "alarm", "rollback"] = "rollback"
    watch_seconds: Annotated[float, Field(gt=0)] = 60.0
    watch_fallback_share: Annotated[float, Field(gt=0, lt=1)] = 0.05
    access_log: bool = False
    traces: bool = False
    drain_seconds: Annotated[float, Field(ge=0, le=600)] = 1.0

    @property
    def blob_root(self) -> str:
        """Where images and models are kept: `blob_url`, or else the home folder."""
        return self.blob_url or str(self.home)

    @property
    def caps(self) -> Caps:
        """How many rows of a viewer count in a day."""
        return Caps(rows=self.viewer_rows_a_day, title_rows=self.viewer_title_rows_a_day)

    @property
    def windows(self) -> RewardWindows:
        """How long decisions wait for their outcomes, by kind of row."""
        by_row = {row: timedelta(seconds=seconds) for row, seconds in self.reward_windows.items()}
        return RewardWindows(timedelta(seconds=self.reward_window_seconds), by_row)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave out .env files and secret folders: one file and the environment are enough to look through."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**overrides: object) -> Settings:
    """Read the settings; `overrides` (the command line's options) win over the environment.

    Raises:
        BadSettings: a value is wrong, or keyart.toml is no TOML or has an unknown name.
    """
    try:
        return Settings(**cast(dict[str, Any], overrides))
    except ValidationError as error:
        raise BadSettings(_first_mistake(error), "docs/settings.md lists every setting.") from None
    except SettingsError:  # it names the field, and is raised before a value is looked at
        raise BadSettings(
            "KEYART_REWARD_WINDOWS is no JSON object.", 'Write for example {"hero": 3600}, seconds by kind of row.'
        ) from None
    except TOMLDecodeError as error:
        raise BadSettings(f"{SETTINGS_FILE} is not valid TOML: {error}.", "Correct the line it names.") from None


def _first_mistake(error: ValidationError) -> str:
    """Name the setting and what is wrong with it, never its value: it may be a secret."""
    mistake = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in mistake["loc"])
    return f"The setting {name} (KEYART_{name.upper()}) is wrong: {mistake['msg'].removeprefix('Value error, ')}."
