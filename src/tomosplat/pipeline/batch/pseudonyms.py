"""Stand-ins for the names of cases, and the table that says who is who."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tomosplat.errors import InputError, OutputError, TomosplatError
from tomosplat.files.atomic import writing
from tomosplat.pipeline.batch.case_lists import Source, find_cases
from tomosplat.pipeline.datasets.options import CaseOptions
from tomosplat.report import Report

_N_DIGITS = 16


@dataclass(frozen=True)
class Pseudonyms:
    """Salted hashes of ids: the same salt gives the same names, and without it nobody can try out ids.

    Attributes:
        path: The table: salt, and pseudonym → id and inputs. Only its owner may read it.
        salt: Secret key, hex.
    """

    path: Path
    salt: str

    @classmethod
    def kept_in(cls, path: Path, results: Path) -> Pseudonyms:
        """Read a table's salt, or begin a table.

        Raises:
            InputError: It is no such table, or lies among the results.
            OutputError: It cannot be begun.
        """
        if path.resolve().is_relative_to(results.resolve()):
            raise InputError(f"--pseudonyms {path} lies in {results}: the table must be kept apart from the results")
        _begin(path)
        try:
            return cls(path, str(json.loads(path.read_text(encoding="utf-8"))["salt"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is no table of pseudonyms: {error}") from error

    def of_all(self, sources: Sequence[Source]) -> list[Source]:
        """The same sources under their pseudonyms; the table then knows them.

        Raises:
            OutputError: The table cannot be written.
        """
        found = [replace(source, id=self.of(source.id), private=True) for source in sources]
        table = json.loads(self.path.read_text(encoding="utf-8"))
        for source, known in zip(sources, found, strict=True):
            table["cases"][known.id] = {"id": source.id, "inputs": list(source.inputs)}
        with writing(self.path) as temporary:
            temporary.chmod(0o600)
            temporary.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
        return found

    def of(self, name: str) -> str:
        """The pseudonym of an id (HMAC-SHA-256, 64 bits)."""
        digest = hmac.new(bytes.fromhex(self.salt), name.encode(), hashlib.sha256)
        return f"case-{digest.hexdigest()[:_N_DIGITS]}"


def find_named_cases(sources: Sequence[str], folder: Path, options: CaseOptions, report: Report) -> list[Source]:
    """``find_cases``, under pseudonyms if the options ask for it.

    Args:
        sources: See ``find_cases``.
        folder: For results.
        options: How scans are found, and the table of pseudonyms.
        report: Takes, as fact "passed_over" and history, a line for everything that was passed over; under
            pseudonyms one that counts them.

    Raises:
        InputError: As of ``find_cases``, or the table cannot be used.
        OutputError: The table cannot be written.
    """
    found, passed_over = find_cases(sources, options)
    if options.pseudonyms is not None:
        found = Pseudonyms.kept_in(options.pseudonyms, folder).of_all(found)
        passed_over = [f"{len(passed_over)} folders or series were passed over"] if passed_over else []
    report.history.extend(passed_over)
    report.facts["passed_over"] = passed_over
    return found


@contextmanager
def unnamed(source: Source) -> Iterator[None]:
    """Take the places of a source's files out of errors, if it is private: folders are often called like patients."""
    try:
        yield
    except Exception as error:
        if not source.private:
            raise
        message = str(error)
        for name in sorted(_names(source), key=len, reverse=True):
            message = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", source.id, message)
        if isinstance(error, TomosplatError):
            raise type(error)(message) from None
        raise RuntimeError(f"{type(error).__name__}: {message}") from None


def _names(source: Source) -> set[str]:
    """Whatever an error may call the source's files and the folders that they lie in."""
    files = source.files if isinstance(source.scan, int) else [source.scan, *source.files]
    return {name for path in files for name in (str(path), str(path.parent), path.name)}


def _begin(path: Path) -> None:
    """Make an empty table that only its owner may read, unless there is one; of two that come at once, one makes it."""
    text = json.dumps({"salt": secrets.token_hex(32), "cases": {}})
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        if path.exists():
            return
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        try:
            os.link(temporary, path)  # unlike a rename, it does not replace a table that has just been begun
        except FileExistsError:
            return
        finally:
            temporary.unlink()
    except OSError as error:
        raise OutputError(f"cannot begin the table {path}: {error.strerror or error}") from error
