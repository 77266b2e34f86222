"""The columns of the exported log: their names, their types and which may be empty. Knows no page and no file."""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

import pyarrow as pa

from bandit.rewards import REWARDS

REWARD_COLUMNS = {definition: f"reward_{definition.replace('/', '_')}" for definition in REWARDS}
"""Where each definition's reward stands; empty in rows that were valued before there was this definition."""

MOMENT = pa.timestamp("us", tz="UTC")
_VECTOR = pa.list_(pa.float32())

SCHEMA = pa.schema(
    [
        pa.field("decision", pa.string(), nullable=False),
        pa.field("at", MOMENT, nullable=False),
        pa.field("viewer", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("shown_at", MOMENT),
        pa.field("device", pa.string()),
        pa.field("row", pa.string()),
        pa.field("canvas", pa.string()),
        pa.field("locale", pa.string()),
        pa.field("artworks", pa.list_(pa.string()), nullable=False),
        pa.field("images", pa.list_(pa.string()), nullable=False),
        pa.field("probabilities", pa.list_(pa.float64()), nullable=False),
        pa.field("bounds_low", pa.list_(pa.float64())),
        pa.field("bounds_high", pa.list_(pa.float64())),
        pa.field("diversity", pa.float64(), nullable=False),
        pa.field("artwork", pa.string(), nullable=False),
        pa.field("propensity", pa.float64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("rung", pa.string(), nullable=False),
        pa.field("kept", pa.float64(), nullable=False),
        pa.field("cell", pa.string()),
        pa.field("logged_policy", pa.string(), nullable=False),
        pa.field("policy_digest", pa.string(), nullable=False),
        pa.field("draw_salt", pa.string(), nullable=False),
        pa.field("draw_window", pa.int64(), nullable=False),
        pa.field("embedding_version", pa.string(), nullable=False),
        pa.field("foundation_version", pa.string()),
        pa.field("viewer_vector", _VECTOR),
        pa.field("intent_version", pa.string()),
        pa.field("intent_vector", _VECTOR),
        pa.field("seen", pa.bool_(), nullable=False),
        pa.field("reward", pa.float64()),
        pa.field("reward_definition", pa.string(), nullable=False),
        *(pa.field(column, pa.float64()) for column in REWARD_COLUMNS.values()),
        pa.field("final", pa.bool_(), nullable=False),
        pa.field("excluded", pa.string()),
    ]
)
"""docs/log-format.md says what each column means; `REWARD_COLUMNS` and `reward` are empty where nobody saw."""
