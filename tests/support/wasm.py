"""A module of WebAssembly for proxies, written by hand: it puts a header on each request, or breaks at each.

In the text form (`ACT` is one of the two bodies below):

    (module
      (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "proxy_abi_version_0_2_1"))
      (func (export "malloc") (param i32) (result i32) i32.const 1024)
      (func (export "proxy_on_context_create") (param i32 i32))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ACT)
      (data (i32.const 16) NAME VALUE))

    i32.const 0  i32.const 16  i32.const LEN(NAME)  i32.const 16+LEN(NAME)  i32.const LEN(VALUE)
    call $add  drop  i32.const 0

    unreachable
"""

_TYPE, _IMPORT, _FUNCTION, _MEMORY, _EXPORT, _CODE, _DATA = 1, 2, 3, 5, 7, 10, 11
_I32, _OF_FUNCTIONS, _OF_MEMORIES = 0x7F, 0, 2
_AT = 16


def module(name: str = "x-wasm", value: str = "was here", *, breaks: bool = False) -> bytes:
    """The module in its binary form."""
    key, said = name.encode(), value.encode()
    added = [_const(each) for each in (0, _AT, len(key), _AT + len(key), len(said))]
    act = b"\x00" if breaks else b"".join(added) + b"\x10\x00\x1a" + _const(0)
    bodies = (b"", _const(1024), b"", act)
    names = ("proxy_abi_version_0_2_1", "malloc", "proxy_on_context_create", "proxy_on_request_headers")
    exports = [_name("memory") + bytes([_OF_MEMORIES, 0])]
    exports += [_name(each) + bytes([_OF_FUNCTIONS]) + _number(at) for at, each in enumerate(names, 1)]
    sections = (
        (_TYPE, [_type(5, 1), _type(0, 0), _type(1, 1), _type(2, 0), _type(3, 1)]),
        (_IMPORT, [_name("env") + _name("proxy_add_header_map_value") + b"\x00\x00"]),
        (_FUNCTION, [_number(each) for each in (1, 2, 3, 4)]),
        (_MEMORY, [b"\x00\x01"]),
        (_EXPORT, exports),
        (_CODE, [_sized(b"\x00" + body + b"\x0b") for body in bodies]),
        (_DATA, [b"\x00" + _const(_AT) + b"\x0b" + _sized(key + said)]),
    )
    return b"\x00asm\x01\x00\x00\x00" + b"".join(
        bytes([kind]) + _sized(_number(len(items)) + b"".join(items)) for kind, items in sections
    )


def _type(parameters: int, results: int) -> bytes:
    return b"\x60" + _number(parameters) + bytes([_I32] * parameters) + _number(results) + bytes([_I32] * results)


def _const(value: int) -> bytes:
    """`i32.const` of a number that is not negative: of its last byte one bit more is the sign's."""
    return b"\x41" + _number(value, 0x3F)


def _number(value: int, most: int = 0x7F) -> bytes:
    """In groups of seven bits, the last of which is this at most."""
    out = bytearray()
    while value > most:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def _name(text: str) -> bytes:
    return _sized(text.encode())


def _sized(content: bytes) -> bytes:
    return _number(len(content)) + content
