"""Vendored price tables, and the user's own prices over them."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.errors import WorldError
from sidestep.model.prices import CROSS_ZONE_GIB, Discount, PriceBook, Rate
from sidestep.model.yaml_tree import DocumentError, read_document

CLOUDS = ("aws", "azure", "gcp")
_DEAREST_HOUR = 10_000.0


class _Table(Struct):
    source: str
    date: str
    regions: dict[str, dict[str, float]]


class _UserRate(Struct, forbid_unknown_fields=True, rename="camel"):
    vcpu_hour: float
    gib_hour: float


class _UserPrices(Struct, forbid_unknown_fields=True, rename="camel"):
    """The schema of `--prices FILE`; docs/cost.md describes it."""

    currency: str = "USD"
    instances: dict[str, float] = {}
    rate: _UserRate | None = None
    discounts: tuple[Discount, ...] = ()
    cross_zone_gib: float | None = None


def load_prices(path: str | None = None) -> PriceBook:
    """The vendored tables, with the user's file over them.

    Raises:
        WorldError: the file cannot be read, or a field is not what the schema says.
    """
    tables = {cloud: _vendored(cloud) for cloud in CLOUDS}
    dates = ", ".join(f"{cloud} {table.date}" for cloud, table in tables.items())
    book = PriceBook(
        source="vendored on-demand tables",
        date=dates,
        tables={cloud: table.regions for cloud, table in tables.items()},
    )
    return book if path is None else _with_user_prices(book, path)


def _vendored(cloud: str) -> _Table:
    return msgspec.json.decode(
        files("sidestep.sources.prices").joinpath("data", f"{cloud}.json").read_bytes(), type=_Table
    )


def _with_user_prices(book: PriceBook, path: str) -> PriceBook:
    user = _read(path)
    _refuse_bad_numbers(user, path)
    cross_zone = book.cross_zone_gib
    if user.cross_zone_gib is not None:
        cross_zone = dict.fromkeys(CROSS_ZONE_GIB, user.cross_zone_gib)
    return msgspec.structs.replace(
        book,
        currency=user.currency,
        source=f"{path} over {book.source}",
        instances=user.instances,
        rate=Rate(user.rate.vcpu_hour, user.rate.gib_hour) if user.rate else None,
        discounts=user.discounts,
        cross_zone_gib=cross_zone,
    )


def _read(path: str) -> _UserPrices:
    try:
        tree: Any = read_document(Path(path).read_bytes()).value
    except OSError as error:
        raise WorldError(error.strerror or str(error), where=path, remedy="check the path") from error
    except UnicodeDecodeError as error:
        raise WorldError("not UTF-8", where=path, remedy="save the file as UTF-8") from error
    except DocumentError as error:
        raise WorldError(str(error), where=f"{path}:{error.line + 1}", remedy="correct the YAML") from error
    try:
        return msgspec.convert(tree, _UserPrices, strict=True)
    except msgspec.ValidationError as error:
        raise WorldError(str(error), where=path, remedy="see the price file's schema in docs/cost.md") from error


def _refuse_bad_numbers(user: _UserPrices, path: str) -> None:
    hourly = {f"instances.{kind}": price for kind, price in user.instances.items()}
    if user.rate:
        hourly |= {"rate.vcpuHour": user.rate.vcpu_hour, "rate.gibHour": user.rate.gib_hour}
    if user.cross_zone_gib is not None:
        hourly["crossZoneGib"] = user.cross_zone_gib
    for field, price in hourly.items():
        if not 0 <= price <= _DEAREST_HOUR:
            raise WorldError(
                f"{field} is {price}, expected 0 to {_DEAREST_HOUR:,.0f}", where=path, remedy="give a price per hour"
            )
    for index, discount in enumerate(user.discounts):
        if not 0 <= discount.fraction <= 1:
            raise WorldError(
                f"discounts[{index}].fraction is {discount.fraction}, expected 0 to 1",
                where=path,
                remedy="0.3 is thirty per cent off",
            )
        if discount.capacity not in ("any", "spot", "on-demand"):
            raise WorldError(
                f"discounts[{index}].capacity is {discount.capacity!r}, expected any, spot or on-demand",
                where=path,
                remedy="see docs/cost.md",
            )
