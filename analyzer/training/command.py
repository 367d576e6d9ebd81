"""``analyzer fit``: makes again what ships fitted, from simulated worlds."""

from __future__ import annotations

from pathlib import Path

import click

from analyzer.errors import AnalyzerError, UsageError
from analyzer.training.catalog import FITTED, Fitted


@click.command(
    epilog=f"NAME is one of: {', '.join(fitted.name for fitted in FITTED)}. "
    "Example: analyzer fit fusion calibration --out fitted"
)
@click.argument("names", nargs=-1, metavar="[NAME…]")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the files.")
@click.option("--check", is_flag=True, help="Compare with what is installed; exit 1 if different.")
def fit(names: tuple[str, ...], out: Path | None, *, check: bool) -> None:
    """Fit weights and calibration again, byte for byte the same each time.

    Without a NAME, all of them, in this order: each is worked out with the installed ones before
    it, so copy a file that differs before you fit the next.
    """
    if out is None and not check:
        raise UsageError("fit: nothing to do; give --out FOLDER, --check or both")
    different = []
    for fitted in _chosen(names):
        text = fitted.make().encode()
        if out is not None:
            _write(out / fitted.file.name, text)
        same = fitted.file.read_bytes() == text
        click.echo(
            f"{fitted.name:12} {'as installed' if same else 'differs from what is installed'}"
        )
        different += [] if same else [fitted.name]
    if check and different:
        raise AnalyzerError(f"not as installed: {', '.join(different)}")


def _chosen(names: tuple[str, ...]) -> list[Fitted]:
    known = {fitted.name: fitted for fitted in FITTED}
    for name in names:
        if name not in known:
            raise UsageError(f"fit: {name!r} is not fitted; give some of: {', '.join(known)}")
    return [known[name] for name in names or known]


def _write(path: Path, text: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; give a folder to write to") from error
