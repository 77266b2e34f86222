"""The command `keyart`: every command, how errors become one line and an exit code. Knows no engine until asked.

Exit codes: 0 done, 2 bad input (one line on stderr says the remedy), 3 an evaluation refused to give a number.
"""

import os
import sys
from collections.abc import Sequence

import typer
from typer.main import get_command

from api.cli import (
    audit,
    audit_log,
    catalog,
    demo,
    events,
    experiment,
    forecasts,
    guards,
    key,
    learning,
    log,
    plan,
    policy,
    report,
    reward,
    secret,
    server,
    tune,
    viewer,
)
from api.cli import evaluate as evaluation
from api.cli import foundation as viewers
from api.dependencies.logs import log_to_stderr
from api.errors import KeyartError
from bandit.errors import BanditError
from foundation.errors import FoundationError

app = typer.Typer(
    name="keyart",
    help="Decides which artwork of a title each viewer sees, learns from what is watched, and proves it from its log.",
    epilog="Example: keyart serve --worker",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
server.register(app)
learning.register(app)
policy.register(app)
evaluation.register(app)
plan.register(app)
forecasts.register(app)
audit.register(app)
audit_log.register(app)
tune.register(app)
demo.register(app)
guards.register(catalog.artwork)
report.register(catalog.artwork)
app.add_typer(catalog.catalog, name="catalog")
app.add_typer(catalog.artwork, name="artwork")
app.add_typer(events.app, name="events")
app.add_typer(experiment.app, name="experiment")
app.add_typer(viewers.app, name="foundation")
app.add_typer(key.app, name="key")
app.add_typer(log.app, name="log")
app.add_typer(reward.app, name="reward")
app.add_typer(secret.app, name="secret")
app.add_typer(viewer.app, name="viewer")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit."""
    try:
        log_to_stderr(os.environ)
        code = get_command(app).main(args=arguments, prog_name="keyart", standalone_mode=False)
    except typer.TyperException as error:
        sys.exit(_refused(error.format_message().replace(" Value error, ", " ")))
    except (KeyartError, BanditError, FoundationError) as error:
        sys.exit(_refused(str(error)))
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _refused(message: str) -> int:
    if message.startswith("Usage:"):  # a group without its command: what it says is the help
        sys.stderr.write(message + "\n")
        return 2
    sys.stderr.write("keyart: " + " ".join(message.split()) + "\n")
    return 2
