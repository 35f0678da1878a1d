"""A file as a table, before anything is known about its columns.

Dates and names of stocks are read as text, so that 000001 stays 000001; Chinese files come in UTF-8
or in GB 18030 (GBK, GB 2312).
"""

from __future__ import annotations

import csv
import gzip
import io
import logging
import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import DataError
from attngru_bt.data.columns import check_width
from attngru_bt.data.layouts import DATES, SYMBOLS
from attngru_bt.data.names import from_cell, from_cells
from attngru_bt.data.rows import EMPTY
from attngru_bt.data.shapes import has_two_rows

log = logging.getLogger(__name__)

SUFFIXES = (".csv", ".csv.gz", ".parquet")
LONGEST_NAME = 255  # bytes of a file name on common systems
STOOQ = b"<TICKER>"  # how a file of Stooq begins, which is called .txt
PROBE = 1 << 20  # bytes that tell the encoding
# Chinese text: ASCII, ideographs, their punctuation, and wide forms of Latin letters and digits
_CHINESE = re.compile(r"[\u0000-\u007f\u3000-\u303f\u4e00-\u9fff\uff00-\uffef\u2010-\u2027]*")


def names_a_file(text: str) -> bool:
    """Tell whether a text is the path of a file."""
    # `is_file` raises OSError for a name that is too long, as a list of symbols may be
    path = Path(text)
    return all(len(os.fsencode(part)) <= LONGEST_NAME for part in path.parts) and path.is_file()


def split_suffix(file: Path) -> tuple[str, str]:
    """Return stem and suffix of a file; the suffix is empty if the file is not a table."""
    for suffix in SUFFIXES:
        if file.name.lower().endswith(suffix):
            return file.name[: -len(suffix)], suffix
    if file.name.lower().endswith(".txt") and file.is_file():
        with file.open("rb") as binary:
            if binary.read(len(STOOQ)).upper() == STOOQ:
                return file.name[:-4], ".txt"
    return file.name, ""


def read_raw(path: Path, text: Iterable[str] = ()) -> pd.DataFrame:
    """Read a file, with the names of its columns as they are written.

    Parameters
    ----------
    path : Path
    text : iterable of str
        Columns to read as text, in lower case, beside those of dates and symbols.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    if path.is_dir():
        raise DataError(f"{path}: this is a folder; give a file, or use read_folder or load.")
    if not path.exists():
        raise DataError(f"{path}: there is no such file; check the path.")
    suffix = split_suffix(path)[1]
    if not suffix:
        raise DataError(
            f"{path}: unknown kind of file; expected {', '.join(SUFFIXES)}. Convert it first."
        )
    try:
        if suffix == ".parquet":
            check_file_width(path)
            return pd.read_parquet(path)
        return _read_csv(path, {*DATES, *SYMBOLS, *text})
    except DataError:
        raise
    except pd.errors.EmptyDataError:
        raise DataError(f"{path}: the file is empty; write a header line and rows.") from None
    except (OSError, EOFError, ValueError, csv.Error) as error:  # incl. ParserError, BadGzip
        why = str(error).strip()
        raise DataError(f"{path}: cannot be read as {suffix} ({why}); write it anew.") from error


def encoding_of(path: Path) -> str:
    """Return the encoding of a text file.

    Raises
    ------
    DataError
        If it is neither UTF-8 nor Chinese text in GB 18030.
    """
    with _open(path) as binary:
        data = binary.read(PROBE)
    data = data[: data.rfind(b"\n") + 1] or data  # no character is cut in two
    try:
        if b"\0" in data.partition(b"\n")[0]:
            raise DataError(f"{path}: holds zero bytes, as no text does; save it as UTF-8 text.")
        data.decode("utf-8-sig")
        return "utf-8-sig"
    except UnicodeDecodeError as error:
        try:
            if _CHINESE.fullmatch(data.decode("gb18030")):
                return "gb18030"
        except UnicodeDecodeError:
            pass
        raise DataError(
            f"{path}: is not UTF-8 text (nor Chinese GB 18030); save it as UTF-8 ({error.reason})."
        ) from None


def check_file_width(path: Path) -> None:
    """Refuse a file with too many columns before its rows are read, which would take minutes."""
    if path.name.lower().endswith(".parquet"):
        import pyarrow.parquet as pq

        check_width(len(pq.read_schema(path)), str(path))
        return
    check_width(len(_first_rows(path, encoding_of(path))[0]), str(path))


def _open(path: Path) -> gzip.GzipFile:
    """Open a file for reading bytes, unzipped by its suffix."""
    zipped = path.name.lower().endswith(".gz")
    return gzip.open(path, "rb") if zipped else path.open("rb")  # type: ignore[return-value]


def _first_rows(path: Path, encoding: str) -> list[list[str]]:
    """Return the first two rows of a CSV file."""
    with _open(path) as binary:
        text = io.TextIOWrapper(binary, encoding=encoding, newline="")
        rows = csv.reader(text)
        return [next(rows, []), next(rows, [])]


def _read_csv(path: Path, text: set[str]) -> pd.DataFrame:
    """Read a CSV file as text or numbers; symbols stay the text that the file has."""
    encoding = encoding_of(path)
    first, second = _first_rows(path, encoding)
    check_width(len(first), str(path))
    if len(first) == 1 and (other := re.search("[;\t|]", first[0])):
        raise DataError(
            f"{path}: the cells are separated by {other[0]!r}; write it with commas, and with "
            "points in numbers."
        )
    if len(first) == 1 < len(second) - 1:
        raise DataError(
            f"{path}: the first line, {first[0][:40]!r}, names one column and the second has "
            f"{len(second)} cells; the first line must name the columns: remove what stands above."
        )
    try:
        if has_two_rows(first, second):
            frame = pd.read_csv(
                path, header=[0, 1], index_col=0, encoding=encoding, low_memory=False
            )
            return frame.set_axis(frame.columns.set_names([None, None]), axis=1)
        names = [name for name in map(str.strip, first) if name]
        # pandas would rename the second of two columns A to A.1
        checks.no_duplicates(f"{path}: column", names, "rename or remove one of them", DataError)
        header = pd.read_csv(path, nrows=0, encoding=encoding).columns
        words = {column for column in header if str(column).strip().lower() in text}
        blank = _unnamed_dates(first, second, words)
        words |= blank
        # "NA" and "NAN" may be symbols, so these texts mean empty in other columns only
        empty = {column: EMPTY for column in header if column not in words}
        frame = pd.read_csv(
            path,
            dtype=dict.fromkeys(words, str),
            keep_default_na=False,
            na_values=empty,
            encoding=encoding,
            low_memory=False,
        )
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is not UTF-8 text; save it as UTF-8 ({error.reason}).") from error
    if len(second) >= len(first) > 1 and len(frame) and str(frame.iloc[-1, -1]) in ("", "nan"):
        _check_end(path, encoding, len(first))
    for column in words:
        if str(column).strip().lower() in SYMBOLS:
            frame[column] = from_cells(frame[column])
    if first and not first[0].strip() and not blank and _numbers_rows(frame.iloc[:, 0]):
        frame = frame.iloc[:, 1:]  # pandas writes the numbers of rows unless told not to
    frame = frame.rename(columns=dict.fromkeys(blank, "date"))
    if encoding != "utf-8-sig":
        log.info("%s: read as GB 18030", path)
    return frame.rename(columns=lambda name: from_cell(str(name)))


def _check_end(path: Path, encoding: str, n_cells: int) -> None:
    """Refuse a file whose last line is shorter than its header, as if it had been cut off."""
    with _open(path) as binary:
        if not path.name.lower().endswith(".gz"):
            binary.seek(max(0, path.stat().st_size - PROBE))
        end = binary.read().rstrip()
    last = end[max(end.rfind(b"\n"), end.rfind(b"\r")) + 1 :].decode(encoding, "replace")
    n_last = len(next(csv.reader([last]), []))
    if n_last < n_cells:
        raise DataError(
            f"{path}: the last line has {n_last} of {n_cells} cells, as if the file were cut off; "
            "write it anew."
        )


def _unnamed_dates(first: list[str], second: list[str], words: set[str]) -> set[str]:
    """Return the name pandas gives to a first column without a name, if it holds dates."""
    named = any(str(column).strip().lower() in DATES for column in words)
    blank = bool(first) and not first[0].strip() and not named
    dated = blank and re.match(r"\d{4}[-/]?\d{1,2}[-/]?\d{1,2}(?!\d)", (second or [""])[0].strip())
    return {"Unnamed: 0"} if dated else set()


def _numbers_rows(column: pd.Series) -> bool:
    """Tell whether a column numbers the rows from 0 on."""
    return pd.api.types.is_integer_dtype(column) and bool(
        (column.to_numpy() == np.arange(len(column))).all()
    )
