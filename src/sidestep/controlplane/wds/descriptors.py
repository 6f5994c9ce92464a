"""Message types from tables of their fields, made when they are first imported.

A table has blocks. `message Name` is followed by its fields, one a line: number, name, type. After the type `*` says
that there are many, `?` that one which is not set can be told from zero, `@choice` that only one of that choice is set;
`string>Type` is a map. `enum Name FIRST SECOND` is numbered from zero; a dot in a name says what it is declared within.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

_SCALARS: Mapping[str, "FieldDescriptorProto.Type.ValueType"] = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
}


def declare(package: str, table: str, *needs: str) -> Mapping[str, Any]:
    """The message types of a table, by name.

    Args:
        package: that they are in.
        table: see above.
        needs: files of types that it uses, which must have been imported.
    """
    file = FileDescriptorProto(name=f"sidestep/{package}.proto", package=package, syntax="proto3", dependency=needs)
    _Reader(file).read(table)
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        each.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{each.name}"))
        for each in file.message_type
    }


class _Reader:
    def __init__(self, file: FileDescriptorProto) -> None:
        self._file = file
        self._messages: dict[str, DescriptorProto] = {}
        self._enums: set[str] = set()

    def read(self, table: str) -> None:
        """Enums may be used before they are declared, but not declared before what they are within."""
        rows = [line.split() for line in table.splitlines() if line.strip()]
        self._enums = {row[1] for row in rows if row[0] == "enum"}
        message = DescriptorProto()
        for word, name, *rest in rows:
            if word == "message":
                message = self._messages[name] = self._file.message_type.add(name=name)
            elif word == "enum":
                self._enum(name, rest)
            else:
                self._field(message, int(word), name, rest)
        for each in self._file.message_type:
            _presence(each)

    def _enum(self, name: str, values: list[str]) -> None:
        outer, _, own = name.rpartition(".")
        declared: EnumDescriptorProto = (
            self._messages[outer].enum_type.add(name=own) if outer else self._file.enum_type.add(name=own)
        )
        for number, value in enumerate(values):
            declared.value.add(name=value, number=number)

    def _field(self, message: DescriptorProto, number: int, name: str, rest: list[str]) -> None:
        written, *choice = rest
        field = message.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
        kind = written.rstrip("*?")
        if written.endswith("*"):
            field.label = FieldDescriptorProto.LABEL_REPEATED
        field.proto3_optional = written.endswith("?")
        if ">" in kind:
            kind = self._map(message, field, kind)
        elif choice:
            field.oneof_index = _choice(message, choice[0].removeprefix("@"))
        self._type(field, kind)

    def _map(self, message: DescriptorProto, field: FieldDescriptorProto, kind: str) -> str:
        """A map is many entries of a message of its own, which has a key and a value."""
        entry = message.nested_type.add(name="".join(part.title() for part in field.name.split("_")) + "Entry")
        entry.options.map_entry = True
        for number, (name, part) in enumerate(zip(("key", "value"), kind.split(">"), strict=True), 1):
            self._type(entry.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL), part)
        field.label = FieldDescriptorProto.LABEL_REPEATED
        return f"{message.name}.{entry.name}"

    def _type(self, field: FieldDescriptorProto, kind: str) -> None:
        if kind in _SCALARS:
            field.type = _SCALARS[kind]
            return
        field.type = FieldDescriptorProto.TYPE_ENUM if kind in self._enums else FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{kind}" if kind.startswith("google.") else f".{self._file.package}.{kind}"


def _choice(message: DescriptorProto, name: str) -> int:
    names = [each.name for each in message.oneof_decl]
    if name not in names:
        message.oneof_decl.add(name=name)
    return [each.name for each in message.oneof_decl].index(name)


def _presence(message: DescriptorProto) -> None:
    """A field whose absence shows is a choice of its own; those come after the others."""
    for field in _optional(message):
        field.oneof_index = _choice(message, f"_{field.name}")


def _optional(message: DescriptorProto) -> Iterator[FieldDescriptorProto]:
    return (field for field in message.field if field.proto3_optional)
